"""What docs/own-data.md shows and says, run as it stands there."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "own-data.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the examples leave, run one after the other beside the file that they read."""
    monkeypatch.chdir(tmp_path)
    (text,) = blocks("csv")
    Path("trades.csv").write_text(text)
    names: dict[str, Any] = {}
    examples = blocks("python")
    assert len(examples) == 5
    for example in examples:
        exec(compile(example, str(GUIDE), "exec"), names)
    return names


def test_the_examples_leave_the_rows_that_they_say(ran: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    table = mq.open_table("trades")
    rows = table.scan(filter="symbol <> 'CLK4'", sort_by=["time", "price"]).to_arrow()
    expected = pd.read_csv("trades.csv", dtype={"size": "Int64"})
    assert table.version == 4 and table.scan().count() == 3 * len(expected) + 1
    assert rows["price"].to_pylist() == [price for price in expected["price"] for _ in range(3)]
    assert rows["size"].to_pylist() == [size for size in (3, None, 1) for _ in range(3)]
    text = [str(time)[:19] for time in rows["time"].to_pylist()[::3]]
    assert text == ["2024-03-04 14:30:00", "2024-03-04 14:30:00", "2024-03-04 14:30:01"]
    assert str(table.scan().to_pandas()["size"].dtype) == "Int64"


def test_exact_prices_and_times_are_those_of_the_file(ran: dict[str, Any]) -> None:
    exact = mq.open_table("exact").scan(price="decimal", sort_by="ts_event")
    assert exact.to_arrow()["price"].to_pylist() == [Decimal("5131.25"), Decimal("5131.5"), Decimal("18250.75")]
    nanoseconds = exact.to_arrow()["ts_event"].cast(pa.int64()).to_pylist()
    assert [time % 10**9 for time in nanoseconds] == [1, 250_000_000, 0]
    assert mq.open_table("exact").scan(filter="price > '5131.25' and ts_event < '2024-03-04T14:30:01'").count() == 1


def test_other_engines_read_the_same(ran: dict[str, Any]) -> None:
    table = mq.open_table("trades")
    assert pl.scan_delta("trades").select(pl.len()).collect().item() == table.scan().count()
    assert duckdb.sql("select count(*) from read_parquet('trades/**/*.parquet')").fetchall() == [(10,)]


def test_what_is_refused_is_what_the_guide_says(ran: dict[str, Any]) -> None:
    table = mq.open_table("trades")
    frame = pd.read_csv("trades.csv", dtype={"size": "Int64"})
    with pytest.raises(mq.SchemaError, match=r"column 'time' is (large_)?string"):
        table.append(frame)
    with pytest.raises(mq.InvalidInputError, match="time"):
        table.append(frame.assign(time=pd.to_datetime(frame["time"], utc=True, format="ISO8601")))
    with pytest.raises(mq.SchemaError, match="there is no column 'venue'"):
        table.append(frame.drop(columns="time").assign(venue="X"))
    with pytest.raises(mq.AlreadyExistsError):
        mq.create_table("trades", table.schema)
    assert table.version == 4
