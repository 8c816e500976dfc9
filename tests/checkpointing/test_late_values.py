"""Columns that have no value at first: all files of a run open together, in every engine."""

from __future__ import annotations

import pathlib
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.dataset
import pytest
from datatrove.data import Document, Media
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from marquet.datatrove import ParquetWriter as DocumentWriter

import marquet as mq

FIRST_AND_LATER = {
    "int": (None, 7),
    "text": (None, "x"),
    "bytes": (None, b"x"),
    "list": ([], [7]),
    "list of nulls": ([None], [7, None]),
    "list of lists": ([[]], [["x"], None]),
    "struct": ({"k": None}, {"k": 7}),
    "list of structs": ([{"k": None}], [{"k": "x"}, None]),
    "struct of lists": ({"k": [], "n": 1}, {"k": [1.5], "n": 2}),
}


def read_by_all(folder: pathlib.Path) -> list[dict[str, Any]]:
    """The rows by id, which all engines agree on, reading all files at once as they do by default."""
    files = sorted(map(str, folder.rglob("[!_.]*.parquet")))
    rows = pa.dataset.dataset(files).to_table().sort_by("id").to_pylist()
    assert polars.read_parquet(files).sort("id").to_dicts() == rows
    assert duckdb.sql(f"from read_parquet({files}) order by id").to_arrow_table().to_pylist() == rows
    return rows


def write(folder: pathlib.Path, rows: list[dict[str, Any]], **options: Any) -> mq.WriteReport:
    with mq.ParquetWriter(folder, "${chunk_index}.parquet", input="x", **options) as writer:
        for row in rows:
            writer.write(row)
    assert writer.report is not None
    return writer.report


@pytest.mark.parametrize("on_schema_change", ["error", "new_part"])
@pytest.mark.parametrize("kind", FIRST_AND_LATER)
def test_published_chunks_get_the_type(tmp_path: pathlib.Path, kind: str, on_schema_change: str) -> None:
    first, later = FIRST_AND_LATER[kind]
    rows = [{"id": i, "v": later if i in (13, 14, 30) else first} for i in range(32)]
    report = write(tmp_path, rows, records_per_chunk=4, on_schema_change=on_schema_change)
    assert read_by_all(tmp_path) == rows
    assert report.schema_changes == []
    assert mq.verify(tmp_path).ok  # against the manifest's digests
    assert {file.name: file.bytes for file in report.files} == {
        path.name: path.stat().st_size for path in tmp_path.glob("*.parquet")
    }


@pytest.mark.parametrize("kind", FIRST_AND_LATER)
def test_so_does_a_file_in_the_making(tmp_path: pathlib.Path, kind: str) -> None:
    first, later = FIRST_AND_LATER[kind]
    rows = [{"id": i, "v": first} for i in range(2500)] + [{"id": 2500, "v": later}]
    with mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=900) as writer:
        writer.write(rows[:1200])
        writer.flush()
        writer.write(rows[1200:])
    assert read_by_all(tmp_path) == rows


def test_columns_decided_one_after_the_other(tmp_path: pathlib.Path) -> None:
    rows = [{"id": i, **{f"c{n}": i if i > 3 * n else None for n in range(8)}} for i in range(30)]
    write(tmp_path, rows, records_per_chunk=2)
    assert read_by_all(tmp_path) == rows


def test_a_run_without_a_value(tmp_path: pathlib.Path) -> None:
    rows = [{"id": i, "v": None, "list": []} for i in range(12)]
    write(tmp_path, rows, records_per_chunk=4)
    assert read_by_all(tmp_path) == rows


def test_a_second_run_decides_for_the_first(tmp_path: pathlib.Path) -> None:
    rows = [{"id": i, "v": None if i < 10 else i} for i in range(14)]
    with (
        pytest.raises(KeyError),
        mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=4, input="x") as writer,
    ):
        writer.write(rows[:9])
        raise KeyError
    with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=4, input="x") as writer:
        writer.write(rows[writer.resume() :])
    assert read_by_all(tmp_path) == rows
    assert mq.verify(tmp_path).ok
    with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=4, input="x") as writer:
        writer.write(rows)  # all of it again, which is compared
    assert writer.report is not None and writer.report.replayed == 14


def test_parts_that_a_change_began_are_named(tmp_path: pathlib.Path) -> None:
    rows = [{"id": 0, "v": None}, {"id": 1, "v": 1}, {"id": 2, "v": "text"}, {"id": 3, "v": "text"}]
    report = write(tmp_path, rows, records_per_chunk=1, on_schema_change="new_part")
    assert report.schema_changes == ["2.parquet", "3.parquet"]


def test_documents_of_datatrove(tmp_path: pathlib.Path) -> None:
    media = Media("m", 1, "u", metadata={"w": None})
    documents = [
        Document("", "0"),
        Document("one", "1", metadata={"n": None}),
        Document("two", "2", media=[media], metadata={"n": None}),
        Document("three", "3", metadata={"n": 3}),
        Document("four", "4", media=[Media("m", 1, "u", path="p", metadata={"w": 2})]),
        Document("five", "5", media=[Media("m", 1, "u")]),
        Document("six", "6"),
    ]
    with DocumentWriter(str(tmp_path), "${rank}_${chunk_index}.parquet", max_file_size=-1) as writer:
        for chunk, document in enumerate(documents):
            writer.write(document, rank=0, chunk_index=chunk)
            writer.close_file(writer._get_output_filename(document, 0, chunk_index=chunk))
    rows = read_by_all(tmp_path)
    assert [row["text"] for row in rows] == [document.text for document in documents]
    assert [row["metadata"] for row in rows] == [None, {"n": None}, {"n": None}, {"n": 3}, None, None, None]
    assert [[item["metadata"] for item in row["media"]] for row in rows] == (
        [[], [], [{"w": None}], [], [{"w": 2}], [None], []]
    )


def test_documents_in_a_remote_folder_keep_types_that_are_known(tmp_path: pathlib.Path) -> None:
    folder = DirFileSystem(str(tmp_path), LocalFileSystem())
    metadata: list[dict[str, Any]] = [{"n": 1, "t": None}, {"n": None, "t": None}, {}]
    for _ in range(2):  # again, to be compared
        with DocumentWriter(("out", folder), "${rank}_${chunk_index}.parquet", max_file_size=-1) as writer:
            for chunk, item in enumerate(metadata):
                document = Document("text", str(chunk), metadata=item)
                writer.write(document, rank=0, chunk_index=chunk)
                writer.close_file(writer._get_output_filename(document, 0, chunk_index=chunk))
        rows = read_by_all(tmp_path / "out")
        assert [row["metadata"] for row in rows] == [{"n": 1, "t": None}, {"n": None, "t": None}, None]
