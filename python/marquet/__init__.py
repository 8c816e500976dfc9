"""Marquet keeps market data in Parquet tables so that nothing is lost, and turns it into training data fast."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from marquet import _arrow

_arrow.load()

from marquet import depth  # noqa: E402
from marquet._clean import CleanReport, Leftover, clean  # noqa: E402
from marquet._core import version as __version__  # noqa: E402
from marquet._export import ExportReport, export  # noqa: E402
from marquet._ingest import IngestReport, PassedOver, ReplacedRows, SourcePart, SourceReport, ingest  # noqa: E402
from marquet._rescue import RescueLoss, RescueReport, rescue  # noqa: E402
from marquet._verify import (  # noqa: E402
    Damage,
    FileVerdict,
    TableVerdict,
    Verdicts,
    validate_parquet_file,
    verify,
)
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
from marquet.writer import ParquetWriter, PublishedFile, WriteReport, fingerprint  # noqa: E402

if TYPE_CHECKING:
    from marquet import datatrove as datatrove
    from marquet import torch as torch

__all__ = [
    "AlreadyExistsError",
    "AppendReport",
    "CleanReport",
    "CommitUnknownError",
    "ConflictError",
    "CorruptDataError",
    "Damage",
    "ExportReport",
    "FileVerdict",
    "IngestReport",
    "InvalidInputError",
    "Leftover",
    "MarquetError",
    "NotFoundError",
    "ParquetWriter",
    "PassedOver",
    "PublishedFile",
    "ReplacedRows",
    "RescueLoss",
    "RescueReport",
    "Scan",
    "SchemaError",
    "SourcePart",
    "SourceReport",
    "StorageError",
    "Table",
    "TableVerdict",
    "UnsupportedError",
    "Verdicts",
    "WriteReport",
    "__version__",
    "clean",
    "create_table",
    "depth",
    "export",
    "fingerprint",
    "ingest",
    "open_table",
    "rescue",
    "validate_parquet_file",
    "verify",
]


def __dir__() -> list[str]:
    """What there is for users, without what this file imports for itself."""
    return sorted([*__all__, "errors", "torch", *(name for name in globals() if name.startswith("__"))])


def __getattr__(name: str) -> Any:
    """Imports ``marquet.torch`` and ``marquet.datatrove`` when they are first asked for: they need those packages."""
    if name in ("datatrove", "torch"):
        try:
            return importlib.import_module(f"marquet.{name}")
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "marquet":
                raise
            raise ModuleNotFoundError(
                f"mq.{name} needs the package {error.name!r}, which is not installed: install Marquet's wheel with the "
                f"extra {name!r} (pip install 'dist/marquet-....whl[{name}]'), or the package itself",
                name=error.name,
            ) from error
    raise AttributeError(f"module 'marquet' has no attribute {name!r}")
