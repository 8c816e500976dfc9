"""What docs/polars.md shows and says, on a table of four prices."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "polars.md"
STORED = [4_749_750_000_000, 4_750_000_000_000, 4_750_250_000_000, 4_750_500_000_000]
BEGIN = dt.datetime(2024, 3, 4, 14, 30, tzinfo=dt.UTC)


@pytest.fixture
def book(tmp_path: Path) -> mq.Table:
    schema = pa.schema(
        [
            ("symbol", pa.string()),
            pa.field("ts_event", pa.int64(), metadata={"unit": "ns"}),
            pa.field("price", pa.int64(), metadata={"unit": "1e-9"}),
        ]
    )
    times = [int(BEGIN.timestamp()) * 10**9 + i * 1_000 for i in range(4)]
    table = mq.create_table(tmp_path / "book", schema)
    table.append(pa.table({"symbol": ["ESH4"] * 4, "ts_event": times, "price": STORED}, schema=schema))
    return table


def test_the_example_runs(
    book: mq.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(GUIDE), "exec"), {})
    shown = capsys.readouterr().out
    assert "4750.5" in shown and "4750.25" not in shown
    assert shown.splitlines()[-1] == "1 1"


def test_a_number_means_what_the_column_holds(book: mq.Table) -> None:
    price = pl.col("price")
    assert book.lazy().filter(price > 4750.25).collect().height == 4
    assert book.lazy(price="float").filter(price > 4750.25).collect().height == 1
    assert book.lazy(price="decimal").filter(price >= Decimal("4750.25")).collect().height == 2
    with pytest.raises(mq.InvalidInputError, match=r"4750\.25"):
        book.scan(filter="price > 4750.25").count()
    with pytest.raises(pl.exceptions.ComputeError):
        book.lazy().filter(price > "4750.25").collect()


def test_a_time_has_a_zone(book: mq.Table) -> None:
    assert book.lazy().schema["ts_event"] == pl.Datetime("ns", "UTC")
    assert book.lazy().filter(pl.col("ts_event") > BEGIN).collect().height == 3
    nanosecond = pl.lit(int(BEGIN.timestamp()) * 10**9 + 1).cast(pl.Datetime("ns", "UTC"))
    assert book.lazy().filter(pl.col("ts_event") < nanosecond).collect().height == 1
    with pytest.raises(pl.exceptions.SchemaError):
        book.lazy().filter(pl.col("ts_event") > BEGIN.replace(tzinfo=None)).collect()
