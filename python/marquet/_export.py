"""Tables, or one source of them, back into files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from marquet import _core
from marquet._arguments import call, whole_or_none
from marquet._filters import FilterLike, normalize
from marquet._html import Report
from marquet._paths import path_text
from marquet._told import told
from marquet.errors import InvalidInputError


@dataclass(frozen=True)
class ExportReport(Report):
    """What was written.

    `quoted_nulls` counts the nulls of a CSV of one column. They are written as "", as empty values are, because most
    readers pass over a blank line.
    """

    rows: int
    bytes: int
    files: list[str]
    quoted_nulls: int = 0


def export(
    table: str | os.PathLike[str],
    output: str | os.PathLike[str],
    format: Literal["dbn", "csv", "jsonl", "parquet"] = "dbn",
    *,
    source: str | None = None,
    columns: str | Sequence[str] | None = None,
    filter: FilterLike = None,
    version: int | None = None,
    replace: bool = False,
    progress: Callable[[str, int, int, int], None] | None = None,
) -> ExportReport:
    """Writes a table's rows into a file that appears only when it is complete.

    Args:
        table: The table.
        output: The file; for several DBN sources, a directory.
        format: "dbn" gives each source's identical records in their original order, with its metadata, compressed
            where the name ends in ".zst"; "csv", "jsonl" and "parquet" give rows.
        source: DBN: one source, by name or digest.
        columns: Other formats: names, in the order wanted; one may stand alone.
        filter: Other formats: SQL text, or lists of terms.
        version: Of the table; the newest when left out.
        replace: Take the place of an existing output.
        progress: Called with phase, rows, bytes done and bytes in all.

    Raises:
        UnsupportedError: A source was ingested with losses, which are named.
        AlreadyExistsError: The output is there, and `replace` is not set.
        NotFoundError: There is no such table or source.
    """
    terms, expression = normalize(filter)
    if expression is not None:
        raise InvalidInputError(
            "an export takes no Arrow expression", hint="Use SQL text, or write table.scan(filter=...) yourself."
        )
    version = whole_or_none("version", version, least=0)
    names = [columns] if isinstance(columns, str) else list(columns or ())
    paths = path_text(table), path_text(output)
    return told(
        lambda done: call(
            _core.export, paths[0], format, paths[1], source, names, terms, version, replace, progress, done
        ),
        lambda report: ExportReport(**report),
    )
