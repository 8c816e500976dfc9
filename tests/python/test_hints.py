"""What a call that does not fit says to do, and that this is taken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

HINTS = [
    ({"p": [1.5]}, "price='stored'"),
    ({"p": ["1.5"]}, r"\.round\(\)\.astype\('Int64'\)"),
    ({"ts_event": ["2024-03-04T14:30:00Z"]}, r"to_datetime\(column, utc=True"),
    ({"ts": ["2024-03-04"]}, "to_datetime"),
    ({"ts": [1]}, "timestamps"),
    ({"day": ["2024-03-04"]}, r"\.dt\.date"),
    ({"n": [1.5]}, "Cast the column to int32"),
    ({"N": [1]}, "did you mean 'n'"),
    ({"elsewhere": [1]}, "The table has 'p', 'ts_event', .*Leave the column out"),
]


@pytest.mark.parametrize(("rows", "hint"), HINTS, ids=lambda one: str(one)[:30])
def test_an_append_that_does_not_fit_says_what_to_do(tmp_path: Path, rows: dict[str, list[Any]], hint: str) -> None:
    schema = pa.schema(
        [
            pa.field("p", pa.int64(), metadata={"unit": "1e-9"}),
            pa.field("ts_event", pa.int64(), metadata={"unit": "ns"}),
            ("ts", pa.timestamp("us", "UTC")),
            ("day", pa.date32()),
            ("n", pa.int32()),
        ]
    )
    table = mq.create_table(tmp_path / "t", schema)
    with pytest.raises(mq.SchemaError) as refused:
        table.append(pa.table(rows))
    assert re.search(hint, str(refused.value.hint))
    assert table.version == 0


def test_what_the_hints_say_is_taken(tmp_path: Path) -> None:
    prices = pa.field("p", pa.int64(), metadata={"unit": "1e-9"})
    table = mq.create_table(
        tmp_path / "t", pa.schema([prices, ("ts", pa.timestamp("us", "UTC")), ("day", pa.date32())])
    )
    text = pd.Series(["2024-03-04T14:30:00.5Z", "2024-03-04T14:30:00Z"])
    frame = pd.DataFrame({"p": [4750.25, None], "ts": text, "day": text})
    frame["p"] = (frame["p"] / 1e-9).round().astype("Int64")
    frame["ts"] = pd.to_datetime(frame["ts"], utc=True, format="ISO8601")
    frame["day"] = pd.to_datetime(frame["day"], format="ISO8601").dt.date
    table.append(frame)
    assert table.scan().to_arrow()["p"].to_pylist() == [4_750_250_000_000, None]
    text = pl.DataFrame({"ts": ["2024-03-04T14:30:00Z"], "day": ["2024-03-04"]})
    table.append(text.with_columns(pl.col("ts").str.to_datetime(time_zone="UTC"), pl.col("day").str.to_date()))
    assert table.scan().count() == 3


SQL_IN_LISTS = [
    (["n = 1"], 'filter="n = 1"'),
    (["n = 1", "n < 5"], 'filter="(n = 1) and (n < 5)"'),
    (["n is null", "n in (1, 2)", "n > 3"], "(n is null) and"),
    ([["n = 1"]], 'filter="n = 1"'),
    (("n like 'a'",), "filter="),
    (["n", "==", "1"], "filter=[['n', '==', '1']]"),
]


@pytest.mark.parametrize(("filter", "hint"), SQL_IN_LISTS)
def test_sql_in_a_list_is_told_to_stand_by_itself(tmp_path: Path, filter: Any, hint: str) -> None:
    table = mq.create_table(tmp_path / "t", pa.schema([("n", pa.int64())]))
    with pytest.raises(mq.InvalidInputError) as refused:
        table.scan(filter=filter)
    assert hint in str(refused.value.hint)
    if "==" not in filter and "like" not in str(filter):
        (sql,) = re.findall(r'filter="(.*)"', str(refused.value.hint))
        assert table.scan(filter=sql).count() == 0


@pytest.mark.parametrize("filter", ["", " \n"])
def test_an_empty_text_is_no_filter(tmp_path: Path, filter: str) -> None:
    table = mq.create_table(tmp_path / "t", pa.schema([("n", pa.int64())]))
    with pytest.raises(mq.InvalidInputError, match="the filter is an empty text"):
        table.scan(filter=filter)
    with pytest.raises(mq.InvalidInputError, match="the filter is an empty text"):
        mq.export(tmp_path / "t", tmp_path / "o.csv", "csv", filter=filter)


def test_a_directory_is_no_complete_file(tmp_path: Path) -> None:
    table = mq.create_table(tmp_path / "t", pa.schema([("n", pa.int64())]))
    table.append(pa.table({"n": [1]}))
    with pytest.raises(mq.InvalidInputError, match="is a directory; expected a Parquet file"):
        mq.validate_parquet_file(tmp_path / "t")
    assert mq.validate_parquet_file(next((tmp_path / "t").glob("*.parquet")))


def test_several_paths_are_verified_together(tmp_path: Path) -> None:
    for name in "ab":
        mq.create_table(tmp_path / name, pa.schema([("n", pa.int64())])).append(pa.table({"n": [1]}))
    paths = [tmp_path / "a", str(tmp_path / "b")]
    verdicts = mq.verify(paths)
    assert verdicts and list(verdicts.by_path) == list(map(str, paths))
    (file,) = (tmp_path / "b").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert not mq.verify(paths) and not mq.verify(tuple(paths)).by_path[str(tmp_path / "b")]
    assert "b" in mq.verify(paths)._repr_html_()
    with pytest.raises(mq.InvalidInputError, match="no path is given"):
        mq.verify([])


def test_labels_of_a_table_without_samples_say_so(tmp_path: Path) -> None:
    mq.create_table(tmp_path / "book", pa.schema([("n", pa.int64())]))
    with pytest.raises(mq.NotFoundError, match="holds no samples"):
        mq.depth.load_labels(tmp_path / "book")
    with pytest.raises(mq.NotFoundError, match="no such table"):
        mq.depth.load_labels(tmp_path / "nowhere")


@pytest.mark.parametrize(("name", "package"), [("torch", "torch"), ("datatrove", "datatrove")])
def test_an_extra_that_is_not_installed_is_named(name: str, package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"import marquet as mq\ntry:\n    mq.{name}\nexcept ModuleNotFoundError as error:\n    print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f"needs the package '{package}" in told and f"whl[{name}]" in told
