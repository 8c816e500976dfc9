"""Order-book rows in memory that are not what they seem: units of 1e-9 as floats, rows out of the order of time."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from order_books import as_arrow, random_book, slice_book, slow_tensor, with_mid, write_book

import marquet as mq

SHAPE = {"time_bins": 40, "ticks_per_bin": 10}
WINDOWS = {"lookback": 50, "lookforward": 60, "offset": 5, "nbins": 3}
EURUSD = {"base": 1_080_000_000, "tick": 10_000}
FUTURE = {"base": 4_000_000_000_000, "tick": 250_000_000}
MARKETS = [(EURUSD, 1e-5, 10_000), (FUTURE, 0.25, 250_000_000)]


def columns_of(market: dict[str, int], rows: int = 400) -> dict[str, np.ndarray]:
    return with_mid(random_book(rows, 5, nulls=0.01, **market), rows - 1)


@pytest.mark.parametrize(("market", "micro_pip", "units"), MARKETS, ids=["EURUSD", "ESH4"])
@pytest.mark.parametrize("form", ["pandas", "pandas, pyarrow", "polars", "arrow", "scan"])
def test_tensors_of_rows_with_nulls_are_the_same_in_every_form(
    tmp_path: pathlib.Path, market: dict[str, int], micro_pip: float, units: int, form: str
) -> None:
    columns = columns_of(market)
    if market is EURUSD:
        columns["bid_px_00"][-1], columns["ask_px_00"][-1] = 1_080_000_000, 1_080_010_000
    book = mq.open_table(write_book(tmp_path / "book", as_arrow(columns)))
    scan = book.scan(sort_by="source_row")
    rows = {
        "pandas": scan.to_pandas,
        "pandas, pyarrow": lambda: scan.to_pandas(dtype_backend="pyarrow"),
        "polars": scan.to_polars,
        "arrow": scan.to_arrow,
        "scan": lambda: scan,
    }[form]()
    got = mq.depth.tensor(rows, ["volume"], micro_pip, **SHAPE)
    np.testing.assert_allclose(got, slow_tensor(columns, ["volume"], units, 40, 10), atol=1e-6)


def exported(rows: pa.Table, path: pathlib.Path) -> pd.DataFrame:
    pq.write_table(rows, path)
    return pd.read_parquet(path)


UNITS_AS_FLOATS: dict[str, Callable[[pa.Table, pathlib.Path], Any]] = {
    "pyarrow's to_pandas": lambda rows, path: rows.to_pandas(),
    "pandas.read_parquet": lambda rows, path: exported(rows, path / "rows.parquet"),
    "a Polars cast": lambda rows, path: pl.from_arrow(rows).with_columns(pl.col("^.*_px_.*$").cast(pl.Float64)),  # type: ignore[union-attr]
    "DuckDB": lambda rows, path: duckdb.from_arrow(rows).select("* replace (bid_px_01::double as bid_px_01)"),
    "one column": lambda rows, path: rows.set_column(
        rows.column_names.index("ask_px_03"), "ask_px_03", rows["ask_px_03"].cast(pa.float64())
    ),
}


@pytest.mark.parametrize(("market", "micro_pip", "units"), MARKETS, ids=["EURUSD", "ESH4"])
@pytest.mark.parametrize("way", UNITS_AS_FLOATS)
def test_units_that_became_floats_are_refused(
    tmp_path: pathlib.Path, market: dict[str, int], micro_pip: float, units: int, way: str
) -> None:
    rows = as_arrow(columns_of(market))
    for use in (mq.depth.tensor, mq.depth.TensorStream):
        with pytest.raises(mq.InvalidInputError, match=r"_px_0\d holds .* can only be units of 1e-9") as refused:
            use(UNITS_AS_FLOATS[way](rows, tmp_path), micro_pip=micro_pip, **SHAPE)
        assert "dtype_backend" in str(refused.value.hint)


def test_units_that_became_floats_are_refused_where_the_symbol_gives_the_micro_pip(tmp_path: pathlib.Path) -> None:
    rows = as_arrow(columns_of(EURUSD, 1_000), "EURUSD")
    floats = pl.from_arrow(rows).with_columns(pl.col("^.*_px_.*$").cast(pl.Float64)).to_arrow()  # type: ignore[union-attr]
    with pytest.raises(mq.InvalidInputError, match=r"no two of them less than .* micro-pips apart"):
        mq.depth.tensor(floats.slice(0, 400), **SHAPE)
    book = write_book(tmp_path / "book", floats, partition_by=("symbol",))
    with pytest.raises(mq.InvalidInputError, match=r"no two of them less than .* micro-pips apart"):
        mq.depth.build_samples(book, tmp_path / "samples", hop=30, **SHAPE, **WINDOWS)


@pytest.mark.parametrize(("market", "micro_pip", "units"), MARKETS, ids=["EURUSD", "ESH4"])
def test_samples_of_a_table_of_units_stored_as_floats_are_refused(
    tmp_path: pathlib.Path, market: dict[str, int], micro_pip: float, units: int
) -> None:
    rows = as_arrow(random_book(1_000, 5, nulls=0.001, **market))
    frame = exported(rows.drop_columns(["date"]), tmp_path / "rows.parquet")
    floats = pa.Table.from_pandas(frame)
    assert pa.float64() in floats.schema.types
    book = write_book(tmp_path / "book", floats, partition_by=("symbol",))
    with pytest.raises(mq.InvalidInputError, match=r"_px_0\d holds .* can only be units of 1e-9"):
        mq.depth.build_samples(book, tmp_path / "samples", micro_pip=micro_pip, hop=30, **SHAPE, **WINDOWS)
    assert not (tmp_path / "samples").exists()


@pytest.mark.parametrize("use", ["fit", "apply"])
def test_labels_of_floats_beside_integers_in_units_are_refused(use: str) -> None:
    whole = as_arrow(random_book(1_000, 6))
    fitted = mq.depth.fit_labels(whole, **WINDOWS)
    columns = random_book(1_000, 6)
    columns["ask_px_00"][3] = np.iinfo(np.int64).max
    frame = as_arrow(columns).to_pandas()
    with pytest.raises(mq.InvalidInputError, match="ask_px_00 holds floats such as"):
        mq.depth.fit_labels(frame, **WINDOWS) if use == "fit" else mq.depth.apply_labels(frame, fitted)


@pytest.mark.parametrize(
    ("price", "step", "micro_pip"), [(4_000.0, 0.25, 0.25), (1.08, 1e-5, 1e-5), (38_000.0, 5.0, 5), (9e6, 1.0, 1)]
)
def test_floats_that_are_prices_are_taken(price: float, step: float, micro_pip: float) -> None:
    columns = with_mid(random_book(400, 7, nulls=0.02), 399)
    rows = as_arrow(columns)
    for name in rows.column_names:
        if "_px_" in name:
            ticks = [
                None if value is None else (value - 4_000_000_000_000) // 250_000_000
                for value in rows[name].to_pylist()
            ]
            floats = pa.array([None if tick is None else price + tick * step for tick in ticks], pa.float64())
            rows = rows.set_column(rows.column_names.index(name), name, floats)
    expected = mq.depth.tensor(as_arrow(columns), micro_pip=0.25, **SHAPE)
    got = mq.depth.tensor(rows.to_pandas(), micro_pip=micro_pip, **SHAPE)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def in_two_parts(path: pathlib.Path, rows: int = 1_000) -> tuple[mq.Table, pa.Table]:
    """A table that the later half of the rows came into first, and the rows."""
    columns = with_mid(random_book(rows, 8), rows - 1)
    half = rows // 2
    parts = [as_arrow(slice_book(columns, begin, begin + half)) for begin in (half, 0)]
    return mq.open_table(write_book(path, *parts)), as_arrow(columns)


READ: dict[str, Callable[[Any], Any]] = {
    "scan": lambda scan: scan,
    "scan with an expression": lambda scan: scan,
    "arrow": lambda scan: scan.to_arrow(),
    "pandas": lambda scan: scan.to_pandas(),
    "polars": lambda scan: scan.to_polars(),
    "a lazy frame": lambda scan: scan.to_polars().lazy(),
    "a reader": lambda scan: pa.RecordBatchReader.from_stream(scan),
    "DuckDB": lambda scan: duckdb.from_arrow(scan.to_arrow()),
}


@pytest.mark.parametrize("form", READ)
def test_rows_as_their_files_lie_are_refused_where_these_came_late_first(tmp_path: pathlib.Path, form: str) -> None:
    table, rows = in_two_parts(tmp_path / "book")
    options: dict[str, Any] = {"batch_size": 128}
    if "expression" in form:
        options["filter"] = pa.compute.field("symbol") == "ESH4"
    whole = {"micro_pip": 0.25, "time_bins": 100, "ticks_per_bin": 10}
    fitted = mq.depth.fit_labels(rows, **WINDOWS)
    for use in (
        lambda data: mq.depth.tensor(data, **whole),
        lambda data: mq.depth.TensorStream(data, **whole).compute(0),
        lambda data: np.array(mq.depth.fit_labels(data, **WINDOWS).boundaries),
        lambda data: mq.depth.apply_labels(data, fitted).moves,
    ):
        with pytest.raises(
            mq.InvalidInputError, match=r"not in the order of their time: row 500 has ts_recv 2023"
        ) as e:
            use(READ[form](table.scan(**options)))
        assert "sort_by='ts_recv'" in str(e.value.hint)
        np.testing.assert_array_equal(use(READ[form](table.scan(sort_by="ts_recv"))), use(rows))


def test_ties_and_rows_without_a_time_are_in_order() -> None:
    columns = random_book(1_000, 9)
    columns["ts_recv"] = columns["ts_recv"] // 10_000_000 * 10_000_000
    rows = as_arrow(columns)
    times = pa.array([None if row % 7 == 0 else int(time) for row, time in enumerate(columns["ts_recv"])], pa.int64())
    for given in (rows, rows.set_column(0, "ts_recv", times)):
        assert mq.depth.fit_labels(given, **WINDOWS).rows > 0
    late = rows.set_column(0, "ts_recv", pa.concat_arrays([times.slice(0, 900), times.slice(0, 100)]))
    with pytest.raises(mq.InvalidInputError, match=r"row 901 has ts_recv"):
        mq.depth.fit_labels(late, **WINDOWS)


def test_without_ts_recv_the_time_is_ts_event_and_without_both_there_is_no_order() -> None:
    columns = random_book(1_000, 10)
    rows = as_arrow(columns)
    swapped = pa.concat_tables([rows.slice(500), rows.slice(0, 500)])
    microseconds = swapped.drop_columns(["ts_recv"]).set_column(
        0, "ts_event", pa.array(swapped["ts_event"].to_numpy() // 1_000).cast(pa.timestamp("us", "UTC"))
    )
    with pytest.raises(mq.InvalidInputError, match=r"row 500 has ts_event 2023-11-14T22:13:20\.\d{6}Z"):
        mq.depth.fit_labels(microseconds, **WINDOWS)
    times = swapped["ts_recv"].to_numpy().astype(np.float64)
    times[0] = np.nan
    floats = swapped.set_column(0, "ts_recv", pa.array(times))
    with pytest.raises(mq.InvalidInputError, match="row 500 has ts_recv"):
        mq.depth.tensor(floats.to_pandas(), micro_pip=0.25, time_bins=100, ticks_per_bin=10)
    assert mq.depth.fit_labels(swapped.drop_columns(["ts_recv", "ts_event"]), **WINDOWS).rows > 0
    assert mq.depth.fit_labels(swapped, clock_steps=True, **WINDOWS).rows > 0


def test_the_clocks_of_two_venues_are_not_compared() -> None:
    columns = random_book(1_000, 11)
    venue = pa.array(np.arange(1_000) % 2, pa.uint16())
    behind = columns["ts_event"] - (np.arange(1_000) % 2) * 10**9
    rows = as_arrow(columns).append_column("publisher_id", venue).set_column(1, "ts_event", pa.array(behind))
    assert mq.depth.fit_labels(rows, across_rolls=True, **WINDOWS).rows > 0
    assert mq.depth.fit_labels(rows.drop_columns(["ts_recv"]), across_rolls=True, **WINDOWS).rows > 0
    two = pa.concat_tables([rows.slice(500), rows.slice(0, 500)])
    with pytest.raises(mq.InvalidInputError, match="row 500 has ts_recv"):
        mq.depth.fit_labels(two, across_rolls=True, **WINDOWS)


def test_rows_of_several_symbols_are_still_refused_as_such() -> None:
    rows = as_arrow(random_book(200, 12))
    other = as_arrow(random_book(200, 12), "NQH4")
    with pytest.raises(mq.InvalidInputError, match="several symbols, 'ESH4' and 'NQH4'"):
        mq.depth.tensor(pa.concat_tables([rows, other]), micro_pip=0.25, **SHAPE)


@pytest.mark.parametrize(("market", "micro_pip", "units"), MARKETS, ids=["EURUSD", "ESH4"])
def test_an_export_read_with_nullable_integers_gives_the_tensor_of_its_table(
    tmp_path: pathlib.Path, market: dict[str, int], micro_pip: float, units: int
) -> None:
    table = mq.open_table(write_book(tmp_path / "book", as_arrow(columns_of(market))))
    mq.export(table.path, tmp_path / "rows.parquet", "parquet")
    expected = mq.depth.tensor(table.scan(), micro_pip=micro_pip, **SHAPE)
    frame = pd.read_parquet(tmp_path / "rows.parquet", dtype_backend="numpy_nullable")
    np.testing.assert_array_equal(mq.depth.tensor(frame, micro_pip=micro_pip, **SHAPE), expected)
    floats = pd.read_parquet(tmp_path / "rows.parquet")
    with pytest.raises(mq.InvalidInputError, match="can only be units of 1e-9"):
        mq.depth.tensor(floats, micro_pip=micro_pip, **SHAPE)
    prices = [name for name in floats.columns if "_px_" in name]
    divided = floats.assign(**{name: floats[name] / 1e9 for name in prices})
    np.testing.assert_array_equal(mq.depth.tensor(divided, micro_pip=micro_pip, **SHAPE), expected)
