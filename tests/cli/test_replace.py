"""Replacing: exactly the rows that come again go, and everything else stays, counted against other engines."""

from __future__ import annotations

import json
import subprocess
import threading
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from dbn_files import DAY, metadata, nanos, trade, trades_file, tree
from deltalake import DeltaTable

import marquet as mq

NEXT_DAY = date(2024, 1, 3)
CORRECTED = 7_000_000_000


def report(done: subprocess.CompletedProcess[str]) -> dict:
    return json.loads(done.stdout)["sources"][-1]


def rows(table: Path) -> pl.DataFrame:
    return pl.scan_delta(str(table)).collect().sort("symbol", "ts_recv", "source_row")


def week(path: Path) -> Path:
    """Two symbols, two days, ten trades a day of each."""
    days = [nanos(day, second) for day in (DAY, NEXT_DAY) for second in range(10)]
    records = b"".join(trade(symbol, at, sequence=i) for i, at in enumerate(days) for symbol in (1, 2))
    path.write_bytes(metadata({1: "ESH4", 2: "NQH4"}, days=2) + records)
    return path


def correction(path: Path, first: int, count: int, day: date = NEXT_DAY, publisher: int = 1) -> Path:
    """Trades of ESH4 at another price, one a second."""
    records = b"".join(
        trade(1, nanos(day, first + i), CORRECTED, sequence=100 + i, publisher=publisher) for i in range(count)
    )
    path.write_bytes(metadata({1: "ESH4"}, days=2) + records)
    return path


@pytest.fixture
def table(marquet, tmp_path: Path) -> Path:
    marquet("ingest", week(tmp_path / "week.dbn"), "--into", tmp_path / "t")
    return tmp_path / "t"


def test_a_correction_takes_only_its_symbol_day_and_times(marquet, table, tmp_path):
    before = rows(table)
    done = report(marquet("ingest", correction(tmp_path / "fix.dbn", 3, 4), "--into", table, "--replace", "--json"))
    assert done["status"] == "replaced" and done["version"] == 1
    assert done["replaced"] == [
        {
            "table": str(table),
            "source": str(tmp_path / "week.dbn"),
            "symbol": "ESH4",
            "date": "2024-01-03",
            "rows": 4,
            "rows_left": 6,
        }
    ]
    assert "replaced 4 rows of" in done["note"] and "week.dbn" in done["note"]
    is_corrected = (
        (pl.col("symbol") == "ESH4")
        & (pl.col("date") == NEXT_DAY)
        & pl.col("ts_recv").is_between(nanos(NEXT_DAY, 3), nanos(NEXT_DAY, 6))
    )
    after = rows(table)
    assert after.filter(~is_corrected).equals(before.filter(~is_corrected))
    assert after.filter(is_corrected)["price"].to_list() == [CORRECTED] * 4
    assert pl.scan_delta(str(table), version=0).collect().height == 40  # the older version is as it was
    marquet("verify", table, "--level", "full")


@pytest.mark.parametrize(("first", "count"), [(0, 10), (0, 1), (9, 1), (2, 3), (5, 20)])
def test_rows_before_plus_rows_in_less_rows_gone_are_rows_after(marquet, table, tmp_path, first, count):
    fix = correction(tmp_path / "fix.dbn", first, count)
    done = report(marquet("ingest", fix, "--into", table, "--replace", "--json"))
    assert done["rows_replaced"] == sum(each["rows"] for each in done["replaced"]) == min(count, 10 - first)
    after = 40 + done["rows"] - done["rows_replaced"]
    files = DeltaTable(str(table)).file_uris()
    assert duckdb.read_parquet(files).aggregate("count(*)").limit(1).fetchall() == [(after,)]
    assert mq.open_table(table).scan().count() == rows(table).height == after
    assert mq.open_table(table).info()["rows"] == after  # by the statistics of the files written anew


def test_the_history_tells_what_went(marquet, table, tmp_path):
    marquet("ingest", correction(tmp_path / "fix.dbn", 3, 4), "--into", table, "--replace")
    newest, first = json.loads(marquet("history", table, "--json").stdout)["commits"]
    assert newest["replaced"] == f"4 rows of {tmp_path}/week.dbn" and "replaced" not in first
    assert f"replaced=4 rows of {tmp_path}/week.dbn" in marquet("history", table).stdout


def test_a_dry_run_tells_what_would_go(marquet, table, tmp_path):
    fix = correction(tmp_path / "fix.dbn", 3, 4)
    before = tree(table)
    foretold = report(marquet("ingest", fix, "--into", table, "--replace", "--dry-run", "--json"))
    text = marquet("ingest", fix, "--into", table, "--replace", "--dry-run").stdout
    assert tree(table) == before
    assert "would replace" in text and f"would go: 4 rows of {tmp_path}/week.dbn: ESH4 on 2024-01-03" in text
    done = report(marquet("ingest", fix, "--into", table, "--replace", "--json"))
    assert foretold["status"] == "would replace"
    assert foretold["replaced"] == done["replaced"] and foretold["rows_replaced"] == done["rows_replaced"] == 4


def test_the_report_in_python(table, tmp_path):
    done = mq.ingest(correction(tmp_path / "fix.dbn", 3, 4), table, on_overlap="replace")
    (gone,) = done.sources[0].replaced
    assert gone == mq.ReplacedRows(str(table), str(tmp_path / "week.dbn"), "ESH4", "2024-01-03", 4, rows_left=6)
    assert done.rows_replaced == done.sources[0].rows_replaced == 4
    assert f"gone: 4 rows of {tmp_path}/week.dbn: ESH4 on 2024-01-03" in str(done)


def test_rows_of_the_days_touched_that_stay_are_told(marquet, table, tmp_path):
    """So that a wrong first or last record does not survive its correction unseen."""
    fix = correction(tmp_path / "fix.dbn", 1, 8)
    stay = f"stay: 2 rows of {tmp_path}/week.dbn: ESH4 on 2024-01-03, outside of the times that come\n"
    assert "would " + stay in marquet("ingest", fix, "--into", table, "--replace", "--dry-run").stdout
    assert "  " + stay in marquet("ingest", fix, "--into", table, "--replace").stdout
    # Of what is left, too: the two rows, of which one goes.
    done = report(marquet("ingest", correction(tmp_path / "first.dbn", 0, 1), "--into", table, "--replace", "--json"))
    assert [(each["rows"], each["rows_left"]) for each in done["replaced"]] == [(1, 1)]
    whole = marquet("ingest", correction(tmp_path / "whole.dbn", 0, 10), "--into", table, "--replace").stdout
    assert whole.count("gone: ") == 3 and "stay: " not in whole


def test_what_is_left_of_a_source_is_told_when_it_is_exported(marquet, fails, table, tmp_path):
    fix = correction(tmp_path / "fix.dbn", 3, 4)
    marquet("ingest", fix, "--into", table, "--replace")
    for options in ((), ("--source", "week.dbn")):
        text = fails("export", table, "--to", "dbn", "-o", tmp_path / "back", *options)
        assert "week.dbn: only a part of it is left: 4 of 40 rows were replaced by" in text and "fix.dbn" in text
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "fix-back.dbn", "--source", "fix.dbn")
    assert (tmp_path / "fix-back.dbn").read_bytes() == fix.read_bytes()
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "week-back.dbn", "--at-version", 0)
    assert (tmp_path / "week-back.dbn").read_bytes() == (tmp_path / "week.dbn").read_bytes()


def test_a_source_of_which_a_part_is_left_is_held(marquet, table, tmp_path):
    marquet("ingest", correction(tmp_path / "fix.dbn", 3, 4), "--into", table, "--replace")
    done = report(marquet("ingest", tmp_path / "week.dbn", "--into", table, "--json"))
    assert done["status"] == "skipped" and "4 of 40 rows were replaced by" in done["note"]
    assert "--again --replace" in done["note"]
    done = report(marquet("ingest", tmp_path / "week.dbn", "--into", table, "--again", "--replace", "--json"))
    assert (done["rows"], done["rows_replaced"]) == (40, 40)  # 36 that were left, and the four of the correction
    assert rows(table)["price"].unique().to_list() == [5_000_000_000]
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == (tmp_path / "week.dbn").read_bytes()
    marquet("verify", table)


def test_a_source_of_which_all_rows_went_may_come_again(marquet, tmp_path):
    table, old = tmp_path / "t", trades_file(tmp_path / "old.dbn")
    new = trades_file(tmp_path / "new.dbn", price=CORRECTED)
    marquet("ingest", old, "--into", table)
    assert report(marquet("ingest", new, "--into", table, "--replace", "--json"))["rows_replaced"] == 10
    done = report(marquet("ingest", old, "--into", table, "--replace", "--json"))
    assert done["status"] == "replaced" and done["rows_replaced"] == 10
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == old.read_bytes()


def test_corrections_one_after_another(marquet, fails, table, tmp_path):
    """What one correction took is not counted again, and the hole that it left is no overlap."""
    for name, first, count, gone in (("a", 2, 2, {"week": 2}), ("b", 6, 2, {"week": 2}), ("c", 3, 4, {})):
        fix = correction(tmp_path / f"{name}.dbn", first, count)
        done = report(marquet("ingest", fix, "--into", table, "--replace", "--json"))
        counted = {Path(each["source"]).stem: each["rows"] for each in done["replaced"]}
        assert counted == (gone or {"a": 1, "b": 1, "week": 2})
    assert rows(table).height == 40
    assert [
        price // 1_000_000_000 for price in rows(table).filter(symbol="ESH4", date=NEXT_DAY).sort("ts_recv")["price"]
    ] == [5, 5, 7, 7, 7, 7, 7, 7, 5, 5]
    assert "6 of 40 rows were replaced by" in fails(
        "export", table, "--to", "dbn", "-o", tmp_path / "back.dbn", "--source", "week.dbn"
    )
    marquet("verify", table)


@pytest.mark.parametrize("columns", ["symbol,date", "publisher_id,date", "price,symbol"])
def test_the_last_record_of_what_is_left_is_known(marquet, fails, tmp_path, columns):
    """Whatever the table is partitioned by: else it would come in a second time, as if it followed itself."""
    table = tmp_path / "t"
    marquet("ingest", week(tmp_path / "week.dbn"), "--into", table, "--partition-by", columns)
    marquet("ingest", correction(tmp_path / "fix.dbn", 3, 4), "--into", table, "--replace")
    last = tmp_path / "last.dbn"
    last.write_bytes(metadata({1: "ESH4"}, days=2) + trade(1, nanos(NEXT_DAY, 9), sequence=19))
    assert "is already filled" in fails("ingest", last, "--into", table)
    assert rows(table).height == 40


def test_of_a_table_without_symbol_partitions_only_the_symbol_goes(marquet, tmp_path):
    chain = {i + 1: f"SPXW  240105C{i:08}" for i in range(1_005)}
    (tmp_path / "chain.dbn").write_bytes(
        metadata(chain) + b"".join(trade(i, nanos(DAY) + i * 1_000, sequence=i) for i in chain)
    )
    (tmp_path / "one.dbn").write_bytes(metadata(chain) + trade(778, nanos(DAY) + 778_000, CORRECTED, sequence=778))
    table = tmp_path / "t"
    marquet("ingest", tmp_path / "chain.dbn", "--into", table)
    before = rows(table)
    done = report(marquet("ingest", tmp_path / "one.dbn", "--into", table, "--replace", "--json"))
    assert [(each["symbol"], each["rows"]) for each in done["replaced"]] == [(chain[778], 1)]
    others = pl.col("symbol") != chain[778]
    assert rows(table).filter(others).equals(before.filter(others))
    assert rows(table).filter(~others)["price"].to_list() == [CORRECTED]


def test_rows_of_another_publisher_stay(marquet, table, tmp_path):
    other = correction(tmp_path / "other.dbn", 3, 4, publisher=2)
    assert report(marquet("ingest", other, "--into", table, "--replace", "--json"))["replaced"] == []
    assert rows(table).height == 44
    again = correction(tmp_path / "again.dbn", 4, 2, publisher=2)
    again.write_bytes(again.read_bytes()[:-4] + b"\1\0\0\0")
    done = report(marquet("ingest", again, "--into", table, "--replace", "--json"))
    assert [(Path(each["source"]).name, each["rows"]) for each in done["replaced"]] == [("other.dbn", 2)]
    assert rows(table).height == 44


def test_rows_without_a_symbol(marquet, table, tmp_path):
    for name, price in (("a", 5_000_000_000), ("b", CORRECTED)):
        records = b"".join(trade(9, nanos(DAY, i), price, sequence=i) for i in range(3))
        (tmp_path / f"{name}.dbn").write_bytes(metadata({1: "ESH4"}) + records)
    marquet("ingest", tmp_path / "a.dbn", "--into", table)
    done = report(marquet("ingest", tmp_path / "b.dbn", "--into", table, "--replace", "--json"))
    assert [(each["symbol"], each["rows"]) for each in done["replaced"]] == [(None, 3)]
    assert rows(table).height == 43


def unmapped(path: Path, instruments: tuple[int, ...], price: int = 5_000_000_000) -> Path:
    """Ten trades of each instrument, at the same times, none of which has a symbol."""
    records = b"".join(trade(i, nanos(DAY, at), price, sequence=at) for at in range(10) for i in instruments)
    path.write_bytes(metadata({}) + records)
    return path


def without_instruments(table: Path) -> None:
    """Rewrites descriptions to what was written before ranges told of instruments."""
    for path in (table / "_marquet" / "sources").glob("*.json"):
        content = json.loads(path.read_text())
        del content["xxh3"]
        for each in content["ranges"]:
            del each["instrument"]
        path.write_text(json.dumps(content))


@pytest.mark.parametrize("by", ["symbol,date", "date", "rtype"])
@pytest.mark.parametrize("early", [False, True])
def test_an_instrument_without_a_symbol_leaves_the_others(marquet, tmp_path, by, early):
    table = tmp_path / "t"
    old = unmapped(tmp_path / "old.dbn", (5001, 5002, 5003))
    marquet("ingest", old, "--into", table, "--partition-by", by)
    if early:
        without_instruments(table)
    for instrument in (5002, 5003):
        fix = unmapped(tmp_path / f"fix{instrument}.dbn", (instrument,), CORRECTED)
        done = report(marquet("ingest", fix, "--into", table, "--replace", "--json"))
        assert [(each["symbol"], each["rows"]) for each in done["replaced"]] == [(None, 10)]
    found = rows(table).group_by("instrument_id", "price").len()
    assert {(i, p): n for i, p, n in found.iter_rows()} == {
        (5001, 5_000_000_000): 10,
        (5002, CORRECTED): 10,
        (5003, CORRECTED): 10,
    }
    marquet("verify", table)
    # What is left is known: 5001 still overlaps, 5003 is the correction's.
    again = unmapped(tmp_path / "again.dbn", (5001,), CORRECTED)
    said = marquet("ingest", again, "--into", table, ok=False).stderr
    assert "instrument 5001, without a symbol, on 2024-01-02 is already filled" in said and "old.dbn" in said


@pytest.mark.parametrize("early", [False, True])
def test_instruments_without_a_symbol_do_not_overlap(marquet, tmp_path, early):
    table = tmp_path / "t"
    marquet("ingest", unmapped(tmp_path / "a.dbn", (5001,)), "--into", table)
    if early:  # the files' statistics tell of the one instrument
        without_instruments(table)
    marquet("ingest", unmapped(tmp_path / "b.dbn", (5002,)), "--into", table)
    done = report(
        marquet("ingest", unmapped(tmp_path / "c.dbn", (5002,), CORRECTED), "--into", table, "--replace", "--json")
    )
    assert [(Path(each["source"]).name, each["rows"]) for each in done["replaced"]] == [("b.dbn", 10)]
    assert rows(table).group_by("instrument_id").len().sort("instrument_id").rows() == [(5001, 10), (5002, 10)]


def test_instruments_without_a_symbol_do_not_overlap_in_a_dry_run(marquet, fails, tmp_path):
    sources = [unmapped(tmp_path / f"{i}.dbn", (i,)) for i in (5001, 5002)]
    marquet("ingest", *sources, "--into", tmp_path / "t", "--dry-run")
    again = unmapped(tmp_path / "again.dbn", (5002,), CORRECTED)
    said = fails("ingest", *sources, again, "--into", tmp_path / "t", "--dry-run")
    assert "instrument 5002, without a symbol" in said and "a source of the same call" in said


def test_sources_of_one_call_never_replace_each_other(marquet, tmp_path):
    parts, expected = tmp_path / "parts", []
    parts.mkdir()
    for k in range(3):
        records = [nanos(DAY) + (10 * k + i) * 130 for i in range(10)]
        expected += records
        (parts / f"part{k}.dbn").write_bytes(
            metadata({1: "ESH4"}) + b"".join(trade(1, at, sequence=i) for i, at in enumerate(records))
        )
    for name, options in (("plain", ()), ("replaced", ("--replace",))):
        table = tmp_path / name
        for _ in range(2):
            marquet("ingest", parts, "--into", table, *options)
            assert rows(table)["ts_recv"].to_list() == expected


@pytest.mark.parametrize("held", [(), ("a",), ("b",)])
@pytest.mark.parametrize("options", [(), ("--replace",)])
def test_sources_of_one_call_that_overlap_are_refused(marquet, fails, tmp_path, held, options):
    """Whichever of them was there before, and in whatever order they are named."""
    trades_file(tmp_path / "a.dbn")
    trades_file(tmp_path / "b.dbn", first_second=5, price=CORRECTED)
    table = tmp_path / "t"
    for name in held:
        marquet("ingest", tmp_path / f"{name}.dbn", "--into", table)
    text = fails("ingest", tmp_path / "a.dbn", tmp_path / "b.dbn", "--into", table, *options)
    assert "a.dbn" in text and "b.dbn" in text and "a source of the same call" in text
    assert "hint: pass --append-anyway" in text
    assert rows(table).height == 10
    marquet("ingest", tmp_path / "a.dbn", tmp_path / "b.dbn", "--into", table, "--append-anyway")
    assert rows(table).height == 20


def test_the_same_bytes_twice_in_one_call_replace_once(marquet, tmp_path):
    table, source = tmp_path / "t", trades_file(tmp_path / "a.dbn")
    copy = tmp_path / "copy.dbn"  # of another name: a file that is named twice is passed over
    copy.write_bytes(source.read_bytes())
    marquet("ingest", source, "--into", table)
    done = marquet("ingest", source, copy, "--into", table, "--again", "--replace", "--json")
    assert [each["status"] for each in json.loads(done.stdout)["sources"]] == ["replaced", "skipped"]
    assert rows(table).height == 10


def test_what_two_replace_at_once_is_all_there(marquet, tmp_path):
    """Two corrections of one source, by two processes: whoever comes second looks again, and loses no row."""
    for attempt in range(5):
        table = tmp_path / f"t{attempt}"
        old = trades_file(tmp_path / "old.dbn", count=100)
        marquet("ingest", old, "--into", table)
        halves = [
            trades_file(tmp_path / f"half{i}.dbn", count=50, first_second=50 * i, price=CORRECTED * (i + 1))
            for i in range(2)
        ]
        done: list[subprocess.CompletedProcess[str]] = []
        threads = [
            threading.Thread(
                target=lambda half=half: done.append(marquet("ingest", half, "--into", table, "--replace"))
            )
            for half in halves
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 2 and all("replaced 50 rows of" in each.stdout for each in done), done
        assert rows(table)["ts_recv"].to_list() == [nanos(DAY, i) for i in range(100)]
        marquet("export", table, "--to", "dbn", "-o", tmp_path / f"back{attempt}")
        assert tree(tmp_path / f"back{attempt}") == {half.name: half.read_bytes() for half in halves}
        marquet("verify", table)


def test_what_came_and_went_while_it_was_read_is_not_said_to_be_there(marquet, marquet_program, tmp_path):
    """Another process ingests the same bytes, and a third takes all of their rows away."""
    table, kept = tmp_path / "t", trades_file(tmp_path / "kept.dbn", day=NEXT_DAY)
    marquet("ingest", kept, "--into", table, "--partition-by", "date")
    records = b"".join(trade(1, nanos(DAY, 0) + i, sequence=i) for i in range(200_000))
    (tmp_path / "same.dbn").write_bytes(metadata({1: "ESH4"}, days=2) + records)
    ends = b"".join(trade(1, nanos(DAY, 0) + i, CORRECTED, sequence=i) for i in (0, 199_999))
    (tmp_path / "ends.dbn").write_bytes(metadata({1: "ESH4"}, days=2) + ends)
    command = [str(marquet_program), "ingest", "-", "--into", str(table), "--replace"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as slow:
        slow.stdin.write((tmp_path / "same.dbn").read_bytes()[:-48])  # all but what a pipe holds has been read then
        marquet("ingest", tmp_path / "same.dbn", "--into", table)
        marquet("ingest", tmp_path / "ends.dbn", "--into", table, "--replace")
        _, said = slow.communicate(records[-48:])
    assert slow.returncode == 1 and b"was ingested meanwhile, and its rows went again" in said, said
    assert rows(table).height == 2 + 10


def test_a_damaged_source_can_be_replaced_by_its_own_bytes(marquet, tmp_path):
    table, source = tmp_path / "t", trades_file(tmp_path / "a.dbn")
    marquet("ingest", source, "--into", table)
    (file,) = table.rglob("*.parquet")
    file.write_bytes(b"damaged")
    marquet("ingest", source, "--into", table, "--again", "--replace")
    assert rows(table).height == 10


def test_a_missing_or_damaged_remainder_is_found(marquet, fails, table, tmp_path):
    marquet("ingest", correction(tmp_path / "fix.dbn", 3, 4), "--into", table, "--replace")
    (left,) = (table / "_marquet" / "sources" / "left").iterdir()
    content = left.read_bytes()
    left.write_bytes(content.replace(b'"rows": 36', b'"rows": 37'))
    assert "XXH3-128" in fails("export", table, "--to", "dbn", "-o", tmp_path / "back.dbn", "--source", "week.dbn")
    assert marquet("verify", table, ok=False).returncode == 1
    left.unlink()
    assert marquet("verify", table, ok=False).returncode == 1
    left.write_bytes(content)
    marquet("verify", table)
