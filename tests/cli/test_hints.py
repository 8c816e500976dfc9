"""What to do next, where what was typed cannot be done: errors name it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbn_files import DAY, bar, metadata, nanos, trades_file

import marquet as mq

OHLCV_1S = 5


@pytest.fixture
def table(marquet, tmp_path: Path) -> Path:
    marquet("ingest", trades_file(tmp_path / "a.dbn", ["ESH4", "NQH4"]), "--into", tmp_path / "t")
    return tmp_path / "t"


def hint(text: str) -> str:
    last = text.splitlines()[-1]
    assert last.startswith("hint: "), text
    return last.removeprefix("hint: ")


def test_a_number_in_quotes(fails, table):
    assert hint(fails("scan", table, "--where", "size > '5'")) == "Write 5 without quotes."


@pytest.mark.parametrize("where", ["price == NaN", "nan = price", "price != NAN"])
def test_nan_is_asked_for_by_name(fails, table, where):
    assert "is nan" in hint(fails("scan", table, "--where", where))


def test_seconds_beside_nanoseconds(fails, table):
    text = fails("scan", table, "--where", "ts_event > 1704153600")
    assert "would be 1970-01-01T00:00:01.7041536" in text
    assert "'2024-01-02T00:00:00Z', or as 1704153600000000000" in hint(text)


@pytest.mark.parametrize(
    "command", [("scan",), ("depth", "--into", "samples"), ("export", "--to", "csv", "-o", "x.csv")]
)
def test_an_empty_filter(fails, table, command):
    text = fails(command[0], table, *command[1:], "--where", " ", code=2, cwd=table.parent)
    assert "the text is empty" in text and "Leave the filter out" in hint(text)


def test_a_filter_of_depth_is_told_of_once(marquet, table):
    arguments = ("--into", table.parent / "samples", "--micro-pip", "0.25", "--where", "price > 4750")
    done = marquet("depth", table, *arguments, ok=False)
    assert done.returncode == 1 and done.stderr.count("units of 1e-9") == 1
    assert not (table.parent / "samples").exists()


def test_a_selection_of_times_that_a_source_has_not(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    for options in (("--start", "2024-03-05"), ("--end", "2024-01-01"), ("--symbols", "ESH4", "--start", "2024-03-05")):
        text = marquet("ingest", source, "--into", tmp_path / "t", *options, ok=False).stderr
        assert "their rows are of times from 2024-01-02T00:00:00Z to 2024-01-02T00:00:09Z" in text


def test_a_selection_of_symbols_that_a_source_has_not(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn", ["ESH4", "NQH4"])
    for symbol, advice in (("esh4", "did you mean 'ESH4'?"), ("CLZ4", "they name ESH4, NQH4")):
        text = marquet("ingest", source, "--into", tmp_path / "t", "--symbols", symbol, ok=False).stderr
        assert f"hint: none of them has such a symbol; {advice}" in text


def test_several_kinds_of_records_in_one_folder(marquet, tmp_path):
    (tmp_path / "days").mkdir()
    trades_file(tmp_path / "days" / "a.dbn")
    bars = metadata({1: "ESH4"}, schema=OHLCV_1S) + bar(1, nanos(DAY, 1), 0x20)
    (tmp_path / "days" / "b.dbn").write_bytes(bars)
    text = marquet("ingest", tmp_path / "days", "--into", tmp_path / "t", ok=False).stderr
    assert "holds trades records; the source holds ohlcv records" in text and "--split-by-schema" in text


def test_a_time_of_two_words(fails, table):
    advice = "a time of two words goes into quotes: '2024-03-04 15:00'"
    source = table.parent / "a.dbn"
    assert hint(fails("ingest", source, "--into", table, "--start", "2024-01-02", "15:00")) == advice
    assert hint(fails("scan", table, "--start", "2024-01-02", "15:00", code=2)) == advice


def test_times_of_a_table_without_times(fails, tmp_path):
    mq.create_table(tmp_path / "t", pa.schema([("k", pa.int64())]))
    assert "--where" in hint(fails("scan", tmp_path / "t", "--start", "2024-01-02"))


def test_an_end_before_the_start(fails, table):
    for end in ("2024-01-01", "2024-01-02"):
        assert "is not before the end" in fails("scan", table, "--start", "2024-01-02", "--end", end)


@pytest.mark.parametrize("name", ["-price", "price desc", "price:asc", "price DESC"])
def test_rows_are_sorted_in_ascending_order(fails, table, name):
    assert "ascending order alone" in hint(fails("scan", table, f"--sort-by={name}"))


def test_files_where_folders_are_meant_and_the_other_way_round(fails, table):
    file = table.parent / "rows.parquet"
    pq.write_table(pa.table({"k": [1]}), file)
    for command in ("ls", "clean", "info"):
        text = fails(command, file)
        assert text.startswith(f"marquet: invalid input: {file}: is a file; ") and hint(text)
    assert "no such directory" in fails("ls", table.parent / "nowhere")
    text = fails("rescue", table, "-o", table.parent / "out.parquet")
    assert text.startswith(f"marquet: invalid input: {table}: is a directory; expected one Parquet file")
    assert hint(text)
    with pytest.raises(mq.InvalidInputError, match="is a file; the files of a writer go into a folder"):
        mq.ParquetWriter(file)


def test_ls_names_a_damaged_table_once(marquet, table):
    (table / "_delta_log" / f"{0:020}.json").write_text("x")
    line = marquet("ls", table.parent, ok=False).stdout.splitlines()[0]
    assert line.startswith("corrupt data: ") and line.count(str(table)) == 1
