"""Literals in filters keep every digit, whatever library they come from; NumPy, Polars, DuckDB and fractions judge."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import math
import operator
import random
import zoneinfo
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from stored_columns import NS, STORED

import marquet as mq

SEED = 97


SCHEMA = pa.schema(
    [
        *STORED,
        ("i", pa.int64()),
        ("f", pa.float64()),
        ("f32", pa.float32()),
        ("d", pa.decimal128(38, 9)),
        ("b", pa.bool_()),
        ("s", pa.string()),
        ("raw", pa.binary()),
    ]
)

COLUMNS: dict[str, list[Any]] = {
    "ts_event": [NS, NS + 1, NS + 999, NS + 1000, -(2**63), 2**63 - 1, 0, -1],
    "ts": [NS // 1000, NS // 1000 + 1, 2**62, -(2**62), 64_060_588_800_000_000, -62_135_596_800_000_000, 0, None],
    "date": [19724, 19725, 800_000, -719_162, 2_932_896, -1, 0, None],
    "price": [4_750_250_000_000, 4_750_000_000_000, 4750, 1, 2**63 - 1, 2**63 - 2, -250_000_000, None],
    "i": [0, 1, -1, 2**63 - 1, -(2**63), 2**53, 2**53 + 1, None],
    "f": [0.1, 0.5, math.nan, math.inf, -math.inf, 2.0**53, 2.0**64, None],
    "f32": [0.1, 0.5, math.nan, math.inf, -0.0, 16777216.0, 1.5, None],
    "d": [
        *map(
            decimal.Decimal, ("12345678901234567890.123456789", "12345678901234567890.123456788", "0.1", "0.333333333")
        ),
        *map(decimal.Decimal, ("18446744073709551617", "18446744073709551616", "-0.000000001")),
        None,
    ],
    "b": [True, False, True, None, True, False, None, True],
    "s": ["a", "b", "", "é", "2024-01-02", None, "a'b", "1"],
    "raw": [b"a", b"\xff", b"", b"\x00", b"1", None, b"z", b"zz"],
}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> mq.Table:
    made = mq.create_table(tmp_path_factory.mktemp("literals") / "t", SCHEMA)
    columns = {"k": list(range(8)), **COLUMNS}
    made.append(pa.table({f.name: pa.array(columns[f.name], f.type) for f in SCHEMA}, schema=SCHEMA))
    return made


def keys(table: mq.Table, filter: Any, **options: Any) -> list[int]:
    return sorted(table.scan(["k"], filter, **options).to_arrow()["k"].to_pylist())


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def by_python(column: str, op: str, value: Any, given: Callable[[Any], Any] = lambda stored: stored) -> list[int]:
    """The rows by Python's own comparison, which is exact between integers, fractions, decimals and floats."""
    return [k for k, v in enumerate(COLUMNS[column]) if v is not None and COMPARE[op](given(v), value)]


ONE_NANO_LATER = {
    "numpy scalar": np.datetime64(NS + 1, "ns"),
    "pandas": pd.Timestamp(NS + 1, tz="UTC"),
    "pandas in New York": pd.Timestamp(NS + 1, tz="UTC").tz_convert("America/New_York"),
    "arrow": pa.scalar(NS + 1, pa.timestamp("ns", "UTC")),
    "arrow dictionary": pa.DictionaryArray.from_arrays([0], pa.array([NS + 1], pa.timestamp("ns")))[0],
    "polars literal": pl.lit(NS + 1).cast(pl.Datetime("ns", "UTC")),
    "text": "2024-01-02T14:30:00.000000001",
    "text with more digits": "2024-01-02T14:30:00.000000001000",
    "integer": NS + 1,
}


@pytest.mark.parametrize("name", ONE_NANO_LATER)
def test_nanoseconds_as_one_value(table, name):
    value = ONE_NANO_LATER[name]
    assert keys(table, [("ts_event", "==", value)]) == [1]
    assert keys(table, [("ts_event", ">", value)]) == [2, 3, 5]
    assert keys(table, [("ts_event", "between", (value, value))]) == [1]
    assert keys(table, [("ts_event", "in", [value, None])]) == [1]


TIMES = pd.to_datetime([NS + 1, NS + 999], utc=True)
NANO_LISTS = {
    "polars": pl.Series([NS + 1, NS + 999, None]).cast(pl.Datetime("ns", "UTC")),
    "numpy": np.array([NS + 1, NS + 999, "NaT"], "datetime64[ns]"),
    "pandas": pd.Series([*TIMES, pd.NaT]),
    "pandas index": TIMES,
    "pandas in New York": pd.Series(TIMES.tz_convert("America/New_York")),
    "pandas on arrow": pd.Series(TIMES).astype(pd.ArrowDtype(pa.timestamp("ns", "UTC"))),
    "pandas categorical": pd.Series(TIMES).astype("category"),
    "arrow": pa.array([NS + 1, None, NS + 999], pa.timestamp("ns", "UTC")),
    "arrow chunked": pa.chunked_array([[NS + 1], [NS + 999]], pa.timestamp("ns", "UTC")),
    "arrow dictionary": pa.array([NS + 1, NS + 999], pa.timestamp("ns")).dictionary_encode(),
    "set": set(TIMES),
    "generator": (time for time in TIMES),
}


@pytest.mark.parametrize("name", NANO_LISTS)
def test_nanoseconds_in_lists(table, name):
    assert keys(table, [("ts_event", "in", NANO_LISTS[name])]) == [1, 2]


FAR_TIMES = [
    *(dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (1, 1600, 1677, 2024, 2263, 4000, 9999)),
    dt.datetime(9999, 12, 31, 23, tzinfo=zoneinfo.ZoneInfo("America/New_York")),
    dt.datetime(1883, 11, 18, 12, tzinfo=zoneinfo.ZoneInfo("America/New_York")),
    *(dt.date(1, 1, 1), dt.date(2024, 1, 2), dt.date(9999, 12, 31)),
    *(np.datetime64("12345-06-07", "D"), np.datetime64("-2000-01-01", "us"), np.datetime64(2**62, "us")),
    *(
        np.datetime64(2**62, "Y"),
        np.datetime64(-(2**62), "s"),
        np.datetime64(1, "as"),
        np.datetime64("2024-01-02T14", "h"),
    ),
    *(np.datetime64(5, ("s", 30)), np.datetime64("2024", "Y"), np.datetime64("2024-01", "M")),
    *(
        pd.Timestamp("3000-01-01"),
        pd.Timestamp(NS + 1),
        pa.scalar(2**62, pa.timestamp("us")),
        pa.scalar(2**31 - 1, pa.date32()),
    ),
    pl.lit(2**62).cast(pl.Datetime("us")),
]

ATTOS = {"D": 86_400 * 10**18, "s": 10**18, "ms": 10**15, "us": 10**12, "ns": 10**9, "ps": 10**6, "fs": 10**3, "as": 1}


def attos(value: Any) -> int:
    """Attoseconds since 1970, by NumPy's and Python's own arithmetic."""
    if isinstance(value, pl.Expr):
        return int(pl.select(value.to_physical()).item()) * ATTOS["us"]
    if isinstance(value, pa.Scalar):
        return value.value * ATTOS["D" if value.type == pa.date32() else value.type.unit]
    if isinstance(value, pd.Timestamp):
        return attos(value.asm8)
    if isinstance(value, dt.datetime):
        since = value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return (since.days * 86_400 * 10**6 + since.seconds * 10**6 + since.microseconds) * ATTOS["us"]
    if isinstance(value, dt.date):
        return (value - dt.date(1970, 1, 1)).days * ATTOS["D"]
    unit, step = np.datetime_data(value)
    if unit in "YM":
        year = int(value.astype("datetime64[Y]").astype(np.int64))
        if abs(year) > 10**7:  # beyond everything that a column holds
            return year * 31_556_952 * ATTOS["s"]
        return int(value.astype("datetime64[D]").astype(np.int64)) * ATTOS["D"]
    seconds = {"h": 3600, "m": 60, "W": 7 * 86_400}
    return int(value.astype(np.int64)) * step * (seconds[unit] * ATTOS["s"] if unit in seconds else ATTOS[unit])


@pytest.mark.parametrize("column", ["ts_event", "ts", "date"])
@pytest.mark.parametrize("value", FAR_TIMES, ids=lambda value: type(value).__name__)
def test_any_time_that_a_column_can_hold(table, column, value):
    unit = {"ts_event": "ns", "ts": "us", "date": "D"}[column]
    for op in COMPARE:
        expected = by_python(column, op, attos(value), lambda stored: stored * ATTOS[unit])
        assert keys(table, [(column, op, value)]) == expected, op


NUMBERS: list[Any] = [
    *(0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 + 1, -(2**64), 2**100, -(2**2000), 10**5000),
    *(0.5, -0.0, 1e300, 2.0**53, 2.0**64, math.inf, -math.inf),
    *map(fractions.Fraction, ("1/2", "1/3", "-1/3", "18446744073709551617/1", "1/1000000000000000000000000")),
    *(np.int8(1), np.uint64(2**64 - 1), np.int64(-1), np.float16(0.5), np.float32(0.5), np.float64(0.5)),
    np.longdouble(2) ** 63 + 1,
    *(
        pa.scalar(2**64 - 1, pa.uint64()),
        pa.scalar(-1, pa.int8()),
        pa.scalar(0.5, pa.float32()),
        pa.scalar(0.5, pa.float16()),
    ),
    *map(
        decimal.Decimal,
        ("18446744073709551617", "0.5", "Infinity", "-Infinity", "1E+30", "12345678901234567890.123456789"),
    ),
    pa.scalar(decimal.Decimal("12345678901234567890.123456788"), pa.decimal128(38, 9)),
    pa.scalar(decimal.Decimal("12345678901234567890.1234567880"), pa.decimal256(60, 10)),
    decimal.Decimal("12345678901234567890.12345678800000000000000000000000000000000001"),
]


def number(value: Any) -> Any:
    """As Python compares it exactly."""
    value = value.as_py() if isinstance(value, pa.Scalar) else value
    if isinstance(value, np.longdouble):
        return fractions.Fraction(*map(int, value.as_integer_ratio()))
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, decimal.Decimal):
        return fractions.Fraction(value) if value.is_finite() else float(value)
    return value


@pytest.mark.parametrize("column", ["i", "d", "f"])
@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: type(value).__name__)
def test_numbers_of_any_length(table, column, value):
    exact = number(value)
    if column == "f" and isinstance(exact, fractions.Fraction) and exact.denominator != 1:
        exact = float(exact)  # 0.1 means the column's own 0.1
    given = fractions.Fraction if column == "d" else float if column == "f" else int
    for op in COMPARE:
        assert keys(table, [(column, op, value)]) == by_python(column, op, exact, given), op
    assert keys(table, [(column, "in", [value])]) == by_python(column, "==", exact, given)


def test_random_decimals_as_duckdb_compares_them(table):
    choice = random.Random(SEED)
    rows = table.scan(["k", "d"]).to_arrow()
    connection = duckdb.connect()
    connection.register("rows", rows)
    for _ in range(150):
        digits = str(choice.choice([12345678901234567890123456789, 10**28, 333333333, 18446744073709551616 * 10**9]))
        text = f"{choice.choice(['', '-'])}{digits[:-9] or '0'}.{digits[-9:]}"
        op = choice.choice(list(COMPARE))
        where = f"d {'=' if op == '==' else op} {text}"
        expected = sorted(row[0] for row in connection.sql(f"select k from rows where {where}").fetchall())
        assert keys(table, where) == expected
        assert keys(table, [("d", op, decimal.Decimal(text))]) == expected
        assert keys(table, [("d", op, text)]) == expected


PRICE_FORMS: dict[str, Callable[[int], Any]] = {
    "float": lambda stored: stored / 10**9,
    "decimal": lambda stored: fractions.Fraction(stored, 10**9),
}


@pytest.mark.parametrize("form", PRICE_FORMS)
@pytest.mark.parametrize(
    "value", [4750, 4750.25, 0, -0.25, 9223372036, 9223372036.854776, 1e-9, 2**70, np.float64(4750.25)]
)
def test_numbers_are_prices_where_prices_are_given(table, form, value):
    given = PRICE_FORMS[form]
    exact = fractions.Fraction(repr(float(value))) if form == "decimal" and isinstance(value, float) else value
    for op in COMPARE:
        expected = by_python("price", op, exact, given)
        assert keys(table, [("price", op, value)], price=form) == expected, op
        assert keys(
            table, f"price {op} {value!r}" if type(value) in (int, float) else [("price", op, value)], price=form
        ) == (expected)


@pytest.mark.parametrize("form", ["stored", "float", "decimal"])
def test_text_and_decimals_are_always_prices(table, form):
    for text, expected in (("4750.25", [0]), ("4750", [1]), ("4750.00", [1]), ("1e-9", [3]), ("-0.25", [6])):
        for value in (text, decimal.Decimal(text), pa.scalar(decimal.Decimal(text), pa.decimal128(38, 9))):
            assert keys(table, [("price", "==", value)], price=form) == expected
            assert keys(table, [("price", "in", [value])], price=form) == expected
        assert keys(table, f"price = '{text}'", price=form) == expected
    assert keys(table, [("price", ">", decimal.Decimal("4750.2499999999999"))], price=form) == [0, 4, 5]


def test_stored_prices_are_integers(table):
    assert keys(table, [("price", ">", 4_750_000_000_000)]) == [0, 4, 5]
    assert keys(table, "price in ('0.00000475', '0.000000001')") == [2, 3]
    assert keys(table, [("price", "<", math.inf)]) == [0, 1, 2, 3, 4, 5, 6]
    for fraction in (4750.25, 4750.0, np.float32(0.5)):
        with pytest.raises(mq.InvalidInputError, match=r"'4750\.25'"):
            table.scan(filter=[("price", ">", fraction)])


def test_a_whole_price_beside_stored_prices_is_refused(table):
    for term in ((">", 4750), ("==", np.int64(4750)), ("in", [0, 4750]), ("between", (4749, 4751)), ("<", -1)):
        with pytest.raises(mq.InvalidInputError, match="stores prices in units of 1e-9") as refused:
            table.scan(filter=[("price", *term)])
        assert 'price="float"' in refused.value.hint and "000000000, or ask" in refused.value.hint
    assert keys(table, [("price", "!=", 0)], price="stored") == [0, 1, 2, 3, 4, 5, 6]
    # What Polars pushes down means units, as it does on the frame.
    assert table.lazy().filter(pl.col("price") == 4750).collect()["k"].to_list() == [2]


def test_seconds_are_no_nanoseconds(tmp_path):
    schema = pa.schema([pa.field("ts_event", pa.int64(), metadata={"unit": "ns"}), ("k", pa.int64())])
    table = mq.create_table(tmp_path / "t", schema)
    table.append(pa.table({"ts_event": [0, 1_709_584_637_000_000_000], "k": [0, 1]}, schema=schema))
    for seconds in (1_709_584_637, 1_709_584_637_000, 1_709_584_637_000_000, 1_709_584_637.0, np.int64(1_709_584_637)):
        with pytest.raises(mq.InvalidInputError, match="counts ns since 1970") as refused:
            table.scan(filter=[("ts_event", ">", seconds)])
        assert "2024-03-04T20:37:17Z" in refused.value.hint and "1709584637000000000" in refused.value.hint
        for bound in ("start", "end"):
            if not isinstance(seconds, float):
                with pytest.raises(mq.InvalidInputError, match="counts nanoseconds since 1970") as refused:
                    table.scan(**{bound: seconds})
                assert "1709584637000000000" in refused.value.hint
    assert keys(table, [("ts_event", ">", 0)]) == [1]
    assert keys(table, [("ts_event", ">=", 1_709_584_637_000_000_000)]) == [1]
    assert table.scan(start=1_709_584_637_000_000_000).count() == 1
    assert table.scan(start=0).count() == 2
    with pytest.raises(mq.InvalidInputError, match="is not before the end"):
        table.scan(start="2024-03-05", end="2024-03-04")


def test_an_arrow_expression_means_the_form_that_comes_out(table):
    assert keys(table, pc.field("price") == 4750) == [2]
    assert keys(table, pc.field("price") == 4750.25, price="float") == [0]
    assert keys(table, pc.field("price") > pa.scalar(decimal.Decimal("4750.1")), price="decimal") == [0, 4, 5]


class Side(enum.Enum):
    ASK = "a"


class Digit(enum.IntEnum):
    ONE = 1


NULLS = [None, pd.NA, pd.NaT, np.datetime64("NaT"), pa.scalar(None), pa.scalar(None, pa.timestamp("ns"))]


@pytest.mark.parametrize("null", NULLS, ids=repr)
def test_what_is_missing_is_null(table, null):
    for op in COMPARE:
        assert keys(table, [("ts", op, null)]) == []
    assert keys(table, [("i", "in", [1, null])]) == [1]
    assert keys(table, [("i", "in", {1, null})]) == [1]
    assert keys(table, [("i", "not in", [1, null])]) == []


def test_other_values(table):
    assert keys(table, [("s", "==", Side.ASK)]) == [0]
    assert keys(table, [("i", "==", Digit.ONE)]) == [1]
    assert keys(table, [("raw", "==", b"\xff")]) == [1]
    assert keys(table, [("raw", "in", [np.bytes_(b"a"), bytearray(b"z"), pa.scalar(b"\x00")])]) == [0, 3, 6]
    assert keys(table, [("s", "in", pl.Series(["a", "é", None], dtype=pl.Categorical))]) == [0, 3]
    assert keys(table, [("s", "in", pd.Series(["a", None, "b"], dtype="string"))]) == [0, 1]
    assert keys(table, [("i", "in", pd.Series([1, None], dtype="Int64"))]) == [1]
    assert keys(table, [("i", "in", pl.Series([2**63 - 1, 1], dtype=pl.UInt64))]) == [1, 3]
    assert keys(table, [("d", "in", pl.Series([decimal.Decimal("0.1")]))]) == [2]
    assert keys(table, [("b", "==", np.bool_(False))]) == [1, 5]
    assert keys(table, [("f32", "==", np.float32(0.1))]) == keys(table, [("f32", "==", 0.1)]) == [0]
    assert keys(table, [("f32", "==", 1e-60)]) == []
    assert keys(table, [("f", "==", decimal.Decimal("NaN"))]) == keys(table, [("f", "in", [math.nan])]) == []


REFUSED = [
    ("b", 1),
    ("b", "true"),
    ("i", True),
    ("i", np.True_),
    ("i", b"1"),
    ("f", False),
    ("price", b"1"),
    ("price", True),
    ("ts", 5),
    ("ts", math.inf),
    ("s", 1),
    ("i", dt.timedelta(1)),
    ("i", np.timedelta64(5, "ns")),
    ("i", pd.Timedelta(5)),
    ("i", pa.scalar(5, pa.duration("ns"))),
    ("i", pa.scalar(5, pa.time64("ns"))),
    ("i", pa.array(pd.period_range("2024-01-01", periods=1, freq="D"))[0]),
    ("i", dt.time(1)),
    ("i", 1j),
    ("i", np.array([1])),
    ("i", pd.DataFrame({"i": [1]})),
    ("i", pl.col("f")),
    ("i", pl.lit(pl.Series([1, 2]))),
]


@pytest.mark.parametrize(
    ("column", "value"), REFUSED, ids=lambda part: part if isinstance(part, str) else type(part).__name__
)
def test_what_means_nothing_beside_a_column_is_refused(table, column, value):
    with pytest.raises(mq.InvalidInputError):
        table.scan(filter=[(column, "==", value)])
    with pytest.raises(mq.InvalidInputError):
        table.scan(filter=[(column, "in", [value])])


@pytest.mark.parametrize(
    "many", [pd.DataFrame({"k": [1]}), pl.DataFrame({"k": [1]}), np.array([[1]]), np.array(1), 5, b"a"]
)
def test_a_list_has_one_dimension(table, many):
    with pytest.raises(mq.InvalidInputError):
        table.scan(filter=[("i", "in", many)])
