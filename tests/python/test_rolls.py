"""Runs of rows end where the instrument or the publisher changes: no window crosses such a roll."""

from __future__ import annotations

import pathlib

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from order_books import as_arrow, random_book, slice_book, slow_moves, slow_tensor, write_book

import marquet as mq

ROWS, WINDOW, BACK, AHEAD, OFFSET, HOP = 2_400, 400, 50, 60, 5, 30
SHAPE = {"time_bins": 40, "ticks_per_bin": 10}
WINDOWS = {"lookback": BACK, "lookforward": AHEAD, "offset": OFFSET}
BUILD = {"micro_pip": 0.25, "hop": HOP, "nbins": 3, **SHAPE, **WINDOWS}
HOUR = 3_600_000_000_000


def rolling_book(seed: int, instruments: dict[int, int], publishers: dict[int, int], **options: object) -> dict:
    """A random book whose ids change at the rows named; prices jump with the instrument, as a contract's do."""
    columns = random_book(ROWS, seed, **options)  # type: ignore[arg-type]
    for name, changes in (("instrument_id", instruments), ("publisher_id", publishers)):
        ids = np.ones(ROWS, dtype=np.int64)
        for row, value in changes.items():
            ids[row:] = value
        columns[name] = ids
    for name in columns:
        if "_px_" in name:
            columns[name] = columns[name] + (columns["instrument_id"] - 1) * 40 * 250_000_000
    return columns


def slow_runs(columns: dict, gap: int = HOUR) -> list[tuple[int, int]]:
    """Row by row: where the next row is of another instrument or publisher, or comes late, a run ends."""
    runs, begin = [], 0
    for row in range(1, len(columns["ts_recv"]) + 1):
        ends = row == len(columns["ts_recv"]) or columns["ts_recv"][row] - columns["ts_recv"][row - 1] > gap
        for name in ("instrument_id", "publisher_id"):
            ends = ends or columns[name][row] != columns[name][row - 1]
        if ends:
            runs.append((begin, row))
            begin = row
    return runs


def slow_samples(columns: dict, runs: list[tuple[int, int]]) -> tuple[list[int], np.ndarray]:
    """The rows at which samples stand, and every row's move."""
    mid = (columns["bid_px_00"] + columns["ask_px_00"]) / 2
    moves = np.full(len(mid), np.nan)
    places = []
    for begin, end in runs:
        moves[begin:end] = slow_moves(mid[begin:end], BACK, AHEAD, OFFSET)
        if end - begin - AHEAD - OFFSET > WINDOW:
            places += range(begin + WINDOW, end, HOP)
    return places, moves


BOOKS = [
    ({}, {}, {}),
    ({900: 2}, {}, {}),
    ({900: 2, 1_000: 3}, {}, {}),  # the middle run is too short
    ({}, {1_111: 7}, {}),
    ({800: 2, 1_600: 1}, {1_400: 2}, {"gaps": {500: HOUR + 1}}),
    ({800: 2}, {800: 5}, {"gaps": {800: 2 * HOUR}}),  # all at one row
]


@pytest.mark.parametrize(("instruments", "publishers", "options"), BOOKS)
@pytest.mark.parametrize("partition_by", [("symbol", "date"), (), ("symbol", "publisher_id")])
def test_no_window_of_a_sample_crosses_a_roll(
    tmp_path: pathlib.Path, instruments: dict, publishers: dict, options: dict, partition_by: tuple[str, ...]
) -> None:
    columns = rolling_book(1, instruments, publishers, **options)
    rows = as_arrow(columns)
    book = write_book(tmp_path / "book", rows.slice(0, 1_000), rows.slice(1_000), partition_by=partition_by)
    report = mq.depth.build_samples(book, tmp_path / "samples", **BUILD)
    runs = slow_runs(columns)
    places, moves = slow_samples(columns, runs)
    made = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow()
    assert made["end_ts_event"].cast("int64").to_pylist() == [int(columns["ts_event"][s - 1]) for s in places]
    got = np.array([np.nan if move is None else move for move in made["move"].to_pylist()])
    np.testing.assert_allclose(got, moves[places], rtol=1e-11, atol=1e-18)
    boundaries = np.quantile(moves[~np.isnan(moves)], [1 / 3, 2 / 3])
    np.testing.assert_allclose(
        mq.depth.load_labels(tmp_path / "samples")["ESH4"].boundaries[1:-1], boundaries, rtol=1e-11
    )
    labels = [None if np.isnan(moves[s]) else int((boundaries <= moves[s]).sum()) for s in places]
    assert made["label"].to_pylist() == labels

    (symbol,) = report.values["symbols"]
    rolls = sum(
        any(columns[name][row] != columns[name][row - 1] for name in ("instrument_id", "publisher_id"))
        for row in range(1, ROWS)
    )
    assert (symbol["rolls"], symbol["runs"]) == (rolls, len(runs))
    assert symbol["unlabelled"]["past_end"] == symbol["unlabelled"]["total"] == labels.count(None)
    assert ("to another instrument or publisher: runs end there" in str(report)) == (rolls > 0)

    # The loader computes the same tensors from the book.
    batches = mq.depth.DepthBatches(tmp_path / "samples", book, shuffle=False, unlabelled=True, batch_size=7)
    tensors = np.concatenate([batch for batch, _ in batches])
    assert len(tensors) == len(places)
    for tensor, s in list(zip(tensors, places, strict=True))[:: max(1, len(places) // 4)]:
        expected = slow_tensor(slice_book(columns, s - WINDOW, s), ["volume"], 250_000_000, 40, 10)
        np.testing.assert_allclose(tensor, expected, rtol=0, atol=1e-7)


def test_samples_are_the_same_with_the_columns_and_without_where_nothing_rolls(tmp_path: pathlib.Path) -> None:
    rows = as_arrow(rolling_book(2, {}, {}))
    made = []
    for name, book_rows in (("with", rows), ("without", rows.drop_columns(["instrument_id", "publisher_id"]))):
        book = write_book(tmp_path / f"book-{name}", book_rows)
        mq.depth.build_samples(book, tmp_path / name, **BUILD)
        made.append(mq.open_table(tmp_path / name).scan(sort_by=["end_ts_event"]).to_arrow())
    assert (
        made[0]
        .drop_columns(["first_source", "last_source"])
        .equals(made[1].drop_columns(["first_source", "last_source"]))
    )


def test_samples_across_rolls_are_those_of_one_run(tmp_path: pathlib.Path) -> None:
    columns = rolling_book(3, {900: 2}, {1_700: 2})
    book = write_book(tmp_path / "book", as_arrow(columns))
    report = mq.depth.build_samples(book, tmp_path / "samples", across_rolls=True, **BUILD)
    places, moves = slow_samples(columns, [(0, ROWS)])
    made = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow()
    assert made["end_ts_event"].cast("int64").to_pylist() == [int(columns["ts_event"][s - 1]) for s in places]
    got = np.array([np.nan if move is None else move for move in made["move"].to_pylist()])
    np.testing.assert_allclose(got, moves[places], rtol=1e-11, atol=1e-18)
    (symbol,) = report.values["symbols"]
    assert (symbol["rolls"], symbol["runs"], report.values["across_rolls"]) == (2, 1, True)
    assert "2 rolls to another instrument or publisher: windows go on across them" in str(report)


@pytest.mark.parametrize("rolls", [{}, {900: 2}])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("labels", [{}, {"thresholds": [1.0]}])
def test_samples_of_the_other_setting_are_not_appended(
    tmp_path: pathlib.Path, rolls: dict, first: bool, labels: dict
) -> None:
    book = write_book(tmp_path / "book", as_arrow(rolling_book(4, rolls, {})))
    options = {"mode": "append", **BUILD, **labels}
    made = mq.depth.build_samples(book, tmp_path / "samples", across_rolls=first, **options)
    said = rf"across rolls {'no' if first else 'yes'} \(there: {'yes' if first else 'no'}\)"
    with pytest.raises(mq.InvalidInputError, match=said):
        mq.depth.build_samples(book, tmp_path / "samples", across_rolls=not first, **options)
    again = mq.depth.build_samples(book, tmp_path / "samples", across_rolls=first, **options)
    assert (again.rows, again.version) == (0, made.version)


def test_a_roll_that_comes_later_does_not_change_what_is_there(tmp_path: pathlib.Path) -> None:
    columns = rolling_book(5, {1_200: 2}, {})
    rows = as_arrow(columns)
    book = write_book(tmp_path / "book", rows.slice(0, 1_200))
    mq.depth.build_samples(book, tmp_path / "samples", mode="append", **BUILD)
    before = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow().to_pylist()
    mq.open_table(book).append(rows.slice(1_200))
    report = mq.depth.build_samples(book, tmp_path / "samples", mode="append", **BUILD)
    after = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow()
    assert after.to_pylist()[: len(before)] == before
    assert (report.values["symbols"][0]["held"], report.values["symbols"][0]["held_late"]) == (len(before), 0)
    places, _ = slow_samples(columns, slow_runs(columns))
    assert after["end_ts_event"].cast("int64").to_pylist() == [int(columns["ts_event"][s - 1]) for s in places]


def test_venues_that_take_turns_are_named_and_taken_one_by_one(tmp_path: pathlib.Path) -> None:
    columns = rolling_book(6, {}, {})
    columns["publisher_id"] = np.arange(ROWS) % 2 + 1
    book = write_book(tmp_path / "book", as_arrow(columns))
    with pytest.raises(mq.InvalidInputError, match=r"the longest of 2,400 has 1; its rows change their .* 2,399 times"):
        mq.depth.build_samples(book, tmp_path / "samples", **BUILD)
    report = mq.depth.build_samples(book, tmp_path / "samples", where="publisher_id = 2", **BUILD)
    one = {name: values[1::2] for name, values in columns.items()}
    places, _ = slow_samples(one, [(0, ROWS // 2)])
    made = mq.open_table(tmp_path / "samples").scan(sort_by=["end_ts_event"]).to_arrow()
    assert made["end_ts_event"].cast("int64").to_pylist() == [int(one["ts_event"][s - 1]) for s in places]
    assert report.values["symbols"][0]["rolls"] == 0
    tensors, _ = next(iter(mq.depth.DepthBatches(tmp_path / "samples", book, shuffle=False)))
    expected = slow_tensor(slice_book(one, 0, WINDOW), ["volume"], 250_000_000, 40, 10)
    np.testing.assert_allclose(tensors[0], expected, rtol=0, atol=1e-7)


def test_two_venues_files_of_one_day_are_two_runs(tmp_path: pathlib.Path) -> None:
    """Both cover the same hours, so that the second file's rows go back in time."""
    first, second = rolling_book(7, {}, {}), rolling_book(8, {}, {0: 2})
    book = write_book(tmp_path / "book", as_arrow(first), as_arrow(second))
    report = mq.depth.build_samples(book, tmp_path / "samples", **BUILD)
    (symbol,) = report.values["symbols"]
    assert (symbol["rolls"], symbol["runs"]) == (1, 2)
    places, first_moves = slow_samples(first, [(0, ROWS)])
    _, second_moves = slow_samples(second, [(0, ROWS)])
    made = mq.open_table(tmp_path / "samples").scan(columns=["move"]).to_arrow()["move"].to_pylist()
    expected = np.concatenate([first_moves[places], second_moves[places]])
    assert np.sort([m for m in made if m is not None]) == pytest.approx(
        np.sort(expected[~np.isnan(expected)]), rel=1e-11, abs=1e-18
    )


def test_tensors_of_rows_in_memory_do_not_cross_a_roll_unasked() -> None:
    columns = rolling_book(9, {900: 2}, {1_500: 3})
    rows = as_arrow(columns)
    expected = slow_tensor(slice_book(columns, 600, 1_000), ["volume"], 250_000_000, 40, 10)
    options = {"micro_pip": 0.25, **SHAPE}
    with pytest.raises(mq.InvalidInputError, match="change their instrument_id or publisher_id at row 300"):
        mq.depth.tensor(rows.slice(600, WINDOW), **options)
    across = mq.depth.tensor(rows.slice(600, WINDOW), across_rolls=True, **options)
    np.testing.assert_allclose(across, expected, rtol=0, atol=1e-7)

    stream = mq.depth.TensorStream(rows, **options)
    for start in (0, 500, 900, 1_100, 1_500, ROWS - WINDOW):
        whole = slow_tensor(slice_book(columns, start, start + WINDOW), ["volume"], 250_000_000, 40, 10)
        np.testing.assert_allclose(stream.compute(start), whole, rtol=0, atol=1e-7)
    for start, row in ((501, 900), (899, 900), (1_101, "1,500"), (1_499, "1,500")):
        with pytest.raises(mq.InvalidInputError, match=f"at row {row}"):
            stream.compute(start)
    with pytest.raises(mq.InvalidInputError, match="is not within rows"):
        stream.compute(ROWS - WINDOW + 1)
    free = mq.depth.TensorStream(rows, across_rolls=True, **options)
    np.testing.assert_allclose(free.compute(600), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars", "text"])
def test_labels_of_rows_in_memory_do_not_cross_a_roll_unasked(kind: str) -> None:
    columns = rolling_book(10, {900: 2}, {1_500: 3})
    rows = as_arrow(columns)
    mid = (columns["bid_px_00"] + columns["ask_px_00"]) / 2
    _, parted = slow_samples(columns, slow_runs(columns))
    whole = slow_moves(mid, BACK, AHEAD, OFFSET)
    if kind == "pandas":
        given = rows.to_pandas()
    elif kind == "polars":
        given = pl.from_arrow(rows)
    elif kind == "text":
        names = pa.array([f"venue {value}" for value in columns["publisher_id"]]).dictionary_encode()
        given = rows.set_column(rows.column_names.index("publisher_id"), "publisher_id", names)
    else:
        given = rows
    for across, moves in ((False, parted), (True, whole)):
        fitted = mq.depth.fit_labels(given, nbins=3, across_rolls=across, **WINDOWS)
        expected = np.quantile(moves[~np.isnan(moves)], np.arange(4) / 3)
        np.testing.assert_allclose(fitted.boundaries, expected, rtol=1e-11)
        labels = mq.depth.apply_labels(given, fitted)  # as in the fit
        np.testing.assert_allclose(labels.moves, moves, rtol=1e-11, atol=1e-18)
        assert labels.report["rolls"] == 2
        other = mq.depth.apply_labels(given, fitted, across_rolls=not across)
        np.testing.assert_allclose(other.moves, whole if not across else parted, rtol=1e-11, atol=1e-18)


def test_labels_of_rows_without_times_end_at_rolls_too() -> None:
    columns = rolling_book(11, {900: 2}, {})
    rows = as_arrow(columns).drop_columns(["ts_recv", "ts_event"])
    _, moves = slow_samples(columns, slow_runs(columns))
    labels = mq.depth.apply_labels(rows, mq.depth.fit_labels(rows, nbins=3, **WINDOWS))
    np.testing.assert_allclose(labels.moves, moves, rtol=1e-11, atol=1e-18)
