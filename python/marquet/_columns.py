"""Dictionaries as columns, with no value cut and no key left out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from marquet._values import check_name, check_names, first_cut, first_misfit
from marquet.errors import SchemaError

_MISFITS = (pa.ArrowException, ValueError, TypeError, OverflowError)
"""What pyarrow raises for values that a type does not hold, or that it does not know."""


def rows_to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema | None, first_row: int = 0) -> pa.Table:
    """Dictionaries as columns: every key that any of them has, in the order in which they first come.

    A column has the type that its values have, so that the core, which converts without loss or not at all, fits it to
    the rows before. Types that no Python value has by itself (float32, maps ...) are the schema's.

    Args:
        rows: As ``own_row`` returns them, or known not to hold themselves.
        schema: Of the rows before, or that was asked for.
        first_row: What errors call the first of `rows`.

    Raises:
        SchemaError: Values of a column that are of different kinds, or a name that no column can have.
    """
    names: dict[str, None] = dict.fromkeys(schema.names) if schema is not None else {}
    for row in rows:
        names.update(dict.fromkeys(row))
    if not names:
        raise SchemaError("the rows have no columns; a Parquet file needs at least one")
    for name in names:
        check_name(name)
    table = pa.table({name: _column(name, [row.get(name) for row in rows], schema, first_row) for name in names})
    check_names(table.schema)
    return table


def _column(name: str, values: list[Any], schema: pa.Schema | None, first_row: int) -> pa.Array:
    wanted = schema.field(name).type if schema is not None and name in schema.names else None
    typed = _typed(values, wanted) if wanted is not None and _is_never_inferred(wanted) else None
    if typed is not None:
        return typed
    try:
        array = pa.array(values)
    except _MISFITS as error:
        typed = _typed(values, wanted) if wanted is not None else None
        if typed is not None:
            return typed
        where, why = first_misfit(values, first_row)
        raise SchemaError(f"column {name + where!r}: {why}: {error}") from error
    if pt.is_timestamp(array.type):
        zoned = {value.tzinfo is not None for value in values if isinstance(value, datetime.datetime)}
        if len(zoned) > 1:
            raise SchemaError(f"column {name!r} holds times with a zone and times without; expected one kind")
    cut = first_cut(array.type, values)
    if cut is None:
        return array
    typed = _typed(values, wanted) if wanted is not None else None
    if typed is None:
        raise SchemaError(
            f"column {name!r}: row {first_row + cut} holds {values[cut]!r}, which {array.type} does not hold as it is; "
            f"give values of one kind, or a schema with a type that holds them all"
        )
    return typed


def _is_never_inferred(kind: pa.DataType) -> bool:
    """Whether no Python values have such a type by themselves, and the core does not convert to it from theirs."""
    if pt.is_float16(kind) or pt.is_float32(kind) or pt.is_dictionary(kind) or pt.is_map(kind):
        return True
    if pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return True
    return any(_is_never_inferred(kind.field(i).type) for i in range(kind.num_fields))


def _typed(values: list[Any], wanted: pa.DataType) -> pa.Array | None:
    """The values in a type, or None where it does not hold them whole.

    pyarrow cuts fractions for integers, and times for a coarser unit, and leaves out keys that a struct lacks, without
    a word. (That a float32 holds less than a Python float is what somebody who asks for one wants.)
    """
    try:
        array = pa.array(values, type=wanted)
    except _MISFITS:
        return None
    return array if all(_holds(wanted, value) for value in values) else None


def _holds(kind: pa.DataType, value: Any) -> bool:
    """Whether a type holds a value whole; of one that pyarrow has taken for this type."""
    if value is None or pt.is_floating(kind):
        return True
    if pt.is_integer(kind):
        return bool(value == int(value))
    if pt.is_temporal(kind):
        return bool(pa.scalar(value, type=kind).as_py() == value)
    if pt.is_struct(kind):
        names = {field.name for field in kind}
        return all(key in names and _holds(kind.field(key).type, item) for key, item in dict(value).items())
    if pt.is_map(kind):
        pairs = value.items() if isinstance(value, Mapping) else value
        return all(_holds(kind.key_type, key) and _holds(kind.item_type, item) for key, item in pairs)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return pt.is_floating(kind.value_type) or all(_holds(kind.value_type, item) for item in value)
    return True
