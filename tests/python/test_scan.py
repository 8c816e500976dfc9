"""Scans: columns, ranges, order, batches, and filters in all their forms against pandas and DuckDB."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import sys
from pathlib import Path

import duckdb
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import marquet as mq

NAN = float("nan")
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("symbol", pa.string()),
        ("i", pa.int64()),
        ("f", pa.float64()),
        ("b", pa.bool_()),
        ("d", pa.date32()),
        ("ts", pa.timestamp("us", "UTC")),
    ]
)


def make_rows(count: int = 4_000) -> pa.Table:
    random = np.random.default_rng(11)
    floats = random.choice([NAN, -0.0, 0.0, 1.5, -2.25, math.inf, -math.inf, 3.0], count)
    ts = np.datetime64("2024-03-01", "us") + np.arange(count) * np.timedelta64(60_000_000, "us")
    return pa.table(
        {
            "id": np.arange(count),
            "symbol": pa.array(random.choice(["A", "B", "ESH4", "é", "zz"], count), mask=random.random(count) < 0.1),
            "i": pa.array(random.integers(-6, 6, count), mask=random.random(count) < 0.15),
            "f": pa.array(floats, mask=random.random(count) < 0.1, from_pandas=False),
            "b": pa.array(random.random(count) < 0.5, mask=random.random(count) < 0.1),
            "d": ts.astype("datetime64[D]"),
            "ts": pa.array(ts).cast(pa.timestamp("us", "UTC")),
        },
        schema=SCHEMA,
    )


ROWS = make_rows()


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> mq.Table:
    made = mq.create_table(tmp_path_factory.mktemp("scan") / "t", SCHEMA, ["d"])
    for start in range(0, ROWS.num_rows, 1_500):
        made.append(ROWS.slice(start, 1_500), row_group_size=400)
    return made


def ids(scan: mq.Scan) -> list[int]:
    return sorted(scan.to_arrow()["id"].to_pylist())


def by_duckdb(predicate: str) -> list[int]:
    rows = ROWS  # DuckDB finds it by this name
    assert rows.num_rows
    connection = duckdb.connect()
    connection.sql("set timezone = 'UTC'")
    connection.register("rows", ROWS)
    return sorted(row[0] for row in connection.sql(f"select id from rows where {predicate}").fetchall())


def test_columns_come_in_the_order_asked_for(table):
    assert table.scan(["ts", "id"]).to_arrow().column_names == ["ts", "id"]
    assert table.scan("id").to_arrow().column_names == ["id"]
    assert table.scan(["d"]).count() == ROWS.num_rows
    with pytest.raises(mq.NotFoundError, match="symbl") as caught:
        table.scan(["symbl"])
    assert "symbol" in str(caught.value)


def test_batches_are_as_large_as_asked_for(table):
    batches = list(table.scan(["id"], batch_size=333).to_batches())
    assert max(batch.num_rows for batch in batches) <= 333
    assert sorted(pa.Table.from_batches(batches)["id"].to_pylist()) == list(range(ROWS.num_rows))


def test_rows_do_not_depend_on_memory_or_the_length_of_batches(table):
    columns = [name for name in ROWS.column_names if name != "f"]  # whose NaNs are equal to none
    for filter in (None, "i > 0", [("id", ">=", 700)], pc.field("id") >= 700):
        expected = table.scan(columns, filter).to_arrow()
        for options in ({"memory": 1}, {"batch_size": sys.maxsize}, {"batch_size": sys.maxsize, "memory": 1 << 16}):
            scan = table.scan(columns, filter, **options)
            assert scan.to_arrow().equals(expected)
            assert pa.Table.from_batches(list(scan.to_batches())).equals(expected)
            assert scan.statistics()["peak_bytes"] > 0
    for memory in (0, -1):
        with pytest.raises(mq.InvalidInputError, match="memory of"):
            table.scan(memory=memory)


def test_rows_are_sorted_with_nulls_last(table):
    read = table.scan(["i", "id"], sort_by=["i", "id"]).to_arrow()
    expected = ROWS.select(["i", "id"]).sort_by([("i", "ascending"), ("id", "ascending")])
    assert read.equals(expected)


def test_the_limit_holds(table):
    assert table.scan(limit=17).to_arrow().num_rows == 17
    assert table.scan(limit=0).to_arrow().num_rows == 0
    assert table.scan(["id"], sort_by="id", limit=3).to_arrow()["id"].to_pylist() == [0, 1, 2]
    assert table.scan(filter=pc.field("id") >= 100, limit=5).to_arrow().num_rows == 5


def test_start_and_end_are_half_open_and_take_every_kind_of_time(table):
    start, end = dt.datetime(2024, 3, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 3, 1, 2, tzinfo=dt.UTC)
    expected = list(range(60, 120))
    assert ids(table.scan(start=start, end=end)) == expected
    assert ids(table.scan(start="2024-03-01T01:00", end="2024-03-01T02:00Z")) == expected
    assert ids(table.scan(start="2024-03-01T02:00+01:00", end=pd.Timestamp(end))) == expected
    assert ids(table.scan(start=np.datetime64("2024-03-01T01"), end=np.datetime64("2024-03-01T02"))) == expected
    assert ids(table.scan(start=dt.datetime(2024, 3, 1, 1), end=int(end.timestamp()) * 10**9)) == expected
    assert ids(table.scan(end=dt.date(2024, 3, 2))) == list(range(1440))
    with pytest.raises(mq.InvalidInputError, match="NaT"):
        table.scan(start=np.datetime64("NaT"))
    with pytest.raises(TypeError, match="expected a time"):
        table.scan(start=1.5)  # type: ignore[arg-type]


def test_pandas_and_polars_give_the_same_values(table):
    scan = table.scan(filter="id < 500", sort_by="id")
    assert scan.to_polars()["id"].to_list() == list(range(500))
    assert scan.to_pandas()["id"].tolist() == list(range(500))
    exact = scan.to_pandas(dtype_backend="pyarrow")
    assert exact["i"].dtype == pd.ArrowDtype(pa.int64())
    assert exact["i"].isna().sum() == ROWS.slice(0, 500)["i"].null_count
    with pytest.raises(mq.InvalidInputError, match="numpy_nullable"):
        scan.to_pandas(dtype_backend="numpy_nullable")


BIG = 2**53 + 1  # the first whole number that is no float
INTEGERS_BESIDE_NULLS = [
    (pa.int64(), [BIG, None, -(2**63)]),
    (pa.int64(), [None, 2**53 - 1]),
    (pa.int64(), [1_080_050_000, None]),  # as a float it would pass for a price
    (pa.int64(), [None, None]),
    (pa.int32(), [-1, None, 2**31 - 1]),
    (pa.int16(), [None, 7]),
    (pa.int8(), [-128, None]),
    (pa.list_(pa.int64()), [[BIG, None], None, [1]]),
    (pa.struct([("k", pa.int64())]), [{"k": BIG}, {"k": None}, None]),
    (pa.map_(pa.string(), pa.int64()), [[("a", BIG)], [("b", None)], None]),
    (pa.list_(pa.struct([("k", pa.list_(pa.int64()))])), [[{"k": [BIG, None]}], None, []]),
    (pa.list_(pa.int32()), [[5, None], None, [1]]),
]


@pytest.mark.parametrize(("kind", "values"), INTEGERS_BESIDE_NULLS, ids=lambda one: str(one)[:40])
def test_integers_beside_nulls_keep_their_digits_in_pandas(tmp_path: Path, kind: pa.DataType, values: list) -> None:
    table = mq.create_table(tmp_path / "t", pa.schema([("v", kind)]))
    table.append(pa.table({"v": pa.array(values, kind)}))
    frame = table.scan().to_pandas()
    table.append(frame, mode="overwrite")
    assert table.scan().to_arrow()["v"].to_pylist() == pa.array(values, kind).to_pylist()
    if pa.types.is_integer(kind):
        assert str(frame["v"].dtype) == f"Int{kind.bit_width}"
        assert [None if value is pd.NA else value for value in frame["v"]] == values
    elif pa.types.is_list(kind) and pa.types.is_integer(kind.value_type):
        assert [None if value is None else list(value) for value in frame["v"]] == values


def test_integers_without_a_null_stay_those_of_numpy(tmp_path: Path) -> None:
    table = mq.create_table(tmp_path / "t", pa.schema([("v", pa.int64())]))
    table.append(pa.table({"v": [1, 2]}))
    assert table.scan().to_pandas()["v"].dtype == np.int64


def test_a_scan_can_be_run_again(table):
    scan = table.scan(filter=[("i", ">", 0)])
    assert scan.to_arrow().num_rows == scan.count() == sum(batch.num_rows for batch in scan.to_batches())


def test_pruning_reads_only_what_it_must(table):
    scan = table.scan(["id"], [("d", "==", dt.date(2024, 3, 2))])
    assert scan.to_arrow().num_rows == 1440
    statistics = scan.statistics()
    assert statistics["files_read"] < statistics["files"]
    assert statistics["rows_returned"] == 1440
    assert "files read" in scan.explain()


TERMS = [
    ([("i", "==", 3)], "i = 3"),
    ([("i", "=", 3)], "i = 3"),
    ([("i", "!=", 3)], "i != 3"),
    ([("i", "<>", 3)], "i != 3"),
    ([("i", "<", 2.5)], "i < 2.5"),
    ([("i", ">=", -1), ("symbol", "==", "A")], "i >= -1 and symbol = 'A'"),
    ([("i", "in", [1, 2, None])], "i in (1, 2)"),
    ([("i", "not in", {1, 2})], "i not in (1, 2)"),
    ([("i", "between", (-2, 2))], "i between -2 and 2"),
    ([("i", "not between", (-2, 2))], "i not between -2 and 2"),
    ([("symbol", "is null", None)], "symbol is null"),
    ([("symbol", "IS NOT  NULL", None)], "symbol is not null"),
    ([("symbol", "is not null")], "symbol is not null"),
    ([("symbol", "like", "E%4")], "symbol like 'E%4'"),
    ([("symbol", ">", "B")], "symbol > 'B'"),
    ([("b", "==", True)], "b = true"),
    ([("d", "==", dt.date(2024, 3, 2))], "d = date '2024-03-02'"),
    ([("d", ">", "2024-03-02")], "d > date '2024-03-02'"),
    ([("ts", "<", "2024-03-01T10:00:00")], "ts < timestamptz '2024-03-01 10:00:00+00'"),
    ([("ts", ">=", pd.Timestamp("2024-03-02", tz="UTC"))], "ts >= timestamptz '2024-03-02 00:00:00+00'"),
    ([("id", "in", np.array([5, 7]))], "id in (5, 7)"),
    ([("id", "==", np.int32(9))], "id = 9"),
    ([("id", "<", decimal.Decimal("2.5"))], "id < 2.5"),
    ([("id", "<", 2**70)], "id >= 0"),
    ([("id", ">", -(2**63) - 1)], "id >= 0"),
    ([[("i", "==", 1)], [("symbol", "==", "B"), ("b", "==", False)]], "i = 1 or (symbol = 'B' and b = false)"),
    ([("f", "is nan", None)], "isnan(f)"),
    ([("f", "==", 0.0)], "f = 0.0"),
    ([("f", "in", [0.0])], "f = 0.0"),
]


@pytest.mark.parametrize(("terms", "predicate"), TERMS, ids=[predicate for _, predicate in TERMS])
def test_lists_of_terms_mean_what_sql_says(table, terms, predicate):
    assert ids(table.scan(filter=terms)) == by_duckdb(predicate)


def test_nan_follows_ieee(table):
    values = ROWS["f"].to_pylist()
    for op, holds in (("!=", lambda v: v != NAN), ("==", lambda v: v == NAN), ("<", lambda v: v < NAN)):
        expected = [i for i, v in enumerate(values) if v is not None and holds(v)]
        assert ids(table.scan(filter=[("f", op, NAN)])) == expected
    above = [i for i, v in enumerate(values) if v is not None and v > 1.0]
    assert ids(table.scan(filter=[("f", ">", 1.0)])) == above
    not_above = [i for i, v in enumerate(values) if v is not None and not v > 1.0]
    assert ids(table.scan(filter="not (f > 1.0)")) == not_above


def test_a_filter_with_an_error_says_what_is_wrong(table):
    with pytest.raises(mq.InvalidInputError, match="operator"):
        table.scan(filter=[("i", "~", 3)])
    with pytest.raises(mq.NotFoundError, match="wrong"):
        table.scan(filter=[("wrong", "==", 3)])
    with pytest.raises(mq.InvalidInputError, match="i"):
        table.scan(filter=[("i", "==", "three")])
    for half_a_pair in ("i = '\ud800'", [("i", "==", "\ud800")], [("\ud800", "==", 3)]):
        with pytest.raises(UnicodeEncodeError):
            table.scan(filter=half_a_pair)
    with pytest.raises(mq.InvalidInputError, match="one term alone"):
        table.scan(filter=("i", "==", 3))
    with pytest.raises(mq.InvalidInputError, match="takes a pair"):
        table.scan(filter=[("i", "between", (1, 2, 3))])
    with pytest.raises(mq.InvalidInputError, match="takes a list"):
        table.scan(filter=[("symbol", "in", "AB")])
    with pytest.raises(mq.InvalidInputError, match="needs a value"):
        table.scan(filter=[("i", "==")])
    with pytest.raises(mq.InvalidInputError, match="takes no value"):
        table.scan(filter=[("i", "is null", 3)])
    with pytest.raises(mq.InvalidInputError, match=r"expected a \(column, op, value\) term"):
        table.scan(filter=[[("i", "==", 3)], []])
    with pytest.raises(mq.InvalidInputError, match="cannot compare with"):
        table.scan(filter=[("i", "==", object())])
    with pytest.raises(mq.InvalidInputError, match="a filter is a list"):
        table.scan(filter=3)  # type: ignore[arg-type]
    with pytest.raises(mq.InvalidInputError, match=r"\^"):
        table.scan(filter="i = = 3")


EXPRESSIONS = [
    pc.field("i") > 2,
    (pc.field("i") > 2) & (pc.field("symbol") == "A"),
    pc.field("symbol").isin(["A", None]),
    ~(pc.field("f") > 1.0),
    pc.field("f").is_nan(),
    pc.field("i").is_null(),
    pc.field(0) < 10,
    pc.field("ts") >= pa.scalar(dt.datetime(2024, 3, 2, tzinfo=dt.UTC), pa.timestamp("us", "UTC")),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_an_arrow_expression_means_what_arrow_says(table, expression):
    expected = sorted(ROWS.filter(expression)["id"].to_pylist())
    assert ids(table.scan(filter=expression)) == expected
    assert ids(table.scan(["id"], expression)) == expected
    assert table.scan(["id"], expression).to_arrow().column_names == ["id"]
    assert table.scan(["b"], expression).count() == len(expected)
    assert pa.table(table.scan(["id"], expression)).num_rows == len(expected)


COLUMNS = {
    "i": st.integers(-7, 7),
    "symbol": st.sampled_from(["A", "B", "ESH4", "é", "zz", "", "Q"]),
    "b": st.booleans(),
    "d": st.dates(dt.date(2024, 2, 29), dt.date(2024, 3, 5)),
}


def sql_literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"date '{value}'" if isinstance(value, dt.date) else str(value)


@st.composite
def terms(draw: st.DrawFn) -> tuple[tuple[str, str, object], str]:
    column = draw(st.sampled_from(sorted(COLUMNS)))
    values = COLUMNS[column]
    op = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "is null", "is not null"]))
    if op in ("in", "not in"):
        many = draw(st.lists(values, min_size=1, max_size=4))
        return (column, op, many), f"{column} {op} ({', '.join(map(sql_literal, many))})"
    if op == "between":
        low, high = draw(values), draw(values)
        return (column, op, (low, high)), f"{column} between {sql_literal(low)} and {sql_literal(high)}"
    if op.startswith("is"):
        return (column, op, None), f"{column} {op}"
    value = draw(values)
    return (column, op, value), f"{column} {op} {sql_literal(value)}"


@hypothesis.settings(max_examples=120, deadline=None, derandomize=True)
@hypothesis.given(st.lists(st.lists(terms(), min_size=1, max_size=3), min_size=1, max_size=3))
def test_any_filter_selects_what_duckdb_selects(table, groups):
    lists = [[term for term, _ in group] for group in groups]
    sql = " or ".join("(" + " and ".join(text for _, text in group) + ")" for group in groups)
    expected = by_duckdb(sql)
    assert ids(table.scan(["id"], lists)) == expected
    ours = sql.replace("date '", "'").replace("==", "=")
    assert ids(table.scan(["id"], ours)) == expected
    assert table.scan(filter=lists).count() == len(expected)


def test_sql_text_shows_where_it_breaks(table: mq.Table, tmp_path: Path):
    assert ids(table.scan(filter="symbol in ('A', 'B') and not (i between -1 and 1)")) == by_duckdb(
        "symbol in ('A', 'B') and not (i between -1 and 1)"
    )
    assert ids(table.scan(filter='"i" = 1 or b')) == by_duckdb("i = 1 or b")


def test_an_unknown_column_is_told_with_those_there_are(table: mq.Table) -> None:
    with pytest.raises(mq.NotFoundError, match="there is no column 'nosuch' to sort by") as caught:
        table.scan(sort_by="nosuch").to_arrow()
    assert caught.value.hint == "the columns are id, symbol, i, f, b, d, ts"
    with pytest.raises(mq.NotFoundError) as caught:
        table.scan(columns=["Symbol"]).to_arrow()
    assert caught.value.hint == "did you mean 'symbol'?"
