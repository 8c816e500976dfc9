"""Frames of pandas: their index is kept, and no value of a column of objects changes on its way."""

from __future__ import annotations

import datetime
import pathlib
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

NANOSECOND = pd.Timestamp("2024-01-01 00:00:00.000000001")
TIMES = pd.date_range("2024-01-02 14:30", periods=3, freq="s", tz="UTC")

INDEXES = {
    "times": TIMES.rename("ts"),
    "times without a name": TIMES,
    "texts": pd.Index(["a", "b", "c"], name="symbol"),
    "two levels": pd.MultiIndex.from_tuples([("ESH4", 1), ("NQH4", 2), ("NQH4", 3)], names=["symbol", "n"]),
    "a level without a name": pd.MultiIndex.from_tuples(
        [("ESH4", 1), ("NQH4", 2), ("NQH4", 3)], names=["symbol", None]
    ),
    "numbers with gaps": pd.Index([3, 5, 9]),
    "counted": pd.RangeIndex(3),
    "intervals": pd.interval_range(0, 3, name="bin"),
    "months": pd.period_range("2024-01", periods=3, freq="M", name="month"),
    "the name of a column": pd.Index([3, 5, 9], name="bid"),
    "named by a number": pd.Index([3, 5, 9], name=7),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_is_kept_as_pandas_keeps_it(tmp_path: pathlib.Path, name: str) -> None:
    frame = pd.DataFrame({"bid": [1.5, None, 3.0], "text": ["x", None, "z"]}, index=INDEXES[name])
    frame.to_parquet(tmp_path / "pandas.parquet")
    with mq.ParquetWriter(tmp_path, "ours.parquet") as writer:
        writer.write(frame)
    expected = pq.read_table(tmp_path / "pandas.parquet")
    read = pq.read_table(tmp_path / "ours.parquet")
    assert read.schema.names == expected.schema.names
    assert read.to_pylist() == expected.to_pylist()
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "ours.parquet"), pd.read_parquet(tmp_path / "pandas.parquet")
    )
    assert polars.read_parquet(tmp_path / "ours.parquet").columns == expected.schema.names


@pytest.mark.parametrize("verify", ["footer", "full"])
def test_intervals_are_kept(tmp_path: pathlib.Path, verify: Any) -> None:
    """Of two parts each, in an extension type that Arrow does not make of one of them."""
    bins = pd.IntervalIndex.from_breaks(range(3001))
    some = pd.cut(range(3000), [0.5, 1000.0, 2000.0])  # the first row, and the last ones, are in none
    frame = pd.DataFrame({"bin": bins, "cut": some, "n": range(3000)})
    with mq.ParquetWriter(tmp_path, "all.parquet", verify=verify) as writer:
        writer.write(frame)
    expected = frame.astype({"cut": frame["cut"].cat.categories.dtype})
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "all.parquet"), expected)


def test_a_counted_index_with_a_name_is_a_column(tmp_path: pathlib.Path) -> None:
    frame = pd.DataFrame({"bid": [1.5, 2.5]}, index=pd.RangeIndex(10, 12, name="n"))
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write(frame)
    read = pd.read_parquet(tmp_path / "all.parquet")
    pd.testing.assert_frame_equal(read, frame, check_index_type=False)


def test_a_counted_index_without_a_name_only_counts_rows(tmp_path: pathlib.Path) -> None:
    """A file's metadata could tell of one range, and a file has the rows of many frames, or a part of one's."""
    frame = pd.DataFrame({"bid": range(6)}, index=pd.RangeIndex(5, 17, 2))
    with mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=3) as writer:
        writer.write(frame)
    for path in sorted(tmp_path.glob("*.parquet")):
        assert pd.read_parquet(path).index.equals(pd.RangeIndex(3))


def test_frames_one_after_the_other(tmp_path: pathlib.Path) -> None:
    frame = pd.DataFrame({"bid": range(6)})
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        for rows in (frame[:2], frame[frame.bid > 3], frame[2:4]):  # of which the second has an index with gaps
            writer.write(rows)
    assert pd.read_parquet(tmp_path / "all.parquet").bid.tolist() == [0, 1, 4, 5, 2, 3]


def table_of(folder: pathlib.Path, *fields: tuple[str, pa.DataType]) -> mq.Table:
    return mq.create_table(folder / "table", pa.schema(fields))


def test_an_index_fills_the_columns_of_its_names(tmp_path: pathlib.Path) -> None:
    table = table_of(tmp_path, ("ts", pa.timestamp("us", "UTC")), ("symbol", pa.string()), ("bid", pa.float64()))
    table.append(pd.DataFrame({"bid": [1.0, 2.0, 3.0], "symbol": list("abc")}, index=INDEXES["times"]))
    levels = pd.MultiIndex.from_arrays([list("abc"), TIMES], names=["symbol", "ts"])
    table.append(pd.DataFrame({"bid": [1.0, 2.0, 3.0]}, index=levels))
    rows = [
        {"ts": time.to_pydatetime(), "symbol": symbol, "bid": bid}
        for time, symbol, bid in zip(TIMES, "abc", (1.0, 2.0, 3.0), strict=True)
    ]
    read = table.scan().to_arrow().to_pylist()
    assert sorted(read, key=lambda row: row["bid"]) == sorted(rows * 2, key=lambda row: row["bid"])


@pytest.mark.parametrize(
    ("values", "wanted", "name"),
    [
        (INDEXES["months"], pa.int64(), r"pandas\.period"),  # stored as months since 1970
        (INDEXES["intervals"], pa.struct([("left", pa.int64()), ("right", pa.int64())]), r"pandas\.interval"),
    ],
)
def test_what_is_stored_as_something_else_is_refused(
    tmp_path: pathlib.Path, values: Any, wanted: pa.DataType, name: str
) -> None:
    table = table_of(tmp_path, ("p", wanted))
    with pytest.raises(mq.SchemaError, match=rf"column 'p' .*what {name} stores is not the value.*\n.*Cast"):
        table.append(pd.DataFrame({"p": values}))
    assert table.version == 0


@pytest.mark.parametrize(
    ("index", "name"),
    [(INDEXES["times"], "'ts'"), (TIMES, "'__index_level_0__'"), (INDEXES["two levels"], "'symbol'")],
)
def test_an_index_that_has_no_column_is_refused(tmp_path: pathlib.Path, index: Any, name: str) -> None:
    table = table_of(tmp_path, ("bid", pa.float64()))
    with pytest.raises(mq.SchemaError, match=rf"index of the pandas frame, {name}.*\n.*reset_index"):
        table.append(pd.DataFrame({"bid": [1.0, 2.0, 3.0]}, index=index))
    assert table.version == 0


def test_an_index_with_the_name_of_a_column_is_refused(tmp_path: pathlib.Path) -> None:
    table = table_of(tmp_path, ("ts", pa.timestamp("us", "UTC")), ("bid", pa.float64()))
    frame = pd.DataFrame({"ts": TIMES, "bid": [1.0, 2.0, 3.0]}).set_index("ts", drop=False)
    with pytest.raises(mq.SchemaError, match=r"one of its columns, 'ts'\n.*reset_index\('ts', drop=True\)"):
        table.append(frame)
    table.append(frame.reset_index("ts", drop=True))
    assert table.scan().count() == 3


def test_an_index_that_counts_rows_needs_no_column(tmp_path: pathlib.Path) -> None:
    table = table_of(tmp_path, ("bid", pa.float64()))
    frame = pd.DataFrame({"bid": [1.0, 2.0, 3.0]})
    table.append(frame)
    table.append(frame[frame.bid > 1])
    assert sorted(table.scan().to_arrow()["bid"].to_pylist()) == [1.0, 2.0, 2.0, 3.0, 3.0]


def test_a_frame_of_a_table_goes_back_into_it(tmp_path: pathlib.Path) -> None:
    table = table_of(tmp_path, ("ts", pa.timestamp("us", "UTC")), ("bid", pa.float64()))
    table.append(pa.table({"ts": TIMES.to_numpy(), "bid": [1.0, None, 3.0]}))
    table.append(table.scan().to_pandas())
    table.append(table.scan(limit=3).to_pandas().set_index("ts"))
    assert table.scan().to_arrow().num_rows == 9
    assert None not in table.scan().to_arrow()["ts"].to_pylist()


def objects(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(values, dtype=object)})


class Bars(pd.DataFrame):
    """As libraries make of pandas' own class."""


@pytest.mark.parametrize(
    "frame",
    [
        objects(NANOSECOND),
        Bars(objects(NANOSECOND)),
        objects(pd.Timedelta(1, "ns")),
        objects(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01", tz="UTC")),
        objects(datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 5)),
        objects("text", b"bytes"),
        objects({"k": NANOSECOND}),
        objects([1, np.True_]),
        objects(1.5, True),
        objects(1, np.float16(0.5)),
        objects(1, "x"),
        objects({1, 2}),
        pd.DataFrame({"b": [1]}, index=pd.Index([NANOSECOND], dtype=object, name="a")),
    ],
)
def test_objects_that_would_change_are_refused(tmp_path: pathlib.Path, frame: pd.DataFrame) -> None:
    with pytest.raises(mq.SchemaError, match="column 'a"):
        mq.ParquetWriter(tmp_path, "all.parquet").write(frame)
    assert not list(tmp_path.glob("*.parquet"))


def test_booleans_are_no_floats_of_a_table(tmp_path: pathlib.Path) -> None:
    table = table_of(tmp_path, ("a", pa.float64()))
    with pytest.raises(mq.SchemaError, match="column 'a': row 1 holds True"):
        table.append(objects(1.5, True))
    assert table.version == 0


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([2**63, -1], dtype=object),
        pd.Series([2**70]),
        pd.Series(np.array([1], ">i4")),
        pd.Series([1j]),
        pd.Series(pd.arrays.SparseArray([0, 1])),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_what_no_arrow_column_holds_is_named(tmp_path: pathlib.Path, values: Any, indexed: bool) -> None:
    frame = pd.DataFrame({"b": range(len(values)), "a": values})
    if indexed:
        frame = frame.set_index("a")
    with pytest.raises(mq.SchemaError, match="column 'a'"):
        mq.ParquetWriter(tmp_path, "all.parquet").write(frame)


@pytest.mark.parametrize(
    "values",
    [
        ["x", None, "y"],
        [Decimal("9.5"), None, Decimal("10.25")],
        [2**60 + 1, None, 3],
        [[1, 2], None, []],
        [{"k": 1}, None, {"k": None}],
        [datetime.date(2024, 1, 1), None],
        [datetime.time(5, 1), None],
        [np.array([1.5, 2.5]), None],
    ],
)
@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_objects_are_kept(tmp_path: pathlib.Path, values: list[Any], missing: Any) -> None:
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write(objects(*(missing if value is None else value for value in values)))
    expected = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
    assert pq.read_table(tmp_path / "all.parquet")["a"].to_pylist() == expected
    assert polars.read_parquet(tmp_path / "all.parquet")["a"].to_list() == expected


@pytest.mark.parametrize(("largest", "fits"), [(2.0**53 - 1, True), (2.0**53, False), (-(2.0**60), False)])
def test_whole_numbers_that_became_floats(tmp_path: pathlib.Path, largest: float, fits: bool) -> None:
    table = table_of(tmp_path, ("n", pa.int64()))
    frame = pd.DataFrame({"n": [largest, None]})
    if fits:
        table.append(frame)
        assert sorted(table.scan().to_arrow()["n"].to_pylist(), key=str) == [int(largest), None]
    else:
        with pytest.raises(mq.InvalidInputError, match=r"column 'n'.*do not tell one from the next"):
            table.append(frame)


def test_floats_of_sixteen_bits_are_whole_numbers_again(tmp_path: pathlib.Path) -> None:
    table = table_of(tmp_path, ("n", pa.int32()))
    table.append(pd.DataFrame({"n": pd.Series([7, None], dtype="float16")}))
    assert table.scan().to_arrow()["n"].to_pylist() == [7, None]


def test_maps_that_pandas_holds_as_pairs_go_back_into_their_table(tmp_path: pathlib.Path) -> None:
    kind = pa.map_(pa.string(), pa.int64())
    table = table_of(tmp_path, ("m", kind), ("l", pa.list_(kind)))
    table.append(
        pa.table({"m": pa.array([[("k", 1)], None], kind), "l": pa.array([[[("k", 1)]], None], pa.list_(kind))})
    )
    table.append(table.scan().to_pandas())
    assert table.scan().to_arrow().to_pylist() == [{"m": [("k", 1)], "l": [[("k", 1)]]}, {"m": None, "l": None}] * 2
