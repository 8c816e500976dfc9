"""Other engines read the logs and checkpoints that Marquet writes: every row, every version, every statistic."""

from __future__ import annotations

import datetime
import json
import shutil
import time
from pathlib import Path

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

COMMITS = 24

SCHEMA = pa.schema(
    [
        pa.field("symbol", pa.string()),
        pa.field("date", pa.date32()),
        pa.field("ts", pa.timestamp("us", "UTC")),
        pa.field("ts_event", pa.int64(), metadata={"unit": "ns"}),
        pa.field("price", pa.float64()),
        pa.field("size", pa.int32()),
    ]
)


def rows(commit: int) -> pa.Table:
    """Ten rows of one commit, in two partitions; one symbol has everything in it that paths dislike."""
    start = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC) + datetime.timedelta(minutes=commit)
    times = [start + datetime.timedelta(microseconds=1_234_567 * i) for i in range(10)]
    return pa.table(
        {
            "symbol": ["ESH4" if i % 2 else "UD:1V: GN/2 437%ü" for i in range(10)],
            "date": [t.date() for t in times],
            "ts": times,
            "ts_event": [int(t.timestamp()) * 1_000_000_000 + 7 for t in times],
            "price": [None if i == 3 else commit + i / 4 for i in range(10)],
            "size": list(range(commit, commit + 10)),
        },
        schema=SCHEMA,
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose first commits survive only in a checkpoint."""
    path = tmp_path_factory.mktemp("peers") / "table"
    made = mq.create_table(path, SCHEMA, partition_by=["symbol", "date"])
    for commit in range(COMMITS):
        made.append(rows(commit))
    pointer = path / "_delta_log" / "_last_checkpoint"
    deadline = time.monotonic() + 60  # checkpoints are written on a thread of their own
    while not pointer.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    del made  # waits for a checkpoint under way
    version = json.loads(pointer.read_text())["version"]
    assert version >= 10
    for commit in range(version):
        (path / "_delta_log" / f"{commit:020}.json").unlink()
    return path


@pytest.fixture(scope="module")
def expected() -> pl.DataFrame:
    """What was appended."""
    frame = pl.from_arrow(pa.concat_tables([rows(commit) for commit in range(COMMITS)]))
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("ts")


def assert_same(frame: pl.DataFrame, expected: pl.DataFrame) -> None:
    """Equal rows, whatever the order of columns and the spelling of the time zone."""
    frame = frame.select(expected.columns).with_columns(pl.col("ts").dt.convert_time_zone("UTC")).sort("ts")
    assert frame.cast(dict(expected.schema)).equals(expected)


def test_deltalake_reads_every_row_and_statistic(table: Path, expected: pl.DataFrame) -> None:
    """Its own reader, statistics and history."""
    peer = deltalake.DeltaTable(str(table))
    assert peer.version() == COMMITS
    assert_same(pl.from_arrow(pa.table(peer.to_pyarrow_table())), expected)
    actions = pl.from_arrow(pa.table(peer.get_add_actions(flatten=True)))
    assert isinstance(actions, pl.DataFrame)
    assert actions["num_records"].sum() == expected.height
    assert actions["min.size"].min() == 0
    assert actions["max.size"].max() == COMMITS + 8
    assert actions["null_count.price"].sum() == COMMITS
    assert peer.protocol().min_reader_version == 1
    assert peer.protocol().min_writer_version == 2


def test_polars_reads_every_row(table: Path, expected: pl.DataFrame) -> None:
    """Whole, and by a filter that its own skipping of files has to get right."""
    assert_same(pl.scan_delta(str(table)).collect(), expected)
    some = pl.scan_delta(str(table)).filter((pl.col("symbol") == "ESH4") & (pl.col("size") > 30)).collect()
    assert_same(some, expected.filter((pl.col("symbol") == "ESH4") & (pl.col("size") > 30)))


def test_deltalake_writes_behind_marquet_and_marquet_reads_it(table: Path, tmp_path: Path) -> None:
    """Two engines on one table, and a checkpoint by the other one."""
    path = tmp_path / "copy"
    shutil.copytree(table, path)
    deltalake.write_deltalake(str(path), rows(COMMITS), mode="append")
    deltalake.DeltaTable(str(path)).create_checkpoint()
    ours = mq.open_table(path)
    assert ours.version == COMMITS + 1
    assert ours.scan().count() == 10 * (COMMITS + 1)
    ours.append(rows(COMMITS + 1))
    assert deltalake.DeltaTable(str(path)).to_pyarrow_table().num_rows == 10 * (COMMITS + 2)


def test_duckdb_reads_every_row(table: Path, expected: pl.DataFrame) -> None:
    """Through its delta extension, where that is installed."""
    connection = duckdb.connect()
    try:
        connection.load_extension("delta")
    except duckdb.Error as error:
        pytest.skip(f"DuckDB's delta extension is not installed: {str(error).splitlines()[0]}")
    assert_same(connection.sql(f"from delta_scan('{table}')").pl(), expected)


def test_metadata_of_a_commit_leaves_the_names_of_the_log_alone(tmp_path: Path) -> None:
    """deltalake reads no commit with two values of a name, or with a text where it expects a number."""
    table = mq.create_table(tmp_path / "table", pa.schema([("n", pa.int64())]))
    refused = ["operation", "timestamp", "readVersion", "isolationLevel", "inCommitTimestamp", "txnId", "xxh3"]
    for name in refused:
        with pytest.raises(mq.InvalidInputError, match=name):
            table.append(pa.table({"n": [1]}), metadata={name: "x"})
    kept = {"userMetadata": "by hand", "my.operation": "x"}
    table.append(pa.table({"n": [2]}), metadata=kept)
    newest = deltalake.DeltaTable(str(tmp_path / "table")).history(1)[0]
    assert newest["version"] == 1
    assert newest["operation"] == "WRITE"
    assert {name: newest[name] for name in kept} == kept
