"""Rows that come as columns of pandas, Polars or DuckDB: what they do not hand on whole is refused.

Apart from rows that come as dictionaries, since nothing is inferred here: each library says of what type its columns
are, and is taken at its word only where it is true.
"""

from __future__ import annotations

import pathlib
from typing import Any

import duckdb
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq


def written(folder: pathlib.Path, rows: Any) -> None:
    with mq.ParquetWriter(folder, "all.parquet") as writer:
        writer.write(rows)


@pytest.mark.parametrize(
    "rows",
    [
        {"a\0b": 1},
        {"a": {"k\0": 1}},
        {"\ud800": 1},
        pa.table({"a\0b": [1]}),
        pa.table({"a": pa.array([{"k\0": 1}])}),
        pa.table({"a\0b": [1]}).to_reader(),
        pd.DataFrame({"a\0b": [1]}),
    ],
)
def test_names_are_never_cut(tmp_path: pathlib.Path, rows: Any) -> None:
    with pytest.raises(mq.SchemaError, match="name"):
        written(tmp_path, rows)


@pytest.mark.parametrize(
    "rows",
    [
        polars.DataFrame({"a": polars.Series([2**100], dtype=polars.Int128)}),
        polars.DataFrame({"a": polars.Series([{"k": 1}], dtype=polars.Struct({"k": polars.Int128}))}),
        polars.LazyFrame({"a": polars.Series([1], dtype=polars.Int128)}),
        duckdb.sql("select '1:00:00+02'::timetz as a"),
        duckdb.sql("select [{'k': '1:00:00+02'::timetz}] as a"),
        duckdb.sql("select '101'::bit as a"),
        duckdb.sql("select 5::uhugeint as a"),
        duckdb.sql("select [5::uhugeint] as a"),
    ],
)
def test_what_a_library_does_not_hand_on_is_refused(tmp_path: pathlib.Path, rows: Any) -> None:
    with pytest.raises(mq.SchemaError, match=r"column 'a' is .* in (polars|duckdb): "):
        written(tmp_path, rows)
    table = mq.create_table(tmp_path / "table", pa.schema([("a", pa.int64())]))
    with pytest.raises(mq.SchemaError, match="column 'a' is"):
        table.append(rows)


@pytest.mark.parametrize("form", ["{}", "[{}]", "{{'k': {}}}"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_huge_integers_of_duckdb_have_38_digits(tmp_path: pathlib.Path, sign: str, form: str) -> None:
    connection = duckdb.connect()
    largest = f"{sign}{'9' * 38}"
    rows = connection.sql(f"select {form.format(largest + '::hugeint')} as a")
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write(rows)
    assert largest in str(pq.read_table(tmp_path / "all.parquet")["a"].to_pylist())
    tenfold = f"{sign}1{'0' * 38}::hugeint"
    rows = connection.sql(f"select {form.format(tenfold)} as a from range(3)")
    with pytest.raises(mq.SchemaError, match="column 'a' has integers of 39 digits"):
        mq.ParquetWriter(tmp_path / "refused", "all.parquet").write(rows)
    table = mq.create_table(tmp_path / "table", pa.schema([("a", pa.int64())]))
    with pytest.raises(mq.SchemaError, match="column 'a'"):
        table.append(rows)
    assert connection.sql("select 1").fetchall() == [(1,)]  # which waits for no result


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        polars.DataFrame({"a": polars.Series([object()], dtype=polars.Object)}),
    ],
)
def test_frames_of_what_no_file_holds_are_refused(tmp_path: pathlib.Path, frame: Any) -> None:
    with pytest.raises(mq.SchemaError, match=r"pandas frame|Python objects"):
        written(tmp_path, frame)


def test_frames_that_are_refused_are_counted(tmp_path: pathlib.Path) -> None:
    writer = mq.ParquetWriter(tmp_path, "a.parquet")
    writer.write([{"a": 1}, {"a": 2}])
    with pytest.raises(mq.MarquetError):
        writer.write(pd.DataFrame({"": [1, 2, 3], "a": [object()] * 3}))
    assert writer.counts["accepted"] + writer.counts["rejected"] == 5
    writer.abort()
