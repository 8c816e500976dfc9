"""Writing so that it lasts: appends, chunks and whole files, beside the least that it takes."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import statistics
import subprocess

from inputs import ROOT, hundred_rows, trades
from measuring import APPENDS, Measured, best_of, job, scratch, seconds_of, spread

# A durable append of 100 rows


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
    program = ROOT / "build/bench/src/marquet/parquet/write/marquet_parquet_write_bench"
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
