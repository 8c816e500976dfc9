"""What a verify of a table finds beside its files' bytes: the log's bounds, labels, a damaged newest version."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from order_books import as_arrow, random_book, write_book

import marquet as mq

ROWS = pa.table(
    {
        "n": pa.array([5, 1, None, 9], pa.int64()),
        "x": pa.array([0.5, -2.0, 7.25, 1.0]),
        "s": ["delta", "alpha", "omega", "gamma"],
        "t": pa.array([0, 1_500, 86_400_000_000, 7], pa.timestamp("us", "UTC")),
        "d": pa.array([1, 2, 3, 40], pa.int32()).cast(pa.date32()),
    }
)


def write(path: pathlib.Path, writer: str, rows: pa.Table = ROWS) -> pathlib.Path:
    """A table of one commit; returns the commit's path."""
    if writer == "marquet":
        mq.create_table(path, rows.schema).append(rows)
        return path / "_delta_log" / f"{1:020}.json"
    deltalake.write_deltalake(path, rows)
    return path / "_delta_log" / f"{0:020}.json"


def edit_statistics(commit: pathlib.Path, **changes: dict[str, Any]) -> None:
    lines = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in lines:
        if "add" in action:
            statistics = json.loads(action["add"]["stats"])
            for key, change in changes.items():
                statistics[key].update(change)
            action["add"]["stats"] = json.dumps(statistics)
    commit.write_text("".join(json.dumps(action) + "\n" for action in lines))


def of_rows(verdict: mq.TableVerdict) -> list[mq.Damage]:
    """The damage that names rows: a commit that was edited is damaged besides."""
    return [damage for damage in verdict.damage if damage.column is not None]


NARROWER = [
    ("n", "minValues", 2, "row 1 of the row group holds '1'"),
    ("n", "maxValues", 8, "row 3 of the row group holds '9'"),
    ("x", "maxValues", 7.0, "row 2 of the row group holds '7.25'"),
    ("x", "minValues", -1.5, "row 1 of the row group holds '-2'"),
    ("s", "minValues", "beta", "row 1 of the row group holds 'alpha'"),
    ("t", "maxValues", "1970-01-01T12:00:00.000Z", "row 2 of the row group holds"),
    ("d", "maxValues", "1970-02-01", "row 3 of the row group holds"),
]


@pytest.mark.parametrize("writer", ["marquet", "deltalake"])
def test_bounds_that_the_rows_keep_are_no_damage(tmp_path: pathlib.Path, writer: str) -> None:
    write(tmp_path / "t", writer)
    for level in ("footer", "crc", "full"):
        assert mq.verify(tmp_path / "t", level=level).ok  # type: ignore[arg-type]


@pytest.mark.parametrize("writer", ["marquet", "deltalake"])
@pytest.mark.parametrize(("column", "key", "bound", "message"), NARROWER)
def test_a_bound_in_the_log_that_excludes_a_row_is_damage(
    tmp_path: pathlib.Path, writer: str, column: str, key: str, bound: object, message: str
) -> None:
    edit_statistics(write(tmp_path / "t", writer), **{key: {column: bound}})
    (damage,) = of_rows(mq.verify(tmp_path / "t"))  # type: ignore[arg-type]
    assert (damage.region, damage.column, damage.row_group) == ("log", column, 0)
    assert message in damage.message and "a filter passes over such rows" in damage.message


def test_a_null_count_of_the_log_that_excludes_a_row_is_damage(tmp_path: pathlib.Path) -> None:
    edit_statistics(write(tmp_path / "t", "marquet"), nullCount={"n": 0})
    (damage,) = of_rows(mq.verify(tmp_path / "t"))  # type: ignore[arg-type]
    assert damage.column == "n" and "holds null" in damage.message and "that none is null" in damage.message


def test_bounds_are_held_against_rows_where_the_file_has_no_statistics(tmp_path: pathlib.Path) -> None:
    commit = write(tmp_path / "t", "deltalake")
    (file,) = (tmp_path / "t").glob("*.parquet")
    pq.write_table(ROWS, file, write_statistics=False)
    lines = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in lines:
        if "add" in action:
            action["add"]["size"] = file.stat().st_size
    commit.write_text("".join(json.dumps(action) + "\n" for action in lines))
    assert mq.verify(tmp_path / "t").ok
    edit_statistics(commit, maxValues={"n": 8})
    assert [damage.column for damage in of_rows(mq.verify(tmp_path / "t"))] == ["n"]  # type: ignore[arg-type]


def rename_column(path: pathlib.Path, column: str, name: str) -> None:
    """In the footer, as a flipped bit would: wherever Parquet's own schema has it."""
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    old, new = (b"\x18" + bytes([len(text)]) + text.encode() for text in (column, name))
    assert old in data[footer:]
    path.write_bytes(data[:footer] + data[footer:].replace(old, new))


@pytest.mark.parametrize("writer", ["deltalake", "marquet"])
@pytest.mark.parametrize("kind", ["text", "truth"])
def test_a_column_that_a_file_lacks_and_the_log_tells_of_is_damage(
    tmp_path: pathlib.Path, writer: str, kind: str
) -> None:
    column: list[Any] = {"text": ["ESH4"] * 100, "truth": [True, False] * 50}[kind]
    rows = pa.table({"id": range(100), "sym": column})
    write(tmp_path / "t", writer, rows)
    (file,) = (tmp_path / "t").glob("*.parquet")
    whole = file.read_bytes()
    assert mq.verify(tmp_path / "t", strict=True).ok  # type: ignore[call-overload]
    rename_column(file, "sym", "rym")
    table = mq.open_table(tmp_path / "t")
    assert not table.verify().ok
    with pytest.raises(mq.CorruptDataError):
        table.scan().to_arrow()
    with pytest.raises(mq.CorruptDataError):
        table.scan(columns=["sym"]).to_arrow()
    assert table.scan(columns=["id"]).to_arrow().num_rows == 100
    file.write_bytes(whole)
    assert mq.open_table(tmp_path / "t").scan().to_arrow()["sym"].to_pylist() == column


def test_a_column_that_came_later_is_null_in_the_files_before(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "t"
    deltalake.write_deltalake(path, pa.table({"id": range(10)}))
    deltalake.write_deltalake(
        path, pa.table({"id": range(10), "sym": ["ESH4"] * 10}), mode="append", schema_mode="merge"
    )
    table = mq.open_table(path)
    assert table.verify().ok
    assert sorted(table.scan().to_arrow()["sym"].to_pylist(), key=str) == ["ESH4"] * 10 + [None] * 10


def test_nothing_is_called_unknown_where_the_newest_version_cannot_be_read(tmp_path: pathlib.Path) -> None:
    table = mq.create_table(tmp_path / "t", ROWS.schema)
    table.append(ROWS)
    table.append(ROWS)
    newest = tmp_path / "t" / "_delta_log" / f"{2:020}.json"
    old = mq.open_table(tmp_path / "t", version=1)
    assert old.verify().ok and old.verify().orphans == []
    newest.write_text('{"add":')
    verdict = mq.open_table(tmp_path / "t", version=1).verify()
    assert not verdict.ok and verdict.orphans == []
    assert any("the newest version cannot be read" in damage.message for damage in verdict.damage)


def test_boundaries_of_labels_are_looked_at(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)))
    samples = tmp_path / "samples"
    mq.depth.build_samples(
        book, samples, micro_pip=0.25, hop=30, time_bins=40, ticks_per_bin=10, lookback=50, lookforward=60, nbins=3
    )
    assert mq.verify(samples).ok
    (path,) = (samples / "_marquet" / "labels" / "digests").iterdir()
    whole = path.read_text()
    labels = json.loads(whole)
    labels["interior"][0] *= 2
    for text in (json.dumps(labels), "{", whole[:40]):
        path.write_text(text)
        (damage,) = mq.verify(samples).damage
        assert (damage.region, damage.file) == ("labels", str(path.relative_to(samples)))
    path.unlink()
    shutil.rmtree(samples / "_marquet" / "labels")
    (damage,) = mq.verify(samples).damage
    assert damage.region == "labels" and "are not those that its samples" in damage.message
    assert mq.verify(samples, level="footer").ok


@pytest.mark.parametrize("batch_size", [sys.maxsize, sys.maxsize - 1, 1 << 40, 1 << 24, 100])
def test_a_batch_of_any_size_may_be_asked_for_beside_a_filter(tmp_path: pathlib.Path, batch_size: int) -> None:
    rows = pa.table(
        {"n": range(50_000), "s": [str(i % 77) for i in range(50_000)], "v": [i / 4 for i in range(50_000)]}
    )
    table = mq.create_table(tmp_path / "t", rows.schema)
    table.append(rows, row_group_size=7_000)
    for text, expected in (
        ("n >= 1234 and n < 40000", pc.and_(pc.greater_equal(rows["n"], 1234), pc.less(rows["n"], 40_000))),
        ("s = '5'", pc.equal(rows["s"], "5")),
    ):
        scan = table.scan(filter=text, batch_size=batch_size)
        assert scan.to_arrow().equals(rows.filter(expected))
        batches = list(scan.to_batches())
        assert max(batch.num_rows for batch in batches) <= batch_size
        assert pa.Table.from_batches(batches).equals(rows.filter(expected))


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("bound", ["least", "greatest"])
def test_statistics_of_a_data_file_that_exclude_its_rows_are_damage(
    tmp_path: pathlib.Path, dictionary: bool, bound: str
) -> None:
    """The log and the checksums are right: only the values tell that the file's own bounds are too narrow."""
    rows = pa.table({"a": pa.array(range(1_000, 3_000), pa.int64())})
    properties = deltalake.WriterProperties(
        default_column_properties=deltalake.ColumnProperties(dictionary_enabled=dictionary)
    )
    deltalake.write_deltalake(tmp_path, rows, writer_properties=properties)
    (path,) = tmp_path.glob("*.parquet")
    assert mq.verify(tmp_path)
    assert mq.verify(path)
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    told, narrower = (1_000, 2_500) if bound == "least" else (2_999, 1_500)
    changed = data[footer:].replace(told.to_bytes(8, "little"), narrower.to_bytes(8, "little"))
    assert changed != data[footer:]
    path.write_bytes(data[:footer] + changed)
    assert pq.read_table(path).equals(rows)
    assert pq.read_metadata(path).row_group(0).column(0).statistics.has_min_max

    (damage,) = mq.verify(path).damage
    assert (damage.region, damage.row_group, damage.column) == ("statistics", 0, "a")
    assert f"'{told}'" in damage.message
    assert f"'{narrower}'" in damage.message
    assert [found.region for found in mq.verify(tmp_path).damage] == ["statistics"]
