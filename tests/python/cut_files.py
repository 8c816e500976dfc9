"""Files that lost their end: where their pages lie, and what must come back of their first bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import marquet as mq


class Whole:
    """A file that is whole, and what comes back of its first bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = path.read_bytes()
        self.rows = pq.read_table(path)
        self.metadata = pq.read_metadata(path)
        self.chunk_ends = [self.ends_of(n) for n in range(self.metadata.num_row_groups)]

    def ends_of(self, row_group: int) -> list[int]:
        return [end for _, end in self.ranges_of(row_group)]

    def ranges_of(self, row_group: int) -> list[tuple[int, int]]:
        ranges = []
        for n in range(self.metadata.num_columns):
            chunk = self.metadata.row_group(row_group).column(n)
            begin = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
            ranges.append((begin, begin + chunk.total_compressed_size))
        return ranges

    @property
    def pages_end(self) -> int:
        return self.chunk_ends[-1][-1]

    def pages(self) -> list[Page]:
        """In the order in which they lie."""
        found = []
        for n in range(self.metadata.num_row_groups):
            for begin, end in self.ranges_of(n):
                while begin < end:
                    found.append(Page.at(self.bytes, begin))
                    begin = found[-1].end
                assert begin == end
        return found

    def cut(self, size: int, out: Path) -> mq.RescueReport:
        broken = out.with_name("broken.parquet")
        broken.write_bytes(self.bytes[:size])
        out.unlink(missing_ok=True)
        report = mq.rescue(broken, out, schema=self.path)
        assert broken.read_bytes() == self.bytes[:size]
        return report

    def check(self, size: int, out: Path) -> mq.RescueReport:
        """What comes back is a beginning of the rows: all complete row groups, and less than one more."""
        report = self.cut(size, out)
        complete = [ends[-1] <= size for ends in self.chunk_ends]
        least = sum(self.metadata.row_group(n).num_rows for n, whole in enumerate(complete) if whole)
        begun = complete.index(False) if False in complete else None
        most = least + (self.metadata.row_group(begun).num_rows if begun is not None else 0)
        # Rows need a page of the last column, behind all of the others.
        if begun is not None and len(self.chunk_ends[0]) > 1 and self.chunk_ends[begun][-2] > size:
            most = least
        assert least <= report.rows <= most, f"cut at byte {size}: {report}"
        assert bool(report) == out.exists() == (report.rows > 0)
        if report:
            assert pq.read_table(out).equals(self.rows.slice(0, report.rows)), f"cut at byte {size}"
        return report


@dataclasses.dataclass
class Page:
    """A page's header, out of Thrift's compact protocol (parquet.thrift, PageHeader), and where the page lies."""

    kind: str
    begin: int
    body: int
    end: int

    @staticmethod
    def at(data: bytes, begin: int) -> Page:
        fields, body = _struct(data, begin)
        kind = {0: "data", 2: "dictionary", 3: "data v2"}[fields[1]]
        return Page(kind, begin, body, body + fields[3])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def _struct(data: bytes, at: int) -> tuple[dict[int, Any], int]:
    fields: dict[int, Any] = {}
    field = 0
    while data[at] != 0:
        step, kind = data[at] >> 4, data[at] & 0x0F
        at += 1
        if step:
            field += step
        else:
            number, at = _varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        if kind in (1, 2):
            fields[field] = kind == 1
        elif kind in (4, 5, 6):
            number, at = _varint(data, at)
            fields[field] = (number >> 1) ^ -(number & 1)
        elif kind == 8:
            size, at = _varint(data, at)
            fields[field] = data[at : at + size]
            at += size
        elif kind == 12:
            fields[field], at = _struct(data, at)
        else:
            raise ValueError(f"page headers have no field of the type {kind}, at byte {at}")
    return fields, at + 1
