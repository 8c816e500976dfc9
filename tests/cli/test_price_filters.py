"""A number in --where means a price in the form that the output shows prices in."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

STORED = [4_749_750_000_000, 4_750_000_000_000, 4_750_250_000_000, 4_750]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    price = pa.field("price", pa.int64(), metadata={"unit": "1e-9"})
    made = mq.create_table(tmp_path / "t", pa.schema([("k", pa.int64()), price]))
    made.append(pa.table({"k": range(4), "price": STORED}, schema=made.schema))
    return tmp_path / "t"


def found(text: str, form: str) -> list[int]:
    if form == "csv":
        return [int(row["k"]) for row in csv.DictReader(io.StringIO(text))]
    return [json.loads(line)["k"] for line in text.splitlines()]


@pytest.mark.parametrize(
    ("where", "rows"), [("price > 4750", [2]), ("price >= 4750", [1, 2]), ("price = 4750.25", [2])]
)
def test_numbers_are_prices_where_prices_are_shown(marquet, table, where, rows):
    for arguments in (
        ("csv",),
        ("csv", "--price", "float"),
        ("jsonl", "--price", "decimal"),
        ("jsonl", "--price", "float"),
    ):
        assert found(marquet("scan", table, "--where", where, "--format", *arguments).stdout, arguments[0]) == rows
    shown = marquet("scan", table, "--where", where).stdout
    assert [text in shown for text in ("4749.75", "4750.25")] == [False, True]
    marquet("export", table, "--to", "csv", "--where", where, "-o", table.parent / "rows.csv")
    assert found((table.parent / "rows.csv").read_text(), "csv") == rows


def test_where_prices_are_stored_an_integer_counts_units_and_a_fraction_is_refused(marquet, fails, table):
    units = marquet("scan", table, "--where", "price = '0.00000475'", "--format", "jsonl")
    assert found(units.stdout, "jsonl") == [3]
    stored = marquet("scan", table, "--where", "price > 4750000000000", "--format", "csv", "--price", "stored")
    assert found(stored.stdout, "csv") == [2]
    text = fails("scan", table, "--where", "price > 4750.25", "--format", "jsonl")
    assert "4750.25 does not fit column 'price'" in text
    assert "'4750.25'" in text.splitlines()[-1]


@pytest.mark.parametrize("where", ["price > 4750", "price in (4750, 4751)", "price between 4749 and 4751"])
def test_a_whole_price_is_refused_where_prices_are_stored(fails, table, where):
    for arguments in (("--format", "jsonl"), ("--price", "stored"), ("--json",)):
        text = fails("scan", table, "--where", where, *arguments)
        assert "beside column 'price', which stores prices in units of 1e-9" in text
        assert "in quotes or 47" in text and "000000000, or ask for prices as float" in text
    fails("export", table, "--to", "parquet", "--where", where, "-o", table.parent / "rows.parquet")


def test_text_is_a_price_everywhere(marquet, table):
    for arguments in (("csv",), ("csv", "--price", "float"), ("jsonl",)):
        done = marquet("scan", table, "--where", "price = '4750'", "--format", *arguments)
        assert found(done.stdout, arguments[0]) == [1]
