"""`marquet depth`, against the same call in Python."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from order_books import as_arrow, random_book, write_book

import marquet as mq

OPTIONS = [
    "--micro-pip",
    "0.25",
    "--hop",
    "30",
    "--time-bins",
    "40",
    "--ticks-per-bin",
    "10",
    "--lookback",
    "50",
    "--lookforward",
    "60",
    "--offset",
    "5",
]


def run(program: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, "depth", *map(str, words)], capture_output=True, text=True, timeout=120)


def test_samples_are_those_of_python(tmp_path: Path, marquet_program: Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_500, 1)), as_arrow(random_book(900, 2), "NQH4"))
    done = run(
        marquet_program,
        book,
        "--into",
        tmp_path / "cli",
        *OPTIONS,
        "--classes",
        3,
        "--json",
        "--where",
        "bid_sz_00 > 3",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    python = mq.depth.build_samples(
        book, tmp_path / "python", micro_pip=0.25, hop=30, time_bins=40, ticks_per_bin=10, lookback=50,
        lookforward=60, offset=5, nbins=3, where="bid_sz_00 > 3",
    )  # fmt: skip
    a, b = (
        mq.open_table(tmp_path / name).scan(sort_by=["symbol", "last_source_row"]).to_arrow()
        for name in ("cli", "python")
    )
    assert a.equals(b)
    assert report["rows"] == python.rows == a.num_rows
    assert [entry["symbol"] for entry in report["symbols"]] == ["ESH4", "NQH4"]

    copy = tmp_path / "cli" / "_marquet" / "labels" / "default.json"
    for name, labels in (("from-copy", copy), ("from-table", tmp_path / "cli")):
        again = run(marquet_program, book, "--into", tmp_path / name, *OPTIONS, "--symbol", "NQH4", "--labels", labels)
        assert again.returncode == 0, again.stderr
        assert "NQH4: " in again.stdout and "ESH4" not in again.stdout
        stored = mq.depth.load_labels(tmp_path / name)["NQH4"]
        assert stored == mq.depth.load_labels(tmp_path / "cli")["NQH4"]


def test_windows_cross_rolls_only_when_asked(tmp_path: Path, marquet_program: Path) -> None:
    columns = random_book(1_500, 1)
    columns["instrument_id"] = np.where(np.arange(1_500) < 700, 1, 2)
    book = write_book(tmp_path / "book", as_arrow(columns))
    for name, options, said in (
        ("parted", (), "out of 1,500 rows in 2 runs\n  1 roll to another instrument or publisher: runs end there\n"),
        ("across", ("--across-rolls",), "in 1 run\n  1 roll to another instrument or publisher: windows go on across"),
    ):
        done = run(marquet_program, book, "--into", tmp_path / name, *OPTIONS, "--classes", 3, *options)
        assert said in done.stdout, done.stdout + done.stderr
    done = run(marquet_program, book, "--into", tmp_path / "across", *OPTIONS, "--classes", 3, "--mode", "append")
    assert (done.returncode, "across rolls no (there: yes)" in done.stderr) == (1, True)


def test_append_adds_each_sample_once(tmp_path: Path, marquet_program: Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)))
    build = (book, "--into", tmp_path / "s", *OPTIONS, "--classes")
    assert run(marquet_program, *build, 3).returncode == 0
    rows = mq.open_table(tmp_path / "s").scan().count()
    done = run(marquet_program, *build, 3, "--mode", "append")
    assert done.returncode == 0, done.stderr
    assert f"  {rows} are in the table already, and were not added again" in done.stdout
    done = run(marquet_program, *build, 13, "--mode", "append")
    assert (done.returncode, "classes 13 (there: 3)" in done.stderr) == (1, True)
    assert mq.open_table(tmp_path / "s").scan().count() == rows


def test_a_table_whose_columns_have_other_types_holds_no_samples(tmp_path: Path, marquet_program: Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)))
    assert run(marquet_program, book, "--into", tmp_path / "s", *OPTIONS, "--classes", 3).returncode == 0
    rows = mq.open_table(tmp_path / "s").scan().to_arrow().drop_columns(["start_ts_event", "end_ts_event"])
    other = rows.set_column(rows.schema.get_field_index("time_bins"), "time_bins", rows["time_bins"].cast("int64"))
    mq.create_table(tmp_path / "other", other.schema, partition_by=["symbol"]).append(other)
    done = run(marquet_program, book, "--into", tmp_path / "other", *OPTIONS, "--classes", 3, "--mode", "append")
    said = "column time_bins is of type int64; a table of depth samples has int32"
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    with pytest.raises(mq.SchemaError, match=said):
        mq.depth.DepthBatches(tmp_path / "other", book)


def test_errors_name_their_cause(tmp_path: Path, marquet_program: Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)), as_arrow(random_book(2, 1), "NQH4"))
    later = tmp_path / "later.json"
    later.write_text('{"format": "marquet-label-set-2", "symbols": {}}')
    for options, said in (
        (("--labels", later), "labels of the format 'marquet-label-set-2'; expected marquet-labels-1 or marquet-label"),
        (("--labels", "quantile"), "--labels quantile: there is no such file; expected fit, thresholds, a JSON"),
        (("--where", "symbol = 'XX'"), "there is no sample to make of 'ESH4': no row fulfils 'symbol = 'XX''"),
        (("--fit-end", "2020-01-01"), "no price move lies in the range to fit on, from the start to before 2020-01-01"),
        (("--symbol", "NQH4"), "no sample to make of 'NQH4': a sample needs a run of more than 465 rows; the longest"),
        (("--definitions", book), "there is no column raw_symbol; expected a table of definition records"),
        (("--definitions", tmp_path / "none"), "none: no such table"),
    ):
        done = run(marquet_program, book, "--into", tmp_path / "s", *OPTIONS, *options)
        assert (done.returncode, said in done.stderr) == (1, True), (options, done.stderr)
        assert not (tmp_path / "s").exists()


def test_errors_say_what_to_do(tmp_path: Path, marquet_program: Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(900, 1)))
    done = run(marquet_program, book, "--into", tmp_path / "s", "--hop", 10)
    assert done.returncode == 1
    assert done.stderr.startswith("marquet: invalid input: the micro-pip of 'ESH4' is not known\nhint: ")
    assert run(marquet_program, book, "--into", tmp_path / "s", *OPTIONS, "--classes", 3).returncode == 0
    done = run(marquet_program, book, "--into", tmp_path / "s", *OPTIONS, "--classes", 3)
    assert (done.returncode, "there is a table already" in done.stderr) == (1, True)
    for wrong in (("--micro-pip", "0"), ("--max-gap", "1x"), ("--ties", "x"), ("--hop", "0"), ("--features", "")):
        assert run(marquet_program, book, "--into", tmp_path / "x", *wrong).returncode in (1, 2)


def book_of_floats(symbol: str, divisor: int, seed: int = 3) -> pa.Table:
    """Rows whose prices are floats: prices where the divisor is 1e9, and units of 1e-9 where it is 1."""
    shape = {"base": 1_100_000_000, "tick": 10_000} if symbol.endswith("USD") else {}
    rows = as_arrow(random_book(1_500, seed, nulls=0.001, **shape), symbol)
    for number, name in enumerate(rows.column_names):
        if "_px_" in name:
            prices = pa.array([None if p is None else p / divisor for p in rows[name].to_pylist()], pa.float64())
            rows = rows.set_column(number, name, prices)
    return rows


@pytest.mark.parametrize("wrong", ["AUDUSD", "EURUSD"])
def test_units_of_one_symbol_are_refused_for_that_symbol(tmp_path: Path, marquet_program: Path, wrong: str) -> None:
    symbols = ("AUDUSD", "EURUSD")
    rows = [book_of_floats(symbol, 1 if symbol == wrong else 10**9, seed) for seed, symbol in enumerate(symbols)]
    book = write_book(tmp_path / "book", pa.concat_tables(rows))
    build = (book, "--into", tmp_path / "samples", *OPTIONS[2:])
    for chosen in ((), ("--symbol", wrong)):
        done = run(marquet_program, *build, *chosen)
        assert done.returncode == 1 and f"{book}: {wrong}: bid_px_00 holds" in done.stderr, done.stderr
        assert "can only be units of 1e-9" in done.stderr
        assert not (tmp_path / "samples").exists()
    other = next(symbol for symbol in symbols if symbol != wrong)
    done = run(marquet_program, *build, "--symbol", other)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("symbol", ["ESH4", "EURUSD"])
@pytest.mark.parametrize("divisor", [1, 10**9], ids=["units", "prices"])
def test_prices_that_are_units_stored_as_floats_are_refused(
    tmp_path: Path, marquet_program: Path, symbol: str, divisor: int
) -> None:
    book = write_book(tmp_path / "book", book_of_floats(symbol, divisor))
    options = OPTIONS[2:] if symbol == "EURUSD" else OPTIONS  # whose micro-pip is known by the symbol
    done = run(marquet_program, book, "--into", tmp_path / "samples", *options, "--json")
    if divisor != 1:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] > 0
        return
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["kind"] == "invalid input" and "divide it by 1e9" in told["hint"]
    assert f"{book}: {symbol}: bid_px_00 holds whole numbers as floats, such as " in told["error"]
    assert "can only be units of 1e-9" in told["error"]
    assert not (tmp_path / "samples").exists()
