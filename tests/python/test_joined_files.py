"""Files that were joined after the first had lost its end: readers find its pages by the second one's footer."""

from __future__ import annotations

import pathlib

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq


def write(writer: str, first: int, columns: list[str], path: pathlib.Path) -> bytes:
    numbers = range(first, first + 300)
    rows = pa.table(
        {
            "a": pa.array(numbers, pa.int64()),
            "c": [f"k{i % 9}" if i % 5 else None for i in numbers],
        }
    ).select(columns)
    if writer == "duckdb":
        duckdb.sql(f"copy (from rows) to '{path}' (format parquet)")
    elif writer == "polars":
        frame = pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        frame.write_parquet(path)
    else:
        pq.write_table(rows, path)
    return path.read_bytes()


@pytest.mark.parametrize("columns", [["a"], ["c"], ["a", "c"]], ids="".join)
@pytest.mark.parametrize("writer", ["duckdb", "polars", "pyarrow"])
def test_a_cut_file_before_another_is_damage(tmp_path: pathlib.Path, writer: str, columns: list[str]) -> None:
    path = tmp_path / "f.parquet"
    first, second = write(writer, 0, columns, path), write(writer, 10**6, columns, path)
    assert mq.verify(path, strict=True).ok
    last_page = pq.ParquetFile(path).metadata.row_group(0).column(len(columns) - 1).data_page_offset
    for cut in range(1, min(400, len(first)), 3):
        path.write_bytes(first[:-cut] + second)
        assert not mq.verify(path).ok, cut
        quick = mq.verify(path, "crc")
        if quick.ok:
            # Pages without checksums whose headers are all as they were; the first file's last page goes on in the
            # second one's bytes, and so do its Bloom filter's, so that none of the second one's pages begins behind.
            assert (writer, columns) == ("duckdb", ["c"]), cut
            (left,) = quick.odd
            assert left.region == "unclaimed", cut
            assert last_page < len(first) - cut < left.offset - last_page, cut
        assert not mq.verify(path, "crc", strict=True).ok, cut


def test_a_page_behind_the_pages_of_a_file_is_damage(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f.parquet"
    whole = write("pyarrow", 0, ["a"], path)
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    begin = chunk.data_page_offset
    page = whole[begin : begin + chunk.total_compressed_size - (begin - (chunk.dictionary_page_offset or begin))]
    end = begin + len(page)
    for before in (b"", b"notes of a writer"):
        path.write_bytes(whole[:end] + before + page + whole[end:])
        verdict = mq.verify(path)
        assert not verdict.ok
        path.write_bytes(whole[:end] + before + whole[end:])
        assert mq.verify(path).ok
