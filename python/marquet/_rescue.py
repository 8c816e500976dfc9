"""Rows out of Parquet files that lost their footer, or have damaged pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from marquet import _core
from marquet._arguments import call
from marquet._html import Report
from marquet._paths import absolute
from marquet._told import told


@dataclass(frozen=True)
class RescueLoss:
    """Something that did not come back."""

    row_group: int | None
    column: str | None
    """Its dotted path."""
    page: int | None
    """Its place among the data pages of the column in the row group."""
    offset: int | None
    """Its first byte in the file."""
    bytes: int
    rows: int | None
    """That it had a part of; None when that is not known."""
    reason: str


@dataclass(frozen=True)
class RescueReport(Report):
    """What came back of a file, and what did not; true when rows were recovered."""

    file: str
    out: str | None
    """The new file; None when nothing was written."""
    footer: bool
    """Whether the file has a valid footer."""
    intact: bool
    """It has, and all its pages are whole: there is nothing to rescue."""
    schema_source: str | None
    rows: int
    """Recovered; of an intact file, those it has."""
    rows_lost: int
    """Rows that are known to have been there."""
    more_rows_lost: bool
    """Others were lost that cannot be counted."""
    row_groups: int
    """Of which rows were recovered."""
    complete_row_groups: int
    """Of which all rows were recovered."""
    bytes: int
    """Of the file."""
    bytes_recovered: int
    """Of pages whose rows came back."""
    bytes_lost: int
    """Of pages whose rows did not."""
    bytes_unknown: int
    """Of what may be pages and cannot be read as such, where there is no footer."""
    bytes_other: int
    """Of what holds no rows: the page index, the footer, and what stands around column chunks."""
    losses: list[RescueLoss]
    notes: list[str]

    def __bool__(self) -> bool:
        return self.out is not None


def rescue(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    schema: str | os.PathLike[str] | None = None,
    table: str | os.PathLike[str] | None = None,
    *,
    progress: Callable[[str, int, int, int], None] | None = None,
) -> RescueReport:
    """Writes the rows of a damaged Parquet file that can be recovered to a new one.

    Files of any writer are taken. All complete row groups come back, and of an incomplete one the rows that every
    column has. Nothing comes back that fails its checksum or cannot be decoded. `path` is only read.

    Args:
        path: The file, or the temporary file that a Marquet writer left behind.
        out: The new file. It must not be there, and is not made when there are no rows.
        schema: A file with the same columns in the same order, for a file without a footer. Temporary files of
            Marquet have a journal beside them that takes its place.
        table: In place of `schema`, a table that the file was to be part of.
        progress: Called with phase, rows, bytes done and bytes in all.

    Returns:
        The report. That little or nothing could be recovered is told there, not raised.

    Raises:
        InvalidInputError: There is no footer, and no schema was given or found; or `out` cannot be used.
        AlreadyExistsError: `out` is there.
        SchemaError: The schema is not that of the file's pages.
        CorruptDataError: The file is not Parquet.
        NotFoundError: There is no such file or table.
    """
    schema_path = None if schema is None else absolute(schema)
    table_path = None if table is None else absolute(table)
    return told(
        lambda done: call(_core.rescue, absolute(path), absolute(out), schema_path, table_path, progress, done),
        lambda report: RescueReport(**{**report, "losses": [RescueLoss(**loss) for loss in report["losses"]]}),
    )
