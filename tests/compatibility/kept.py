"""Fixtures as they lie here: packed, unpacked, and rows in a form that two readers can be compared by."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

HERE = Path(__file__).resolve().parent
PRESENT = "present"
"""In place of a release: what the present code makes."""


def of(*names: str) -> pytest.MarkDecorator:
    """Runs a test for these fixtures, of each release that has them; its argument is `kept`."""
    cases = [
        pytest.param((release, name), id=f"{name}-{release}")
        for name in names
        for release in [*sorted(path.parent.name for path in HERE.glob(f"*/{name}.json")), PRESENT]
    ]
    return pytest.mark.parametrize("kept", cases, indirect=True)


class Kept:
    """A copy of a fixture, to do anything with."""

    def __init__(self, release: Path, name: str, copy: Path) -> None:
        with tarfile.open(release / f"{name}.tar.gz") as archive:
            archive.extractall(copy, filter="tar")
        self.written = copy / "written"
        self.given = copy / "given"
        self.expected = copy / "expected"
        self.facts: dict[str, Any] = json.loads((release / f"{name}.json").read_text())

    def rows(self, name: str) -> pa.Table:
        """Expected rows, by the name of their file."""
        return read_rows(self.expected / f"{name}.arrow")


def pack(folder: Path, archive: Path) -> None:
    """Everything in a folder into one file; the same content gives the same bytes."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as entries,
    ):
        for path in sorted(folder.iterdir()):
            entries.add(path, path.name, filter=plain)


def write_rows(path: Path, rows: pa.Table) -> None:
    path.parent.mkdir(exist_ok=True)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)


def read_rows(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as file:
        return pa.ipc.open_file(file).read_all()


def plain(rows: pa.Table) -> list[str]:
    """The rows as sorted texts: every digit of every value, whatever the order of rows and columns."""
    names = sorted(rows.column_names)
    return sorted(map(repr, rows.select(names).to_pylist()))


def by_deltalake(table: Path, version: int | None = None) -> pa.Table:
    return DeltaTable(str(table), version=version).to_pyarrow_table()


def fields(schema: pa.Schema) -> list[list[Any]]:
    """A schema as facts hold it."""
    return [
        [f.name, str(f.type), f.nullable, {k.decode(): v.decode() for k, v in (f.metadata or {}).items()}]
        for f in schema
    ]


def describe_table(table: Path, expected: Path, name: str = "") -> dict[str, Any]:
    """The facts of a table, out of deltalake and the log's own text; the rows of each version go to `expected`."""
    newest = DeltaTable(str(table))
    versions = []
    for commit in sorted(newest.history(), key=lambda commit: commit["version"]):
        version = commit["version"]
        rows = by_deltalake(table, version)
        write_rows(expected / f"{name}{version}.arrow", rows)
        then = DeltaTable(str(table), version=version)
        versions.append(
            {
                "version": version,
                "timestamp_ms": commit["timestamp"],
                "operation": commit["operation"],
                "rows": rows.num_rows,
                "files": len(then.file_uris()),
            }
        )
    assert [entry["version"] for entry in versions] == list(range(newest.version() + 1))
    files = newest.file_uris()
    return {
        "versions": versions,
        "partition_columns": newest.metadata().partition_columns,
        "id": str(newest.metadata().id),
        "bytes": sum(add["size_bytes"] for add in pa.table(newest.get_add_actions()).to_pylist()),
        "files": len(files),
        "checkpoints": sorted(path.name for path in (table / "_delta_log").glob("*.checkpoint.parquet")),
    }
