"""DBN into Parquet: apart, since these run the command, and compare with what Databento itself offers."""

from __future__ import annotations

import itertools
import json
import pathlib
import resource
import statistics
import subprocess

from inputs import BIN, HUNDRED_SYMBOLS, MBO_RECORDS, MBP10_RECORDS, SMALL_FILES
from measuring import Measured, job, scratch, seconds_of


def marquet_ingest(data: pathlib.Path, kind: str, records: int) -> Measured:
    words = [BIN / "marquet", "-q", "ingest", data / f"{kind}.dbn.zst", "--into", scratch(data, f"ingest-{kind}")]
    command = [str(word) for word in words]
    seconds = seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mib": peak, "items": records}


def databento_to_parquet(data: pathlib.Path, kind: str, records: int) -> Measured:
    import databento

    target = scratch(data, f"databento-{kind}.parquet")
    seconds = seconds_of(lambda: databento.DBNStore.from_file(data / f"{kind}.dbn.zst").to_parquet(target))
    target.unlink()
    return {"seconds": seconds, "items": records}


for KIND, RECORDS in (("mbp-10", MBP10_RECORDS), ("mbo", MBO_RECORDS)):
    job(f"ingest {KIND}", "marquet")(lambda data, k=KIND, n=RECORDS: marquet_ingest(data, k, n))
    job(f"ingest {KIND}", "databento")(lambda data, k=KIND, n=RECORDS: databento_to_parquet(data, k, n))


def ingest_of_hundred(data: pathlib.Path, *options: str) -> Measured:
    table = scratch(data, "ingest-hundred")
    words = [BIN / "marquet", "-q", "ingest", data / "hundred-symbols.dbn.zst", "--into", table, *options]
    command = [str(word) for word in words]
    seconds = seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}


@job("ingest one symbol of a hundred", "marquet")
def _(data: pathlib.Path) -> Measured:
    return ingest_of_hundred(data, "--symbols", HUNDRED_SYMBOLS[50])


@job("ingest one symbol of a hundred", "all of it")
def _(data: pathlib.Path) -> Measured:
    return ingest_of_hundred(data)


def small_file_times(table: pathlib.Path) -> list[float]:
    """Seconds from each commit to the next, by what the log says of them."""
    times = []
    for version in range(SMALL_FILES):
        with (table / "_delta_log" / f"{version:020}.json").open() as commit:
            times.append(json.loads(commit.readline())["commitInfo"]["timestamp"] / 1e3)
    return [after - before for before, after in itertools.pairwise(times)]


@job("a small file, last tenth of 5,000", "marquet")
def _(data: pathlib.Path) -> Measured:
    table = scratch(data, "small-files")
    words = [BIN / "marquet", "-q", "ingest", data / "small-files", "--into", table]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": statistics.mean(small_file_times(table)[-SMALL_FILES // 10 :]), "peak_mib": peak}


@job("a small file, last tenth of 5,000", "the first tenth")
def _(data: pathlib.Path) -> Measured:
    """Of the ingest that was measured last."""
    return {"seconds": statistics.mean(small_file_times(data / "scratch" / "small-files")[: SMALL_FILES // 10])}
