"""Marquet keeps market data in Parquet tables so that nothing is lost, and turns it into training data fast."""

from __future__ import annotations

from marquet import _arrow

_arrow.load()

from marquet._core import __version__  # noqa: E402
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

__all__ = [
    "AlreadyExistsError",
    "CommitUnknownError",
    "ConflictError",
    "CorruptDataError",
    "InvalidInputError",
    "MarquetError",
    "NotFoundError",
    "SchemaError",
    "StorageError",
    "UnsupportedError",
    "__version__",
]
