"""Labels of price moves against NumPy and pandas."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from order_books import NULL, START, as_arrow, random_book, slow_moves, write_book

import marquet as mq

WINDOWS = {"lookback": 50, "lookforward": 60, "offset": 5}


def mids(columns: dict[str, np.ndarray]) -> np.ndarray:
    return (columns["bid_px_00"] + columns["ask_px_00"]) / 2


@pytest.mark.parametrize("nbins", [3, 5, 7, 9, 13])
def test_boundaries_and_labels_equal_numpys_and_pandas(nbins: int) -> None:
    columns = random_book(3_000, nbins)
    rows = as_arrow(columns)
    fitted = mq.depth.fit_labels(rows, nbins=nbins, **WINDOWS)
    moves = slow_moves(mids(columns), 50, 60, 5)
    valid = ~np.isnan(moves)
    boundaries = np.quantile(moves[valid], np.arange(nbins + 1) / nbins)
    np.testing.assert_allclose(fitted.boundaries, boundaries, rtol=1e-12)
    assert fitted.nbins == nbins
    assert fitted.rows == valid.sum()

    labels = mq.depth.apply_labels(rows, fitted)
    assert labels.labels.dtype == np.int64
    np.testing.assert_allclose(labels.moves, moves, rtol=1e-11, atol=1e-18)
    inside = pd.cut(labels.moves[valid], [-np.inf, *fitted.boundaries[1:-1], np.inf], right=False, labels=False)
    np.testing.assert_array_equal(labels.labels[valid], inside)
    assert (labels.labels[~valid] == -1).all()
    assert labels.report["counts"] == np.bincount(labels.labels[valid], minlength=nbins).tolist()
    assert labels.report["labelled"] + labels.report["unlabelled"] == 3_000
    assert labels.report["out_of_range"] == (~valid).sum()
    share = 100 * np.array(labels.report["counts"]) / valid.sum()
    assert labels.report["largest_deviation"] == pytest.approx(np.abs(share - 100 / nbins).max())


def test_labels_do_not_change_with_the_file_they_are_applied_to() -> None:
    columns = random_book(3_000, 2)
    fitted = mq.depth.fit_labels(as_arrow(columns).slice(0, 1_500), nbins=5, **WINDOWS)
    whole = mq.depth.apply_labels(as_arrow(columns), fitted)
    part = mq.depth.apply_labels(as_arrow(columns).slice(1_000), fitted)
    known = part.labels >= 0
    np.testing.assert_array_equal(part.labels[known], whole.labels[1_000:][known])
    assert (
        whole.report["outside_fitted"]
        == ((whole.moves < fitted.boundaries[0]) | (whole.moves > fitted.boundaries[-1])).sum()
    )


def test_gaps_part_the_windows() -> None:
    columns = random_book(1_000, 3, gaps={400: 3_601 * 10**9})
    labels = mq.depth.apply_labels(as_arrow(columns), mq.depth.fit_labels(thresholds=[1.0], **WINDOWS))
    mid = mids(columns)
    expected = np.concatenate([slow_moves(mid[:400], 50, 60, 5), slow_moves(mid[400:], 50, 60, 5)])
    np.testing.assert_allclose(labels.moves, expected, rtol=1e-11, atol=1e-18)
    across = mq.depth.apply_labels(as_arrow(columns), mq.depth.fit_labels(thresholds=[1.0], **WINDOWS), max_gap=None)
    np.testing.assert_allclose(across.moves, slow_moves(mid, 50, 60, 5), rtol=1e-11, atol=1e-18)


def test_invalid_rows_never_enter_a_mean_silently() -> None:
    columns = random_book(1_000, 4)
    columns["bid_px_00"][500] = NULL
    columns["bid_px_00"][501] = columns["ask_px_00"][501] + 10**9
    rows = as_arrow(columns)
    null = mq.depth.apply_labels(rows, mq.depth.fit_labels(rows, nbins=3, **WINDOWS))
    assert null.report["invalid_rows"] == 2
    touched = [s for s in range(50, 935) if {500, 501} & ({*range(s - 50, s)} | {*range(s + 6, s + 66)})]
    assert null.report["invalid_windows"] == len(touched)
    assert np.isnan(null.moves[touched]).all()
    skip = mq.depth.apply_labels(rows, mq.depth.fit_labels(rows, nbins=3, invalid="skip", **WINDOWS))
    mid = mids({name: np.where(columns[name] == NULL, 0, columns[name]) for name in ("bid_px_00", "ask_px_00")})
    before = np.delete(mid, [500, 501])[470:500].mean()  # of rows 470 to 519, two left out
    after = mid[526:586].mean()
    window = np.r_[470:500, 502:520]
    before = mid[window].mean()
    assert skip.moves[520] == pytest.approx((after - before) / before, rel=1e-9)
    with pytest.raises(mq.InvalidInputError, match="row 500 has no price on a side"):
        mq.depth.fit_labels(rows, nbins=3, invalid="error", **WINDOWS)


def test_constant_prices_are_an_error_and_not_one_class() -> None:
    columns = random_book(500, 5)
    for name in ("bid_px_00", "ask_px_00"):
        columns[name][:] = columns[name][0]
    with pytest.raises(mq.InvalidInputError, match="there are no classes to tell apart"):
        mq.depth.fit_labels(as_arrow(columns), nbins=3, **WINDOWS)


def test_ties_are_reported_or_shared_but_bins_are_never_of_equal_width() -> None:
    columns = random_book(4_000, 6)
    for name in ("bid_px_00", "ask_px_00"):
        columns[name][600:3_400] = columns[name][600]  # most moves are exactly zero
    rows = as_arrow(columns)
    plain = mq.depth.apply_labels(rows, mq.depth.fit_labels(rows, nbins=9, **WINDOWS))
    assert plain.report["coinciding"]
    assert plain.report["quality"] == "uneven"
    rank = mq.depth.fit_labels(rows, nbins=9, ties="rank", seed=3, **WINDOWS)
    shared = mq.depth.apply_labels(rows, rank)
    assert shared.report["largest_deviation"] < 3
    np.testing.assert_array_equal(shared.labels, mq.depth.apply_labels(rows, rank).labels)
    other = mq.depth.apply_labels(rows, mq.depth.fit_labels(rows, nbins=9, ties="rank", seed=4, **WINDOWS))
    assert (other.labels != shared.labels).any()
    untied = shared.moves != 0
    np.testing.assert_array_equal(shared.labels[untied], plain.labels[untied])


def test_thresholds_are_basis_points() -> None:
    fitted = mq.depth.fit_labels(thresholds=mq.depth.DEFAULT_THRESHOLDS)
    assert fitted.nbins == 13
    assert fitted.boundaries[1] == -7.73 / 10_000
    assert fitted.boundaries[-2] == 7.73 / 10_000
    assert fitted.boundaries[0] == -np.inf
    for bad in ([2.0, 1.0], [0.0], [-1.0], [1.0, 1.0]):
        with pytest.raises(mq.InvalidInputError):
            mq.depth.fit_labels(thresholds=bad)


def test_a_fit_on_a_range_of_time_looks_at_no_price_behind_it() -> None:
    columns = random_book(2_000, 8)
    start, end = int(columns["ts_recv"][300]), int(columns["ts_recv"][900])
    fitted = mq.depth.fit_labels(as_arrow(columns), nbins=3, start=start, end=end, **WINDOWS)
    moves = slow_moves(mids(columns), 50, 60, 5)[300:835]  # row 834 looks ahead as far as row 899
    np.testing.assert_allclose(fitted.boundaries, np.quantile(moves, [0, 1 / 3, 2 / 3, 1]), rtol=1e-12)
    assert fitted.fit_range_ns == (start, int(columns["ts_recv"][834]))
    assert fitted.prices_end_ns == int(columns["ts_recv"][899])


def test_arguments_are_checked() -> None:
    rows = as_arrow(random_book(300, 1))
    for bad in ({"nbins": 4}, {"lookback": 0}, {"lookforward": 0}, {"offset": -1}, {"ties": "x"}, {"invalid": "x"}):
        with pytest.raises(mq.InvalidInputError):
            mq.depth.fit_labels(rows, **{**WINDOWS, **bad})  # type: ignore[arg-type]
    with pytest.raises(mq.InvalidInputError, match="expected at least 13"):
        mq.depth.fit_labels(rows.slice(0, 100), **WINDOWS)
    with pytest.raises(mq.CorruptDataError):
        mq.depth.apply_labels(rows, mq.depth.FittedLabels("{}"))


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [("nbins", 7, 3), ("lookback", 40, 50), ("lookforward", 61, 60), ("offset", 6, 5), ("invalid", "skip", "null")],
)
def test_options_that_contradict_the_labels_given_are_refused(tmp_path, name, value, made) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)))
    fitted = mq.depth.fit_labels(as_arrow(random_book(1_200, 1)), nbins=3, **WINDOWS)
    build = {"micro_pip": 0.25, "hop": 30, "time_bins": 40, "ticks_per_bin": 10}
    with pytest.raises(mq.InvalidInputError, match=f"{name}.* is {value}; the labels that are given .* {made}"):
        mq.depth.build_samples(book, tmp_path / "samples", labels=fitted, **{**build, name: value})
    with pytest.raises(mq.InvalidInputError, match="a range to fit labels on is given"):
        mq.depth.build_samples(book, tmp_path / "samples", labels=fitted, fit_end=START, **build)
    assert not (tmp_path / "samples").exists()
    assert mq.depth.build_samples(book, tmp_path / "samples", labels=fitted, nbins=3, **WINDOWS, **build).rows > 0


def test_options_that_contradict_thresholds_are_refused(tmp_path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)))
    build = {"micro_pip": 0.25, "hop": 30, "time_bins": 40, "ticks_per_bin": 10, "thresholds": [1.0], **WINDOWS}
    for options in ({"nbins": 7}, {"ties": "rank"}, {"seed": 4}, {"fit_start": START}):
        with pytest.raises(mq.InvalidInputError):
            mq.depth.build_samples(book, tmp_path / "samples", **build, **options)
    with pytest.raises(mq.InvalidInputError, match=r"classes \(nbins in Python\) is 3"):
        mq.depth.fit_labels(thresholds=[1, 2, 3], nbins=3)
    assert mq.depth.build_samples(book, tmp_path / "samples", nbins=3, **build).rows > 0


def test_too_few_moves_are_told_with_the_rows_that_there_are() -> None:
    columns = as_arrow(random_book(117, 3))  # a move needs 50 rows before its own and 65 behind it
    with pytest.raises(mq.InvalidInputError, match="2 of 117 rows have a price move") as told:
        mq.depth.fit_labels(columns, nbins=3, **WINDOWS)
    assert told.value.hint is not None and "needs 50 rows before it and 65 after it" in told.value.hint
    assert mq.depth.fit_labels(as_arrow(random_book(118, 3)), nbins=3, **WINDOWS).rows == 3


def test_stored_weights_of_a_shared_value_are_those_of_rows(tmp_path) -> None:
    columns = as_arrow(random_book(1_200, 1))
    text = json.loads(mq.depth.fit_labels(columns, nbins=3, ties="rank", **WINDOWS).json)
    text["shared"] = [{"value": 0.0, "first_class": 0, "counts": [2**62] * 3}]
    with pytest.raises(mq.CorruptDataError, match="share a value among other rows"):
        mq.depth.apply_labels(columns, mq.depth.FittedLabels(json.dumps(text)))
