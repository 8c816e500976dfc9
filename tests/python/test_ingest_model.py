"""Random orders of ingests of parts, again, and in the place of others, against a plain model of what a table holds."""

from __future__ import annotations

import collections
import fnmatch
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import numpy as np
import pytest
from dbn_sources import Interval, Mapping, day, header, nanos

import marquet as mq

SYMBOLS = {7: "ESH4", 8: "NQH4", 9: None}  # None: in no mapping
MAPPINGS = [Mapping(name, [Interval(day(2), day(4), str(key))]) for key, name in SYMBOLS.items() if name]
BEGIN = nanos(day(2), 22)  # before a midnight
SPAN = 4 * 3600


@dataclass(frozen=True)
class Row:
    number: int  # of all rows of all sources
    symbol: str | None
    publisher: int
    time: int

    @property
    def key(self) -> tuple[str | None, int, int]:
        return self.symbol, self.publisher, self.time // (86_400 * 10**9)


@dataclass(frozen=True)
class Selection:
    symbols: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None

    def has_symbol(self, symbol: str | None) -> bool:
        patterns = self.symbols
        return not patterns or (symbol is not None and any(fnmatch.fnmatchcase(symbol, each) for each in patterns))

    def has_time(self, time: int) -> bool:
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def has(self, row: Row) -> bool:
        return self.has_symbol(row.symbol) and self.has_time(row.time)

    def covers(self, other: Selection) -> bool:
        """Whatever the source holds."""
        if self.start is not None and (other.start is None or other.start < self.start):
            return False
        if self.end is not None and (other.end is None or other.end > self.end):
            return False
        if not self.symbols:
            return True
        return bool(other.symbols) and all(
            each in self.symbols or (not set("*?") & set(each) and self.has_symbol(each)) for each in other.symbols
        )

    def arguments(self) -> dict[str, Any]:
        def time(value: int | None) -> Any:
            return None if value is None else np.datetime64(value, "ns")

        return {"symbols": list(self.symbols), "start": time(self.start), "end": time(self.end)}


Pieces = list[list[Row]]  # rows of one key each, between whose first and last the source has all that it brought


def pieces_of(rows: Iterable[Row], held: list[Selection]) -> Pieces:
    """Rows with none of those that selections took in between them."""
    pieces: dict[Any, list[Row]] = collections.defaultdict(list)
    for row in sorted(rows, key=lambda each: each.time):
        borders = {border for each in held if each.has_symbol(row.symbol) for border in (each.start, each.end)}
        pieces[row.key, sum(border is not None and border <= row.time for border in borders)].append(row)
    return list(pieces.values())


def meet(one: list[Row], other: list[Row]) -> bool:
    return one[0].key == other[0].key and one[0].time <= other[-1].time and other[0].time <= one[-1].time


@dataclass
class Part:
    selection: Selection
    brought: int
    pieces: Pieces

    @property
    def rows(self) -> list[Row]:
        return [row for piece in self.pieces for row in piece]

    def give_way(self, comes: Pieces) -> int:
        """Takes away what lies within pieces that come, and tells how many rows these are."""
        before = len(self.rows)
        for new in comes:
            left: Pieces = []
            for piece in self.pieces:
                if not meet(piece, new):
                    left.append(piece)
                    continue
                left.append([row for row in piece if row.time < new[0].time])
                left.append([row for row in piece if row.time > new[-1].time])
            self.pieces = [piece for piece in left if piece]
        return before - len(self.rows)

    def reach(self, selection: Selection) -> str:
        if selection == Selection():
            return "all"
        some, every = False, True
        for piece in self.pieces:
            first, last = piece[0], piece[-1]
            symbol = selection.has_symbol(first.symbol)
            meets = (selection.start is None or last.time >= selection.start) and (
                selection.end is None or first.time < selection.end
            )
            some = some or (symbol and meets)
            every = every and symbol and selection.has_time(first.time) and selection.has_time(last.time)
        return "none" if not some else "all" if every else "some"


@dataclass
class Source:
    path: Path
    rows: list[Row]
    parts: list[Part] = field(default_factory=list)


class Model:
    """What a table holds, and what a call does to it."""

    def __init__(self, sources: list[Source]):
        self.sources = sources

    def table(self) -> list[int]:
        return sorted(row.number for each in self.sources for part in each.parts for row in part.rows)

    def ingest(self, source: Source, selection: Selection, again: bool, on_overlap: str) -> dict[str, Any]:
        held = [] if again else [part.selection for part in source.parts]
        if any(each.covers(selection) for each in held):
            return {"status": "skipped", "rows": 0, "replaced": 0}
        selected = [row for row in source.rows if selection.has(row)]
        new = [row for row in selected if not any(each.has(row) for each in held)]
        if not selected:
            return {"error": "nothing is selected"}
        if not new:
            return {"status": "skipped", "rows": 0, "replaced": 0}
        comes = pieces_of(new, held)
        others = [part for each in self.sources if each is not source for part in each.parts]
        overlaps = any(meet(old, piece) for part in others for old in part.pieces for piece in comes)
        if overlaps and on_overlap == "error":
            return {"error": "already filled"}
        went: list[Part] = []
        if again:
            live = [part for part in source.parts if part.pieces]
            if any(part.reach(selection) == "some" for part in live):
                return {"error": "would lose the rest"}
            went = [part for part in live if part.reach(selection) == "all"]
        replaced = sum(len(part.rows) for part in went)
        if on_overlap == "replace":
            for other in self.sources:
                if other is source:
                    continue
                gone = sum(part.give_way(comes) for part in other.parts)
                replaced += gone
                if gone and not any(part.pieces for part in other.parts):
                    other.parts = []  # it may come anew
        if again:
            source.parts = [each for each in source.parts if each not in went and not selection.covers(each.selection)]
        source.parts.append(Part(selection, len(new), comes))
        return {"status": "replaced" if replaced else "ingested", "rows": len(new), "replaced": replaced}


def make_sources(folder: Path, rng: random.Random) -> list[Source]:
    folder.mkdir()
    sources = []
    number = 0
    for name in "abc":
        begin = rng.randrange(SPAN // 2)
        rows = []
        for _ in range(rng.choice([2, 12, 40])):
            instrument, number = rng.choice(list(SYMBOLS)), number + 1
            # No two sources have a record of one time, which may be a touch or a record that both have.
            time = BEGIN + (begin + rng.randrange(SPAN - begin) // 60 * 60) * 10**9 + "abc".index(name)
            rows.append((Row(number, SYMBOLS[instrument], rng.choice([1, 1, 2]), time), instrument))
        rows.sort(key=lambda each: each[0].time)
        records = [
            bytes(
                dbn.TradeMsg(
                    row.publisher, key, row.time, 10**9, row.number, dbn.Action.TRADE, dbn.Side.ASK, 0, row.time
                )
            )
            for row, key in rows
        ]
        path = folder / f"{name}.dbn"
        path.write_bytes(header(MAPPINGS) + b"".join(records))
        sources.append(Source(path, [row for row, _ in rows]))
    return sources


def some_selection(rng: random.Random, rows: list[Row]) -> Selection:
    symbols = rng.choice([(), (), (), ("ES*",), ("NQH4",), ("?SH4", "NQ*"), ("*H4",)])
    start, end = (
        rng.choice([None, rng.choice(rows).time + rng.randrange(2), BEGIN + rng.randrange(SPAN) * 10**9])
        for _ in range(2)
    )
    if start is not None and end is not None and start >= end:
        start, end = end, start + 1
    return Selection(symbols, start, end)


def held_rows(table: Path) -> list[int]:
    if not (table / "_delta_log").exists():
        return []
    return sorted(mq.open_table(table).scan(columns=["size"]).to_arrow()["size"].to_pylist())


@pytest.mark.parametrize("seed", range(40))
def test_a_table_holds_what_the_model_says(seed: int, tmp_path: Path):
    rng = random.Random(seed)
    sources = make_sources(tmp_path / "sources", rng)
    model, table = Model(sources), tmp_path / "t"
    layout = rng.choice([[], [], ["date"], ["symbol"]])
    before: list[int] = []
    for step in range(rng.randrange(4, 12)):
        source = rng.choice(sources)
        again = bool(before) and rng.random() < 0.2
        on_overlap: Any = "replace" if again else rng.choice(["error", "replace", "replace"])
        selection = some_selection(rng, source.rows) if rng.random() < 0.75 else Selection()
        did = f"step {step}: {source.path.name} {selection} again={again} {on_overlap}"
        arguments = {"again": again, "on_overlap": on_overlap, "partition_by": layout, **selection.arguments()}
        foretold = None
        expected = model.ingest(source, selection, again, on_overlap)
        if "error" in expected:
            with pytest.raises(mq.InvalidInputError, match=expected["error"]):
                mq.ingest(source.path, table, **arguments)
                pytest.fail(did)
            assert held_rows(table) == before, did
            continue
        if rng.random() < 0.3:
            foretold = mq.ingest(source.path, table, dry_run=True, **arguments).sources[0]
        told = mq.ingest(source.path, table, **arguments).sources[0]
        assert (told.status, told.rows, told.rows_replaced) == tuple(expected.values()), did
        assert told.records == told.rows + told.rows_not_selected + told.control_records + told.unknown_records, did
        if foretold is not None:
            assert (foretold.rows, foretold.rows_replaced) == (told.rows, told.rows_replaced), did
        now = held_rows(table)
        assert now == model.table(), did
        assert len(now) == len(before) + told.rows - told.rows_replaced, did
        lost = sum(part.brought - len(part.rows) for part in source.parts)
        if told.status == "skipped":
            assert (f"{lost} of {sum(part.brought for part in source.parts)} rows were replaced" in told.note) == (
                lost > 0
            ), did + told.note
        before = now
    if before:
        assert mq.verify(table)
