"""Sources that come in parts, and others that take their place: every row once, and the last one to bring it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import pytest
from dbn_sources import Interval, Mapping, day, header, nanos, trade

import marquet as mq

ES = [Mapping("ESH4", [Interval(day(2), day(3), "7")])]


def at(hour: int, minute: int = 0) -> int:
    return nanos(day(2), hour) + minute * 60_000_000_000


def window(start: int, end: int) -> dict[str, str]:
    return {"start": f"2024-01-02T{start:02}:00:00Z", "end": f"2024-01-02T{end:02}:00:00Z"}


def source(folder: Path, name: str, times: list[int]) -> Path:
    path = folder / name
    path.write_bytes(header(ES) + b"".join(trade(7, time) for time in times))
    return path


def times_of(table: Path) -> list[int]:
    rows = mq.open_table(table).scan(columns=["ts_recv"], stored_types=True).to_arrow()
    return sorted(rows["ts_recv"].cast("int64").to_pylist())


def adds_up(told: mq.SourceReport) -> bool:
    return told.records == told.rows + told.rows_not_selected + told.control_records + told.unknown_records


DAY = [at(hour, minute) for hour in range(8, 20) for minute in range(0, 60, 10)]
FIX = [at(12, minute) + 1 for minute in range(10, 50, 5)]


@pytest.fixture
def day_file(tmp_path: Path) -> Path:
    return source(tmp_path, "day.dbn", DAY)


@pytest.fixture
def fixed(day_file: Path, tmp_path: Path) -> Path:
    """A table of two hours of a day, half an hour of which was corrected."""
    table = tmp_path / "t"
    assert mq.ingest(day_file, table, **window(12, 14)).rows == 12
    assert mq.ingest(source(tmp_path, "fix.dbn", FIX), table, on_overlap="replace").rows_replaced == 3
    return table


LEFT = [time for time in DAY if not FIX[0] <= time <= FIX[-1]]


@pytest.mark.parametrize("on_overlap", ["error", "replace"])
def test_what_a_later_part_does_not_bring_stays(day_file: Path, fixed: Path, on_overlap: Any):
    foretold = mq.ingest(day_file, fixed, on_overlap=on_overlap, dry_run=True).sources[0]
    told = mq.ingest(day_file, fixed, on_overlap=on_overlap).sources[0]
    assert foretold.rows_replaced == told.rows_replaced == 0
    assert (told.status, told.rows, told.rows_held) == ("ingested", 60, 12) and adds_up(told)
    assert times_of(fixed) == sorted(LEFT + FIX)
    # What the earlier part lost is told when the rest comes, and when nothing is left to come.
    assert "3 of 12 rows were replaced by" in told.note and "fix.dbn" in told.note
    again = mq.ingest(day_file, fixed, on_overlap=on_overlap).sources[0]
    assert again.status == "skipped" and "3 of 72 rows were replaced by" in again.note
    put_back = mq.ingest(day_file, fixed, again=True, on_overlap="replace").sources[0]
    assert put_back.rows == 72 and times_of(fixed) == DAY
    assert mq.verify(fixed)


def test_others_may_come_into_what_a_part_leaves_out(day_file: Path, fixed: Path, tmp_path: Path):
    mq.ingest(day_file, fixed)
    # What is left of the later part, from which others took rows in turn, does not reach across it either.
    late = [at(16, minute) + 1 for minute in (10, 20)]
    assert mq.ingest(source(tmp_path, "late.dbn", late), fixed, on_overlap="replace").rows_replaced == 1
    more = mq.ingest(source(tmp_path, "more.dbn", [FIX[-1] + 1, FIX[-1] + 2]), fixed).sources[0]
    assert (more.status, more.rows) == ("ingested", 2)


def test_a_window_is_replaced_beside_the_rest_of_its_day(day_file: Path, fixed: Path):
    mq.ingest(day_file, fixed)
    told = mq.ingest(day_file, fixed, again=True, on_overlap="replace", **window(12, 14)).sources[0]
    assert (told.rows, told.rows_replaced) == (12, 9 + 8) and adds_up(told)
    assert times_of(fixed) == DAY
    again = mq.ingest(day_file, fixed).sources[0]
    assert again.status == "skipped" and "were replaced" not in again.note


def test_a_part_that_went_as_a_whole_is_told(day_file: Path, tmp_path: Path):
    table = tmp_path / "t"
    mq.ingest(day_file, table, **window(12, 13))
    mq.ingest(source(tmp_path, "fix.dbn", [at(11, 59), at(13, 1)]), table, on_overlap="replace")
    mq.ingest(day_file, table, **window(15, 16))  # nothing was left of the first
    mq.ingest(day_file, table, **window(17, 18))
    mq.ingest(source(tmp_path, "late.dbn", [at(16, 59), at(18, 1)]), table, on_overlap="replace")
    told = mq.ingest(day_file, table, **window(15, 16)).sources[0]
    assert told.status == "skipped" and "6 of 12 rows were replaced" in told.note
    rest = mq.ingest(day_file, table, **window(17, 18)).sources[0]
    assert rest.status == "skipped" and "6 of 12 rows were replaced" in rest.note


def test_descriptions_of_early_versions_whose_ranges_reach_across_earlier_parts(day_file: Path, tmp_path: Path):
    table = tmp_path / "t"
    mq.ingest(day_file, table, **window(12, 14))
    mq.ingest(day_file, table)
    changed = 0
    for path in (table / "_marquet" / "sources").glob("*.json"):
        description = json.loads(path.read_text())
        if not description.get("earlier"):
            continue
        first, last = sorted(description["ranges"], key=lambda each: each["first_ns"])
        for end in ("last_ns", "last_records", "last_sequence"):
            first[end] = last[end]
        first["rows"] += last["rows"]
        description["ranges"] = [first]
        del description["xxh3"]
        path.write_text(json.dumps(description))
        changed += 1
    assert changed == 1
    told = mq.ingest(day_file, table, again=True, on_overlap="replace", **window(12, 14)).sources[0]
    assert (told.rows, told.rows_replaced) == (12, 12)
    assert times_of(table) == DAY


def bar(time: int) -> bytes:
    return bytes(dbn.OHLCVMsg(0x21, 1, 7, time, 1, 2, 3, 4, 5))


def test_a_split_that_was_cut_off_between_two_tables_adds_up(tmp_path: Path):
    mixed = tmp_path / "mixed.dbn"
    records = [trade(7, at(8, minute)) for minute in range(10)] + [bar(at(9, minute)) for minute in range(5)]
    mixed.write_bytes(header(ES, schema=None, stype_in=None) + b"".join(records))
    folder = tmp_path / "split"
    assert mq.ingest(mixed, folder, split_by_schema=True).rows == 15
    shutil.rmtree(folder / "ohlcv")
    for dry_run in (True, False):
        report = mq.ingest(mixed, folder, split_by_schema=True, dry_run=dry_run)
        told = report.sources[0]
        assert (report.rows, told.rows, told.rows_there, told.records) == (5, 5, 10, 15) and adds_up(told)
        assert [(part.kind, part.rows) for part in told.parts] == [("ohlcv", 5)]
        assert "5 rows out of 15 records" in str(report)
        assert "10 rows that other tables of the split held already" in str(report)
        assert "not selected" not in str(report)
    assert [mq.open_table(folder / kind).scan().count() for kind in ("trades", "ohlcv")] == [10, 5]
    done = mq.ingest(mixed, folder, split_by_schema=True).sources[0]
    assert (done.status, done.rows, done.rows_there) == ("skipped", 0, 0)


def test_losses_of_every_table_of_a_split_are_told(tmp_path: Path):
    mixed, fix = tmp_path / "mixed.dbn", tmp_path / "fix.dbn"
    records = [trade(7, at(8, minute)) for minute in range(10)] + [bar(at(9, minute)) for minute in range(5)]
    mixed.write_bytes(header(ES, schema=None, stype_in=None) + b"".join(records))
    folder = tmp_path / "split"
    mq.ingest(mixed, folder, split_by_schema=True)
    for record, lost in ((bar(at(9, 1)), 1), (trade(7, at(8, 3)), 2)):
        fix.write_bytes(header(ES, schema=None, stype_in=None) + record)
        assert mq.ingest(fix, folder, split_by_schema=True, on_overlap="replace").rows_replaced == 1
        told = mq.ingest(mixed, folder, split_by_schema=True).sources[0]
        assert told.status == "skipped" and f"{lost} of 15 rows were replaced by" in told.note


def test_a_source_that_fails_counts_no_rows(day_file: Path, fixed: Path, tmp_path: Path):
    with pytest.raises(mq.InvalidInputError, match="already filled") as raised:
        mq.ingest(source(tmp_path, "other.dbn", [at(13, 1)]), fixed)
    report = raised.value.report
    assert report.sources[0].status == "failed" and report.rows == 0
