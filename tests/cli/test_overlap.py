"""When two sources overlap: by nanosecond, publisher and data set, and what the refusal says."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from dbn_files import DAY, bar, metadata, nanos, trade, trades_file

import marquet as mq

AT = nanos(DAY, 36_000)
HEADER = metadata({1: "ESH4"})
OHLCV_1S, OHLCV_1M = 5, 6


def rows(table: Path) -> int:
    return pl.scan_delta(str(table)).collect().height


@pytest.fixture
def both(marquet, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``both(first, second)`` ingests one file, then the other, and gives how the second went."""

    def run(first: bytes, second: bytes, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "first.dbn").write_bytes(first)
        (tmp_path / "second.dbn").write_bytes(second)
        marquet("ingest", tmp_path / "first.dbn", "--into", tmp_path / "t")
        return marquet("ingest", tmp_path / "second.dbn", "--into", tmp_path / "t", *options, ok=False)

    return run


APART = {
    "a microsecond apart": (HEADER + trade(1, AT), HEADER + trade(1, AT + 1_000)),
    "a nanosecond apart, within one microsecond": (HEADER + trade(1, AT + 100), HEADER + trade(1, AT + 101)),
    "a border between two records of one time": (
        HEADER + trade(1, AT) + trade(1, AT + 9, sequence=1),
        HEADER + trade(1, AT + 9, sequence=2) + trade(1, AT + 20),
    ),
    "a border within a packet, whose records share the sequence": (
        HEADER + trade(1, AT + 9, sequence=1),
        HEADER + trade(1, AT + 9, size=2, sequence=1) + trade(1, AT + 20, sequence=2),
    ),
    "the later part first": (
        HEADER + trade(1, AT + 9, sequence=2) + trade(1, AT + 20, sequence=3),
        HEADER + trade(1, AT) + trade(1, AT + 9, sequence=1),
    ),
    "two venues": (
        metadata({1: "ESH4"}, dataset="XNAS.ITCH") + trade(1, AT, publisher=2) + trade(1, AT + 90, publisher=2),
        metadata({1: "ESH4"}, dataset="XNYS.PILLAR") + trade(1, AT + 50, publisher=43),
    ),
    "two publishers of one data set": (
        HEADER + trade(1, AT, publisher=2) + trade(1, AT + 90, publisher=2),
        HEADER + trade(1, AT + 50, publisher=43),
    ),
    "two data sets that number a publisher alike": (
        metadata({1: "ESH4"}, dataset="A") + trade(1, AT) + trade(1, AT + 90),
        metadata({1: "ESH4"}, dataset="B") + trade(1, AT + 50),
    ),
    "bars of two lengths": (
        metadata({1: "ESH4"}, schema=OHLCV_1S) + bar(1, AT, 0x20) + bar(1, AT + 90, 0x20),
        metadata({1: "ESH4"}, schema=OHLCV_1M) + bar(1, AT, 0x21),
    ),
}


@pytest.mark.parametrize("case", APART)
def test_no_overlap(both, case, tmp_path):
    first, second = APART[case]
    kind = "ohlcv" if case.startswith("bars") else "trades"
    done = both(first, second)
    assert done.returncode == 0, done.stderr
    stored = pl.scan_delta(str(tmp_path / "t")).collect()
    (first_rows,) = pl.scan_delta(str(tmp_path / "t"), version=0).select(pl.len()).collect().row(0)
    assert f"ingested {kind} {stored.height - first_rows} row" in done.stdout


OVERLAPPING = {
    "one time within the other's": (HEADER + trade(1, AT) + trade(1, AT + 2), HEADER + trade(1, AT + 1)),
    "the record at the border is in both": (
        HEADER + trade(1, AT) + trade(1, AT + 9, sequence=1),
        HEADER + trade(1, AT + 9, sequence=1) + trade(1, AT + 20),
    ),
    "the sequence runs backwards over the border": (
        HEADER + trade(1, AT) + trade(1, AT + 9, sequence=5),
        HEADER + trade(1, AT + 9, sequence=2) + trade(1, AT + 20),
    ),
    "the bar at the border, corrected": (
        metadata({1: "ESH4"}, schema=OHLCV_1S) + bar(1, AT, 0x20) + bar(1, AT + 90, 0x20),
        metadata({1: "ESH4"}, schema=OHLCV_1S) + bar(1, AT + 90, 0x20, close=7) + bar(1, AT + 95, 0x20),
    ),
    "a venue among others": (
        HEADER + trade(1, AT, publisher=2) + trade(1, AT + 90, publisher=2) + trade(1, AT + 30, publisher=43),
        HEADER + trade(1, AT + 50, publisher=2),
    ),
    "more records of one time than are told apart": (
        HEADER + b"".join(trade(1, AT, sequence=i) for i in range(300)),
        HEADER + trade(1, AT, sequence=300),
    ),
}


@pytest.mark.parametrize("case", OVERLAPPING)
def test_an_overlap(both, case, tmp_path):
    done = both(*OVERLAPPING[case])
    assert done.returncode == 1
    assert f"{tmp_path}/second.dbn: ESH4 on 2024-01-02 is already filled from" in done.stderr
    assert f"by {tmp_path}/first.dbn" in done.stderr
    hint = done.stderr.splitlines()[1]
    assert hint.startswith("hint: pass --append-anyway") and hint.index("--append-anyway") < hint.index("--replace")


def test_a_part_that_touches_is_not_replaced(both, tmp_path):
    first = HEADER + trade(1, AT) + trade(1, AT + 9, sequence=1)
    second = HEADER + trade(1, AT + 9, sequence=2) + trade(1, AT + 20)
    assert both(first, second, "--replace").returncode == 0
    assert rows(tmp_path / "t") == 4


def test_a_correction_of_all_that_a_day_has(both, tmp_path):
    """A single record is corrected: both have nothing but that time, so it is what comes again."""
    assert both(HEADER + trade(1, AT, sequence=3), HEADER + trade(1, AT, 7, sequence=4), "--replace").returncode == 0
    assert pl.scan_delta(str(tmp_path / "t")).collect()["price"].to_list() == [7]


def as_in_the_first_format(description: Path) -> None:
    """Rewrites a description to what was written before ranges had nanoseconds and publishers."""
    content = json.loads(description.read_text())
    content["format"] = 1
    del content["xxh3"]
    old: dict[tuple[str | None, str | None], dict] = {}
    for each in content["ranges"]:
        first, last = each["first_ns"] // 1_000, each["last_ns"] // 1_000
        key = (each["symbol"], each["date"])
        known = old.setdefault(key, {"symbol": key[0], "date": key[1], "first_us": first, "last_us": last, "rows": 0})
        known["first_us"], known["last_us"] = min(known["first_us"], first), max(known["last_us"], last)
        known["rows"] += each["rows"]
    content["ranges"] = list(old.values())
    description.write_text(json.dumps(content, indent=1))


@pytest.fixture
def old_table(marquet, tmp_path: Path) -> Path:
    """A table whose one source, ten trades, is described in the first format."""
    marquet("ingest", trades_file(tmp_path / "old.dbn"), "--into", tmp_path / "t")
    (description,) = (tmp_path / "t" / "_marquet" / "sources").glob("*.json")
    as_in_the_first_format(description)
    return tmp_path / "t"


def test_a_description_of_the_first_format_is_judged_by_the_statistics_too(marquet, fails, old_table, tmp_path):
    last = nanos(DAY, 9)
    for name, content in {
        "behind": HEADER + trade(1, last + 1),  # the same microsecond
        "venue": HEADER + trade(1, nanos(DAY, 5), publisher=2),
        "data set": metadata({1: "ESH4"}, dataset="B") + trade(1, nanos(DAY, 5)),
    }.items():
        (tmp_path / f"{name}.dbn").write_bytes(content)
        marquet("ingest", tmp_path / f"{name}.dbn", "--into", old_table)
    (tmp_path / "in.dbn").write_bytes(HEADER + trade(1, nanos(DAY, 5)))
    assert "old.dbn" in fails("ingest", tmp_path / "in.dbn", "--into", old_table)
    (tmp_path / "at.dbn").write_bytes(HEADER + trade(1, last, sequence=99))  # what was there then is not known
    assert "old.dbn" in fails("ingest", tmp_path / "at.dbn", "--into", old_table)


def test_a_source_of_the_first_format_is_replaced_in_part(marquet, fails, old_table, tmp_path):
    marquet("export", old_table, "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == (tmp_path / "old.dbn").read_bytes()
    fix = trades_file(tmp_path / "fix.dbn", count=3, first_second=4, price=7_000_000_000)
    done = marquet("ingest", fix, "--into", old_table, "--replace")
    assert f"gone: 3 rows of {tmp_path}/old.dbn: ESH4 on 2024-01-02" in done.stdout
    assert rows(old_table) == 10
    assert "3 of 10 rows were replaced by" in fails(
        "export", old_table, "--to", "dbn", "-o", tmp_path / "old-back.dbn", "--source", "old.dbn"
    )
    marquet("verify", old_table)


def test_overlapping_sources_of_two_processes_do_not_both_get_in(marquet, tmp_path):
    """Each looks at the table before the other has committed; whoever comes second looks again."""
    for attempt in range(5):
        table = tmp_path / f"t{attempt}"
        marquet("ingest", trades_file(tmp_path / "other.dbn", ["NQH4"]), "--into", table)
        sources = [trades_file(tmp_path / f"{i}.dbn", count=200 + i) for i in range(2)]
        done: list[subprocess.CompletedProcess[str]] = []
        threads = [
            threading.Thread(target=lambda path=path: done.append(marquet("ingest", path, "--into", table, ok=False)))
            for path in sources
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(each.returncode for each in done) == [0, 1]
        assert "is already filled" in next(each.stderr for each in done if each.returncode)
        assert rows(table) in (210, 211)


def test_a_version_that_none_can_follow_is_refused(tmp_path: Path) -> None:
    (tmp_path / "day.dbn").write_bytes(HEADER + trade(1, AT))
    mq.ingest(tmp_path / "day.dbn", tmp_path / "t")
    (commit,) = (tmp_path / "t" / "_delta_log").glob("*.json")
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "txn" in action:
            action["txn"]["version"] = 2**63 - 1
    commit.write_text("".join(json.dumps(action) + "\n" for action in actions))
    with pytest.raises(
        mq.CorruptDataError, match=r"version of the application .* is 9223372036854775807; expected 0 to"
    ):
        mq.ingest(tmp_path / "day.dbn", tmp_path / "t", again=True)
    assert list((tmp_path / "t" / "_delta_log").glob("*.json")) == [commit]
