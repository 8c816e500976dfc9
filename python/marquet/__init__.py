"""Marquet keeps market data in Parquet tables so that nothing is lost, and turns it into training data fast."""

from __future__ import annotations

from marquet import _arrow

_arrow.load()

from marquet import depth  # noqa: E402
from marquet._core import version as __version__  # noqa: E402
from marquet._export import ExportReport, export  # noqa: E402
from marquet._ingest import IngestReport, SourceReport, ingest  # noqa: E402
from marquet._verify import Damage, FileVerdict, TableVerdict, verify  # noqa: E402
from marquet.errors import (  # noqa: E402
    AlreadyExistsError,
    CommitUnknownError,
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    MarquetError,
    NotFoundError,
    SchemaError,
    StorageError,
    UnsupportedError,
)
from marquet.scan import Scan  # noqa: E402
from marquet.table import AppendReport, Table, create_table, open_table  # noqa: E402

__all__ = [
    "AlreadyExistsError",
    "AppendReport",
    "CommitUnknownError",
    "ConflictError",
    "CorruptDataError",
    "Damage",
    "ExportReport",
    "FileVerdict",
    "IngestReport",
    "InvalidInputError",
    "MarquetError",
    "NotFoundError",
    "Scan",
    "SchemaError",
    "SourceReport",
    "StorageError",
    "Table",
    "TableVerdict",
    "UnsupportedError",
    "__version__",
    "create_table",
    "depth",
    "export",
    "ingest",
    "open_table",
    "verify",
]
