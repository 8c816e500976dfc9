"""What the functions of market depth take: rows, names of features, a micro-pip, a gap."""

from __future__ import annotations

import datetime as dt
import numbers
import os
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa

from marquet._pandas import is_of, is_pandas_frame
from marquet._rows import check_has_rows
from marquet.scan import Scan

PathLike = str | os.PathLike[str]
FeatureName = Literal["volume", "variance", "trade_counts"]
MicroPip = float | str | Decimal
Gap = float | dt.timedelta | None

_NO_GAPS = 2**63 - 1
DEFAULT_MEMORY = 2 << 30


def stream_of(rows: Any) -> Any:
    """The rows as a ``pyarrow.Table``, where they lie in memory, else as a stream.

    Raises:
        TypeError: They are nothing that holds rows.
    """
    if is_pandas_frame(rows):
        return pa.Table.from_pandas(rows)  # an index that has a name becomes a column: Databento's frames have ts_recv
    if is_of("polars", rows) and hasattr(rows, "collect"):
        rows = rows.collect()
    if isinstance(rows, pa.RecordBatch):
        rows = pa.Table.from_batches([rows])
    check_has_rows(rows)
    if isinstance(rows, Scan):
        return pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())
    if is_of("polars", rows):
        return pa.RecordBatchReader.from_stream(rows).read_all()
    return rows


def names_of(names: str | Sequence[str] | None) -> list[str]:
    """Of features or symbols; one may stand alone."""
    return [names] if isinstance(names, str) else list(names or ())


def pip_text(micro_pip: MicroPip | None) -> str | None:
    """The decimal text of a micro-pip: that of a float is the shortest one that means it."""
    return None if micro_pip is None else str(micro_pip)


def gap_nanos(max_gap: Gap) -> int:
    if max_gap is None:
        return _NO_GAPS
    if not isinstance(max_gap, (dt.timedelta, numbers.Real)):
        raise TypeError(f"max_gap is {max_gap!r}; expected a number of seconds, a timedelta, or None for no gaps")
    seconds = max_gap.total_seconds() if isinstance(max_gap, dt.timedelta) else float(max_gap)
    if not 0 <= seconds < _NO_GAPS / 1e9:
        raise ValueError(f"max_gap is {max_gap}; expected a number of seconds, a timedelta, or None for no gaps")
    return round(seconds * 1e9)
