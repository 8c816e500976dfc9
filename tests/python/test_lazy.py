"""Lazy frames select, of every expression, what Polars selects of the frame in memory, and raise where it raises."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
import random
import warnings
import zoneinfo
from collections.abc import Callable
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pytest
from marquet._polars_sql import is_harmless, to_sql
from polars.testing import assert_frame_equal
from stored_columns import NS, STORED

import marquet as mq

SEED = 20240102


SCHEMA = pa.schema(
    [
        *STORED,
        ("s", pa.string()),
        ("i8", pa.int8()),
        ("i32", pa.int32()),
        ("i64", pa.int64()),
        ("f", pa.float64()),
        ("f32", pa.float32()),
        ("d", pa.decimal128(20, 3)),
        ("b", pa.bool_()),
        ("raw", pa.binary()),
    ]
)

YEAR_4000 = 64_060_588_800_000_000
FIRST = -(2**63)  # of 64-bit integers: no time to NumPy, and one to Polars
ZONES = ("Asia/Kolkata", "America/New_York")

VALUES: dict[str, list[Any]] = {
    "ts_event": [NS, NS + 1, NS + 999, NS + 1000, NS - 1, 0, -1, -(2**63), 2**63 - 1, None],
    "ts": [NS // 1000, NS // 1000 + 1, NS // 1000 - 1, 0, -1, YEAR_4000, -YEAR_4000, None],
    "date": [19724, 19725, 0, -1, 800_000, -719_162, None],
    "price": [4_750_250_000_000, 4_750_000_000_000, 4750, 5, 0, -5, 2**63 - 1, None],
    "s": ["a", "b", "", "a'b", "é", "12", "x" * 70, "\U0001f600", None],
    "i8": [-128, -1, 0, 1, 5, 127, None],
    "i32": [-(2**31), -1, 0, 1, 5, 2**31 - 1, None],
    "i64": [-(2**63), -(2**53) - 1, -1, 0, 1, 5, 2**53, 2**53 + 1, 2**63 - 1, None],
    "f": [float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 0.1, 1.0, 2.0**53, None],
    "f32": [float("nan"), float("inf"), -0.0, 0.1, 1.0, 16777216.0, None],
    "d": [decimal.Decimal(text) for text in ("0.1", "0.101", "-2.5", "12345678901234567.891", "0")] + [None],
    "b": [True, False, None],
    "raw": [b"", b"\xff", b"a", None],
}


ROWS = 160


def make_rows(count: int = ROWS) -> pa.Table:
    choice = random.Random(SEED).choice
    columns: dict[str, list[Any]] = {"k": list(range(count))}
    for name, values in VALUES.items():
        columns[name] = [choice(values) for _ in range(count)]
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in SCHEMA}, schema=SCHEMA)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> mq.Table:
    """Of several files and row groups, sorted by time and by integer, so that pruning finds something."""
    made = mq.create_table(tmp_path_factory.mktemp("lazy") / "t", SCHEMA, ["b"])
    rows = make_rows()
    for key, begin in (("ts_event", 0), ("i64", ROWS // 2)):
        made.append(rows.slice(begin, ROWS // 2).sort_by(key), row_group_size=16)
    return mq.open_table(made.path)


@pytest.fixture(scope="module")
def frame(table) -> pl.DataFrame:
    return table.scan().to_polars()


def outcome(rows: Callable[[], pl.DataFrame]) -> pl.DataFrame | None:
    """What comes out, or None where Polars raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return rows()
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError, pl.exceptions.PanicException):
        return None


def agree(
    table: mq.Table, frame: pl.DataFrame, expression: pl.Expr, name: object = None, columns: pl.Expr = pl.all()
) -> bool:
    """Compares both ways; whether there were rows."""
    name = name or str(expression)
    expected = outcome(lambda: frame.filter(expression).select(columns))
    found = outcome(lambda: table.lazy().filter(expression).select(columns).collect())
    assert (found is None) == (expected is None), f"{name}: Polars {expected}, lazy {found}"
    if found is None or expected is None:
        return False
    assert_frame_equal(found, expected)
    return expected.height > 0


def literals() -> dict[str, list[Any]]:
    """Literals of every type, those of a column's own among them."""
    utc, new_york = dt.UTC, zoneinfo.ZoneInfo("America/New_York")
    times: list[Any] = [
        *(pl.lit(NS + n).cast(pl.Datetime("ns", "UTC")) for n in (-1, 0, 1, 999, 1000)),
        *(pl.lit(NS // 1000 + n).cast(pl.Datetime("us", "UTC")) for n in (-1, 0, 1)),
        pl.lit(NS // 10**6).cast(pl.Datetime("ms", "UTC")),
        pl.lit(pl.Series([NS + 1]).cast(pl.Datetime("ns", "UTC"))).first(),
        pl.lit(dt.datetime(2024, 1, 2, 14, 30, tzinfo=utc)) + pl.duration(nanoseconds=1),
        dt.datetime(2024, 1, 2, 9, 30, 0, 1, tzinfo=new_york),
        *(dt.datetime(year, 1, 2, 14, 30, tzinfo=utc) for year in (1, 1600, 2024, 2262, 2263, 4000, 9999)),
        *(dt.datetime(year, 1, 2, 14, 30) for year in (1, 2024, 4000)),
        *(pl.lit(NS).cast(pl.Datetime("ns", zone)) for zone in (*ZONES, None)),
        *(pl.lit(NS // 1000).cast(pl.Datetime("us", zone)) for zone in ZONES),
        *(pl.lit(NS // 1000).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone) for zone in ZONES),
        *(dt.datetime(2024, 1, 2, 14, 30, tzinfo=zoneinfo.ZoneInfo(zone)) for zone in ZONES),
        *(pl.lit(FIRST).cast(pl.Datetime("ns", zone)) for zone in ("UTC", *ZONES, None)),
        dt.date(2024, 1, 2),
        dt.date(1, 1, 1),
        dt.date(9999, 12, 31),
        pl.lit(None, dtype=pl.Datetime("ns", "UTC")),
    ]
    numbers: list[Any] = [
        *(0, 1, 5, -1, 127, 128, -129, 200, 4750, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 2**100),
        *(0.0, -0.0, 0.1, 0.5, 1.0, 1e300, float("inf"), float("-inf"), float("nan"), 2.0**53),
        *(pl.lit(5, dtype=dtype) for dtype in (pl.Int8, pl.Int16, pl.UInt8, pl.UInt32, pl.UInt64, pl.Float32)),
        pl.lit(FIRST, dtype=pl.Int64),
        pl.lit(2**64 - 1, dtype=pl.UInt64),
        pl.lit(2**100, dtype=pl.Int128),
        pl.lit(0.1, dtype=pl.Float32),
        *map(decimal.Decimal, ("0.1", "0.101", "-2.5", "12345678901234567.891", "0.1010", "4750.25")),
        True,
        None,
    ]
    texts: list[Any] = [
        *("a", "a'b", "", "é", "12", "x" * 70, "\U0001f600", '"', "\\"),
        pl.lit("a", dtype=pl.Categorical),
        pl.lit("a", dtype=pl.Enum(["b", "a"])),
        b"a",
    ]
    return {"times": times, "numbers": numbers, "texts": texts}


FAMILIES = {
    "times": ["ts_event", "ts", "date"],
    "numbers": ["price", "i8", "i32", "i64", "f", "f32", "d", "b"],
    "texts": ["s", "raw"],
}

OPERATORS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "eq_missing", "ne_missing")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_literal_beside_every_column_of_its_family(table, frame, family):
    pick = random.Random(SEED).sample
    with_rows = 0
    for column, literal in itertools.product(FAMILIES[family], literals()[family]):
        for op in pick(OPERATORS, 2):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    expression = getattr(pl.col(column), op)(literal)
            except (TypeError, OverflowError, pl.exceptions.PolarsError):
                continue
            with_rows += agree(table, frame, expression, (column, op, literal), pl.col("k"))
    assert with_rows > 10


class Expressions:
    """Random boolean expressions, most of which Polars takes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.literals = literals()

    def pick(self, *options: Any) -> Any:
        return self.random.choice(options)

    def family(self) -> str:
        return str(self.pick(*FAMILIES))

    def column(self, family: str) -> pl.Expr:
        return pl.col(self.pick(*FAMILIES[family]))

    def literal(self, family: str) -> Any:
        return self.pick(*self.literals[family])

    def value(self, family: str) -> Any:
        column = self.column(family)
        match (family, self.random.randrange(8)):
            case ("numbers", 0):
                return column + self.literal(family)
            case ("numbers", 1):
                return self.pick(column % 3, column * 2, -column, column.abs(), column / 2, column // 0)
            case ("numbers", 2):
                return column.cast(self.pick(pl.Float64, pl.Int64, pl.Int16, pl.String), strict=self.pick(True, False))
            case ("times", 0):
                return self.pick(column.dt.date(), column.dt.truncate("1h"), column + dt.timedelta(microseconds=1))
            case ("times", 1):
                return column.cast(self.pick(pl.Date, pl.Datetime("us", "UTC"), pl.Int64))
            case ("texts", 0):
                return self.pick(
                    column.str.to_uppercase(), column.str.slice(0, 1), column + "a", column.cast(pl.Binary)
                )
            case ("texts", 1):
                return column.cast(pl.Int64, strict=self.pick(True, False)).cast(pl.String)
            case (_, 3):
                return pl.when(self.condition(0)).then(column).otherwise(self.literal(family))
            case (_, 4):
                return column.fill_null(self.literal(family))
        return column

    def listed(self, family: str) -> Any:
        names = [name for name in FAMILIES[family] if name in VALUES]
        name = self.pick(*names)
        values = [self.pick(*VALUES[name]) for _ in range(self.random.randrange(5))]
        dtype = {"ts_event": pl.Datetime("ns", "UTC"), "ts": pl.Datetime("us", "UTC"), "naive": pl.Datetime("us")}.get(
            name
        )
        series = pl.Series("v", values, dtype=pl.Int64).cast(dtype) if dtype else pl.Series("v", values, strict=False)
        if dtype and dtype.time_zone and self.random.random() < 0.3:
            series = series.dt.convert_time_zone(self.pick(*ZONES))
        return self.pick(series, series.implode(), series.to_list())

    def condition(self, depth: int) -> pl.Expr:
        family = self.family()
        column = self.column(family)
        if depth > 0 and self.random.random() < 0.6:
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick(
                left & right, left | right, left ^ right, ~left, left.eq(right), pl.all_horizontal(left, right)
            )
        match self.random.randrange(9):
            case 0:
                return column.is_in(self.listed(family), nulls_equal=self.pick(True, False))
            case 1:
                closed = self.pick("both", "left", "right", "none")
                return self.value(family).is_between(self.literal(family), self.literal(family), closed=closed)
            case 2:
                return self.pick(
                    column.is_null(), column.is_not_null(), pl.col("b"), pl.col("f").is_nan(), ~pl.col("b")
                )
            case 3:
                return getattr(self.value(family), self.pick(*OPERATORS))(self.value(family))
            case 4:
                pattern = self.pick("a", "^a", ".", "(", "'")
                return self.pick(
                    pl.col("s").str.starts_with(pattern),
                    pl.col("s").str.contains(pattern),
                    pl.col("s").str.contains(pattern, literal=True),
                    pl.col("s").str.len_chars() > 1,
                    pl.col("ts").dt.hour() > 3,
                    pl.col("date").dt.year() == 2024,
                    pl.col("s").str.to_date("%Y", strict=self.pick(True, False)).is_not_null(),
                )
            case 5:
                return getattr(column, self.pick(*OPERATORS))(getattr(column, self.pick("min", "max", "first"))())
        return getattr(self.value(family), self.pick(*OPERATORS))(self.literal(family))


@pytest.mark.parametrize("part", range(4))
def test_any_expression_selects_what_polars_selects(table, frame, part):
    made = Expressions(SEED + part)
    tried = with_rows = 0
    while tried < 100:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expression = made.condition(2)
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            continue
        tried += 1
        with_rows += agree(table, frame, expression, (SEED + part, tried, str(expression)))
    assert with_rows > 15


def test_predicates_over_whole_columns(table, frame):
    k, udf = pl.col("k"), pl.col("k").map_batches(lambda k: k > k.mean(), return_dtype=pl.Boolean)
    for expression in (
        *(k.max() > 3, k.max() > 10_000, pl.len() > 3, k > k.shift(), k.rank() > 3, k.over("s").max() > 1),
        *(
            k == pl.Series(range(ROWS)),
            k == pl.Series([1, 2]),
            k.is_in(pl.col("i64")),
            k.head(3) > 1,
            k,
            pl.col("zz") > 1,
        ),
        *(pl.first() > 100, pl.nth(3) > pl.date(2024, 1, 1), pl.last() != b"a", pl.nth(2) > pl.nth(1)),
        *(
            cs.integer() > 1,
            cs.integer().sum() > 1,
            pl.all_horizontal(cs.integer() > -(2**62)),
            pl.all_horizontal(cs.numeric().is_not_null()),
        ),
        *(cs.by_name("k") > 100, pl.all() > 1, pl.col("^k$") > 100, cs.by_name("k").mean() > 3, udf & (cs.boolean())),
    ):
        agree(table, frame, expression)


def test_python_functions_are_called_as_polars_calls_them(table, frame):
    seen: list[int] = []

    def is_even(value: int) -> bool:
        seen.append(value)
        return value % 2 == 0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_row = pl.col("k").map_elements(is_even, return_dtype=pl.Boolean)
        by_batch = pl.col("k").map_batches(lambda k: k > k.mean(), return_dtype=pl.Boolean)
        for expression in (by_row, by_batch, by_row & (pl.col("k") < 7), (pl.col("k") > 3) | by_row):
            assert agree(table, frame, expression)
    assert set(seen) == set(range(frame.height))


def test_what_raises_on_the_frame_raises_lazily(table, frame):
    # On its own, and beside a part that prunes the rows which raise.
    strict = pl.col("s").cast(pl.Int64) > 1
    few = pl.col("k") < 0
    for expression in (strict, few & strict, strict & few, ~few & strict, few & (pl.col("i64").cast(pl.Int8) > 0)):
        with pytest.raises(pl.exceptions.PolarsError):
            frame.filter(expression)
        with pytest.raises(pl.exceptions.PolarsError):
            table.lazy().filter(expression).collect()
        with pytest.raises(pl.exceptions.PolarsError):
            table.lazy().remove(expression).collect()


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_limits_count_rows_before_and_behind_filters(table, frame, engine):
    def same(made: Callable[[pl.LazyFrame], pl.LazyFrame]) -> None:
        assert_frame_equal(made(table.lazy()).collect(engine=engine), made(frame.lazy()).collect())

    k, udf = pl.col("k"), pl.col("k").map_batches(lambda k: k % 2 == 0, return_dtype=pl.Boolean)
    same(lambda rows: rows.head(2).filter(k > 50))
    same(lambda rows: rows.head(100).filter(k > 20).head(3))
    same(lambda rows: rows.filter(k > 120).head(2))
    same(lambda rows: rows.slice(3, 40).filter(pl.col("ts_event").is_not_null()))
    same(lambda rows: rows.filter(k > 20).slice(1, 2).select("s"))
    same(lambda rows: rows.tail(3).filter(k > 0))
    same(lambda rows: rows.head(0))
    same(lambda rows: rows.head(30).filter(udf).head(4).select(pl.len()))
    same(lambda rows: rows.filter(udf).select("s", "k").head(4))
    same(lambda rows: rows.filter(k > 5, pl.col("s") == "a", b=True).select(pl.len()))
    same(lambda rows: rows.filter(k < 0).select(pl.len()))
    same(lambda rows: rows.with_row_index().filter(pl.col("index") == 3))
    same(lambda rows: rows.filter("b").select(k.sum()))
    same(lambda rows: rows.filter([True, False] * (ROWS // 2)).select("k"))


def test_prices_are_what_the_frame_holds(table):
    for form in ("stored", "float", "decimal"):
        rows = table.scan(price=form).to_polars()
        lazy = table.lazy(price=form)
        assert lazy.collect_schema() == rows.schema
        for literal in (
            4750,
            4750.25,
            4750250000000,
            decimal.Decimal("4750.25"),
            decimal.Decimal("9223372036.854775807"),
        ):
            for expression in (pl.col("price") == literal, pl.col("price") > literal, pl.col("price") <= literal):
                expected = outcome(lambda rows=rows, expression=expression: rows.filter(expression))
                found = outcome(lambda lazy=lazy, expression=expression: lazy.filter(expression).collect())
                assert found is not None and expected is not None
                assert_frame_equal(found, expected)


@pytest.mark.parametrize("unit", ["ns", "us"])
def test_the_first_time_of_all_is_one(table, frame, unit):
    column = {"ns": "ts_event", "us": "ts"}[unit]
    first = pl.Series([-(2**63), 0], dtype=pl.Int64).cast(pl.Datetime(unit, "UTC"))
    for expression in (
        pl.col(column) == pl.lit(first[:1]).first(),
        pl.col(column) > pl.lit(-(2**63)).cast(first.dtype),
        (pl.col(column) == pl.lit(-(2**63)).cast(first.dtype)) & (pl.col("k") > 3),
        pl.col(column).is_between(pl.lit(-(2**63)).cast(first.dtype), pl.lit(0).cast(first.dtype)),
        pl.col(column).is_in(first.implode()),
    ):
        assert_frame_equal(table.lazy().filter(expression).collect(), frame.filter(expression))


def test_names_that_polars_takes_for_rules(tmp_path):
    rows = pa.table({"*": [1, 2], "^b.*$": [3, 4], "b": ["x", "y"]})
    made = mq.create_table(tmp_path / "t", rows.schema)
    made.append(rows)
    assert made.lazy().collect().to_dicts() == rows.to_pylist()
    assert made.lazy().filter(pl.col("b") == "y").collect().to_dicts() == rows.slice(1).to_pylist()
    assert made.lazy().select("b").collect().to_dicts() == rows.select(["b"]).to_pylist()


def test_a_lazy_frame_is_rows(table, frame, tmp_path):
    copy = mq.create_table(tmp_path / "t", table.schema)
    copy.append(table.lazy())
    copy.append(table.lazy().filter(pl.col("k") < 7))
    assert copy.scan().to_arrow()["k"].to_pylist().count(6) == 2
    with mq.ParquetWriter(tmp_path / "out", "all.parquet") as writer:
        writer.write(table.lazy().select("k", "s"))
    assert_frame_equal(pl.read_parquet(tmp_path / "out" / "all.parquet"), frame.select("k", "s"))


def test_what_can_be_said_in_sql_is_pushed_down(table):
    schema = table.lazy().collect_schema()

    def sql(expression: pl.Expr) -> str | None:
        return to_sql(expression, schema, frozenset({"price"}))

    i = pl.col("i64") > pl.lit(2, pl.Int64)
    assert sql(i & (pl.col("f") > 1.0)) == '("i64" > 2)'
    assert sql(i | (pl.col("f") > 1.0)) is None
    assert sql(pl.col("s") == "it's") == "\"s\" = 'it''s'"
    assert sql(pl.col("ts_event") > dt.datetime(2024, 1, 2, tzinfo=dt.UTC)) is None  # in microseconds as yet
    assert sql(pl.col("price") == pl.lit(4750, pl.Int64)) == "\"price\" = '4750e-9'"
    assert sql(pl.col("b") & i) == '("b" and "i64" > 2)'
    assert sql(pl.col("i8") > 3.5) is None
    assert sql(i & (pl.col("s").cast(pl.Int64) > 1)) is None  # which may raise for a row that it would leave out


def test_pruning_happens(table):
    """A time in nanoseconds out of a Python datetime, as Polars has made it by the time that it comes."""
    late = table.lazy().filter(pl.col("ts_event") > dt.datetime(2261, 1, 1, tzinfo=dt.UTC))
    assert "MARQUET SCAN" in late.explain() and "SELECTION" in late.explain()
    assert "SELECTION" not in table.lazy().filter(pl.col("s").cast(pl.Int64) > 1).explain()


@pytest.mark.parametrize("length", [20, 300])
def test_long_chains_are_no_trouble(table, length):
    chain = pl.col("k") == 0
    for i in range(1, length):
        chain = chain | (pl.col("k") == i * 7)
    assert table.lazy().filter(chain).select("k").collect()["k"].sort().to_list() == list(
        range(0, min(ROWS, length * 7), 7)
    )
    many = pl.col("k").is_in(list(range(0, 10**6, 7)))
    assert table.lazy().filter(many).select("k").collect().height == len(range(0, ROWS, 7))


def test_harmless_is_said_of_little():
    schema = pl.Schema({"k": pl.Int64(), "s": pl.String(), "d": pl.Decimal(10, 2)})
    k, s = pl.col("k"), pl.col("s")
    for harmless in (
        k > 1,
        k + 1 > 2,
        s.str.contains("^a"),
        k.cast(pl.Float64) > 1,
        k.is_in([1]),
        s.is_null() | (k == 3),
    ):
        assert is_harmless(harmless, lambda: schema), str(harmless)
    for harmful in (
        k.cast(pl.Int8) > 1,
        s.str.contains("("),
        s.str.to_date() > dt.date(2024, 1, 1),
        k > k.mean(),
        k == pl.Series([1, 2]),
        pl.col("d") * 2 > 1,
        k.map_batches(lambda k: k > 1),
    ):
        assert not is_harmless(harmful, lambda: schema), str(harmful)
