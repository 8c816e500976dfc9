"""Bloom filters of other writers: a filter that is not where the footer has it, or not as long, is damage."""

from __future__ import annotations

import itertools
import pathlib
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

LEVELS = ("crc", "full")


def zigzag(number: int) -> bytes:
    """A number as Thrift's compact protocol has it."""
    value, out = number << 1, b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@dataclass
class Filtered:
    """A file, and where the footer's word on each of its filters stands."""

    path: pathlib.Path
    bytes: bytes
    filters: list[tuple[int, int]]
    """Offset and length by the footer."""

    @property
    def footer(self) -> int:
        return len(self.bytes) - 8 - int.from_bytes(self.bytes[-8:-4], "little")

    def saying(self, number: int, offset: int, length: int) -> bytes | None:
        """The file with another word on the filter of this number; None where it would take other bytes."""
        before, length_before = self.filters[number]
        # Fields 14 (of 64 bits) and 15 (of 32) of a column's metadata (parquet.thrift, ColumnMetaData).
        said = zigzag(before) + b"\x15" + zigzag(length_before)
        says = zigzag(offset) + b"\x15" + zigzag(length)
        if len(says) != len(said):
            return None
        at = self.bytes.index(said, self.footer)
        assert self.bytes.find(said, at + 1) < 0
        return self.bytes[:at] + says + self.bytes[at + len(said) :]

    def with_bytes(self, data: bytes, level: str) -> mq.FileVerdict:
        self.path.write_bytes(data)
        return mq.verify(self.path, level, strict=False)


@pytest.fixture(params=["duckdb", "pyarrow"])
def filtered(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Filtered:
    path = tmp_path / "f.parquet"
    rows = pa.table({"a": pa.array(range(300), pa.int64()), "c": [f"k{i % 40}" for i in range(300)]})
    if request.param == "duckdb":
        duckdb.sql(f"copy (from rows) to '{path}' (format parquet)")
    else:
        pq.write_table(rows, path, bloom_filter_options={"a": {"ndv": 300}, "c": {"ndv": 40}})
    found = duckdb.execute(
        "select bloom_filter_offset, bloom_filter_length from parquet_metadata(?) "
        "where bloom_filter_offset is not null order by 1",
        [str(path)],
    ).fetchall()
    assert len(found) == (1 if request.param == "duckdb" else 2)
    whole = Filtered(path, path.read_bytes(), found)
    for level in LEVELS:
        assert mq.verify(path, level, strict=True).ok
    return whole


def test_a_length_that_is_not_the_filters_is_damage(filtered: Filtered) -> None:
    checked = 0
    for number, (offset, length) in enumerate(filtered.filters):
        for other in range(1, 2 * length + 100):
            data = filtered.saying(number, offset, other)
            if data is None or other == length:
                continue
            checked += 1
            for level in LEVELS:
                verdict = filtered.with_bytes(data, level)
                assert not verdict.ok, other
                (damage,) = verdict.damage
                assert (damage.region, damage.offset, damage.length) == ("Bloom filter", offset, other)
                assert damage.row_group == 0 and damage.column in ("a", "c")
                if offset + other <= filtered.footer:
                    assert damage.message == (
                        f"the footer has a Bloom filter of {other} bytes here; by its own header it has {length}"
                    )
    assert checked > 50


def test_a_place_that_is_not_the_filters_is_damage(filtered: Filtered) -> None:
    checked = 0
    for number, (offset, length) in enumerate(filtered.filters):
        others = {before for before, _ in filtered.filters}
        for other in (*range(0, 200), *range(offset - 300, offset + 300)):
            data = filtered.saying(number, other, length)
            if data is None or other in others:
                continue
            checked += 1
            verdict = filtered.with_bytes(data, "crc")
            assert [(damage.region, damage.offset) for damage in verdict.damage][:1] == [("Bloom filter", other)], other
            # The filter itself, which nothing names, is known for what it is.
            assert verdict.odd == [] and len(verdict.damage) == 1
    assert checked > 200


def test_two_chunks_with_one_filter_are_damage(tmp_path: pathlib.Path) -> None:
    """Readers ask the wrong one whether a value is there, and pass over rows that have it."""
    path = tmp_path / "f.parquet"
    rows = pa.table({"a": pa.array(range(900), pa.int64())})
    pq.write_table(rows, path, row_group_size=300, bloom_filter_options={"a": {"ndv": 300}})
    found = duckdb.execute(
        "select bloom_filter_offset, bloom_filter_length from parquet_metadata(?) order by row_group_id", [str(path)]
    ).fetchall()
    assert len(found) == 3
    whole = Filtered(path, path.read_bytes(), found)
    assert mq.verify(path, "crc", strict=True).ok
    checked = 0
    for number, group in itertools.permutations(range(3), 2):
        offset, length = found[group]
        data = whole.saying(number, offset, length)
        if data is None:
            continue
        checked += 1
        for level in LEVELS:
            (damage,) = whole.with_bytes(data, level).damage
            assert (damage.region, damage.offset, damage.length) == ("Bloom filter", offset, length)
            assert damage.row_group == max(number, group)
            assert "Bloom filters of two column chunks" in damage.message
    assert checked > 0


def test_a_filter_that_was_cut_is_damage(filtered: Filtered) -> None:
    """What lies behind it moves: another filter, or the footer."""
    for offset, length in filtered.filters:
        end = offset + length
        for cut in range(1, length + 1):
            data = filtered.bytes[: end - cut] + filtered.bytes[end:]
            for level in LEVELS:
                verdict = filtered.with_bytes(data, level)
                assert not verdict.ok and {damage.region for damage in verdict.damage} == {"Bloom filter"}, cut


def test_a_header_that_was_damaged_is_told(filtered: Filtered) -> None:
    for offset, length in filtered.filters:
        size = filtered.bytes.index(b"\x1c\x1c\x00\x00", offset) - offset  # where the first structure begins
        for at in range(offset, offset + size):
            for bit in range(8):
                damaged = bytearray(filtered.bytes)
                damaged[at] ^= 1 << bit
                verdict = filtered.with_bytes(bytes(damaged), "crc")
                assert [damage.region for damage in verdict.damage] == ["Bloom filter"], (at, bit)
        for zeros in range(1, length + 1, 7):
            data = filtered.bytes[:offset] + bytes(zeros) + filtered.bytes[offset + zeros :]
            assert not filtered.with_bytes(data, "crc").ok


def test_a_rescue_takes_all_rows_of_a_file_whose_filter_is_damaged(filtered: Filtered) -> None:
    rows = pq.read_table(filtered.path)
    offset, length = filtered.filters[0]
    data = filtered.saying(0, offset, length - 1)
    assert data is not None
    filtered.path.write_bytes(data)
    report = mq.rescue(filtered.path, filtered.path.with_name("out.parquet"))
    assert report.rows == 300 and report.rows_lost == 0 and not report.more_rows_lost
    assert any("Bloom filter" in note for note in report.notes)
    assert pq.read_table(filtered.path.with_name("out.parquet")).equals(rows)
