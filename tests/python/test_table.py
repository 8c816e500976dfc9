"""Tables written by Marquet, read by Marquet and by the other engines."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import deltalake
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("day", pa.date32()),
        ("ts", pa.timestamp("us", "UTC")),
        ("price", pa.float64()),
        ("size", pa.int64()),
        ("buy", pa.bool_()),
        ("note", pa.string()),
    ]
)


def rows(count: int, seed: int = 7) -> pa.Table:
    random = np.random.default_rng(seed)
    start = np.datetime64("2024-01-02T09:30:00", "us")
    ts = start + np.sort(random.integers(0, 3 * 86_400_000_000, count)).astype("timedelta64[us]")
    return pa.table(
        {
            "symbol": random.choice(["ESH4", "NQH4", "UD:1V: GN 2437", "a/b %ä"], count),
            "day": ts.astype("datetime64[D]"),
            "ts": pa.array(ts).cast(pa.timestamp("us", "UTC")),
            "price": pa.array(random.normal(100, 5, count), mask=random.random(count) < 0.1),
            "size": pa.array(random.integers(-5, 50, count), mask=random.random(count) < 0.1),
            "buy": random.random(count) < 0.5,
            "note": pa.array([f"n{i}" for i in range(count)], mask=random.random(count) < 0.3),
        },
        schema=SCHEMA,
    )


def ordered(table: pa.Table) -> pa.Table:
    return table.select(SCHEMA.names).sort_by([(name, "ascending") for name in ("ts", "note", "size", "price")])


@pytest.fixture(params=[[], ["symbol"], ["symbol", "day"]], ids=["flat", "by-symbol", "by-symbol-and-day"])
def written(request, tmp_path: Path) -> tuple[mq.Table, pa.Table]:
    data = rows(5_000)
    table = mq.create_table(tmp_path / "t", SCHEMA, request.param)
    table.append(data.slice(0, 3_000))
    table.append(data.slice(3_000))
    return table, data


def test_what_was_appended_is_scanned(written):
    table, data = written
    assert table.version == 2
    assert ordered(table.scan().to_arrow()).equals(ordered(data))
    assert table.scan().schema.names == SCHEMA.names


def test_duckdb_polars_and_deltalake_read_the_same_rows(written):
    table, data = written
    expected = ordered(data)
    delta = deltalake.DeltaTable(table.path)
    assert ordered(pa.table(delta.to_pyarrow_table()).cast(SCHEMA)).equals(expected)
    assert ordered(pl.scan_delta(table.path).collect().to_arrow().cast(SCHEMA)).equals(expected)
    files = [str(Path(table.path) / file["path"]) for file in table.files()]
    counted = duckdb.sql(f"select count(*), sum(size) from read_parquet({files!r})").fetchall()[0]
    assert counted == (data.num_rows, pa.compute.sum(data["size"]).as_py())


def test_other_engines_take_the_scan_itself(written):
    table, data = written
    expected = ordered(data)
    assert ordered(pa.table(table.scan())).equals(expected)
    assert pl.DataFrame(table.scan()).height == data.num_rows
    stream = pa.RecordBatchReader.from_stream(table.scan(["size"]))
    assert duckdb.from_arrow(stream).sum("size").fetchall()[0] == (pa.compute.sum(data["size"]).as_py(),)


def test_a_table_of_another_engine_is_read_and_appended_to(tmp_path: Path):
    data = rows(2_000)
    deltalake.write_deltalake(tmp_path / "t", data, partition_by=["symbol"])
    table = mq.open_table(tmp_path / "t")
    assert ordered(table.scan().to_arrow().cast(SCHEMA)).equals(ordered(data))
    table.append(rows(500, seed=8))
    assert pa.table(deltalake.DeltaTable(tmp_path / "t").to_pyarrow_table()).num_rows == 2_500


@pytest.mark.parametrize("kind", ["pandas", "polars", "batch", "reader", "dictionary", "large"])
def test_frames_of_every_kind_are_appended(tmp_path: Path, kind: str):
    data = rows(1_000)
    table = mq.create_table(tmp_path / "t", SCHEMA)
    index = SCHEMA.get_field_index("symbol")
    given = {
        "pandas": lambda: data.to_pandas(),
        "polars": lambda: pl.from_arrow(data),
        "batch": lambda: data.combine_chunks().to_batches()[0],
        "reader": lambda: data.to_reader(),
        "dictionary": lambda: data.set_column(index, "symbol", data["symbol"].dictionary_encode()),
        "large": lambda: data.set_column(index, "symbol", data["symbol"].cast(pa.large_string())),
    }[kind]()
    report = table.append(given)
    assert (report.rows, report.version) == (1_000, 1)
    assert report.rows == sum(file["rows"] for file in report.files)
    assert ordered(table.scan().to_arrow()).equals(ordered(data))


def test_columns_may_come_in_any_order_and_nullable_ones_may_be_absent(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    table.append(pa.table({"size": pa.array([1, 2]), "symbol": ["A", "B"]}))
    read = table.scan().to_arrow()
    assert read["symbol"].to_pylist() == ["A", "B"]
    assert read["price"].null_count == 2


def test_what_cannot_become_the_column_without_loss_is_refused_by_name(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    with pytest.raises(mq.SchemaError, match="size"):
        table.append(pa.table({"size": [1.0, 2.5]}))
    with pytest.raises(mq.InvalidInputError, match="'size' holds floats that are no whole int64"):
        table.append(pd.DataFrame({"size": [1.0, 2.5]}))
    with pytest.raises(mq.SchemaError, match="size"):
        table.append(pa.table({"size": ["1", "2"]}))
    with pytest.raises(mq.MarquetError, match="surplus"):
        table.append(pa.table({"surplus": [1]}))
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        table.append({"size": [1]})
    assert mq.open_table(table.path).version == 0


def test_scaled_and_nanosecond_columns_take_what_loses_nothing(tmp_path: Path):
    schema = pa.schema(
        [
            pa.field("ts_event", pa.int64(), metadata={"unit": "ns"}),
            pa.field("price", pa.int64(), metadata={"unit": "1e-9"}),
        ]
    )
    table = mq.create_table(tmp_path / "t", schema)
    time = pa.array([1_704_067_200_000_000_001, None], pa.timestamp("ns", "UTC"))
    table.append(pa.table({"ts_event": time, "price": pa.array([5_000_250_000_000, None], pa.int64())}))
    table.append(pd.DataFrame({"ts_event": pd.to_datetime(["2024-01-02T00:00:00.5Z"]), "price": [1]}))
    with pytest.raises(mq.SchemaError, match="price"):
        table.append(pa.table({"ts_event": time, "price": [5000.0, 1.0]}))

    scanned = table.scan(sort_by="ts_event").to_arrow()
    assert scanned.schema.field("ts_event").type == pa.timestamp("ns", "UTC")
    assert scanned["ts_event"].cast(pa.int64()).to_pylist() == [
        1_704_067_200_000_000_001,
        1_704_153_600_500_000_000,
        None,
    ]
    assert table.scan(stored_types=True).schema.field("ts_event").type == pa.int64()
    assert table.scan(["price"], sort_by="ts_event", price="float").to_arrow()["price"].to_pylist() == [
        5000.25,
        1e-9,
        None,
    ]
    assert table.scan(["price"], price="decimal").schema.field("price").type == pa.decimal128(19, 9)
    assert table.scan(filter=[("ts_event", ">", "2024-01-01T00:00:00.000000001")]).count() == 1


def test_a_column_without_a_name_is_refused(tmp_path: Path):
    with pytest.raises(mq.SchemaError, match="empty name"):
        mq.create_table(tmp_path / "t", pa.schema([("n", pa.int64()), ("", pa.int64())]))
    assert not (tmp_path / "t").exists()


def test_modes(tmp_path: Path):
    data = rows(100)
    table = mq.create_table(tmp_path / "t", SCHEMA)
    table.append(data, mode="error_if_exists")
    with pytest.raises(mq.AlreadyExistsError):
        table.append(data, mode="error_if_exists")
    table.append(data.slice(0, 10), mode="overwrite")
    assert table.scan().count() == 10
    assert mq.open_table(table.path, version=1).scan().count() == 100
    with pytest.raises(mq.InvalidInputError, match="unknown mode 'replace'"):
        table.append(data, mode="replace")  # type: ignore[arg-type]


def test_an_option_that_makes_no_sense_is_refused(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    with pytest.raises(mq.InvalidInputError, match="lzma"):
        table.append(rows(1), compression="lzma")
    with pytest.raises(mq.InvalidInputError, match="deep"):
        table.append(rows(1), verify="deep")  # type: ignore[arg-type]

    def never() -> Iterator[pa.RecordBatch]:
        raise AssertionError("rows were asked for")
        yield

    for options, message in (
        ({"memory": 65_536}, r"memory is 65536 bytes; expected at least 1048576 \(1.0 MiB\)"),
        ({"row_group_size": 0}, "row_group_size is 0; expected 1 or more"),
        ({"max_rows_per_file": 0}, "max_rows_per_file is 0; expected at least 1"),
        ({"compression_level": 99}, "level 99 of codec zstd"),
    ):
        with pytest.raises(mq.InvalidInputError, match=message):
            table.append(pa.RecordBatchReader.from_batches(SCHEMA, never()), **options)  # type: ignore[arg-type]
    assert table.version == 0


def test_versions_and_times(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA, name="ticks", description="of a test")
    for seed in range(3):
        table.append(rows(10, seed), metadata={"run": str(seed)})
    history = table.history()
    assert [entry["version"] for entry in history] == [3, 2, 1, 0]
    assert history[0]["extra"]["run"] == "2"
    assert [entry["version"] for entry in table.history(limit=2)] == [3, 2]
    assert mq.open_table(table.path, version=1).scan().count() == 10
    assert mq.open_table(table.path, as_of=history[0]["timestamp"]).version == 3
    with pytest.raises(mq.NotFoundError, match="9"):
        mq.open_table(table.path, version=9)
    with pytest.raises(mq.NotFoundError):
        mq.open_table(table.path, as_of="2001-01-01")


def test_info_comes_out_of_the_log(written):
    table, data = written
    info = table.info()
    assert (info["rows"], info["version"]) == (data.num_rows, 2)
    assert info["files"] == len(table.files())
    assert info["bytes"] == sum(file["bytes"] for file in table.files())
    assert info["schema"].names == SCHEMA.names
    if info["partition_columns"]:
        assert sum(part["rows"] for part in info["partitions"]) == data.num_rows
    latest = pa.compute.max(data["ts"]).as_py()
    # Delta's statistics hold milliseconds, so the largest time is known to the millisecond above.
    assert dt.timedelta(0) <= info["latest_timestamp"] - latest <= dt.timedelta(milliseconds=1)
    assert table.latest_timestamp() == table.latest_timestamp("ts")


def test_the_latest_timestamp_of_an_empty_table_is_none(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    assert table.latest_timestamp() is None
    assert table.info()["latest_timestamp"] is None


def test_verify_finds_a_flipped_bit(written):
    table, data = written
    verdict = table.verify()
    assert verdict and verdict.rows == verdict.rows_intact == data.num_rows
    assert mq.verify(table.path)
    victim = Path(table.path) / table.files()[0]["path"]
    content = bytearray(victim.read_bytes())
    content[len(content) // 3] ^= 0x10
    victim.write_bytes(content)
    verdict = mq.verify(table.path)
    assert not verdict
    assert Path(verdict.damage[0].file).name == victim.name
    assert verdict.damage[0].message
    file = mq.verify(victim)
    assert not file and file.damage[0].offset is not None


def test_verify_names_what_is_missing_and_what_nobody_names(written):
    table, _ = written
    gone = table.files()[0]["path"]
    (Path(table.path) / gone).rename(Path(table.path) / "stray.parquet")
    verdict = table.verify("footer")
    assert not verdict.ok
    assert verdict.missing == [gone]
    assert verdict.orphans == ["stray.parquet"]


def test_a_table_is_refreshed(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    other = mq.open_table(tmp_path / "t")
    table.append(rows(5))
    assert other.version == 0
    assert other.refresh().version == 1


def test_on_file_is_told_and_may_stop_the_append(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA, ["symbol"])
    told = []
    table.append(rows(100), on_file=told.append)
    assert sum(file["rows"] for file in told) == 100

    def refuse(file: dict) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        table.append(rows(100), on_file=refuse)


def test_threads_append_at_once_and_lose_nothing(tmp_path: Path):
    mq.create_table(tmp_path / "t", SCHEMA)
    failures = []

    def work(seed: int) -> None:
        try:
            table = mq.open_table(tmp_path / "t")
            for step in range(5):
                table.append(rows(20, seed * 100 + step))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    table = mq.open_table(tmp_path / "t")
    assert (table.version, table.scan().count()) == (20, 400)


def test_paths_are_path_like_and_text(tmp_path: Path):
    mq.create_table(str(tmp_path / "t"), SCHEMA)
    assert mq.open_table(tmp_path / "t").path == str(tmp_path / "t")
    assert "version 0" in repr(mq.open_table(tmp_path / "t"))


class SourceWentAway(Exception):
    """What no library knows."""


@pytest.mark.parametrize(
    "error",
    [
        SourceWentAway("the source", 7),
        ValueError("no such price"),
        pa.ArrowInvalid("bad"),
        KeyboardInterrupt(),
        SystemExit(3),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("good", [0, 3])
def test_what_a_generator_raises_arrives_as_it_is_and_nothing_is_visible(
    tmp_path: Path, error: BaseException, good: int
):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    cause = KeyError("cause")

    def batches():
        for _ in range(good):
            yield rows(10).to_batches()[0]
        raise error from cause

    with pytest.raises(type(error)) as caught:
        table.append(pa.RecordBatchReader.from_batches(SCHEMA, batches()))
    assert caught.value is error
    assert error.__cause__ is cause
    assert error.__context__ is None
    assert mq.open_table(tmp_path / "t").version == 0
    assert [path for path in (tmp_path / "t").rglob("*") if path.is_file()] == [
        tmp_path / "t" / "_delta_log" / f"{0:020}.json"
    ]


def test_an_error_of_the_append_itself_is_told_as_such_with_a_generator(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)

    def batches():
        for batch in rows(30).to_batches(max_chunksize=10):
            yield batch.append_column("another", pa.array([1] * 10))

    reader = pa.RecordBatchReader.from_batches(SCHEMA.append(pa.field("another", pa.int64())), batches())
    with pytest.raises(mq.SchemaError, match="another"):
        table.append(reader)
    assert table.append(pa.RecordBatchReader.from_batches(SCHEMA, iter(rows(30).to_batches(10)))).rows == 30
    assert ordered(table.scan().to_arrow()).equals(ordered(rows(30)))
