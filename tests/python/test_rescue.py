"""Rescuing files of other writers: pyarrow, Polars and DuckDB write, are cut, and read what came back."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cut_files import Whole

import marquet as mq

SEED = 20240304
ROWS = 9_000
GROUP = 4_096  # rows of a row group, of which DuckDB takes multiples of 2,048 only


def flat(rows: int = ROWS) -> pa.Table:
    numbers = np.random.default_rng(SEED)
    return pa.table(
        {
            "ts": pa.array(np.arange(rows) * 1_000_000, pa.timestamp("us", "UTC")),
            "bid": numbers.normal(100, 1, rows),
            "ask": numbers.normal(101, 1, rows),
            "size": pa.array(numbers.integers(0, 50, rows), pa.int32(), mask=numbers.random(rows) < 0.1),
            "symbol": pa.array([f"S{n}" for n in numbers.integers(0, 9, rows)]),
            "note": pa.array(
                [None if n % 5 == 0 else "n" * (n % 40) + str(n) for n in numbers.integers(0, 1 << 30, rows)]
            ),
            "flag": pa.array(numbers.random(rows) < 0.5),
        }
    )


def nested(rows: int = ROWS) -> pa.Table:
    draw = random.Random(SEED)
    pair = pa.struct([("x", pa.float64()), ("y", pa.string())])
    return pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "levels": pa.array([[draw.random() for _ in range(draw.randrange(4))] for _ in range(rows)]),
            "pair": pa.array([{"x": draw.random(), "y": str(n % 7)} for n in range(rows)], pair),
            "pairs": pa.array(
                [[{"x": float(n), "y": "y"} for n in range(draw.randrange(3))] for _ in range(rows)], pa.list_(pair)
            ),
        }
    )


def by_pyarrow(table: pa.Table, path: Path, **options: object) -> None:
    pq.write_table(table, path, row_group_size=GROUP, **options)


def by_polars(table: pa.Table, path: Path) -> None:
    pl.from_arrow(table).write_parquet(path, row_group_size=GROUP)


def by_duckdb(table: pa.Table, path: Path) -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", table)
        connection.execute(f"copy rows to '{path}' (format parquet, row_group_size {GROUP})")


def by_marquet(table: pa.Table, path: Path) -> None:
    written = mq.create_table(path.parent / path.stem, table.schema)
    written.append(table, row_group_size=GROUP)
    next((path.parent / path.stem).glob("*.parquet")).rename(path)


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "pyarrow": by_pyarrow,
    "polars": by_polars,
    "duckdb": by_duckdb,
    "marquet": by_marquet,
}


@pytest.mark.parametrize("make", [flat, nested], ids=["flat", "nested"])
@pytest.mark.parametrize("writer", WRITERS)
def test_files_cut_anywhere(writer: str, make: Callable[[], pa.Table], tmp_path: Path) -> None:
    path = tmp_path / "whole.parquet"
    WRITERS[writer](make(), path)
    whole = Whole(path)
    assert whole.metadata.num_row_groups == 3
    draw = random.Random(SEED)
    borders = {end for ends in whole.chunk_ends for end in ends}
    cuts = {*borders, *(end - 1 for end in borders), *(draw.randrange(whole.pages_end) for _ in range(125))}
    print(f"{len(cuts)} cuts, seed {SEED}")
    for size in sorted(cuts):
        whole.check(size, tmp_path / "out.parquet")
    report = whole.cut(whole.pages_end, tmp_path / "out.parquet")
    assert (report.rows, report.complete_row_groups, report.losses) == (ROWS, 3, [])


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd", "gzip", "lz4", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False], ids=["dictionary", "plain"])
def test_codecs_and_pages_of_pyarrow(codec: str, version: str, dictionary: bool, tmp_path: Path) -> None:
    path = tmp_path / "whole.parquet"
    by_pyarrow(flat(), path, compression=codec, data_page_version=version, use_dictionary=dictionary)
    whole = Whole(path)
    for size in (whole.pages_end, whole.chunk_ends[1][-1] - 10, whole.chunk_ends[0][-1], whole.chunk_ends[0][2]):
        whole.check(size, tmp_path / "out.parquet")


def test_a_schema_with_pandas_types_and_time_zones_comes_back(tmp_path: Path) -> None:
    table = pa.table(
        {
            "when": pa.array([0, 1, 2], pa.timestamp("ns", "Europe/Berlin")),
            "price": pa.array([1, 2, 3], pa.decimal128(19, 9)),
            "day": pa.array([1, 2, 3], pa.date32()),
            "small": pa.array([1, 2, 3], pa.uint8()),
        },
        metadata={"origin": "test"},
    )
    path = tmp_path / "whole.parquet"
    pq.write_table(table, path)
    whole = Whole(path)
    assert whole.cut(whole.pages_end, tmp_path / "out.parquet").rows == 3
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.equals(table) and found.schema.equals(table.schema, check_metadata=False)


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_times_of_twelve_bytes_stay_what_they_are(unit: str, tmp_path: Path) -> None:
    """INT96 holds what neither microseconds nor nanoseconds do; readers such as Spark have no nanoseconds."""
    ends = {"us": [253402300799_999999, -62135596800_000000], "ns": [9_223_372_036_854_775_807, -1]}[unit]
    draw = random.Random(SEED)
    times = [draw.choice([*ends, None, draw.randrange(10**15)]) for _ in range(ROWS)]
    stamp = pa.timestamp(unit)
    table = pa.table(
        {
            "id": pa.array(range(ROWS), pa.int64()),
            "at": pa.array(times, stamp),
            "text": pa.array([f"text {n % 50}" for n in range(ROWS)]),
            "list": pa.array([[time, None] for time in times], pa.list_(stamp)),
            "struct": pa.array(
                [{"at": time, "n": n} for n, time in enumerate(times)], pa.struct({"at": stamp, "n": pa.int64()})
            ),
        }
    )
    path, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    by_pyarrow(table, path, use_deprecated_int96_timestamps=True, write_page_checksum=True)
    whole = Whole(path)
    for size in [whole.pages_end, *(draw.randrange(whole.pages_end) for _ in range(20))]:
        report = whole.check(size, out)
        if not report:
            continue
        footer = pq.read_metadata(out).row_group(0)
        assert [footer.column(n).physical_type for n in (1, 3, 4)] == ["INT96"] * 3
        found = pq.read_table(out, coerce_int96_timestamp_unit=unit)
        assert found.equals(table.slice(0, report.rows))
        assert mq.verify(out).ok

    # So they are where pages of a file with a footer are damaged.
    broken = bytearray(whole.bytes)
    broken[whole.chunk_ends[1][2] - 5] ^= 1
    (tmp_path / "broken.parquet").write_bytes(broken)
    out.unlink()
    report = mq.rescue(tmp_path / "broken.parquet", out)
    found = pq.read_table(out, coerce_int96_timestamp_unit=unit)
    assert 0 < report.rows == found.num_rows < ROWS
    assert found.equals(table.filter(pa.array(np.isin(np.arange(ROWS), found["id"].to_numpy()))))


def test_times_of_twelve_bytes_that_no_unit_holds_are_lost_and_not_changed(tmp_path: Path) -> None:
    path, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    rows = {
        "far": pa.array([253402300799_999999] * 10, pa.timestamp("us")),
        "fine": pa.array([1] * 10, pa.timestamp("ns")),
    }
    pq.write_table(pa.table(rows), path, use_deprecated_int96_timestamps=True)
    report = Whole(path).cut(Whole(path).pages_end, out)
    assert not report and report.rows_lost == 10 and not out.exists()
    assert "column far: INT96 times between two microseconds in the file" in report.losses[0].reason


def test_the_report_says_what_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "whole.parquet"
    by_pyarrow(flat(), path, write_page_checksum=True)
    whole = Whole(path)
    report = whole.cut(whole.chunk_ends[2][2], tmp_path / "out.parquet")
    assert (report.rows, report.rows_lost, report.more_rows_lost) == (2 * GROUP, ROWS - 2 * GROUP, False)
    assert report.schema_source == f"the file {path}"
    assert not report.footer and not report.intact
    assert report.bytes_recovered + report.bytes_lost + 4 == report.bytes
    (loss,) = report.losses
    assert (loss.row_group, loss.offset, loss.rows) == (2, whole.chunk_ends[1][-1], ROWS - 2 * GROUP)
    assert loss.reason == "the file ends before every column of the row group has a page"


def test_damaged_pages_of_a_file_with_a_footer(tmp_path: Path) -> None:
    path, broken, out = (tmp_path / name for name in ("whole.parquet", "broken.parquet", "out.parquet"))
    by_pyarrow(flat(), path, write_page_checksum=True)
    whole = Whole(path)
    intact = mq.rescue(path, out)
    assert intact.intact and intact.rows == ROWS and not intact and not out.exists()
    damaged = bytearray(whole.bytes)
    damaged[whole.chunk_ends[1][1] - 5] ^= 1
    broken.write_bytes(damaged)
    report = mq.rescue(broken, out)
    assert report and report.footer and report.schema_source == "the file itself"
    assert report.rows + report.rows_lost == ROWS
    (loss,) = report.losses
    assert (loss.row_group, loss.column) == (1, "bid") and loss.reason.startswith("the CRC is")
    found = pq.read_table(out)
    assert found.num_rows == report.rows
    kept = whole.rows.filter(pa.array(np.isin(whole.rows["ts"].to_numpy(), found["ts"].to_numpy())))
    assert found.equals(kept)


def test_refusals(tmp_path: Path) -> None:
    path, broken, out = (tmp_path / name for name in ("whole.parquet", "broken.parquet", "out.parquet"))
    by_pyarrow(flat(100), path)
    broken.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(mq.InvalidInputError, match="has no footer"):
        mq.rescue(broken, out)
    with pytest.raises(mq.InvalidInputError, match="cannot replace the file they are in"):
        mq.rescue(broken, broken, schema=path)
    out.write_bytes(b"mine")
    with pytest.raises(mq.AlreadyExistsError):
        mq.rescue(broken, out, schema=path)
    assert out.read_bytes() == b"mine"
    out.unlink()
    with pytest.raises(mq.InvalidInputError, match="not from both"):
        mq.rescue(broken, out, schema=path, table=tmp_path)
    other = tmp_path / "other.parquet"
    pq.write_table(nested(100), other)
    with pytest.raises(mq.SchemaError, match="is not that of the file's pages"):
        mq.rescue(broken, out, schema=other)
    with pytest.raises(mq.NotFoundError):
        mq.rescue(broken, out, schema=tmp_path / "nowhere.parquet")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.parquet", "other.parquet", "whole.parquet"]


def test_columns_that_are_not_the_files_give_no_rows_and_a_question(tmp_path: Path) -> None:
    path, other, out = (tmp_path / name for name in ("whole.parquet", "other.parquet", "out.parquet"))
    texts = [f"text {n % 700}" for n in range(ROWS)]
    by_pyarrow(pa.table({"ts": range(ROWS), "price": [n % 700 / 4 for n in range(ROWS)], "text": texts}), path)
    by_pyarrow(pa.table({"order": range(ROWS), "answer": texts}), other)
    path.write_bytes(path.read_bytes()[: Whole(path).chunk_ends[1][-1]])
    report = mq.rescue(path, out, schema=other)
    assert not report and not out.exists()
    assert f"none could be read as the columns of the file {other}: are they the file's own" in report.notes[-1]


def test_the_schema_of_a_table(tmp_path: Path) -> None:
    rows = flat(1_000).append_column("day", pa.array(["a"] * 1_000))
    table = mq.create_table(tmp_path / "table", rows.schema, partition_by=["day"])
    table.append(rows, row_group_size=300)
    (data,) = (tmp_path / "table").rglob("*.parquet")
    broken = data.with_name("broken.parquet")
    broken.write_bytes(data.read_bytes()[: Whole(data).pages_end])
    report = mq.rescue(broken, tmp_path / "out.parquet", table=tmp_path / "table")
    assert report.rows == 1_000
    assert report.schema_source == f"the table {tmp_path / 'table'}, by its file {data}"
    assert pq.read_table(tmp_path / "out.parquet").equals(rows.drop_columns("day"))

    # A table whose only file is the broken one has columns, at least.
    data.write_bytes(broken.read_bytes())
    report = mq.rescue(data, tmp_path / "again.parquet", table=tmp_path / "table")
    assert report.rows == 1_000
    assert report.schema_source == f"the columns of the table {tmp_path / 'table'}"
    assert pq.read_table(tmp_path / "again.parquet").equals(rows.drop_columns("day"))
