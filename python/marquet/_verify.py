"""Checking files and tables byte by byte."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from marquet import _core

VerifyLevel: TypeAlias = Literal["footer", "crc", "full"]


@dataclass(frozen=True)
class Damage:
    """One damaged place of a file."""

    file: str
    row_group: int | None
    column: str | None
    """Its dotted path."""
    page: int | None
    """Its place among the pages of the column in the row group, the dictionary page included."""
    offset: int | None
    """The first byte of the damaged range in the file."""
    length: int
    region: str
    """"page", "page header", "footer", "padding", "magic", "file" or, beside the data, "source description"."""
    message: str
    """What was found, and what was expected."""


@dataclass(frozen=True)
class FileVerdict:
    """What the check of one file found; true when there is no damage."""

    ok: bool
    rows: int
    """By the footer."""
    rows_intact: int
    """Of the row groups without damage."""
    bytes: int
    damage: list[Damage]

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class TableVerdict:
    """What the check of a table found; true when there is no damage."""

    ok: bool
    files: int
    rows: int
    rows_intact: int
    bytes: int
    damage: list[Damage]
    missing: list[str]
    """Files that the log names and that are not there, and descriptions of its sources."""
    orphans: list[str]
    """Data files that no version in the log names: information, not damage."""

    def __bool__(self) -> bool:
        return self.ok


def verify(path: str | os.PathLike[str], level: VerifyLevel = "full") -> FileVerdict | TableVerdict:
    """Checks a Parquet file, or a table (a directory).

    Args:
        path: The file or the table.
        level: "footer" (ends of the files), "crc" (every page's checksum) or "full" (every value decoded).

    Returns:
        The verdict. Damage is reported there, not raised.

    Raises:
        NotFoundError: There is nothing of that name, or the directory is no table.
        StorageError: The operating system refused to read.
    """
    if Path(path).is_dir():
        from marquet.table import open_table

        return open_table(path).verify(level)
    verdict = _core.verify_file(os.fspath(path), level)
    return FileVerdict(**{**verdict, "damage": [Damage(**damage) for damage in verdict["damage"]]})
