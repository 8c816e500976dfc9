"""Verifying what a checkpointed writer made: the manifest says what its files must be."""

from __future__ import annotations

import contextlib
import pathlib
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq


@pytest.fixture
def output(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "out"
    with mq.ParquetWriter(folder, "${chunk_index}.parquet", records_per_chunk=5) as writer:
        writer.write([{"id": i, "text": f"document {i}"} for i in range(12)])
    return folder


def test_a_whole_output_passes(output: pathlib.Path) -> None:
    for level in ("footer", "crc", "full"):
        verdict = mq.verify(output, level=level)  # type: ignore[arg-type]
        assert verdict.ok and isinstance(verdict, mq.TableVerdict)
        assert (verdict.files, verdict.rows, verdict.missing, verdict.orphans) == (3, 12, [], [])


def test_every_flipped_bit_of_a_file_is_found_by_its_digest(output: pathlib.Path) -> None:
    path = output / "2.parquet"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        with contextlib.suppress(mq.UnsupportedError):  # a footer that now claims what is not supported
            assert not mq.verify(path).ok, f"byte {at}"


def test_another_file_of_the_same_rows_is_not_the_one_published(output: pathlib.Path) -> None:
    rows = pq.read_table(output / "1.parquet")
    pq.write_table(rows, output / "1.parquet")
    verdict = mq.verify(output)
    assert not verdict.ok
    assert {damage.file for damage in verdict.damage} == {str(output / "1.parquet")}


def test_what_is_missing_and_what_is_unknown_is_named(output: pathlib.Path) -> None:
    (output / "0.parquet").unlink()
    pq.write_table(pa.table({"a": [1]}), output / "other.parquet")
    verdict = mq.verify(output)
    assert isinstance(verdict, mq.TableVerdict)
    assert not verdict.ok
    assert verdict.missing == [str(output / "0.parquet")]
    assert verdict.orphans == [str(output / "other.parquet")]


def test_outputs_below_a_folder_are_held_to_their_own_manifests(output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (output / "0.parquet").unlink()
    (tmp_path / "loose").mkdir()
    for place in (output, tmp_path / "loose"):
        pq.write_table(pa.table({"a": [1]}), place / "other.parquet")
    verdict = mq.verify(tmp_path)
    assert isinstance(verdict, mq.TableVerdict)
    assert (verdict.ok, verdict.files, verdict.missing) == (False, 4, [str(output / "0.parquet")])
    assert verdict.orphans == [str(output / "other.parquet")]


def test_a_damaged_manifest_is_damage(output: pathlib.Path) -> None:
    (manifest,) = (output / "_marquet" / "writers").glob("*.json")
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows": 5', b'"rows": 6'))
    verdict = mq.verify(output)
    assert [damage.region for damage in verdict.damage] == ["manifest"]


def test_folders_of_other_writers_are_checked_without_a_manifest(output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    shutil.rmtree(output / "_marquet")
    verdict = mq.verify(output)
    assert verdict.ok and isinstance(verdict, mq.TableVerdict) and verdict.orphans == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(mq.NotFoundError, match="neither a table nor a directory"):
        mq.verify(tmp_path / "empty")
