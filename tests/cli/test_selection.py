"""Parts of sources: what is selected, that the rest may come later, and that no row comes twice or is lost."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import random
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from dbn_files import DAY, bar, metadata, nanos, trade, trades_file, tree

import marquet as mq

SYMBOLS = ["ESH4", "ESM4", "NQH4", "ZN"]
COUNT = 40  # one a second, the symbols taking turns
MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return trades_file(tmp_path / "day.dbn", SYMBOLS, count=COUNT)


def at(second: int) -> str:
    return (MIDNIGHT + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def options(symbols: list[str], start: int | None, end: int | None) -> list[str]:
    words = ["--symbols", ",".join(symbols)] if symbols else []
    words += ["--start", at(start)] if start is not None else []
    return words + (["--end", at(end)] if end is not None else [])


def expected(symbols: list[str], start: int | None, end: int | None) -> list[int]:
    """The source_row of the records that are selected: record n is of second n."""
    return [
        n
        for n in range(COUNT)
        if (not symbols or any(fnmatch.fnmatchcase(SYMBOLS[n % len(SYMBOLS)], pattern) for pattern in symbols))
        and (start is None or n >= start)
        and (end is None or n < end)
    ]


def places(table: Path) -> list[int]:
    return pl.scan_delta(str(table)).collect()["source_row"].sort().to_list()


def report(done: subprocess.CompletedProcess[str]) -> dict:
    return json.loads(done.stdout)["sources"][0]


def adds_up(source: dict) -> bool:
    parts = ("rows", "rows_not_selected", "control_records", "unknown_records")
    return source["records"] == sum(source[part] for part in parts)


@pytest.mark.parametrize(
    ("symbols", "start", "end"),
    [
        (["ESH4"], None, None),
        (["ES*", "ZN"], None, None),
        (["?SH4"], None, None),
        (["*4"], None, None),
        (["*"], None, None),
        (["E*H*"], None, None),
        ([], 7, None),
        ([], None, 7),
        ([], 7, 8),
        (["NQ*"], 4, 30),
        (["ESH4", "E*"], 0, COUNT),
    ],
)
def test_what_is_selected(marquet, source, tmp_path, symbols, start, end):
    table = tmp_path / "t"
    told = report(marquet("ingest", source, "--into", table, *options(symbols, start, end), "--json"))
    assert places(table) == expected(symbols, start, end)
    assert (told["records"], told["rows"]) == (COUNT, len(expected(symbols, start, end)))
    assert adds_up(told) and told["rows_held"] == 0
    assert "intact" in marquet("verify", table).stdout


def test_every_way_to_take_a_source_in_parts_ends_with_each_row_once(marquet, source, tmp_path):
    seed = 20240102
    print("seed", seed)
    rng = random.Random(seed)
    for attempt in range(8):
        table, held = tmp_path / f"t{attempt}", set()
        for _ in range(4):
            start, end = sorted(rng.sample(range(COUNT + 1), 2))
            choice = (rng.choice([[], ["ES*"], ["*4", "ZN"], ["NQH4"], ["?N", "ESM4"]]), start, end)
            done = marquet("ingest", source, "--into", table, *options(*choice), "--json", ok=False)
            new = set(expected(*choice)) - held
            held |= new
            if not expected(*choice):
                assert "nothing is selected" in done.stderr or report(done)["status"] == "skipped"
                continue
            assert done.returncode == 0, done.stderr
            assert (report(done)["rows"], report(done)["status"]) == (len(new), "ingested" if new else "skipped")
            assert places(table) == sorted(held)
        marquet("ingest", source, "--into", table)
        assert places(table) == list(range(COUNT))
        assert "intact" in marquet("verify", table).stdout


def test_the_rest_comes_later_and_counts_add_up(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    told = report(marquet("ingest", source, "--into", table, "--start", at(10), "--json"))
    assert (told["rows"], told["rows_held"], told["rows_not_selected"]) == (16, 14, 24) and adds_up(told)
    said = marquet("ingest", source, "--into", table).stdout
    assert "36 rows not selected; 36 of them came with an earlier selection" in said
    assert places(table) == list(range(COUNT))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["--symbols", "ES*"], ["--symbols", "ES*"]),
        (["--symbols", "ES*"], ["--symbols", "ESH4"]),
        (["--symbols", "ES*,ZN"], ["--symbols", "ZN", "--start", at(3), "--end", at(9)]),
        (["--start", at(3)], ["--start", at(4)]),
        ([], ["--symbols", "ES*"]),
        ([], ["--end", at(3)]),
    ],
)
def test_what_an_earlier_selection_covers_is_skipped_unread(marquet, source, tmp_path, first, second):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, *first)
    told = report(marquet("ingest", source, "--into", table, *second, "--json"))
    assert (told["status"], told["records"], told["rows"]) == ("skipped", 0, 0)
    assert "the table holds" in told["note"] and "already" in told["note"]
    assert mq.open_table(table).version == 0


def test_what_two_earlier_selections_have_together_brings_nothing(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--end", at(20))
    marquet("ingest", source, "--into", table, "--start", at(20))
    for words in ([], ["--start", at(10), "--end", at(30)]):
        told = report(marquet("ingest", source, "--into", table, *words, "--json"))
        assert (told["status"], told["rows"], told["records"]) == ("skipped", 0, COUNT) and adds_up(told)
        assert told["rows_held"] == (COUNT if not words else 20)
        assert "already" in told["note"]
    assert mq.open_table(table).version == 1


def test_patterns_that_match_nothing_are_told(marquet, fails, source, tmp_path):
    table = tmp_path / "t"
    done = marquet("ingest", source, "--into", table, "--symbols", "ESH4,CLH4,N*X")
    assert "warning: no row in the times selected has a symbol that matches 'CLH4'" in done.stdout
    assert "'N*X'" in done.stdout and "'ESH4'" not in done.stdout
    assert json.loads(marquet("ingest", source, "--into", table, "--symbols", "NQH4,C?", "--json").stdout)[
        "unmatched_symbols"
    ] == ["C?"]
    before = tree(table)
    said = fails("ingest", source, "--into", table, "--symbols", "ESH5")
    assert "nothing is selected: no row of 1 source is of symbols ESH5" in said and "ESH4" in said
    assert "nothing is selected" in fails("ingest", source, "--into", table, "--start", at(COUNT))
    assert tree(table) == before
    fails("ingest", source, "--into", tmp_path / "new", "--symbols", "ESH5")
    assert not (tmp_path / "new").exists()


def test_of_a_folder_of_days_only_those_in_the_times_are_taken(marquet, tmp_path):
    days = tmp_path / "days"
    days.mkdir()
    for n in range(4):
        trades_file(days / f"{n}.dbn", SYMBOLS, day=DAY + timedelta(days=n))
    words = ["--start", (MIDNIGHT + timedelta(days=1)).isoformat(), "--end", "2024-01-05", "--json"]
    told = json.loads(marquet("ingest", days, "--into", tmp_path / "t", *words).stdout)
    assert [each["status"] for each in told["sources"]] == ["skipped", "ingested", "ingested", "skipped"]
    assert all(adds_up(each) and each["records"] == 10 for each in told["sources"])
    assert told["sources"][0]["note"].startswith("none of 10 rows is of times from 2024-01-03") and told["ok"]
    assert mq.open_table(tmp_path / "t").version == 1


def test_wrong_selections_are_refused(fails, source, tmp_path):
    assert "is not before the end" in fails(
        "ingest", source, "--into", tmp_path / "t", "--start", "2024-01-03", "--end", "2024-01-03"
    )
    with pytest.raises(mq.InvalidInputError, match="one of the symbols is empty"):
        mq.ingest(source, tmp_path / "t", symbols=["ESH4", ""])


def test_rows_without_symbol_or_time_are_selected_by_neither(marquet, tmp_path):
    undefined = bytearray(trade(1, nanos(DAY, 3)))
    undefined[8:16] = undefined[32:40] = b"\xff" * 8
    records = trade(1, nanos(DAY, 1)) + trade(9, nanos(DAY, 2)) + bytes(undefined)
    source = tmp_path / "odd.dbn"
    source.write_bytes(metadata({1: "ESH4"}) + records)
    for name, words, rows in (("a", ["--symbols", "*"], [0]), ("b", ["--start", "1980-01-01"], [0, 1])):
        marquet("ingest", source, "--into", tmp_path / name, *words)
        assert places(tmp_path / name) == rows
        marquet("ingest", source, "--into", tmp_path / name)
        assert places(tmp_path / name) == [0, 1, 2]


def test_a_part_is_not_given_back_as_if_it_were_the_source(marquet, fails, source, tmp_path):
    table, back = tmp_path / "t", tmp_path / "back.dbn"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    said = fails("export", table, "--to", "dbn", "-o", back)
    assert "ingested in part: 20 of its rows are not among those that came with symbols ES*" in said
    assert not back.exists()
    marquet("ingest", source, "--into", table, "--again", "--replace")
    assert places(table) == list(range(COUNT))
    marquet("export", table, "--to", "dbn", "-o", back)
    assert back.read_bytes() == source.read_bytes()


def test_control_records_are_kept_with_a_part(marquet, tmp_path):
    system = bytes([80, 23, 0, 0]) + bytes(4) + nanos(DAY).to_bytes(8, "little") + b"Heartbeat".ljust(304, b"\0")
    source = trades_file(tmp_path / "live.dbn", SYMBOLS, tail=system)
    told = report(marquet("ingest", source, "--into", tmp_path / "t", "--symbols", "ZN", "--json"))
    assert (told["records"], told["rows"], told["control_records"]) == (11, 2, 1) and adds_up(told)


def test_to_replace_a_part_by_itself_or_by_more(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    marquet("ingest", source, "--into", table, "--symbols", "NQH4")
    for words, added in ((["ES*"], 0), (["ES*", "ZN"], 10)):
        told = report(
            marquet("ingest", source, "--into", table, "--again", "--replace", "--symbols", ",".join(words), "--json")
        )
        assert (told["status"], told["rows_replaced"], told["rows"]) == ("replaced", 20, 20 + added)
        assert places(table) == expected([*words, "NQH4"], None, None)
    marquet("ingest", source, "--into", table)
    assert places(table) == list(range(COUNT))


def test_no_rows_go_that_would_not_come_again(marquet, fails, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table)
    before = tree(table)
    said = fails("ingest", source, "--into", table, "--again", "--replace", "--symbols", "ESH4")
    assert "the table holds everything of these bytes; to replace that by symbols ESH4 would lose the rest" in said
    assert tree(table) == before


def test_again_brings_a_part_twice(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    marquet("ingest", source, "--into", table, "--symbols", "ESH4", "--again")
    assert places(table) == sorted(expected(["ES*"], None, None) + expected(["ESH4"], None, None))
    marquet("ingest", source, "--into", table)
    assert places(table) == sorted([*range(COUNT), *expected(["ESH4"], None, None)])


def test_a_part_of_a_correction_replaces_that_part_of_the_source(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table)
    corrected = trades_file(tmp_path / "corrected.dbn", SYMBOLS, count=COUNT, price=9_000_000_000)
    words = ["--symbols", "NQH4", "--end", at(20)]
    dry = report(marquet("ingest", corrected, "--into", table, "--replace", *words, "--dry-run", "--json"))
    told = report(marquet("ingest", corrected, "--into", table, "--replace", *words, "--json"))
    assert (dry["status"], told["status"]) == ("would replace", "replaced")
    assert told["rows"] == told["rows_replaced"] == dry["rows_replaced"] == 5
    assert told["replaced"] == dry["replaced"]
    assert places(table) == list(range(COUNT))
    again = report(marquet("ingest", corrected, "--into", table, "--replace", "--symbols", "NQH4", "--json"))
    assert (again["rows"], again["rows_replaced"], again["rows_held"]) == (5, 5, 5)
    assert places(table) == list(range(COUNT))


def test_a_dry_run_foretells_parts(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    before = tree(table)
    told = ("rows", "records", "rows_held", "rows_not_selected", "note")
    for words in (["--symbols", "ES*"], ["--symbols", "ES*,ZN"], [], ["--symbols", "XX"]):
        dry = marquet("ingest", source, source, "--into", table, *words, "--dry-run", "--json", ok=False)
        assert tree(table) == before
        trial = tmp_path / "trial"
        subprocess.run(["rm", "-rf", trial], check=True)
        subprocess.run(["cp", "-r", table, trial], check=True)
        run = marquet("ingest", source, source, "--into", trial, *words, "--json", ok=False)
        assert dry.returncode == run.returncode
        said, became = (json.loads(done.stdout)["sources"] for done in (dry, run))
        for one, other in zip(said, became, strict=True):
            assert one["status"].removeprefix("would ").removesuffix("ed") == other["status"].removesuffix("ed")
            assert {key: one[key] for key in told} == {key: other[key] for key in told}


def test_symbols_that_are_told_otherwise_are_no_ground_to_go_on(marquet, fails, tmp_path):
    """Which rows did not come yet is told by the symbols that the first part had."""
    source = trades_file(
        tmp_path / "day.dbn", SYMBOLS, count=COUNT, tail=b"".join(trade(9, nanos(DAY, n)) * 2 for n in (50, 51))
    )
    batch = tmp_path / "batch"
    batch.mkdir()
    (batch / "day.dbn").write_bytes(source.read_bytes())
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    entry = {"filename": "day.dbn", "size": source.stat().st_size, "hash": f"sha256:{digest}"}
    (batch / "manifest.json").write_text(json.dumps({"files": [entry]}))
    days = [{"d0": "2024-01-02", "d1": "2024-01-03", "s": "9"}]  # of which the file's header says nothing
    (batch / "symbology.json").write_text(json.dumps({"result": {"ESZ9": days}}))
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    before = tree(table)
    said = fails("ingest", batch, "--into", table)
    assert "its symbols are told otherwise" in said and "20 rows" in said and "24 now" in said
    assert tree(table) == before


def test_what_comes_by_standard_input_must_not_be_there_in_part(marquet, source, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table, "--symbols", "ES*")
    for words, code in ((["--symbols", "ESH4"], 0), ([], 1)):
        with source.open("rb") as given:
            done = marquet("ingest", "-", "--into", table, *words, stdin=given, ok=False)
        assert done.returncode == code, done.stderr
    assert "holds symbols ES*" in done.stderr and "name the file" in done.stderr
    assert places(table) == expected(["ES*"], None, None)


def test_parts_of_a_source_of_several_kinds(marquet, tmp_path):
    source, table = tmp_path / "mixed.dbn", tmp_path / "t"
    records = b"".join(
        trade(1 + n % 2, nanos(DAY, n)) if n % 4 < 2 else bar(1 + n % 2, nanos(DAY, n), 0x20) for n in range(COUNT)
    )
    source.write_bytes(metadata({1: "ESH4", 2: "NQH4"}) + records)
    told = report(marquet("ingest", source, "--into", table, "--split-by-schema", "--symbols", "ES*", "--json"))
    assert told["rows"] == 20 and adds_up(told)
    assert (
        report(marquet("ingest", source, "--into", table, "--split-by-schema", "--symbols", "ESH4", "--json"))["status"]
        == "skipped"
    )
    told = report(marquet("ingest", source, "--into", table, "--split-by-schema", "--json"))
    assert (told["rows"], told["rows_held"]) == (20, 20)
    both = places(table / "trades") + places(table / "ohlcv")
    assert sorted(both) == list(range(COUNT))
    alone = tmp_path / "trades"
    marquet("ingest", source, "--into", alone, "--symbols", "ES*", "--end", at(2))  # one kind is left
    assert places(alone) == [0]


def test_few_symbols_of_many_are_partitioned_by_symbol(marquet, tmp_path):
    source = trades_file(tmp_path / "many.dbn", [f"S{i:05}" for i in range(1_100)], count=1_100)
    marquet("ingest", source, "--into", tmp_path / "t", "--symbols", "S0000*")
    info = json.loads(marquet("info", tmp_path / "t", "--json").stdout)
    assert (info["partition_columns"], info["rows"]) == (["symbol", "date"], 10)


def test_parts_that_two_processes_bring_at_once_are_all_there_once(marquet, tmp_path):
    source = trades_file(tmp_path / "day.dbn", SYMBOLS, count=COUNT)
    choices = [["--symbols", "ES*"], ["--start", at(10)], []]
    for attempt in range(4):
        table = tmp_path / f"t{attempt}"
        done: list[subprocess.CompletedProcess[str]] = []
        threads = [
            threading.Thread(
                target=lambda words=words, table=table: done.append(
                    marquet("ingest", source, "--into", table, *words, "--partition-by", "date", ok=False)
                )
            )
            for words in choices
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.returncode for each in done] == [0, 0, 0], done
        assert places(table) == list(range(COUNT))
        assert "intact" in marquet("verify", table).stdout


def test_the_history_tells_the_selection(marquet, source, tmp_path):
    marquet("ingest", source, "--into", tmp_path / "t", "--symbols", "ES*", "--end", at(30))
    (commit,) = json.loads(marquet("history", tmp_path / "t", "--json").stdout)["commits"]
    assert commit["selection"] == "symbols ES* at times before 2024-01-02T00:00:30Z"
