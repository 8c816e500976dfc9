"""Rows as callers have them, as a stream that the core takes; the core fits them to the table's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.types as pt

from marquet._values import check_names
from marquet.errors import InvalidInputError, MarquetError, SchemaError

T = TypeVar("T")


def to_stream(data: Any, target: Callable[[], pa.Schema]) -> Any:
    """An object with ``__arrow_c_stream__`` over the rows of `data`, which are to become rows of `target()`.

    Raises:
        TypeError: `data` is nothing that holds rows.
    """
    check_has_rows(data)
    if _is_pandas_frame(data):
        return _from_pandas(data, target())
    if _module_of(data) == "polars":
        data = data.collect() if hasattr(data, "collect") else data
        _refuse_objects(data)
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    if isinstance(data, (pa.Table, pa.RecordBatchReader)):
        check_names(data.schema)
    return data


def check_has_rows(data: Any) -> None:
    """Refuses what ``to_stream`` can make no stream of.

    Raises:
        TypeError: `data` is nothing that holds rows.
    """
    if _is_pandas_frame(data) or isinstance(data, pa.RecordBatch) or hasattr(data, "__arrow_c_stream__"):
        return
    if _module_of(data) != "polars" or not hasattr(data, "collect"):
        raise TypeError(
            f"rows come from an object with __arrow_c_stream__ (pyarrow, Polars, DuckDB ...) or a pandas frame; "
            f"got {type(data).__name__}"
        )


def _module_of(data: Any) -> str:
    return type(data).__module__.partition(".")[0]


def _is_pandas_frame(data: Any) -> bool:
    return _module_of(data) == "pandas" and hasattr(data, "columns")


def with_rows(call: Callable[[Any], T], stream: Any) -> T:
    """``call(stream)``, raising what the source of the rows raised.

    Of an error behind ``__arrow_c_stream__`` nothing but a text comes through. A ``pyarrow.RecordBatchReader`` may
    stand for a generator, so it is read from here, and its exception kept.
    """
    if not isinstance(stream, pa.RecordBatchReader):
        return call(stream)
    raised: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = stream.read_next_batch()
            except StopIteration:
                return
            except BaseException as error:
                raised.append(error)
                raise
            yield batch

    try:
        return call(pa.RecordBatchReader.from_batches(stream.schema, batches()))
    except MarquetError:
        if not raised:
            raise
    raise raised[0]  # here, where its own cause and context stay what they are


def _refuse_objects(frame: Any) -> None:
    """Of Python objects Polars hands on nothing but their addresses."""
    for name, kind in getattr(frame, "schema", {}).items():
        if "Object" in str(kind):
            raise SchemaError(f"column {name!r} holds Python objects ({kind}), which no file can hold")


def _from_pandas(frame: Any, target: pa.Schema) -> pa.Table:
    """The frame without its index. Integers that pandas holds as floats, for the sake of nulls, are integers again.

    Not so in a scaled column (a price in units of 1e-9): a float there is in whole units, and the core refuses it.
    """
    try:
        rows = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise SchemaError(f"the pandas frame has values or names that no Arrow column holds: {error}") from error
    check_names(rows.schema)
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
