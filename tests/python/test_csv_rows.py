"""Exports to CSV as pandas, Polars, DuckDB, pyarrow and Python's own reader read them: no row is missing, and what is
null stays apart from what is empty where CSV has a spelling for both."""

from __future__ import annotations

import csv
import datetime
import decimal
import json
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest

import marquet as mq

DAY = datetime.date(2024, 1, 2)
COLUMNS = {
    "int64": pa.array([None, 1, None, 2, None], pa.int64()),
    "double": pa.array([None, 0.5, None, 2.25, None]),
    "bool": pa.array([None, True, None, False, None]),
    "date": pa.array([None, DAY, None, DAY, None]),
    "decimal": pa.array([None, decimal.Decimal("1.50"), None, decimal.Decimal("2.00"), None]),
    "text": pa.array([None, "x", None, "y", None]),
    "binary": pa.array([None, b"\x01", None, b"\xff", None]),
}


def exported(tmp_path: Path, rows: pa.Table) -> tuple[Path, mq.ExportReport]:
    mq.create_table(tmp_path / "t", rows.schema).append(rows)
    return tmp_path / "rows.csv", mq.export(tmp_path / "t", tmp_path / "rows.csv", "csv")


@pytest.mark.parametrize("kind", COLUMNS)
def test_rows_of_one_column_that_are_null_are_rows_to_every_reader(tmp_path, kind):
    path, report = exported(tmp_path, pa.table({"a": COLUMNS[kind]}))
    assert (report.rows, report.quoted_nulls) == (5, 3)
    null = [True, False, True, False, True]
    assert pd.read_csv(path)["a"].isna().tolist() == null
    read = duckdb.read_csv(str(path), header=True).fetchall()
    assert [row[0] is None for row in read] == null
    text = kind in ("text", "binary")
    # Polars tells text by its quotes: it takes the column for text unless it is told.
    assert [row[0] for row in pl.read_csv(path).rows()][::2] == [""] * 3
    types = {"int64": pl.Int64, "double": pl.Float64, "bool": pl.Boolean, "date": pl.Date, "decimal": pl.Float64}
    frame = pl.read_csv(path, null_values="") if text else pl.read_csv(path, schema_overrides={"a": types[kind]})
    assert frame["a"].is_null().to_list() == null
    arrow = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    assert arrow.num_rows == 5 and arrow["a"].is_null().to_pylist() == null
    with path.open(newline="") as file:
        assert [row == [""] for row in list(csv.reader(file))[1:]] == null


@pytest.mark.parametrize("value", ["", " ", "\t", "  \t "])
def test_text_of_blanks_is_a_row_to_every_reader(tmp_path, value):
    path, report = exported(tmp_path, pa.table({"a": ["x", value, "y", value]}))
    assert (report.rows, report.quoted_nulls) == (4, 0)
    assert pd.read_csv(path, keep_default_na=False)["a"].tolist() == ["x", value, "y", value]
    assert pl.read_csv(path)["a"].to_list() == ["x", value, "y", value]
    assert pyarrow.csv.read_csv(path)["a"].to_pylist() == ["x", value, "y", value]
    read = duckdb.read_csv(str(path), header=True, allow_quoted_nulls=False).fetchall()
    assert [row[0] for row in read] == ["x", value, "y", value]


@pytest.mark.parametrize(("empty", "full"), [("", "x"), (b"", b"\x01")])
def test_null_and_empty_stay_apart_beside_other_columns(tmp_path, empty, full):
    path, report = exported(tmp_path, pa.table({"a": [None, empty, full, None], "n": [1, 2, 3, None]}))
    assert (report.rows, report.quoted_nulls) == (4, 0)
    spelt = [line.split(",")[0] for line in path.read_text().splitlines()]
    assert spelt == ["a", "", '""', "01" if full == b"\x01" else "x", ""]
    assert pl.read_csv(path, schema_overrides={"a": pl.String})["a"].to_list()[:2] == [None, ""]
    read = duckdb.read_csv(str(path), header=True, dtype={"a": "VARCHAR"}, allow_quoted_nulls=False).fetchall()
    assert [row[0] for row in read][:2] == [None, ""]
    quoted = pyarrow.csv.ConvertOptions(
        strings_can_be_null=True, quoted_strings_can_be_null=False, column_types={"a": pa.string()}
    )
    assert pyarrow.csv.read_csv(path, convert_options=quoted)["a"].to_pylist()[:2] == [None, ""]
    assert len(pd.read_csv(path)) == 4


def test_nulls_that_look_empty_are_told(tmp_path, marquet_program):
    exported(tmp_path, pa.table({"a": [None, "", "x"]}))

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(marquet_program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    table, out = tmp_path / "t", tmp_path / "again.csv"
    done = run("export", table, "--to", "csv", "-o", out)
    assert done.stdout.endswith(', 1 null as ""\n')
    assert "1 null of the only column, 'a', is written as \"\"" in done.stderr
    report = json.loads(run("export", table, "--to", "csv", "-o", out, "--replace", "--json").stdout)
    assert report["quoted_nulls"] == 1
    report = json.loads(run("scan", table, "-o", out, "--replace", "--json").stdout)
    assert report["quoted_nulls"] == 1
    done = run("scan", table, "--format", "csv")
    assert done.stdout == 'a\n""\n""\nx\n' and "is written as" in done.stderr
