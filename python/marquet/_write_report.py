"""What a writer did: apart from the writer, since a report outlives it."""

from __future__ import annotations

from dataclasses import dataclass, field

from marquet._html import Report


@dataclass(frozen=True)
class PublishedFile:
    """A complete file under its final name."""

    name: str
    """Within the output folder."""
    rows: int
    bytes: int
    digest: str
    """XXH3-128 of the whole file, hexadecimal."""


@dataclass(frozen=True)
class WriteReport(Report):
    """What a writer did. ``accepted`` is always ``committed + replayed``."""

    accepted: int
    """Rows taken by ``write``."""
    committed: int
    """Of these, rows in files that this writer published."""
    replayed: int
    """Of these, rows that were published before and came again."""
    dropped: int
    """Records that ``drop`` counted."""
    rejected: int
    """Rows that ``write`` refused."""
    files: list[PublishedFile]
    """Published by this writer."""
    files_before: int
    """Published by earlier runs with the same input."""
    bytes: int
    """Of ``files``."""
    schema_changes: list[str] = field(default_factory=list)
    """Names of ``files`` that have another schema than the one asked for, or else the first: they do not open together
    with the rest."""
