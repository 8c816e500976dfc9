"""Boundaries fitted up to a time know no price at or after it."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from order_books import MILLISECOND, START, as_arrow, random_book, slow_moves, write_book

import marquet as mq

BACK, AHEAD, OFFSET = 50, 60, 5
WINDOWS = {"lookback": BACK, "lookforward": AHEAD, "offset": OFFSET}
BUILD = {"micro_pip": 0.25, "hop": 30, "time_bins": 40, "ticks_per_bin": 10, "nbins": 3, **WINDOWS}
CUT = 900


def book_with_another_future(seed: int, cut: int, ticks_a_row: int) -> dict[str, np.ndarray]:
    """A random book; from row `cut` on its prices climb by so many ticks a row besides."""
    columns = random_book(1_500, seed)
    climb = np.maximum(0, np.arange(1_500) - cut + 1) * ticks_a_row * 250_000_000
    for name in columns:
        if "_px_" in name:
            columns[name] = columns[name] + climb
    return columns


def slow_fit(columns: dict[str, np.ndarray], end: int, nbins: int) -> tuple[np.ndarray, int]:
    """Quantiles of the moves all of whose prices have a time before `end`, row by row; and how many they are."""
    times = columns["ts_recv"]
    moves = slow_moves((columns["bid_px_00"] + columns["ask_px_00"]) / 2, BACK, AHEAD, OFFSET)
    chosen = []
    for s, move in enumerate(moves):
        looked_at = [*range(s - BACK, s + 1), *range(s + 1 + OFFSET, s + 1 + OFFSET + AHEAD)]
        if not np.isnan(move) and all(times[row] < end for row in looked_at):
            chosen.append(move)
    return np.quantile(chosen, np.arange(nbins + 1) / nbins), len(chosen)


def test_another_future_gives_the_same_boundaries_in_tables_and_in_memory(tmp_path: pathlib.Path) -> None:
    fits, builds = [], []
    for climb in (0, 3, -40):
        columns = book_with_another_future(1, CUT, climb)
        end = int(columns["ts_recv"][CUT])
        for ties in ("boundary", "rank"):
            fits.append((ties, mq.depth.fit_labels(as_arrow(columns), nbins=3, ties=ties, end=end, **WINDOWS).json))
        book = write_book(tmp_path / f"book{climb}", as_arrow(columns))
        report = mq.depth.build_samples(book, tmp_path / f"samples{climb}", fit_end=end, **BUILD)
        labels = report.values["symbols"][0]["labels"]
        del labels["data_version"]
        builds.append(labels)
        boundaries, rows = slow_fit(columns, end, 3)
        np.testing.assert_allclose(labels["interior"], boundaries[1:-1], rtol=1e-12)
        np.testing.assert_allclose([labels["low"], labels["high"]], boundaries[[0, -1]], rtol=1e-12)
        assert labels["rows"] == rows
        assert labels["prices_end_ns"] < end
    for ties in ("boundary", "rank"):
        assert len({text for kind, text in fits if kind == ties}) == 1
    assert builds[0] == builds[1] == builds[2]


@pytest.mark.parametrize("cut", [700, 701, 707, 713])
def test_times_that_run_backwards_are_looked_at_one_by_one(cut: int) -> None:
    columns = random_book(1_500, 2)
    random = np.random.default_rng(3)
    columns["ts_recv"] = START + (np.arange(1_500) + random.integers(-4, 5, 1_500)) * MILLISECOND
    end = int(columns["ts_recv"][cut])
    fitted = mq.depth.fit_labels(as_arrow(columns), nbins=3, end=end, clock_steps=True, **WINDOWS)
    boundaries, rows = slow_fit(columns, end, 3)
    np.testing.assert_allclose(fitted.boundaries, boundaries, rtol=1e-12)
    assert fitted.rows == rows


def test_one_row_that_came_late_voids_the_moves_that_look_at_it() -> None:
    columns = random_book(1_500, 4)
    columns["ts_recv"][300] = columns["ts_recv"][1_499] + 1  # among the rows of the fit, and after its end
    end = int(columns["ts_recv"][CUT])
    fitted = mq.depth.fit_labels(as_arrow(columns), nbins=3, end=end, max_gap=None, clock_steps=True, **WINDOWS)
    every = slow_fit(random_book(1_500, 4), end, 3)[1]
    # Rows 235 to 350 look at row 300; those of the offset in between are left out, too.
    assert fitted.rows == every - (350 - 235 + 1)


def test_a_range_without_a_whole_move_is_refused(tmp_path: pathlib.Path) -> None:
    columns = random_book(1_500, 5)
    end = int(columns["ts_recv"][BACK + OFFSET + AHEAD])  # one row too early for the first move
    with pytest.raises(mq.InvalidInputError, match=r"no price move lies in the range .* with all of its prices"):
        mq.depth.fit_labels(as_arrow(columns), nbins=3, end=end, **WINDOWS)


def test_samples_that_the_fit_has_seen_are_counted(tmp_path: pathlib.Path) -> None:
    columns = random_book(1_500, 6)
    book = write_book(tmp_path / "book", as_arrow(columns))
    end = int(columns["ts_recv"][CUT])
    for name, options, before in (
        ("part", {"fit_end": end}, CUT - 1),
        ("all", {}, 1_499),
        ("fixed", {"thresholds": [1.0]}, -1),
    ):
        report = mq.depth.build_samples(book, tmp_path / name, **{**BUILD, **options})
        (symbol,) = report.values["symbols"]
        places = [s for s in range(400, 1_500, 30) if s < 1_500 - AHEAD - OFFSET and s <= before]
        assert symbol["seen_by_fit"] == len(places)
        assert ("have seen prices: test on others" in str(report)) == (len(places) > 0)
    later = mq.depth.load_labels(tmp_path / "all")
    early = write_book(tmp_path / "early", as_arrow(columns).slice(0, 800))
    (symbol,) = mq.depth.build_samples(early, tmp_path / "applied", labels=later, **BUILD).values["symbols"]
    assert symbol["seen_by_fit"] == sum(symbol["counts"]) > 0
