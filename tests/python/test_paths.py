"""Paths that the core cannot take: refused at once, by name, wherever one is given."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

LATIN = os.fsdecode(b"caf\xe9")
SCHEMA = pa.schema([("n", pa.int64())])

ENTRIES: dict[str, Callable[[Path, Path], object]] = {
    "ingest, source": lambda bad, good: mq.ingest(bad, good),
    "ingest, one of several": lambda bad, good: mq.ingest([good, bad], good),
    "ingest, table": lambda bad, good: mq.ingest(good, bad),
    "open_table": lambda bad, good: mq.open_table(bad),
    "create_table": lambda bad, good: mq.create_table(bad, SCHEMA),
    "verify": lambda bad, good: mq.verify(bad),
    "rescue": lambda bad, good: mq.rescue(bad, good),
    "rescue, output": lambda bad, good: mq.rescue(good, bad),
    "rescue, schema": lambda bad, good: mq.rescue(good, good, schema=bad),
    "rescue, table": lambda bad, good: mq.rescue(good, good, table=bad),
    "clean": lambda bad, good: mq.clean(bad),
    "validate_parquet_file": lambda bad, good: mq.validate_parquet_file(bad),
    "samples, definitions": lambda bad, good: mq.depth.build_samples(good, good, definitions=bad),
    "labels": lambda bad, good: mq.depth.load_labels(bad),
    "batches, samples": lambda bad, good: mq.depth.DepthBatches(bad, good),
    "batches, book": lambda bad, good: mq.depth.DepthBatches(good, bad),
    "export": lambda bad, good: mq.export(bad, good, "csv"),
    "export, output": lambda bad, good: mq.export(good, bad, "csv"),
    "writer": lambda bad, good: mq.ParquetWriter(bad),
    "samples, book": lambda bad, good: mq.depth.build_samples(bad, good, micro_pip=1),
    "samples": lambda bad, good: mq.depth.build_samples(good, bad, micro_pip=1),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_name_that_is_not_utf8_is_refused_by_every_entry(tmp_path: Path, entry: str):
    with pytest.raises(mq.InvalidInputError, match=r"caf\\(xe9|udce9).* is not UTF-8"):
        ENTRIES[entry](tmp_path / LATIN, tmp_path / "good")
    assert not list(tmp_path.iterdir())


URLS = ["s3://bucket/book", "file:///data/book", "gs://b/x.parquet", "abfss://c@a.example/b", "S3A://bucket/book"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_url_is_refused_by_every_entry_and_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
):
    monkeypatch.chdir(tmp_path)
    for url in [*URLS, *map(Path, URLS)]:
        with pytest.raises(mq.InvalidInputError, match=r"is a URL; tables and files are local") as refused:
            ENTRIES[entry](url, Path("good"))  # type: ignore[arg-type]
        assert "copied here first" in str(refused.value.hint)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a:b", "2024-03-04T10:00", "./s3://b", ":/x", "c:/x"])
def test_a_folder_with_a_colon_in_its_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    mq.create_table(name, SCHEMA)
    assert mq.open_table(name).version == 0


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry != "writer"])
def test_nothing_is_looked_for_behind_a_nul(tmp_path: Path, entry: str):
    (tmp_path / "day").mkdir()
    with pytest.raises(mq.InvalidInputError, match=r"day\\x00\.dbn' holds a NUL"):
        ENTRIES[entry](Path(f"{tmp_path}/day\0.dbn"), tmp_path / "good")


def test_names_in_folders_that_are_not_utf8_are_told_with_escapes(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", SCHEMA)
    table.append(pa.table({"n": [1, 2]}))
    data = next((tmp_path / "t").glob("*.parquet"))
    (tmp_path / "t" / f"{LATIN}.parquet").write_bytes(data.read_bytes())
    report = mq.verify(tmp_path / "t")
    assert report.ok and report.orphans == ["caf\\xe9.parquet"]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / f"{LATIN}.parquet").write_bytes(data.read_bytes()[:-4])
    damaged = mq.verify(folder)
    assert not damaged.ok and "caf\\xe9.parquet" in damaged.damage[0].file
    (folder / f"{LATIN}.dbn").write_bytes(b"DBN")
    with pytest.raises(mq.InvalidInputError, match=r"caf\\xe9\.dbn"):
        mq.ingest(folder, tmp_path / "t2")
