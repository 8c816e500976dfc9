"""Partition columns and values of odd spelling: written, then read alike by every engine, or refused by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

import marquet as mq

Rows = list[tuple[Any, ...]]


def by_query(path: Path) -> pa.Table:
    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(path))
    return pa.table(query.execute("select * from t").read_all())


READERS: dict[str, Callable[[Path], pa.Table]] = {
    "marquet": lambda path: mq.open_table(path).scan().to_arrow(),
    "deltalake": lambda path: deltalake.DeltaTable(path).to_pyarrow_table(),
    "deltalake's SQL": by_query,
    "polars": lambda path: pl.scan_delta(str(path)).collect().to_arrow(),
}
"""That go by the log."""


def sorted_rows(table: pa.Table, names: list[str]) -> Rows:
    return sorted(
        (tuple(row[name] for name in names) for row in table.select(names).to_pylist()), key=lambda row: row[-1]
    )


def written(path: Path, name: str, values: list[str | None]) -> Rows:
    """Appends a row for each value, twice, and gives the rows that must come back."""
    rows = pa.table({name: pa.array(values, pa.string()), "v": pa.array(range(len(values)), pa.int64())})
    table = mq.create_table(path, rows.schema, partition_by=[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the empty string, which is null to the log
        table.append(rows)
    return [(value or None, place) for place, value in enumerate(values)]


NAMES = [
    "_date", ".hidden", "..", "#", "a b", " a", "a ", "a%b", "a%20b", "%41", "a'b", 'a"b', "日付", "é", "a.",
    "[x]", "{x}", "a*b", "a&b", "a+b", "a;b", "a,b", "a|b", "~", "$a", "A", "p" * 228, "日" * 76,
    "__HIVE_DEFAULT_PARTITION__",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_a_column_of_any_name_is_read_by_every_engine(tmp_path: Path, name: str) -> None:
    expected = written(tmp_path / "t", name, ["A", "B", None])
    for reader, read in READERS.items():
        assert sorted_rows(read(tmp_path / "t"), [name, "v"]) == expected, reader
    table = mq.open_table(tmp_path / "t")
    assert table.scan(filter=[(name, "==", "B")]).to_arrow()["v"].to_pylist() == [1]
    assert table.verify().ok
    assert table.verify().orphans == []
    table.append(pa.table({name: ["A"], "v": [3]}))
    assert table.scan(filter=[(name, "==", "A")]).count() == 2


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_directories_are_named_as_deltalake_names_them(tmp_path: Path, name: str) -> None:
    written(tmp_path / "t", name, ["A", "B"])
    rows = pa.table({name: ["A", "B"], "v": [0, 1]})
    deltalake.write_deltalake(tmp_path / "theirs", rows, partition_by=[name])
    ours, theirs = ({file.parent.name for file in (tmp_path / table).rglob("*.parquet")} for table in ("t", "theirs"))
    assert ours == theirs


@pytest.mark.parametrize("name", ["a/b", "a=b", "a:b", "a?b", "a\\b", "a\tb", "a\x7fb", "a\nb", "p" * 229])
def test_a_column_that_some_engine_cannot_find_is_refused(tmp_path: Path, name: str) -> None:
    schema = pa.schema([(name, pa.string()), ("v", pa.int64())])
    with pytest.raises(mq.InvalidInputError, match="cannot partition by") as caught:
        mq.create_table(tmp_path / "t", schema, partition_by=[name])
    assert caught.value.hint
    assert not (tmp_path / "t").exists()
    mq.create_table(tmp_path / "t", schema)  # as a column like others it does no harm


def test_orphans_are_found_below_a_column_that_looks_hidden(tmp_path: Path) -> None:
    written(tmp_path / "t", "_date", ["A"])
    (file,) = (tmp_path / "t" / "_date=A").glob("*.parquet")
    (file.parent / "orphan.parquet").write_bytes(file.read_bytes())
    (tmp_path / "t" / "_other").mkdir()
    (tmp_path / "t" / "_other" / "mine.parquet").write_bytes(file.read_bytes())
    assert mq.open_table(tmp_path / "t").verify().orphans == ["_date=A/orphan.parquet"]


def test_a_table_of_another_writer_with_such_a_column_is_extended(tmp_path: Path) -> None:
    for place, name in enumerate(("a=b", "a/b", "_x", "a?b", "a\\b")):
        path = tmp_path / f"t{place}"  # not after the column: deltalake reads a backslash in a path as a slash
        deltalake.write_deltalake(path, pa.table({name: ["A", "B"], "v": [0, 1]}), partition_by=[name])
        mq.open_table(path).append(pa.table({name: ["A", "C"], "v": [2, 3]}))
        expected = [("A", 0), ("B", 1), ("A", 2), ("C", 3)]
        for reader in ("marquet", "deltalake"):
            assert sorted_rows(READERS[reader](path), [name, "v"]) == expected


VALUES = [
    "x", "", None, "a=b", "a%b", "a%20b", "%41", "a/b", "a b", " a", "a ", '"', "'", ":", "a:b", "a.", ".", "..", ".a",
    "_a", "#", "?", "*", "[a]", "{}", "日本", "é", "a\nb", "a\r\n", "a\tb", "a\x01b", "\x7f", "\\", "&", "+", "~", "$",
    "|", "^", "<>", ";", ",", "x" * 197, "x" * 253, "日" * 84, "/" * 84, "null", "None", "NaN", "true", "1", "0x1",
    "__HIVE_DEFAULT_PARTITION__x", "ESH4-ESM4", "UD:1V: GN 2437",
]  # fmt: skip


def test_values_of_any_spelling_are_read_by_every_engine(tmp_path: Path) -> None:
    expected = written(tmp_path / "t", "p", list(VALUES))
    for reader, read in READERS.items():
        assert sorted_rows(read(tmp_path / "t"), ["p", "v"]) == expected, reader
    table = mq.open_table(tmp_path / "t")
    for place, value in enumerate(VALUES):
        if value:
            assert table.scan(filter=[("p", "==", value)]).to_arrow()["v"].to_pylist() == [place]


def test_values_are_read_out_of_directories_too(tmp_path: Path) -> None:
    """By what lists files and knows of no log. Without nulls, which each has its own word for."""
    values = [value for value in VALUES if value]
    expected = written(tmp_path / "t", "p", values)
    partitioning = ds.partitioning(pa.schema([("p", pa.string())]), flavor="hive")
    listed = ds.dataset(tmp_path / "t", format="parquet", partitioning=partitioning).to_table()
    assert sorted_rows(listed, ["p", "v"]) == expected
    files = f"'{tmp_path / 't'}/*/*.parquet'"
    hive = duckdb.sql(f"select * from read_parquet({files}, hive_partitioning=true, hive_types_autocast=false)")
    assert sorted_rows(hive.to_arrow_table(), ["p", "v"]) == expected
    scan = pl.scan_parquet(f"{tmp_path / 't'}/**/*.parquet", hive_schema={"p": pl.String}, try_parse_hive_dates=False)
    assert sorted_rows(scan.collect().to_arrow(), ["p", "v"]) == expected
    directories = {unquote(file.parent.name).removeprefix("p=") for file in (tmp_path / "t").rglob("*.parquet")}
    assert directories == set(values)


@pytest.mark.parametrize(
    "value", ["x" * 254, "日" * 85, "/" * 85, "y" * 100_000], ids=["plain", "wide", "escaped", "huge"]
)
def test_a_value_that_no_directory_carries_is_refused(tmp_path: Path, value: str) -> None:
    rows = pa.table({"p": ["fits", value], "v": [0, 1]})
    table = mq.create_table(tmp_path / "t", rows.schema, partition_by=["p"])
    with pytest.raises(mq.InvalidInputError, match=r"column 'p', row 1 of the batch: .* too long") as caught:
        table.append(rows)
    assert "do not partition by it" in (caught.value.hint or "")
    assert len(str(caught.value)) < 1000
    assert table.version == 0
    assert list((tmp_path / "t").glob("p=*/*")) == []


def test_names_and_values_of_two_levels(tmp_path: Path) -> None:
    rows = pa.table({"_day": ["a/b", "%41", None], "#": ["..", "_x", "é"], "v": [0, 1, 2]})
    mq.create_table(tmp_path / "t", rows.schema, partition_by=["_day", "#"]).append(rows)
    for reader, read in READERS.items():
        assert sorted_rows(read(tmp_path / "t"), rows.column_names) == sorted_rows(rows, rows.column_names), reader


def struct_rows(*names: str) -> pa.Table:
    return pa.table({"q": pa.StructArray.from_arrays([pa.array([place]) for place in range(len(names))], names=names)})


@pytest.mark.parametrize("names", [("a", "A"), ("a", "a"), ("bid", "ask", "Bid")])
def test_fields_of_structs_that_differ_by_case_only_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows = struct_rows(*names)
    nested = pa.table({"q": pa.ListArray.from_arrays([0, 1], rows["q"].combine_chunks())})
    for place, data in enumerate((rows, nested)):
        with pytest.raises(mq.SchemaError, match="there are two fields"):
            mq.create_table(tmp_path / f"t{place}", data.schema)
        with pytest.raises(mq.SchemaError, match="there are two fields"):
            mq.ParquetWriter(tmp_path / f"w{place}").write(data)
        with pytest.raises(mq.SchemaError, match="there are two fields"):
            mq.ParquetWriter(tmp_path / f"s{place}", schema=data.schema)
    table = mq.create_table(tmp_path / "plain", struct_rows(names[0]).schema)
    with pytest.raises(mq.SchemaError, match="'q"):
        table.append(rows)
    assert table.scan().count() == 0
