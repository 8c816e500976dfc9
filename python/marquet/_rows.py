"""Rows as callers have them, as a stream that the core takes; the core fits them to the table's types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pyarrow as pa

from marquet._pandas import from_pandas, is_of, is_pandas_frame
from marquet._values import check_names
from marquet.errors import MarquetError, SchemaError

T = TypeVar("T")


def to_stream(data: Any, target: Callable[[], pa.Schema], *, fixed: bool) -> Any:
    """An object with ``__arrow_c_stream__`` over the rows of `data`, which are to become rows of `target()`.

    Args:
        data: As callers have it.
        target: Without columns where they are not known yet.
        fixed: Whether rows of other columns cannot be taken.

    Raises:
        SchemaError: A column has values that no file can hold.
        TypeError: `data` is nothing that holds rows.
    """
    check_has_rows(data)
    if is_pandas_frame(data):
        return from_pandas(data, target(), fixed=fixed)
    if is_of("polars", data):
        data = data.collect() if hasattr(data, "collect") else data
        _check_kinds("polars", data.schema.items() if hasattr(data, "schema") else [(data.name, data.dtype)])
    if _is_relation(data):
        _check_kinds("duckdb", zip(data.columns, data.types, strict=True))
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    if isinstance(data, (pa.Table, pa.RecordBatchReader)):
        check_names(data.schema)
    return data


def to_schema(schema: Any) -> pa.Schema | Any:
    """What a caller gives as a schema, as the core takes it.

    Raises:
        SchemaError: A column of a type that Arrow lacks.
        TypeError: `schema` is no schema.
    """
    if not hasattr(schema, "__arrow_c_schema__"):
        hint = "; it has one: pass its attribute `schema`" if hasattr(schema, "schema") else ""
        raise TypeError(
            f"a schema is a pyarrow.Schema or another object with __arrow_c_schema__; got {type(schema).__name__}{hint}"
        )
    if is_of("polars", schema) and hasattr(schema, "items"):
        _check_kinds("polars", schema.items())
    return schema


def check_has_rows(data: Any) -> None:
    """Refuses what ``to_stream`` can make no stream of.

    Raises:
        TypeError: `data` is nothing that holds rows.
    """
    if is_pandas_frame(data) or isinstance(data, pa.RecordBatch):
        return
    if hasattr(data, "__arrow_c_stream__") and not _is_one_column(data):
        return
    if _is_one_column(data) or not is_of("polars", data) or not hasattr(data, "collect"):
        raise TypeError(
            f"rows come from an object with __arrow_c_stream__ (pyarrow, Polars, DuckDB ...) or a pandas frame; "
            f"got {type(data).__name__}"
        )


def _is_one_column(data: Any) -> bool:
    """Whether it is a column by itself, whose values are no rows."""
    kind = data.type if isinstance(data, (pa.Array, pa.ChunkedArray)) else None
    if is_of("pandas", data) or is_of("polars", data):
        kind = getattr(data, "dtype", None)
    return kind is not None and not str(kind).lower().startswith("struct")


def with_rows(call: Callable[[Any], T], stream: Any, look: Callable[[pa.RecordBatch], None] | None = None) -> T:
    """``call(stream)``, raising what the source of the rows raised, or ``look``.

    Of an error behind ``__arrow_c_stream__`` nothing but a text comes through. A ``pyarrow.RecordBatchReader`` may
    stand for a generator, so it is read from here, and its exception kept.

    Args:
        call: Reads the stream.
        stream: The rows.
        look: Called with each batch before it is handed on.
    """
    huge = _huge_integers(stream)
    is_reader = isinstance(stream, pa.RecordBatchReader)
    if not huge and look is None and not is_reader:
        return call(stream)
    reader = stream if is_reader else pa.RecordBatchReader.from_stream(stream)
    raised: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except BaseException as error:
                if is_reader or huge:
                    raised.append(error)
                raise
            try:
                _check_digits(batch, huge)
                if look is not None:
                    look(batch)
            except BaseException as error:
                raised.append(error)
                raise
            yield batch

    try:
        return call(pa.RecordBatchReader.from_batches(reader.schema, batches()))
    except MarquetError:
        if not raised:
            raise
    finally:
        if not is_reader:  # DuckDB's connection takes no other query before
            reader.close()
    raise raised[0]  # here, where its own cause and context stay what they are


_NOT_HANDED_ON: dict[str, dict[str, tuple[str, str | None]]] = {
    "polars": {
        "Object": ("of Python objects it hands on nothing but their addresses", None),
        "Int128": ("Arrow has no integers of 128 bits", "Cast it to Decimal(38, 0)."),
    },
    "duckdb": {
        "TIME WITH TIME ZONE": ("it hands on the time without its offset", "Cast it to VARCHAR."),
        "UHUGEINT": ("it hands on a part of the bits", "Cast it to DECIMAL(38, 0) or VARCHAR."),
        "BIT": ("it hands on its own form of the bits", "Cast it to VARCHAR."),
    },
}
"""Kinds of columns, as they are told, that Polars and DuckDB give to others as something else: how, and a hint."""


def _huge_integers(data: Any) -> dict[int, str]:
    """The columns, by their places, of integers that DuckDB puts in a decimal of 38 digits, and which may have 39.

    A sum has this type whatever its digits, so that values are looked at as they come.
    """
    if not _is_relation(data):
        return {}
    return {place: name for place, name in enumerate(data.columns) if "HUGEINT" in str(data.types[place])}


def _check_digits(batch: pa.RecordBatch, huge: dict[int, str]) -> None:
    for place, name in huge.items():
        try:
            batch.column(place).validate(full=True)
        except pa.ArrowInvalid as error:
            raise SchemaError(
                f"column {name!r} has integers of 39 digits, which duckdb hands on as decimals of 38: {error}",
                hint="Cast it to VARCHAR.",
            ) from error


def _is_relation(data: Any) -> bool:
    return (is_of("duckdb", data) or is_of("_duckdb", data)) and hasattr(data, "types")


def _check_kinds(library: str, kinds: Iterable[tuple[str, Any]]) -> None:
    for name, kind in kinds:
        for word, (why, hint) in _NOT_HANDED_ON[library].items():
            if re.search(rf"\b[U]?{word}\b", str(kind)):
                raise SchemaError(f"column {name!r} is {kind} in {library}: {why}", hint=hint)
