"""Checking files and tables byte by byte."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, overload

from marquet import _core
from marquet._arguments import call
from marquet._html import Report
from marquet._paths import path_text
from marquet.errors import InvalidInputError

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
    """"page", "page header", "footer", "schema", "magic", "file", "order", "statistics" (values beyond what the file
    says of them, for which filters pass over their rows), "tail" (bytes behind the footer), "unclaimed" (bytes of
    nothing that the footer names) or, beside the data, "log", "source description" and "manifest"; "unchecked" for
    what could not be looked at among the files of a table or directory."""
    message: str
    """What was found, and what was expected."""


@dataclass(frozen=True)
class FileVerdict(Report):
    """What the check of one file found; true when there is no damage."""

    ok: bool
    rows: int
    """By the footer."""
    rows_intact: int
    """Of the row groups without damage."""
    bytes: int
    damage: list[Damage]
    odd: list[Damage]
    """What the writer of a file got wrong while every row can be read whole."""

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class TableVerdict(Report):
    """What the check of a table or a directory found; true when there is no damage."""

    ok: bool
    files: int
    rows: int
    rows_intact: int
    bytes: int
    damage: list[Damage]
    odd: list[Damage]
    """What the writer of a file got wrong while every row can be read whole."""
    missing: list[str]
    """Files that the log (or a writer's manifest) names and that are not there, and descriptions of sources."""
    orphans: list[str]
    """Data files that no version in the log (or no manifest) names: information, not damage."""

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class Verdicts(Report):
    """What the check of several files, tables and directories found; true when none of them has damage."""

    ok: bool
    by_path: dict[str, FileVerdict | TableVerdict]
    """As the paths were given."""

    def __bool__(self) -> bool:
        return self.ok


PathLike: TypeAlias = str | os.PathLike[str]


@overload
def verify(path: PathLike, level: VerifyLevel = "full", *, strict: bool = False) -> FileVerdict | TableVerdict: ...


@overload
def verify(
    path: list[Any] | tuple[PathLike, ...], level: VerifyLevel = "full", *, strict: bool = False
) -> Verdicts: ...


def verify(
    path: PathLike | list[Any] | tuple[PathLike, ...], level: VerifyLevel = "full", *, strict: bool = False
) -> FileVerdict | TableVerdict | Verdicts:
    """Checks a Parquet file, a table, a directory of them, or several of these.

    Tables below a directory are checked as tables; files that are missing then come with their tables' paths. Where a
    checkpointed writer made the files, its manifest says what they must be. Pages without a checksum, of other writers,
    can only be decoded: a number that was changed in place is a number.

    Args:
        path: The file, the directory or the table; or a list of them, of which none is left out.
        level: "footer" (ends of the files), "crc" (every page's checksum) or "full" (every value decoded, and rows in
            the order that the footer says they have).
        strict: Whether what is odd makes the verdict false, too: a footer of another writer that leaves the number of
            rows 0 or says sizes that are not the pages', bytes that belong to nothing.

    Returns:
        The verdict. Damage is reported there, not raised.

    Raises:
        NotFoundError: There is nothing of that name, or the directory is no table and has none, nor Parquet files.
        InvalidInputError: The file is a DBN file; ingesting checks those.
        StorageError: The operating system refused to read the file, or to list the directory.
        UnsupportedError: The file is encrypted.
    """
    if isinstance(path, (list, tuple)):
        if not path:
            raise InvalidInputError("no path is given; expected a file, a table, a directory, or several")
        verdicts = {path_text(one): _verify(one, level, strict) for one in path}
        return Verdicts(all(verdict.ok for verdict in verdicts.values()), verdicts)
    return _verify(path, level, strict)


def _verify(path: PathLike, level: VerifyLevel, strict: bool) -> FileVerdict | TableVerdict:
    verdict = call(_core.verify_path, path_text(path), level, strict)
    for kind in ("damage", "odd"):
        verdict[kind] = [Damage(**each) for each in verdict[kind]]
    if verdict.pop("kind") != "file":
        return TableVerdict(**verdict)
    return FileVerdict(**{name: verdict[name] for name in ("ok", "rows", "rows_intact", "bytes", "damage", "odd")})


def validate_parquet_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is complete: ``verify(path, level="footer").ok``.

    A file whose writer is at work, or was interrupted, is not; ``marquet rescue`` gets the rows out of that.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It is a directory.
        StorageError: The operating system refused to read.
        UnsupportedError: The file is encrypted.
    """
    if Path(path_text(path)).is_dir():
        raise InvalidInputError(
            f"{path_text(path)} is a directory; expected a Parquet file",
            hint="mq.verify(path) checks a table, or all files of a directory.",
        )
    return verify(path, level="footer").ok
