"""Reading tables: what a partition, a log and a few of many columns cost. All work on tables that lie there already."""

from __future__ import annotations

import pathlib
from typing import Any

from inputs import WIDE_ROWS
from measuring import Measured, best_of, job

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
