"""Rows that come as dictionaries: each file has the values that were given, or an error says which it cannot have."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

UTC = datetime.UTC
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
NANOSECOND = pd.Timestamp("2024-01-01 00:00:00.000000001")


def written(folder: pathlib.Path, rows: Any, schema: pa.Schema | None = None) -> list[dict[str, Any]]:
    with mq.ParquetWriter(folder, "all.parquet", schema=schema) as writer:
        writer.write(rows)
    return pq.read_table(folder / "all.parquet").to_pylist()


def test_a_dictionary_may_be_filled_again(tmp_path: pathlib.Path) -> None:
    row: dict[str, Any] = {"n": 0, "list": [], "struct": {"k": [0]}, "array": np.zeros(2), "bytes": bytearray(b"0")}
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        for n in range(5):
            row["n"] = n
            row["list"].append(n)
            row["struct"]["k"][0] = n
            row["array"][:] = n
            row["bytes"][0] = ord("0") + n
            writer.write(row)
    assert pq.read_table(tmp_path / "all.parquet").to_pylist() == [
        {
            "n": n,
            "list": list(range(n + 1)),
            "struct": {"k": [n]},
            "array": [n, n],
            "bytes": str(n).encode(),
        }
        for n in range(5)
    ]


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 5)], 1),
        ([datetime.datetime(2024, 1, 1, 5), datetime.date(2024, 1, 1)], 1),
        ([[datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 5)]], 0),
        ([datetime.time(5), datetime.time(5, tzinfo=UTC)], 1),
        ([{"k": [datetime.datetime(2024, 1, 1, tzinfo=UTC), datetime.datetime(2024, 1, 1)]}], 0),
        ([NANOSECOND], 0),
        ([datetime.datetime(2024, 1, 1), NANOSECOND], 1),
        ([[NANOSECOND]], 0),
        ([datetime.timedelta(1), pd.Timedelta(1, "ns")], 1),
        (["text", b"bytes"], 0),
        ([b"\xff", "text"], 1),
        ([["text", b"bytes"]], 0),
        ([pd.NaT], 0),
        ([np.datetime64("2024-01-01")], 0),
        (["\ud800"], 0),
        ([1, 2**63], 1),
        ([-1, -(2**70)], 1),
        ([1, object()], 1),
    ],
)
def test_what_a_column_does_not_hold_is_refused(tmp_path: pathlib.Path, values: list[Any], place: int) -> None:
    with pytest.raises(mq.SchemaError, match=rf"column 'a.*'.*row {place} holds"):
        written(tmp_path, [{"a": value} for value in values])
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.timestamp("ns"), [NANOSECOND, pd.Timestamp("2024-01-01")]),
        (pa.duration("ns"), [pd.Timedelta(1, "ns"), pd.Timedelta(1, "D")]),
        (pa.uint64(), [2**63, 2**64 - 1]),
        (pa.date32(), [datetime.date(2024, 1, 1), None]),
        (pa.timestamp("us", "UTC"), [datetime.datetime(2024, 1, 1, tzinfo=INDIA), None]),
    ],
)
def test_a_schema_that_holds_them_does(tmp_path: pathlib.Path, kind: pa.DataType, values: list[Any]) -> None:
    assert [row["a"] for row in written(tmp_path, [{"a": v} for v in values], pa.schema([("a", kind)]))] == values


def test_rows_are_numbered_from_the_first_one_written(tmp_path: pathlib.Path) -> None:
    with pytest.raises(mq.SchemaError, match="row 1234 holds a str, row 1000 a int"):
        written(tmp_path, [{"a": n if n != 1234 else "x"} for n in range(1300)])


def test_the_key_within_a_value_is_named(tmp_path: pathlib.Path) -> None:
    rows = [{"metadata": {"source": {"page": page}}} for page in (1, 2, None, "3")]
    with pytest.raises(mq.SchemaError, match=r"column 'metadata\.source\.page': row 3 holds a str, row 0 a int"):
        written(tmp_path, rows)


def test_values_that_hold_themselves_are_refused(tmp_path: pathlib.Path) -> None:
    a_list: list[Any] = []
    a_list.append(a_list)
    a_dictionary: dict[str, Any] = {}
    a_dictionary["k"] = a_dictionary
    for place, value in enumerate((a_list, a_dictionary)):
        with pytest.raises(mq.SchemaError, match=r"'a'.*64 levels"):
            written(tmp_path / str(place), {"a": value})


@pytest.mark.parametrize("key", [1, None, b"a", ("a",)])
def test_keys_that_are_no_strings_are_named(tmp_path: pathlib.Path, key: Any) -> None:
    with pytest.raises(mq.SchemaError, match="the key"):
        written(tmp_path, {key: 1, "b": 2})


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
    "frame",
    [
        pd.DataFrame({"a": [1, "x"]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        polars.DataFrame({"a": polars.Series([object()], dtype=polars.Object)}),
    ],
)
def test_frames_of_what_no_file_holds_are_refused(tmp_path: pathlib.Path, frame: Any) -> None:
    with pytest.raises(mq.SchemaError, match=r"pandas frame|Python objects"):
        written(tmp_path, frame)


def test_polars_opens_times_of_every_offset(tmp_path: pathlib.Path) -> None:
    time = datetime.datetime(2024, 1, 1, 5, 30, tzinfo=INDIA)
    written(tmp_path, [{"a": time, "list": [time], "struct": {"k": time}}])
    assert polars.read_parquet(tmp_path / "all.parquet").to_dicts() == [
        {"a": time, "list": [time], "struct": {"k": time}}
    ]
