"""The measurements, one function each, and the process they run in.

`python bench/jobs.py JOB PEER DATA` runs one measurement once, in a process of its own with default threads, and prints
one JSON object: `seconds` (of the work alone, imports and warm-up excluded), `peak_mib` (of the process or, where the
work is a command, of the command), and whatever else the job reports. Inputs are those of inputs.py.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from inputs import (
    BIN,
    HUNDRED_SYMBOLS,
    MBO_RECORDS,
    MBP10_RECORDS,
    ROOT,
    SEED,
    SMALL_FILES,
    WIDE_ROWS,
    hundred_rows,
    trades,
)

APPENDS = 200

Measured = dict[str, Any]
Job = Callable[[pathlib.Path], Measured]
JOBS: dict[tuple[str, str], Job] = {}


def job(name: str, peer: str) -> Callable[[Job], Job]:
    """Registers a measurement."""

    def register(function: Job) -> Job:
        JOBS[name, peer] = function
        return function

    return register


def seconds_of(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_of(repeats: int, work: Callable[[], Any]) -> float:
    """Warmed up, then the best of several."""
    work()
    return min(seconds_of(work) for _ in range(repeats))


def scratch(data: pathlib.Path, name: str) -> pathlib.Path:
    """A path under which nothing is yet."""
    path = data / "scratch" / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    return path


# DBN into Parquet


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


# One partition of a thousand files


@job("one partition, table open", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    table = marquet.open_table(data / "partitioned")
    return {"seconds": best_of(50, lambda: table.scan(filter=[("day", "==", 500)]).to_arrow())}


@job("one partition, from nothing", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    path = data / "partitioned"
    return {"seconds": best_of(50, lambda: marquet.open_table(path).scan(filter=[("day", "==", 500)]).to_arrow())}


def pyarrow_partition(data: pathlib.Path) -> Measured:
    import pyarrow.dataset as ds

    def work() -> Any:
        dataset = ds.dataset(data / "partitioned", format="parquet", partitioning="hive")
        return dataset.to_table(filter=ds.field("day") == 500)

    return {"seconds": best_of(10, work)}


def polars_partition(data: pathlib.Path) -> Measured:
    import polars

    path = str(data / "partitioned")
    return {"seconds": best_of(10, lambda: polars.scan_delta(path).filter(polars.col("day") == 500).collect())}


def deltalake_partition(data: pathlib.Path) -> Measured:
    import deltalake

    def work() -> Any:
        return deltalake.DeltaTable(str(data / "partitioned")).to_pyarrow_table(partitions=[("day", "=", "500")])

    return {"seconds": best_of(10, work)}


def duckdb_partition(data: pathlib.Path) -> Measured:
    import duckdb

    query = f"select * from read_parquet('{data}/partitioned/day=*/*.parquet', hive_partitioning=true) where day = 500"
    return {"seconds": best_of(10, lambda: duckdb.sql(query).to_arrow_table())}


for NAME in ("one partition, table open", "one partition, from nothing"):
    job(NAME, "pyarrow")(pyarrow_partition)
    job(NAME, "polars")(polars_partition)
    job(NAME, "deltalake")(deltalake_partition)
    job(NAME, "duckdb")(duckdb_partition)


# A log that is one commit of a thousand files


@job("open from JSON", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    path = data / "json_log"
    return {"seconds": best_of(50, lambda: marquet.open_table(path))}


@job("open from JSON", "deltalake")
def _(data: pathlib.Path) -> Measured:
    import deltalake

    path = str(data / "json_log")
    return {"seconds": best_of(20, lambda: deltalake.DeltaTable(path).file_uris())}


# Three of 22 columns

WANTED = ["f03", "f11", "f17"]


@job("scan 3 of 22 columns", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    table = marquet.open_table(data / "wide_table")
    return {"seconds": best_of(3, lambda: table.scan(columns=WANTED).to_arrow()), "items": WIDE_ROWS}


@job("scan 3 of 22 columns", "polars")
def _(data: pathlib.Path) -> Measured:
    import polars

    path = data / "wide.parquet"
    return {"seconds": best_of(3, lambda: polars.scan_parquet(path).select(WANTED).collect()), "items": WIDE_ROWS}


@job("scan 3 of 22 columns", "pyarrow")
def _(data: pathlib.Path) -> Measured:
    import pyarrow.parquet

    path = data / "wide.parquet"
    return {"seconds": best_of(3, lambda: pyarrow.parquet.read_table(path, columns=WANTED)), "items": WIDE_ROWS}


@job("scan 3 of 22 columns", "duckdb")
def _(data: pathlib.Path) -> Measured:
    import duckdb

    query = f"select {', '.join(WANTED)} from '{data}/wide.parquet'"
    return {"seconds": best_of(3, lambda: duckdb.sql(query).to_arrow_table()), "items": WIDE_ROWS}


# A durable append of 100 rows


def spread(work: Callable[[int], Any]) -> Measured:
    """Median and 99th percentile of many repetitions, in seconds."""
    times = sorted(seconds_of(lambda n=n: work(n)) for n in range(APPENDS))
    return {"seconds": statistics.median(times), "p99": times[int(len(times) * 0.99)]}


@job("durable append of 100 rows", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    rows = hundred_rows()
    table = marquet.create_table(scratch(data, "append"), rows.schema)
    return spread(lambda n: table.append(rows))


def two_publishes(data: pathlib.Path, name: str) -> Measured:
    """A data file and what tells of it, with as few system calls as durable files take."""
    folder = scratch(data, name)
    folder.mkdir(parents=True)
    payload = os.urandom(4_000)

    def publish(name: str) -> None:
        temporary, final = folder / f".{name}.tmp", folder / name
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        os.write(descriptor, payload)
        os.fdatasync(descriptor)
        os.close(descriptor)
        os.link(temporary, final)
        temporary.unlink()
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(directory)
        os.close(directory)

    def work(n: int) -> None:
        publish(f"data-{n}")
        publish(f"log-{n}")

    return spread(work)


@job("durable append of 100 rows", "two bare publishes")
def _(data: pathlib.Path) -> Measured:
    return two_publishes(data, "publish")


@job("durable append of 100 rows", "deltalake")
def _(data: pathlib.Path) -> Measured:
    import deltalake

    rows = hundred_rows()
    path = str(scratch(data, "append-deltalake"))
    return spread(lambda n: deltalake.write_deltalake(path, rows, mode="append"))


# Checkpointed writing


@job("chunk close", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    rows = hundred_rows()
    writer = marquet.ParquetWriter(scratch(data, "chunks"), "${chunk_index}.parquet", input="bench")
    times = []
    for chunk in range(APPENDS):
        writer.write(rows, chunk_index=chunk)
        times.append(seconds_of(lambda chunk=chunk: writer.close_chunk(chunk)))
    times.sort()
    return {"seconds": statistics.median(times), "p99": times[int(len(times) * 0.99)]}


@job("chunk close", "two bare publishes")
def _(data: pathlib.Path) -> Measured:
    return two_publishes(data, "publish-chunks")


@job("write 2 M trades", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    rows = trades()

    def work() -> None:
        with marquet.ParquetWriter(scratch(data, "write"), "trades.parquet") as writer:
            writer.write(rows)

    return {"seconds": best_of(3, work), "items": rows.num_rows}


@job("write 2 M trades", "pyarrow")
def _(data: pathlib.Path) -> Measured:
    import pyarrow.parquet

    rows, path = trades(), scratch(data, "write-pyarrow.parquet")
    options = {"compression": "zstd", "compression_level": 1}
    return {"seconds": best_of(3, lambda: pyarrow.parquet.write_table(rows, path, **options)), "items": rows.num_rows}


@job("write 2 M trades", "polars")
def _(data: pathlib.Path) -> Measured:
    import polars

    rows, path = polars.from_arrow(trades()), scratch(data, "write-polars.parquet")
    options = {"compression": "zstd", "compression_level": 1}
    return {"seconds": best_of(3, lambda: rows.write_parquet(path, **options)), "items": rows.height}


@job("write 2 M trades", "duckdb")
def _(data: pathlib.Path) -> Measured:
    import duckdb

    rows, path = trades(), scratch(data, "write-duckdb.parquet")
    connection = duckdb.connect()
    connection.register("trades", rows)
    query = f"copy trades to '{path}' (format parquet, compression zstd, compression_level 1)"
    return {"seconds": best_of(3, lambda: connection.sql(query)), "items": rows.num_rows}


def book_benchmark(name: str) -> Measured:
    """One of those of C++, which measures a step of the writer that nobody can leave out."""
    program = ROOT / "build" / "bench" / "src" / "marquet" / "parquet" / "marquet_parquet_bench"
    words = [program, f"--benchmark_filter=^{name}/", "--benchmark_format=json", "--benchmark_min_time=2"]
    told = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    (measured,) = json.loads(told.stdout)["benchmarks"]
    assert measured["time_unit"] == "ms"
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": measured["real_time"] / 1e3, "peak_mib": peak}


@job("verification within a write", "marquet")
def _(data: pathlib.Path) -> Measured:
    return book_benchmark("CheckBook")


@job("verification within a write", "the whole write")
def _(data: pathlib.Path) -> Measured:
    return book_benchmark("EncodeBook/parallel:1")


# Depth


@job("depth tensors, hop 500", "marquet")
def _(data: pathlib.Path) -> Measured:
    import numpy

    import marquet

    table = marquet.open_table(data / "book")
    rows = table.scan(filter=[("symbol", "==", "ESH4")], sort_by=["source_row"]).to_arrow()
    starts = range(0, rows.num_rows - 50_000, 500)
    out = numpy.empty((402, 500), dtype=numpy.float32)

    def work() -> None:
        stream = marquet.depth.TensorStream(rows, features=["volume"], micro_pip=0.25)
        for start in starts:
            stream.compute(start, out)

    return {"seconds": best_of(3, work), "items": len(starts)}


@job("depth batches", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    samples = scratch(data, "samples")
    marquet.depth.build_samples(data / "book", samples, hop=500, micro_pip=0.25)
    batches = marquet.depth.DepthBatches(samples, data / "book", batch_size=32, seed=SEED)
    count = sum(len(labels) for _, labels in batches)

    def work() -> None:
        for _ in batches:
            pass

    return {"seconds": best_of(2, work), "items": count}


# Integrity and start


@job("verify against plain decode", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    path = next((data / "wide_table").glob("*.parquet"))
    return {"seconds": best_of(3, lambda: marquet.verify(path, level="full"))}


@job("verify against plain decode", "plain decode")
def _(data: pathlib.Path) -> Measured:
    import pyarrow.parquet

    path = next((data / "wide_table").glob("*.parquet"))

    def work() -> None:
        for _ in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=1 << 17):
            pass

    return {"seconds": best_of(3, work)}


def without_footer(data: pathlib.Path) -> pathlib.Path:
    """The wide file as a killed writer leaves it, with all of its pages."""
    import pyarrow.parquet

    whole, broken = data / "wide.parquet", scratch(data, "wide-broken.parquet")
    metadata = pyarrow.parquet.read_metadata(whole)
    last = metadata.row_group(metadata.num_row_groups - 1).column(metadata.num_columns - 1)
    end = min(last.dictionary_page_offset or last.data_page_offset, last.data_page_offset) + last.total_compressed_size
    shutil.copyfile(whole, broken)
    os.truncate(broken, end)
    return broken


@job("rescue", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    broken, out = without_footer(data), scratch(data, "rescued.parquet")
    seconds = seconds_of(lambda: marquet.rescue(broken, out, schema=data / "wide.parquet"))
    return {"seconds": seconds, "bytes": broken.stat().st_size}


@job("rescue", "pyarrow rewrite")
def _(data: pathlib.Path) -> Measured:
    import pyarrow.parquet

    whole, out = data / "wide.parquet", scratch(data, "rewritten.parquet")

    def work() -> None:
        with pyarrow.parquet.ParquetWriter(out, pyarrow.parquet.read_schema(whole), compression="zstd") as writer:
            for batch in pyarrow.parquet.ParquetFile(whole).iter_batches(batch_size=1 << 20):
                writer.write_batch(batch)

    return {"seconds": seconds_of(work)}


@job("marquet --help", "marquet")
def _(data: pathlib.Path) -> Measured:
    def work() -> None:
        subprocess.run([str(BIN / "marquet"), "--help"], check=True, stdout=subprocess.DEVNULL)

    work()
    return {"seconds": statistics.median(seconds_of(work) for _ in range(20))}


def own_peak_mib() -> float:
    """Of this program; getrusage would tell that of the one that began it where that is more."""
    status = pathlib.Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    name, peer, data = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    measured = JOBS[name, peer](data)
    measured.setdefault("peak_mib", own_peak_mib())
    print(json.dumps(measured), flush=True)
    os._exit(0)  # some peers' threads end a process that ends by itself with an abort


if __name__ == "__main__":
    main()
