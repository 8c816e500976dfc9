"""Rows that come as dictionaries: each file has the values that were given, or an error says which it cannot have."""

from __future__ import annotations

import collections
import datetime
import pathlib
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

UTC = datetime.UTC
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


SPLIT = datetime.timezone(datetime.timedelta(microseconds=999999))


class Point(NamedTuple):
    """Whose values have names."""

    x: int
    y: int


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
        ([np.datetime64(5, "ns"), np.float32(1)], 1),
        ([{"k": np.datetime64(5, "ns")}, {"k": np.int16(1)}], 1),
        ([1, np.True_], 1),
        ([1, np.timedelta64(5, "ns")], 1),
        ([datetime.time(5), np.timedelta64(5, "us")], 1),
        ([[1, np.True_]], 0),
        ([np.array([True]), [1]], 0),
        ([1.5, True], 1),
        ([1.5, np.True_], 1),
        ([[1.5, False]], 0),
        ([{"k": 1.5}, {"k": True}], 1),
        ([np.array([1.5]), [True]], 1),
        ([0, np.float16(0.5)], 1),
        ([[1], np.array([0.5], "f2")], 1),
        ([1, np.complex128(1 + 2j)], 1),
        ([1.5, np.longdouble(1.1)], 1),
        ([0, uuid.UUID(int=3)], 1),
        ([uuid.UUID(int=3), b"x" * 16], 1),
        ([10**5000], 0),
        ([1, {"k": 10**5000}], 1),
        ([datetime.datetime(2024, 1, 1, tzinfo=SPLIT)], 0),
        ([[datetime.datetime(2024, 1, 1, tzinfo=SPLIT)]], 0),
        ([datetime.datetime(2024, 1, 1, tzinfo=UTC), datetime.datetime(2024, 1, 1, tzinfo=SPLIT)], 1),
        ([Decimal("1.5"), Decimal("NaN")], 1),
        ([Decimal("1.5"), Decimal("Infinity")], 1),
        ([Decimal("1.5"), Decimal("1E-19")], 1),
        ([Decimal("1E+20")], 0),
        ([1, Decimal("1.5")], 1),
        ([{"k": [1, Decimal(2)]}], 0),
    ],
)
def test_what_a_column_does_not_hold_is_refused(tmp_path: pathlib.Path, values: list[Any], place: int) -> None:
    with pytest.raises(mq.SchemaError, match=rf"column 'a.*'.*row {place} holds"):
        written(tmp_path, [{"a": value} for value in values])
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize("value", [NANOSECOND, [NANOSECOND], {"k": NANOSECOND}, pd.Timedelta(1, "ns")])
def test_nanoseconds_ask_for_a_schema(tmp_path: pathlib.Path, value: Any) -> None:
    with pytest.raises(mq.SchemaError, match="hint: Give a schema with nanoseconds"):
        written(tmp_path, [{"a": value}])


@pytest.mark.parametrize(
    "value",
    [
        np.datetime64("2024-01-01", "D"),
        np.datetime64("2024-01-01T05", "h"),
        np.datetime64(1, "25s"),  # of which pyarrow makes one second
        np.timedelta64(1, "7ms"),
        [np.datetime64(1, "25s")],
        {"k": np.array([1, 2], "M8[25s]")},
        np.array([1, 2], "m8[h]"),
    ],
)
@pytest.mark.parametrize("kind", [None, pa.timestamp("s"), pa.duration("ms"), pa.list_(pa.timestamp("s"))])
def test_units_of_numpy_that_arrow_has_not_are_refused(tmp_path: pathlib.Path, value: Any, kind: Any) -> None:
    schema = None if kind is None else pa.schema([("a", kind)])
    with pytest.raises(
        mq.SchemaError, match=r"is no kind of time that Arrow has; give it as (datetime|timedelta)64\[s"
    ):
        written(tmp_path, [{"a": value}], schema)
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.timestamp("ns"), [NANOSECOND, pd.Timestamp("2024-01-01")]),
        (pa.duration("ns"), [pd.Timedelta(1, "ns"), pd.Timedelta(1, "D")]),
        (pa.uint64(), [2**63, 2**64 - 1]),
        (pa.date32(), [datetime.date(2024, 1, 1), None]),
        (pa.timestamp("us", "UTC"), [datetime.datetime(2024, 1, 1, tzinfo=INDIA), None]),
        (pa.decimal128(10, 2), [Decimal("1.5"), 1, -7, Decimal("99999999.99"), None]),
        (pa.decimal256(50, 2), [Decimal("1.5"), 10**45]),
        (pa.list_(pa.decimal128(10, 2)), [[Decimal("1.5"), 1, None], []]),
    ],
)
def test_a_schema_that_holds_them_does(tmp_path: pathlib.Path, kind: pa.DataType, values: list[Any]) -> None:
    assert [row["a"] for row in written(tmp_path, [{"a": v} for v in values], pa.schema([("a", kind)]))] == values


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.decimal128(10, 2), Decimal("1.005")),
        (pa.decimal128(4, 2), Decimal("100.25")),
        (pa.decimal128(10, 2), 1.25),
        (pa.decimal128(10, 2), True),
        (pa.decimal128(4, 2), 100),
        (pa.string(), b"bytes"),
        (pa.dictionary(pa.int32(), pa.string()), b"bytes"),
        (pa.int64(), np.True_),
        (pa.int64(), Decimal("1.5")),
        (pa.bool_(), 1),
        (pa.float64(), True),
        (pa.list_(pa.float64()), [1.5, True]),
        (pa.list_(pa.float32()), [1.5, True]),
        (pa.float16(), 2049),
        (pa.float32(), 10**400),
        (pa.list_(pa.float16()), np.array([2049])),
        (pa.list_(pa.float32()), b"ab"),
        (pa.list_(pa.float32()), ""),
        (pa.list_(pa.float32()), {}),
        (pa.large_list(pa.string()), "xyz"),
        (pa.list_(pa.decimal128(10, 2)), b"ab"),
        (pa.struct([("k", pa.float32())]), ""),
        (pa.struct([("k", pa.float32())]), []),
        (pa.struct([("k", pa.int64())]), [("k", 1), ("k", 2)]),
        (pa.struct([("k", pa.float32())]), [("k", 1), ("k", 2)]),
        (pa.map_(pa.string(), pa.int64()), ""),
        (pa.map_(pa.string(), pa.int64()), b""),
        (pa.map_(pa.string(), pa.int64()), 5),
        (pa.map_(pa.string(), pa.int64()), [("k", 1, 2)]),
        (pa.map_(pa.string(), pa.int64()), {None: 1}),
        (pa.map_(pa.string(), pa.string()), [{"a": "k", "b": "x"}]),
        (pa.map_(pa.string(), pa.string()), [{"key": None, "value": "x"}]),
        (pa.list_(pa.map_(pa.string(), pa.string())), [[{"a": "k", "b": "x"}]]),
        (pa.uuid(), 3),
        (pa.timestamp("us", "UTC"), datetime.datetime(2024, 1, 1, tzinfo=SPLIT)),
        (pa.timestamp("us", "UTC"), datetime.datetime(2024, 1, 1)),
        (pa.timestamp("us"), datetime.datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_schema_that_does_not_hold_it_refuses(tmp_path: pathlib.Path, kind: pa.DataType, value: Any) -> None:
    with pytest.raises((mq.SchemaError, mq.InvalidInputError), match="column 'a'"):
        written(tmp_path, [{"a": value}], pa.schema([("a", kind)]))
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("pa.map_(pa.string(), pa.int64())", "[None]"),
        ("pa.list_(pa.map_(pa.string(), pa.int64()))", "[[None]]"),
        ("pa.struct([('k', pa.map_(pa.string(), pa.int64()))])", "{'k': [None]}"),
    ],
)
def test_a_null_among_the_pairs_of_a_map_is_refused(
    tmp_path: pathlib.Path, run_python: Callable[..., Any], kind: str, value: str
) -> None:
    """In a process of its own, which pyarrow would end."""
    done = run_python(
        f"""
import sys, marquet as mq, pyarrow as pa
writer = mq.ParquetWriter(sys.argv[1], "all.parquet", schema=pa.schema([("a", {kind})]))
writer.write([{{"a": {value}}}])
writer.flush()
""",
        tmp_path,
    )
    assert done.returncode == 1
    assert "SchemaError" in done.stderr
    assert "column 'a'" in done.stderr


@pytest.mark.parametrize(
    "value", [{"k": "x"}, [("k", "x")], [{"key": "k", "value": "x"}], [{"value": "x", "key": "k"}]]
)
@pytest.mark.parametrize("listed", [False, True])
def test_maps_in_each_of_their_forms(tmp_path: pathlib.Path, value: Any, listed: bool) -> None:
    kind = pa.map_(pa.string(), pa.string())
    schema = pa.schema([("a", pa.list_(kind) if listed else kind)])
    expected = [("k", "x")]
    rows = written(tmp_path, [{"a": [value] if listed else value}], schema)
    assert rows == [{"a": [expected] if listed else expected}]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (polars.DataFrame({"a": [["x", "y"]]}), "xyz"),
        ([{"a": [Decimal(1)]}], b"ab"),
        ([{"a": [Decimal(1)]}], ""),
        ([{"a": {"k": Decimal(1)}}], ""),
        ([{"a": {"k": Decimal(1)}}], []),
        ([{"a": 1.5}], True),
    ],
)
def test_text_is_no_list_after_lists(tmp_path: pathlib.Path, first: Any, second: Any) -> None:
    writer = mq.ParquetWriter(tmp_path, "all.parquet")
    writer.write(first)
    writer.flush()
    writer.write({"a": second})
    with pytest.raises(mq.SchemaError, match="column 'a' is"):
        writer.flush()
    writer.abort()


DECIMALS = [
    ["9.5", "10.25"],
    ["99.99", "100.00"],
    ["0.1", "1E+3", "-0.000000000000000001"],
    ["1", "0.001", "12345678901234567890.125"],
    [None, "1.5", None, "99999999999999999999"],
]


@pytest.mark.parametrize("batch", [1, 2, 1000])
@pytest.mark.parametrize("texts", DECIMALS)
def test_decimals_whatever_their_digits(tmp_path: pathlib.Path, texts: list[str | None], batch: int) -> None:
    values = [None if text is None else Decimal(text) for text in texts]
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        for i in range(0, len(values), batch):
            writer.write([{"a": value} for value in values[i : i + batch]])
            writer.flush()
    assert pq.read_table(tmp_path / "all.parquet")["a"].to_pylist() == values
    assert polars.read_parquet(tmp_path / "all.parquet")["a"].to_list() == values
    assert [row[0] for row in duckdb.sql(f"from '{tmp_path}/all.parquet'").fetchall()] == values


@pytest.mark.parametrize(("first", "second"), [(1, Decimal(2)), (Decimal(1), 2)])
def test_decimals_and_whole_numbers_whenever_a_batch_ends(tmp_path: pathlib.Path, first: Any, second: Any) -> None:
    outcomes = []
    for flushes in (False, True):
        folder = tmp_path / str(flushes)
        try:
            with mq.ParquetWriter(folder, "all.parquet") as writer:
                writer.write({"a": first})
                if flushes:
                    writer.flush()
                writer.write({"a": second})
        except mq.SchemaError as error:
            assert "column 'a'" in str(error)
            outcomes.append("refused")
        else:
            outcomes.append(str(pq.read_table(folder / "all.parquet").to_pylist()))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.ma.masked, None),
        (np.ma.array([1, 2, 3], mask=[False, True, False]), [1, None, 3]),
        (np.ma.array([1.5, 2.5]), [1.5, 2.5]),
        ([np.ma.masked, 1.5], [None, 1.5]),
        ({"k": np.ma.array([b"x", b"y"], mask=[True, False])}, {"k": [None, b"y"]}),
        (np.ma.array([[1, 2], [3, 4]], mask=[[False, True], [False, False]]), [[1, None], [3, 4]]),
    ],
)
def test_what_numpy_masks_is_null(tmp_path: pathlib.Path, value: Any, expected: Any) -> None:
    assert written(tmp_path, [{"id": 1, "a": value}]) == [{"id": 1, "a": expected}]


def test_masked_times_keep_their_nanoseconds(tmp_path: pathlib.Path) -> None:
    times = np.array(["2024-01-01T00:00:00.000000001", "2024-01-02"], dtype="M8[ns]")
    rows = written(tmp_path, [{"a": np.ma.array(times, mask=[False, True])}])
    assert rows == [{"a": [NANOSECOND, None]}]


class Names(list[Any]):
    """As libraries make of Python's own class."""


def objects(*values: Any) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "dict": lambda value: {"k": value},
    "ordered": lambda value: collections.OrderedDict(k=value),
    "default": lambda value: collections.defaultdict(list, k=value),
    "other": lambda value: collections.UserDict(k=value),
    "list": lambda value: [value],
    "names": lambda value: Names([value]),
    "objects": lambda value: objects(value, None),
    "mixed": lambda value: Names([collections.OrderedDict(k=objects(value, None))]),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers_of_every_class_are_looked_into(tmp_path: pathlib.Path, container: str) -> None:
    within = CONTAINERS[container]
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    plain = written(tmp_path / "plain", [{"a": within([1, None, 3])}])
    assert written(tmp_path / "masked", [{"a": within(masked)}]) == plain
    for value in ({1, 2}, Point(1, 2), {b"k": 1, "k": 2}, collections.OrderedDict([("k", 1), (b"k", 2)])):
        with pytest.raises(mq.SchemaError, match=r"(?s)column 'a': row 0.*hint: Give"):
            written(tmp_path / "refused", [{"a": within(value)}])


def test_containers_of_every_class_are_kept_as_they_are(tmp_path: pathlib.Path) -> None:
    inner = Names([1])
    row = {"a": collections.OrderedDict(k=inner)}
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write(row)
        inner.append(2)
    assert pq.read_table(tmp_path / "all.parquet").to_pylist() == [{"a": {"k": [1]}}]


@pytest.mark.parametrize("value", [{1, 2}, frozenset("ab"), Point(1, 2)])
def test_what_a_list_would_not_hold_is_refused(tmp_path: pathlib.Path, value: Any) -> None:
    with pytest.raises(mq.SchemaError, match=r"(?s)column 'a': row 0.*hint: Give"):
        written(tmp_path, [{"a": value}])


def test_keys_that_are_bytes_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(mq.SchemaError, match="column 'a': row 0 holds a dictionary with keys that are bytes"):
        written(tmp_path, [{"a": [{b"k": 1, "k": 2}]}])


def test_floats_are_rounded_only_where_that_was_asked_for(tmp_path: pathlib.Path) -> None:
    asked = pa.schema([("a", pa.float32())])
    assert written(tmp_path / "asked", [{"a": 0.1}], asked) == [{"a": float(np.float32(0.1))}]
    with mq.ParquetWriter(tmp_path / "found", "all.parquet") as writer:
        writer.write({"a": np.float32(0.1)})
        writer.flush()
        writer.write({"a": 0.5})  # which a float32 holds
    writer = mq.ParquetWriter(tmp_path / "cut", "all.parquet")
    writer.write({"a": np.float32(0.1)})
    writer.flush()
    writer.write({"a": 0.1})
    with pytest.raises(mq.SchemaError, match="column 'a' is double"):
        writer.flush()
    writer.abort()


@pytest.mark.parametrize("kind", [pa.float32(), pa.list_(pa.float32()), pa.list_(pa.float16())])
def test_floats_are_not_rounded_to_infinity(tmp_path: pathlib.Path, kind: pa.DataType) -> None:
    schema, value = pa.schema([("a", kind)]), [1.5, float("inf")] if pa.types.is_list(kind) else float("-inf")
    assert written(tmp_path / "infinite", [{"a": value}, {"a": None}], schema) == [{"a": value}, {"a": None}]
    with pytest.raises(mq.SchemaError, match=r"column 'a': row 0 holds .*1e\+300.*, beyond what the schema's "):
        written(tmp_path, [{"a": [float("inf"), 1e300] if pa.types.is_list(kind) else 1e300}], schema)


def test_what_cannot_be_kept_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(mq.SchemaError, match="column 'a': row 0: a memoryview cannot be kept"):
        written(tmp_path, [{"a": memoryview(b"x")}])


def test_rows_are_numbered_from_the_first_one_written(tmp_path: pathlib.Path) -> None:
    with pytest.raises(mq.SchemaError, match="row 1234 holds a str, row 0 a int"):
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


def test_polars_opens_times_of_every_offset(tmp_path: pathlib.Path) -> None:
    time = datetime.datetime(2024, 1, 1, 5, 30, tzinfo=INDIA)
    written(tmp_path, [{"a": time, "list": [time], "struct": {"k": time}}])
    assert polars.read_parquet(tmp_path / "all.parquet").to_dicts() == [
        {"a": time, "list": [time], "struct": {"k": time}}
    ]


def test_infinities_in_an_array_of_objects_are_as_given(tmp_path: pathlib.Path) -> None:
    schema = pa.schema([("x", pa.list_(pa.float32()))])
    with mq.ParquetWriter(tmp_path, "a.parquet", schema=schema) as writer:
        writer.write([{"x": np.array([float("inf"), 2.0], dtype=object)}])
    assert pq.read_table(tmp_path / "a.parquet")["x"].to_pylist() == [[float("inf"), 2.0]]


@pytest.mark.parametrize("number", [np.uint64(2**64 - 1), np.uint64(2**64 - 2**40), np.ulonglong(2**64 - 1)])
@pytest.mark.parametrize("wanted", [None, pa.float64(), pa.float32(), pa.float16()])
def test_large_numbers_without_a_sign_are_no_negative_floats(tmp_path: pathlib.Path, number: Any, wanted: Any) -> None:
    """pyarrow takes their bits for those of signed ones, and makes -1.0 of the largest."""
    array = np.array([1, number], dtype=type(number))
    forms = [
        (wanted, [0.5, number]),
        (wanted and pa.list_(wanted), [[0.5], [1, number]]),
        (wanted and pa.list_(wanted), [np.array([0.5]), array]),
        (wanted and pa.struct([("k", wanted)]), [{"k": 0.5}, {"k": number}]),
        (wanted and pa.list_(pa.struct([("k", wanted)])), [[{"k": 0.5}], [{"k": 0.5}, {"k": number}]]),
    ]
    for place, (kind, (first, second)) in enumerate(forms):
        schema = kind and pa.schema([("a", kind)])
        with pytest.raises(mq.SchemaError):
            written(tmp_path / f"{place}-together", [{"a": first}, {"a": second}], schema)
        with pytest.raises(mq.MarquetError), mq.ParquetWriter(tmp_path / f"{place}-apart", "all.parquet") as writer:
            writer.write({"a": first})
            writer.write({"a": second})
