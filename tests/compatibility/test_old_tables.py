"""Tables that older releases wrote: every version, filters, appends, checkpoints, verification."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from kept import Kept, by_deltalake, fields, of, plain

import marquet as mq

TABLES = of("trades", "by-date", "corrected", "compacted", "types", "partitions")


def stored(table: mq.Table, **options: Any) -> pa.Table:
    return table.scan(stored_types=True, **options).to_arrow()


def newest(kept: Kept) -> dict[str, Any]:
    entry: dict[str, Any] = kept.facts["versions"][-1]
    return entry


@TABLES
def test_every_version_has_its_rows(kept: Kept) -> None:
    assert mq.open_table(kept.written).version == newest(kept)["version"]
    for entry in kept.facts["versions"]:
        table = mq.open_table(kept.written, version=entry["version"])
        assert plain(stored(table)) == plain(kept.rows(str(entry["version"])))
        assert table.scan().count() == entry["rows"]
        assert len(table.files()) == entry["files"]


@TABLES
def test_the_time_of_each_commit_leads_to_it(kept: Kept) -> None:
    for entry in kept.facts["versions"]:
        when = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=entry["timestamp_ms"])
        assert mq.open_table(kept.written, as_of=when).version == entry["version"]


@of("types", "partitions")
def test_the_schema_is_the_one_that_was_given(kept: Kept) -> None:
    assert fields(mq.open_table(kept.written).schema) == kept.facts["schema"]


@TABLES
def test_a_filter_on_any_column_finds_the_rows_that_have_the_value(kept: Kept) -> None:
    table = mq.open_table(kept.written)
    rows = kept.rows(str(newest(kept)["version"]))
    asked = 0
    for field in rows.schema:
        if pt.is_nested(field.type) or pt.is_binary(field.type):
            continue
        values = rows[field.name].to_pylist()
        if None in values:
            assert table.scan(filter=[(field.name, "is null", None)]).count() == values.count(None), field.name
        for value in {repr(value): value for value in values if value is not None}.values():
            if isinstance(value, float) and not math.isfinite(value):
                continue
            found = table.scan(filter=equals(field, value)).count()
            assert found == sum(other == value for other in values), f"{field.name} == {value!r}"
            asked += 1
    assert asked > 20


def equals(field: pa.Field, value: Any) -> Any:
    if isinstance(value, dt.datetime) and not 1700 < value.year < 2200:
        return pc.field(field.name) == pa.scalar(value, field.type)
    if isinstance(value, int) and (field.metadata or {}).get(b"unit") == b"1e-9" and abs(value) < 1_000_000:
        return [(field.name, "==", f"{Decimal(value).scaleb(-9):f}")]  # bare, it could be meant as a price
    return [(field.name, "==", str(value) if isinstance(value, Decimal) else value)]


@TABLES
def test_info_and_history(kept: Kept) -> None:
    table = mq.open_table(kept.written)
    info, last = table.info(), newest(kept)
    assert {name: info[name] for name in ("version", "rows", "files")} == {
        name: last[name] for name in ("version", "rows", "files")
    }
    assert {name: info[name] for name in ("bytes", "id", "partition_columns")} == {
        name: kept.facts[name] for name in ("bytes", "id", "partition_columns")
    }
    if kept.facts["partition_columns"]:
        assert sum(part["rows"] for part in info["partitions"]) == last["rows"]
    told = [(entry["version"], entry["operation"], entry["timestamp"].timestamp()) for entry in table.history()]
    assert told[::-1] == [
        (entry["version"], entry["operation"], entry["timestamp_ms"] / 1000) for entry in kept.facts["versions"]
    ]
    rows = kept.rows(str(last["version"]))
    if "ts" in rows.column_names:
        assert info["latest_timestamp"] == max(time for time in rows["ts"].to_pylist() if time is not None)


@TABLES
def test_it_is_intact(kept: Kept) -> None:
    verdict = mq.verify(kept.written, level="full")
    assert isinstance(verdict, mq.TableVerdict)
    assert (verdict.ok, verdict.damage, verdict.missing) == (True, [], [])
    assert (verdict.files, verdict.rows) == (newest(kept)["files"], newest(kept)["rows"])


@of("trades", "types")
def test_a_flipped_bit_is_found(kept: Kept) -> None:
    for entry in mq.open_table(kept.written).files()[:3]:
        path = kept.written / entry["path"]
        whole = path.read_bytes()
        path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
        assert [damage.file for damage in mq.verify(kept.written).damage] == [str(path)]
        path.write_bytes(whole)


@TABLES
def test_rows_are_appended(kept: Kept) -> None:
    table = mq.open_table(kept.written)
    before = kept.rows(str(table.version))
    more = stored(table).slice(0, 5)
    for times in range(1, 13):  # past the next checkpoint
        table.append(more)
        assert table.scan().count() == before.num_rows + 5 * times
    expected = plain(pa.concat_tables([before, *[more.select(before.column_names).cast(before.schema)] * 12]))
    assert plain(stored(mq.open_table(kept.written))) == expected
    assert plain(by_deltalake(kept.written)) == expected
    assert plain(stored(mq.open_table(kept.written, version=newest(kept)["version"]))) == plain(before)
    assert mq.verify(kept.written).ok


@of("trades", "types")
def test_its_checkpoint_stands_for_the_commits_before(kept: Kept) -> None:
    (checkpoint,) = kept.facts["checkpoints"]
    version = int(checkpoint[:20])
    assert 0 < version < newest(kept)["version"], "there are commits behind it, too"
    for commit in range(version):
        (kept.written / "_delta_log" / f"{commit:020}.json").unlink()
    for entry in kept.facts["versions"][version:]:
        table = mq.open_table(kept.written, version=entry["version"])
        assert plain(stored(table)) == plain(kept.rows(str(entry["version"])))
    (kept.written / "_delta_log" / "_last_checkpoint").unlink()
    assert mq.open_table(kept.written).scan().count() == newest(kept)["rows"]
