"""Removing what killed writers left behind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

from marquet import _core
from marquet._arguments import call
from marquet._html import Report
from marquet._paths import path_text


@dataclass(frozen=True)
class Leftover:
    """A temporary file of a writer, the journal beside one, or a directory that a file was staged in."""

    path: str
    journal: bool
    bytes: int
    age_seconds: float
    """Since it, or the file that it goes with, was changed."""
    pid: int
    """The number of the process that wrote it."""
    young: bool
    """Kept: it was changed a short while ago."""
    owner_lives: bool
    """Kept: its writer may be a living process of this machine."""
    removed: bool


@dataclass(frozen=True)
class CleanReport(Report):
    """What was found."""

    removed: bool
    """Whether files were removed, or only looked for."""
    count: int
    """Of files that were removed, or would be."""
    bytes: int
    """Of the same."""
    files: list[Leftover]
    """All that were found, those that are kept included."""


def clean(
    directory: str | os.PathLike[str], yes: bool = False, *, older_than: timedelta = timedelta(hours=1)
) -> CleanReport:
    """Lists, or removes, temporary files whose writer is gone, and labels stored for samples that never came.

    Only files with exactly a name that Marquet makes are looked at, in the directory and below it, without following
    symbolic links. Files of living processes of this machine are kept, and so are those that were changed a short
    while ago. Writers on other machines, or in other containers, are not seen: give `older_than` more time than any of
    them may pause. Of the boundaries that a table of samples stores for its labels, those are listed that no row of
    any data file in its folder refers to.

    Args:
        directory: Such as a table.
        yes: Remove the files; otherwise they are listed only.
        older_than: Files that were changed since are kept.

    Returns:
        The files that are there, those that were kept included, each with what became of it.

    Raises:
        NotFoundError: There is no such directory.
        StorageError: A directory could not be listed, or a file not be removed.
    """
    if not isinstance(older_than, timedelta):
        raise TypeError(f"older_than is {older_than!r}; expected a datetime.timedelta")
    report = call(_core.clean, path_text(directory), yes, int(older_than / timedelta(milliseconds=1)))
    return CleanReport(**{**report, "files": [Leftover(**file) for file in report["files"]]})
