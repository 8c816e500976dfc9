"""Rows as callers have them, as a stream that the core takes; the core fits them to the table's types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from marquet.errors import InvalidInputError


def to_stream(data: Any, target: Callable[[], pa.Schema]) -> Any:
    """An object with ``__arrow_c_stream__`` over the rows of `data`, which are to become rows of `target()`.

    Raises:
        TypeError: `data` is nothing that holds rows.
    """
    module = type(data).__module__.partition(".")[0]
    if module == "pandas" and hasattr(data, "columns"):
        return _from_pandas(data, target())
    if module == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    if not hasattr(data, "__arrow_c_stream__"):
        raise TypeError(
            f"rows come from an object with __arrow_c_stream__ (pyarrow, Polars, DuckDB ...) or a pandas frame; "
            f"got {type(data).__name__}"
        )
    return data


def _from_pandas(frame: Any, target: pa.Schema) -> pa.Table:
    """The frame without its index. Integers that pandas holds as floats, for the sake of nulls, are integers again.

    Not so in a scaled column (a price in units of 1e-9): a float there is in whole units, and the core refuses it.
    """
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    for place, field in enumerate(rows.schema):
        index = target.get_field_index(field.name)
        if index < 0 or not pt.is_floating(field.type):
            continue
        wanted = target.field(index)
        if pt.is_integer(wanted.type) and b"unit" not in (wanted.metadata or {}):
            try:
                rows = rows.set_column(place, field.name, rows.column(place).cast(wanted.type))
            except pa.ArrowInvalid as error:
                raise InvalidInputError(
                    f"column '{field.name}' holds floats that are no whole {wanted.type}: {error}"
                ) from error
    return rows
