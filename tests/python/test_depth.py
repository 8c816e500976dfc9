"""Depth tensors and tables of samples, against slow references in NumPy and Python integers."""

from __future__ import annotations

import gc
import itertools
import json
import pathlib
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from order_books import (
    MILLISECOND,
    NULL,
    as_arrow,
    random_book,
    slice_book,
    slow_moves,
    slow_tensor,
    with_mid,
    write_book,
)

import marquet as mq

ALL = ["volume", "variance", "trade_counts"]
SHAPE = {"time_bins": 40, "ticks_per_bin": 10}
LABELS = {"lookback": 50, "lookforward": 60, "offset": 5, "nbins": 3}


def golden_book(rows: int) -> pa.Table:
    columns = {}
    for level in range(10):
        for side, price in (("bid", 65_998 - level), ("ask", 66_000 + level)):
            columns[f"{side}_px_{level:02d}"] = pa.array([price * 10_000] * rows, pa.int64())
            columns[f"{side}_sz_{level:02d}"] = pa.array([1] * rows, pa.uint32())
            columns[f"{side}_ct_{level:02d}"] = pa.array([1] * rows, pa.uint32())
    return pa.table(columns)


def test_golden_case() -> None:
    tensor = mq.depth.tensor(golden_book(50_000), micro_pip=1e-5)
    assert tensor.shape == (402, 500)
    assert tensor.dtype == np.float32
    ramp = np.arange(9, 0, -1) / 10
    expected = np.concatenate([np.ones(191), ramp, [0], -ramp[::-1], -np.ones(192)]).astype(np.float32)
    np.testing.assert_array_equal(tensor, np.repeat(expected[:, None], 500, axis=1))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("features", [["volume"], ["trade_counts", "volume"], ALL])
def test_tensor_equals_the_reference(seed: int, features: list[str]) -> None:
    columns = with_mid(random_book(400, seed, nulls=0.05 * seed, crossed=0.1 * (seed % 2)), 399)
    got = mq.depth.tensor(as_arrow(columns), features, Decimal("0.25"), **SHAPE)
    expected = slow_tensor(columns, features, 250_000_000, 40, 10)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("micro_pip", [70_000_000, 1_000_000_000])
def test_rounding_to_a_micro_pip_that_is_not_the_tick(micro_pip: int) -> None:
    columns = random_book(400, 9)
    got = mq.depth.tensor(as_arrow(columns), ALL, str(Decimal(micro_pip) / 10**9), **SHAPE)
    np.testing.assert_allclose(got, slow_tensor(columns, ALL, micro_pip, 40, 10), rtol=0, atol=1e-7)


def test_every_kind_of_rows_gives_the_same() -> None:
    columns = random_book(400, 5, nulls=0.02)
    rows = as_arrow(with_mid(columns, 399))
    expected = mq.depth.tensor(rows, ALL, 0.25, **SHAPE)
    floats = rows
    for place, name in enumerate(rows.column_names):
        if "_px_" in name:
            prices = [None if v is None else v / 1e9 for v in rows.column(name).to_pylist()]
            floats = floats.set_column(place, name, pa.array(prices, pa.float64()))
    decimals = rows
    for place, name in enumerate(rows.column_names):
        if "_px_" in name:
            prices = [None if v is None else Decimal(v) / 10**9 for v in rows.column(name).to_pylist()]
            decimals = decimals.set_column(place, name, pa.array(prices, pa.decimal128(19, 9)))
    chunked = pa.concat_tables([rows.slice(i, 37) for i in range(0, 400, 37)])
    frames = [pl.from_arrow(rows), pl.from_arrow(rows).lazy(), floats.to_pandas(), floats, decimals, chunked]  # type: ignore[union-attr]
    for frame in [*frames, rows.combine_chunks().to_batches()[0]]:
        np.testing.assert_array_equal(mq.depth.tensor(frame, ALL, 0.25, **SHAPE), expected)


def test_rows_are_read_from_chunks_slices_and_any_integers() -> None:
    """Borders of chunks within bins and between them, slices at an offset, nulls, sizes as int64 and as uint32."""
    columns = with_mid(random_book(450, 15, nulls=0.03), 425)
    expected = slow_tensor(slice_book(columns, 26, 426), ALL, 250_000_000, 40, 10)
    stored = as_arrow(columns)
    for place, name in enumerate(stored.column_names):
        if "_px_" in name:  # whatever lies below a null is not looked at
            values = np.where(columns[name] == NULL, 77, columns[name])
            valid = pa.array(columns[name] != NULL).buffers()[1]
            column = pa.Array.from_buffers(pa.int64(), 450, [valid, pa.py_buffer(values)])
            stored = stored.set_column(place, stored.field(name), column)
    narrow = stored
    for place, name in enumerate(stored.column_names):
        if "_sz_" in name or "_ct_" in name:
            narrow = narrow.set_column(place, name, stored[name].cast(pa.uint32()))
    for rows in (stored, narrow):
        assert rows["bid_px_03"].null_count > 0
        for borders in ([26, 426], [26, 27, 426], [26, 126, 426], [26, 131, 132, 425, 426], [*range(26, 426, 7), 426]):
            chunks = [rows.slice(begin, end - begin) for begin, end in itertools.pairwise(borders)]
            stream = mq.depth.TensorStream(pa.concat_tables(chunks), ALL, 0.25, **SHAPE)
            np.testing.assert_allclose(stream.compute(0), expected, rtol=0, atol=1e-7, err_msg=str(borders))


def test_a_stream_keeps_its_rows_alive() -> None:
    columns = random_book(400, 16)
    expected = slow_tensor(columns, ["volume"], 250_000_000, 40, 10)

    def stream() -> mq.depth.TensorStream:
        arrays = {name: pa.array(values.copy()) for name, values in columns.items()}  # shares the copy's memory
        return mq.depth.TensorStream(pa.table(arrays), micro_pip=0.25, **SHAPE)

    made = stream()
    gc.collect()
    rubbish = [np.full(400, -1) for _ in range(200)]  # where the rows lay, had they been let go
    np.testing.assert_array_equal(made.compute(0), expected)
    assert len(rubbish) == 200


def test_what_a_generator_of_rows_raises_arrives_as_it_is() -> None:
    rows = as_arrow(random_book(400, 18))
    error = LookupError("no more rows")

    def reader() -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            yield from rows.to_batches()
            raise error

        return pa.RecordBatchReader.from_batches(rows.schema, batches())

    calls = (
        lambda: mq.depth.tensor(reader(), micro_pip=0.25, **SHAPE),
        lambda: mq.depth.TensorStream(reader(), micro_pip=0.25, **SHAPE),
        lambda: mq.depth.fit_labels(reader(), **LABELS),
        lambda: mq.depth.apply_labels(reader(), mq.depth.fit_labels(rows, **LABELS)),
    )
    for call in calls:
        with pytest.raises(LookupError) as caught:
            call()
        assert caught.value is error


def test_a_float_that_is_no_price_is_named_by_the_window_that_needs_it() -> None:
    rows = as_arrow(random_book(900, 17))
    prices = rows["ask_px_02"].to_numpy() / 1e9
    prices[700] = 1e12
    rows = rows.set_column(rows.column_names.index("ask_px_02"), "ask_px_02", pa.array(prices))
    stream = mq.depth.TensorStream(rows, micro_pip=0.25, **SHAPE)
    stream.compute(300)
    with pytest.raises(mq.InvalidInputError, match=r"ask_px_02 is 1000000000000 in row 700"):
        stream.compute(301)
    with pytest.raises(mq.SchemaError, match="ask_px_02 is of type string"):
        mq.depth.TensorStream(
            rows.set_column(rows.column_names.index("ask_px_02"), "ask_px_02", pa.array(["x"] * 900)),
            micro_pip=0.25,
            **SHAPE,
        )


def test_micro_pip_is_known_for_currency_pairs_only() -> None:
    columns = random_book(400, 1, base=1_100_000_000, tick=10_000)
    rows = as_arrow(columns, "EURUSD")
    np.testing.assert_array_equal(mq.depth.tensor(rows, **SHAPE), mq.depth.tensor(rows, micro_pip=1e-5, **SHAPE))
    with pytest.raises(mq.InvalidInputError, match="micro-pip of 'ESH4' is not known"):
        mq.depth.tensor(as_arrow(columns), **SHAPE)
    for bad in (0, -1, "x", 1e-10):
        with pytest.raises(mq.InvalidInputError):
            mq.depth.tensor(rows, micro_pip=bad, **SHAPE)


def test_bad_input_is_refused() -> None:
    columns = random_book(400, 1)
    rows = as_arrow(columns)
    with pytest.raises(mq.InvalidInputError, match="399 rows; expected exactly 400"):
        mq.depth.tensor(rows.slice(1), micro_pip=0.25, **SHAPE)
    with pytest.raises(mq.InvalidInputError, match="'depth'"):
        mq.depth.tensor(rows, "depth", micro_pip=0.25, **SHAPE)
    with pytest.raises(mq.SchemaError, match="bid_px_04"):
        mq.depth.tensor(rows.drop_columns(["bid_px_04"]), micro_pip=0.25, **SHAPE)
    with pytest.raises(TypeError):
        mq.depth.tensor([1, 2, 3], micro_pip=0.25, **SHAPE)
    with pytest.raises(mq.InvalidInputError, match="several symbols"):
        mq.depth.tensor(
            pa.concat_tables([rows.slice(0, 200), as_arrow(columns, "NQH4").slice(0, 200)]), micro_pip=0.25, **SHAPE
        )
    columns["ask_px_00"][399] = NULL
    with pytest.raises(mq.InvalidInputError, match="ask_px_00 is null in row 399"):
        mq.depth.tensor(as_arrow(columns), micro_pip=0.25, **SHAPE)


def test_tensor_stream_equals_single_tensors() -> None:
    columns = random_book(2_000, 3)
    rows = as_arrow(columns)
    stream = mq.depth.TensorStream(rows, ALL, 0.25, **SHAPE)
    assert len(stream) == 1_601
    out = np.empty((3, 402, 40), dtype=np.float32)
    for start in [0, 10, 500, 25, 1_600, 33]:
        assert stream.compute(start, out) is out
        np.testing.assert_array_equal(out, mq.depth.tensor(rows.slice(start, 400), ALL, 0.25, **SHAPE))
    with pytest.raises(mq.InvalidInputError):
        stream.compute(1_601, out)
    with pytest.raises(mq.InvalidInputError, match="`out` holds"):
        stream.compute(0, out[:2].copy())
    with pytest.raises(TypeError):
        stream.compute(0, np.empty((3, 402, 40)))


def build(path: pathlib.Path, book: str, **options: object) -> mq.depth.BuildReport:
    return mq.depth.build_samples(book, path, **{"micro_pip": 0.25, "hop": 30, **SHAPE, **LABELS, **options})


def test_samples_are_where_the_definition_puts_them(tmp_path: pathlib.Path) -> None:
    hour = 3_600_000 * MILLISECOND
    columns = random_book(3_000, 7, gaps={1_500: hour + 1, 1_900: hour + 1})  # the middle run is too short
    book = write_book(tmp_path / "book", as_arrow(columns))
    report = build(tmp_path / "samples", book)
    rows = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow()

    expected, moves = [], np.full(3_000, np.nan)
    mid = (columns["bid_px_00"] + columns["ask_px_00"]) / 2
    for begin, end in ((0, 1_500), (1_500, 1_900), (1_900, 3_000)):
        moves[begin:end] = slow_moves(mid[begin:end], 50, 60, 5)
        if end - begin - 65 > 400:
            expected += range(begin + 400, end, 30)
    assert [entry["end_ts_event"].value for entry in rows.select(["end_ts_event"]).to_pylist()] == [
        int(columns["ts_event"][s - 1]) for s in expected
    ]
    np.testing.assert_allclose(
        np.array([np.nan if m is None else m for m in rows["move"].to_pylist()]), moves[expected], rtol=1e-12
    )
    boundaries = np.quantile(moves[~np.isnan(moves)], [1 / 3, 2 / 3])
    labels = [None if np.isnan(m) else int((boundaries <= m).sum()) for m in moves[expected]]
    assert rows["label"].to_pylist() == labels
    assert rows["first_source_row"].to_pylist() == [(s - 400) * 3 + 7 for s in expected]
    assert rows["last_source_row"].to_pylist() == [(s - 1) * 3 + 7 for s in expected]
    np.testing.assert_allclose(rows["end_mid"].to_numpy(), mid[np.array(expected) - 1] / 1e9, rtol=1e-15)
    assert len(set(rows["sample_id"].to_pylist())) == len(expected)

    (symbol,) = report.values["symbols"]
    assert symbol["candidates"] == symbol["samples"] + symbol["skipped"]["no_mid"] == len(expected)
    assert symbol["unlabelled"]["total"] == symbol["unlabelled"]["past_end"] == labels.count(None)
    assert (symbol["runs"], symbol["short_runs"]) == (3, 1)
    stored = mq.depth.load_labels(tmp_path / "samples")["ESH4"]
    np.testing.assert_allclose(stored.boundaries[1:-1], boundaries, rtol=1e-12)
    assert stored.data_version == f"{book}@{mq.open_table(book).version}"


def test_statistics_are_those_of_the_tensor(tmp_path: pathlib.Path) -> None:
    columns = random_book(700, 8)
    book = write_book(tmp_path / "book", as_arrow(columns))
    build(tmp_path / "samples", book, features=["volume", "trade_counts"])
    rows = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow().to_pylist()
    for place, row in enumerate(rows):
        begin = place * 30
        tensors = slow_tensor(slice_book(columns, begin, begin + 400), ["volume", "trade_counts"], 250_000_000, 40, 10)
        for name, cells in zip(("volume", "trade_counts"), tensors.astype(np.float64), strict=True):
            assert row[f"feature_mean_{name}"] == pytest.approx(cells.mean(), abs=1e-12)
            assert row[f"feature_std_{name}"] == pytest.approx(cells.std(), abs=1e-12)
            assert row[f"feature_min_{name}"] == cells.min()
            assert row[f"feature_max_{name}"] == cells.max()
    assert rows[0]["feature_shape"] == "2x402x40"
    assert rows[0]["features"] == "volume,trade_counts"


def test_one_feature_has_plain_statistics_columns(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(700, 8)))
    build(tmp_path / "samples", book)
    assert {"feature_mean", "feature_std", "feature_min", "feature_max"} <= set(
        mq.open_table(tmp_path / "samples").schema.names
    )


def test_nothing_of_a_sample_lies_ahead_of_its_row(tmp_path: pathlib.Path) -> None:
    columns = random_book(1_200, 4)
    changed = {name: values.copy() for name, values in columns.items()}
    for name in changed:
        if "_sz_" in name or "_ct_" in name:
            changed[name][700:] += 11
    for version, content in (("a", columns), ("b", changed)):
        book = write_book(tmp_path / f"book-{version}", as_arrow(content))
        build(tmp_path / version, book, features=ALL)
    a, b = (mq.open_table(tmp_path / v).scan(sort_by=["end_ts_event"]).to_pandas() for v in "ab")
    early = (a["last_source_row"] - 7) // 3 < 700
    statistics = [name for name in a.columns if name.startswith("feature_m") or name.startswith("feature_std")]
    assert early.sum() == 11
    assert (a.loc[early, statistics] == b.loc[early, statistics]).all(axis=None)
    assert (a.loc[~early, statistics] != b.loc[~early, statistics]).any(axis=None)


def test_samples_without_a_mid_price_are_skipped_and_counted(tmp_path: pathlib.Path) -> None:
    columns = random_book(1_200, 4)
    columns["ask_px_00"][[399, 429]] = NULL  # the last rows of the first two windows
    book = write_book(tmp_path / "book", as_arrow(columns))
    (symbol,) = build(tmp_path / "samples", book).values["symbols"]
    assert symbol["skipped"]["no_mid"] == 2
    assert symbol["invalid_rows"] == 2
    assert symbol["candidates"] == symbol["samples"] + 2
    assert symbol["unlabelled"]["invalid_rows"] > 0
    with pytest.raises(mq.InvalidInputError, match="row 399 has no price on a side"):
        build(tmp_path / "strict", book, invalid="error")


def test_labels_fitted_on_one_range_apply_to_another(tmp_path: pathlib.Path) -> None:
    columns = random_book(3_000, 12)
    book = write_book(tmp_path / "book", as_arrow(columns))
    split = int(columns["ts_recv"][1_500])
    first = build(tmp_path / "train", book, fit_end=split)
    labels = first.values["symbols"][0]["labels"]
    assert labels["fit_end_ns"] < split
    again = build(tmp_path / "again", book, labels=mq.depth.load_labels(tmp_path / "train"))
    assert again.values["symbols"][0]["labels"]["interior"] == labels["interior"]
    mid = (columns["bid_px_00"] + columns["ask_px_00"]) / 2
    moves = slow_moves(mid, 50, 60, 5)[: 1_500 - 65]  # those whose windows end before row 1,500
    np.testing.assert_allclose(labels["interior"], np.quantile(moves[~np.isnan(moves)], [1 / 3, 2 / 3]), rtol=1e-12)


def test_an_existing_table_is_only_touched_when_asked(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(700, 8)))
    report = build(tmp_path / "samples", book)
    with pytest.raises(mq.AlreadyExistsError):
        build(tmp_path / "samples", book)
    build(tmp_path / "samples", book, mode="overwrite")
    assert mq.open_table(tmp_path / "samples").scan().count() == report.rows
    with pytest.raises(mq.InvalidInputError, match="the samples are to go into the book itself"):
        build(pathlib.Path(book), book, mode="overwrite")
    other = write_book(tmp_path / "other", as_arrow(random_book(700, 8)))
    with pytest.raises(mq.SchemaError, match="it holds no depth samples"):
        build(pathlib.Path(other), book, mode="overwrite")
    assert "samples of" in str(report)
    assert json.loads(report.json)["rows"] == report.rows


def test_each_symbol_is_a_sequence_of_its_own(tmp_path: pathlib.Path) -> None:
    es, nq = random_book(900, 1), random_book(800, 2)
    both = write_book(tmp_path / "both", as_arrow(es), as_arrow(nq, "NQH4"))
    by_date = write_book(tmp_path / "by-date", as_arrow(es), as_arrow(nq, "NQH4"), partition_by=("date",))
    alone = write_book(tmp_path / "alone", as_arrow(nq, "NQH4"))
    for name, book, symbols in (("both", both, None), ("by-date", by_date, ["NQH4"]), ("alone", alone, None)):
        build(tmp_path / f"{name}-samples", book, symbols=symbols)
    columns = ["sample_id", "label", "move", "feature_mean", "feature_std", "first_source_row"]
    frames = [
        mq.open_table(tmp_path / f"{name}-samples")
        .scan(columns=columns, filter=[("symbol", "==", "NQH4")], sort_by=["first_source_row"])
        .to_arrow()
        for name in ("both", "by-date", "alone")
    ]
    assert frames[0].num_rows == 14
    assert frames[0].equals(frames[2])
    assert frames[1].equals(frames[2])
    with pytest.raises(mq.NotFoundError, match="'YMH4'"):
        build(tmp_path / "none", both, symbols=["YMH4"])


def test_a_window_crosses_from_one_source_to_the_next_without_a_gap(tmp_path: pathlib.Path) -> None:
    rows = as_arrow(random_book(1_200, 6))
    whole = write_book(tmp_path / "whole", rows)
    parts = write_book(tmp_path / "parts", rows.slice(700), rows.slice(0, 700))  # committed out of order
    for name, book in (("w", whole), ("p", parts)):
        build(tmp_path / name, book)
    columns = ["sample_id", "label", "feature_mean", "first_source_row", "last_source_row"]
    w, p = (mq.open_table(tmp_path / n).scan(columns=columns, sort_by=["last_source_row"]).to_arrow() for n in "wp")
    assert w.equals(p)


def test_a_midnight_with_rows_on_both_sides_is_no_gap_and_an_empty_date_is(tmp_path: pathlib.Path) -> None:
    day = 86_400_000 * MILLISECOND
    for gap, limit, runs in ((day // 2, 3 * 86_400, 1), (2 * day, 3 * 86_400, 2), (2 * day, None, 1)):
        name = f"{gap}-{limit}"
        book = write_book(tmp_path / f"book-{name}", as_arrow(random_book(1_400, 6, gaps={700: gap})))
        report = build(tmp_path / f"samples-{name}", book, max_gap=limit)
        assert report.values["symbols"][0]["runs"] == runs


def test_build_is_atomic_and_says_what_is_wrong(tmp_path: pathlib.Path) -> None:
    flat = random_book(900, 1)
    for name in list(flat):
        if "_px_" in name:
            flat[name][:] = flat[name][0]
    book = write_book(tmp_path / "book", as_arrow(flat))
    with pytest.raises(mq.InvalidInputError, match="price moves are 0; there are no classes"):
        build(tmp_path / "samples", book)
    build(tmp_path / "fixed", book, thresholds=[1.0])
    with pytest.raises(mq.InvalidInputError, match="micro-pip of 'ESH4'"):
        mq.depth.build_samples(book, tmp_path / "x", hop=10, **SHAPE, **LABELS)
    with pytest.raises(mq.InvalidInputError, match="hop"):
        build(tmp_path / "x", book, hop=0)
    with pytest.raises(mq.NotFoundError):
        build(tmp_path / "x", str(tmp_path / "nothing"))
    with pytest.raises(mq.InvalidInputError, match="budget"):
        build(tmp_path / "x", book, memory=1_000)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "samples").exists()


def test_a_row_filter_is_part_of_the_samples(tmp_path: pathlib.Path) -> None:
    columns = random_book(1_800, 3)
    book = write_book(tmp_path / "book", as_arrow(columns))
    build(tmp_path / "samples", book, where="date is not null and bid_sz_00 >= 50")
    kept = columns["bid_sz_00"] >= 50
    chosen = {name: values[kept] for name, values in columns.items()}
    rows = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow().to_pylist()
    assert len(rows) == len(range(400, kept.sum(), 30))
    first = slow_tensor(slice_book(chosen, 0, 400), ["volume"], 250_000_000, 40, 10)
    assert rows[0]["feature_mean"] == pytest.approx(first.astype(np.float64).mean(), abs=1e-12)
    tensors, _ = next(iter(mq.depth.DepthBatches(tmp_path / "samples", book, shuffle=False)))
    np.testing.assert_array_equal(tensors[0], first)
    with pytest.raises(mq.NotFoundError, match="bid_size"):
        build(tmp_path / "x", book, where="bid_size > 3")


def test_the_tick_size_comes_out_of_the_definitions(tmp_path: pathlib.Path) -> None:
    schema = pa.schema(
        [("raw_symbol", pa.string()), pa.field("min_price_increment", pa.int64(), metadata={"unit": "1e-9"})]
    )
    definitions = mq.create_table(tmp_path / "definitions", schema)
    definitions.append(pa.table({"raw_symbol": ["ESH4", "NQH4"], "min_price_increment": [250_000_000, 10]}, schema))
    book = write_book(tmp_path / "book", as_arrow(random_book(700, 8)))
    report = build(tmp_path / "samples", book, micro_pip=None, definitions=tmp_path / "definitions")
    assert report.values["symbols"][0]["micro_pip"] == 250_000_000
    definitions.append(pa.table({"raw_symbol": ["ESH4"], "min_price_increment": [500_000_000]}, schema))
    with pytest.raises(mq.InvalidInputError, match="name 2 tick sizes"):
        build(tmp_path / "x", book, micro_pip=None, definitions=tmp_path / "definitions")


def test_a_symbol_that_the_definitions_lack_is_named(tmp_path: pathlib.Path) -> None:
    schema = pa.schema(
        [("raw_symbol", pa.string()), pa.field("min_price_increment", pa.int64(), metadata={"unit": "1e-9"})]
    )
    definitions = mq.create_table(tmp_path / "definitions", schema)
    definitions.append(pa.table({"raw_symbol": ["NQH4"], "min_price_increment": [250_000_000]}, schema))
    book = write_book(tmp_path / "book", as_arrow(random_book(700, 8)))
    with pytest.raises(mq.InvalidInputError, match=r"'ESH4' is not known: the definitions in .* name no tick size"):
        build(tmp_path / "samples", book, micro_pip=None, definitions=tmp_path / "definitions")
    report = build(tmp_path / "samples", book, micro_pip=0.5, definitions=tmp_path / "definitions")
    assert "but its prices move in steps of 0.25" in report.values["symbols"][0]["warning"]
    definitions.append(pa.table({"raw_symbol": ["ESH4"], "min_price_increment": [125_000_000]}, schema))
    report = build(tmp_path / "other", book, micro_pip=0.5, definitions=tmp_path / "definitions")
    assert "but its tick size is 0.125: prices of several levels share a row" in str(report)


@pytest.mark.parametrize(
    ("micro_pip", "said"),
    [
        (0.25, None),
        (100, "is 100, but its prices move in steps of 0.25: prices of several levels share a row"),
        (0.1, "is 0.1, but its prices move in steps of 0.25: price rows and prices do not line up"),
        (0.05, "is 0.05, but its prices move in steps of 0.25: rows between the prices stay without a level"),
    ],
)
def test_a_micro_pip_that_does_not_fit_the_prices_is_warned_of(
    tmp_path: pathlib.Path, micro_pip: float, said: str | None
) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(900, 1, nulls=0.01)))
    report = build(tmp_path / "samples", book, micro_pip=micro_pip, invalid="skip")
    (symbol,) = report.values["symbols"]
    assert symbol["warning"] == (None if said is None else f"the micro-pip of 'ESH4' {said}")
    assert ("warning: " in str(report)) == (said is not None)


def test_a_symbol_with_few_rows_is_left_out(tmp_path: pathlib.Path) -> None:
    few = as_arrow(random_book(2, 2), "AAA")
    book = write_book(tmp_path / "book", few, as_arrow(random_book(700, 1)))
    report = build(tmp_path / "samples", book)
    left_out, made = report.values["symbols"]
    assert left_out["no_samples"] == "a sample needs a run of more than 465 rows; the longest of 1 has 2"
    assert (made["symbol"], made["no_samples"], made["samples"]) == ("ESH4", None, report.rows)
    assert "AAA: no samples: a sample needs" in str(report)
    assert set(mq.depth.load_labels(tmp_path / "samples")) == {"ESH4"}
    only = build(tmp_path / "only", book, where="symbol = 'ESH4'")
    assert only.values["symbols"][0]["no_samples"] == "no row fulfils 'symbol = 'ESH4''"
    assert only.rows == report.rows


def test_a_build_is_stopped_from_its_progress_and_leaves_nothing(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(700, 8)))

    class Enough(Exception):
        pass

    def progress(phase: str, *_: int) -> None:
        if phase.startswith("build samples"):
            raise Enough

    with pytest.raises(Enough):
        build(tmp_path / "samples", book, progress=progress)
    assert build(tmp_path / "samples", book).rows == mq.open_table(tmp_path / "samples").scan().count()
