"""Tables that DBN files were ingested into by older releases: exactly once, corrections, exports."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbn_files import DAY, nanos, trades_file, tree
from kept import Kept, by_deltalake, of, plain

import marquet as mq

INGESTED = of("trades", "by-date")


@of("trades", "by-date", "corrected")
def test_the_same_bytes_are_skipped(kept: Kept) -> None:
    before = tree(kept.written)
    for source in sorted(kept.given.iterdir()):
        if source.name == "monday.dbn":
            continue  # was replaced
        assert [one.status for one in mq.ingest(source, kept.written).sources] == ["skipped"]
    assert tree(kept.written) == before


@of("parts")
def test_the_rest_of_a_source_that_came_in_parts(kept: Kept) -> None:
    source, before = kept.given / "day.dbn", tree(kept.written)
    for part in ({"symbols": ["ES*"]}, {"symbols": ["ESH4"], "end": nanos(DAY, 3)}, {"end": nanos(DAY, 15)}):
        assert [one.status for one in mq.ingest(source, kept.written, **part).sources] == ["skipped"]
    assert tree(kept.written) == before
    (rest,) = mq.ingest(source, kept.written).sources
    assert (rest.rows, rest.rows_held) == (10, 20)
    rows = mq.open_table(kept.written).scan(columns=["source_row"]).to_arrow()["source_row"].to_pylist()
    assert sorted(rows) == list(range(30))


@INGESTED
def test_every_source_comes_back_identical(kept: Kept, tmp_path: Path) -> None:
    mq.export(kept.written, tmp_path / "back")
    assert tree(tmp_path / "back") == tree(kept.given)


@of("split")
def test_tables_of_a_mixed_file(kept: Kept) -> None:
    for name, facts in kept.facts["tables"].items():
        table = mq.open_table(kept.written / name)
        assert plain(table.scan(stored_types=True).to_arrow()) == plain(kept.rows(f"{name}-0"))
        assert table.scan().count() == facts["versions"][0]["rows"] > 0
        assert mq.verify(kept.written / name).ok
    (source,) = mq.ingest(kept.given / "mixed.dbn", kept.written, split_by_schema=True).sources
    assert source.status == "skipped"
    next_day = trades_file(kept.given / "next.dbn", day=DAY + timedelta(days=1))
    mq.ingest(next_day, kept.written / "trades")
    assert mq.open_table(kept.written / "trades").scan().count() == 18


@INGESTED
def test_a_correction_is_refused_and_replaces_on_request(kept: Kept, tmp_path: Path) -> None:
    day = DAY + timedelta(days=1)
    before, rows = tree(kept.written), by_deltalake(kept.written).to_pylist()
    of_day = [row for row in rows if row["date"] == day]
    symbols = sorted({row["symbol"] for row in of_day})
    corrected = trades_file(tmp_path / "corrected.dbn", symbols, count=len(of_day), day=day, price=7_000_000_000)
    with pytest.raises(mq.InvalidInputError, match=sorted(path.name for path in kept.given.iterdir())[1]):
        mq.ingest(corrected, kept.written)
    assert tree(kept.written) == before
    (source,) = mq.ingest(corrected, kept.written, on_overlap="replace").sources
    assert source.status == "replaced"
    after = mq.open_table(kept.written).scan(stored_types=True).to_arrow().to_pylist()
    prices = [row["price"] for row in after if row["date"] == day]
    assert sorted(prices) == [7_000_000_000 + i * 250_000_000 for i in range(len(of_day))]
    assert others(after, day) == others(rows, day)
    assert mq.verify(kept.written).ok
    mq.export(kept.written, tmp_path / "back.dbn", source="corrected.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == corrected.read_bytes()


def others(rows: list[dict[str, Any]], day: date) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows if row["date"] != day)


@INGESTED
def test_rows_beside_those_that_are_there_are_taken(kept: Kept, tmp_path: Path) -> None:
    rows = mq.open_table(kept.written).scan().count()
    for name, options in {
        "later": {"first_second": 3_000},
        "other-symbol": {"symbols": ["ZZ"]},
        "other-day": {"day": DAY - timedelta(days=1)},
    }.items():
        mq.ingest(trades_file(tmp_path / f"{name}.dbn", **options), kept.written)
    table = mq.open_table(kept.written)
    assert table.scan().count() == by_deltalake(kept.written).num_rows == rows + 30
    mq.export(kept.written, tmp_path / "back")
    assert len(tree(tmp_path / "back")) == len(tree(kept.given)) + 3


@of("corrected")
def test_a_source_that_was_replaced_may_come_again(kept: Kept, tmp_path: Path) -> None:
    monday = kept.given / "monday.dbn"
    with pytest.raises(mq.InvalidInputError, match=r"monday-corrected\.dbn"):
        mq.ingest(monday, kept.written)
    (source,) = mq.ingest(monday, kept.written, on_overlap="replace").sources
    assert source.status == "replaced"
    assert by_deltalake(kept.written).num_rows == 60
    mq.export(kept.written, tmp_path / "back.dbn", source="monday.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == monday.read_bytes()


@of("corrected")
def test_sources_beside_each_other_are_told_apart(kept: Kept, tmp_path: Path) -> None:
    for name in ("monday-corrected.dbn", "other.dbn", "wednesday.dbn", "wednesday-late.dbn"):
        mq.export(kept.written, tmp_path / name, source=name)
        assert (tmp_path / name).read_bytes() == (kept.given / name).read_bytes()


@of("trades")
def test_damage_of_a_description_is_found(kept: Kept) -> None:
    descriptions = sorted((kept.written / "_marquet" / "sources").glob("*.json"))
    assert len(descriptions) == len(list(kept.given.iterdir()))
    for path in descriptions[:3]:
        whole = path.read_text()
        path.write_text(whole.replace('"rows"', '"sows"', 1))
        assert not mq.verify(kept.written).ok
        path.write_text(whole)
    descriptions[0].unlink()
    assert mq.verify(kept.written).missing == [str(descriptions[0].relative_to(kept.written))]


@of("compacted")
def test_rows_that_no_source_is_known_of_still_count(kept: Kept, tmp_path: Path) -> None:
    corrected = trades_file(tmp_path / "corrected.dbn", first_second=105, price=7_000_000_000)
    with pytest.raises(mq.InvalidInputError, match=r"noon\.dbn"):
        mq.ingest(corrected, kept.written)
    with pytest.raises(mq.UnsupportedError, match=r"cannot take the place of given/noon\.dbn"):
        mq.ingest(corrected, kept.written, on_overlap="replace")
    mq.ingest(trades_file(tmp_path / "between.dbn", first_second=50), kept.written)
    late = trades_file(tmp_path / "late.dbn", first_second=200, price=9_000_000_000)
    (source,) = mq.ingest(late, kept.written, on_overlap="replace").sources
    assert source.status == "replaced"
    prices = by_deltalake(kept.written)["price"].to_pylist()
    assert len(prices) == 40
    assert sorted(prices)[30:] == [9_000_000_000 + i * 250_000_000 for i in range(10)]


@of("interrupted")
def test_an_interrupted_ingest_is_run_again(kept: Kept, tmp_path: Path) -> None:
    first, second = (kept.given / name for name in ("first.dbn", "second.dbn"))
    assert mq.open_table(kept.written / "second").scan().count() == 10
    for table, sources in (("first", [first]), ("second", [first, second])):
        report = mq.ingest(sources, kept.written / table)
        assert [source.status for source in report.sources] == ["skipped"] * (len(sources) - 1) + ["ingested"]
        assert by_deltalake(kept.written / table).num_rows == 10 * len(sources)
        assert mq.verify(kept.written / table).ok
        mq.export(kept.written / table, tmp_path / table, source=sources[-1].name)
        assert (tmp_path / table).read_bytes() == sources[-1].read_bytes()
