"""Dictionaries as columns, with no value cut and no key left out."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from marquet._values import (
    DURATIONS,
    TIMES,
    check_name,
    check_names,
    check_numpy,
    first_cut,
    first_misfit,
    hint_of_misfit,
    is_number,
    is_whole,
    told_as,
    walk,
    what_to_give,
)
from marquet.errors import SchemaError

_MISFITS = (pa.ArrowException, ValueError, TypeError, OverflowError, LookupError, NotImplementedError)
"""What pyarrow raises for values that a type does not hold, or that it does not know; or a zone of somebody's."""


DECIMAL = pa.decimal128(38, 18)
"""What Decimals become where no schema says otherwise: 20 digits before the point and 18 behind it.

As many digits as the first ones have would make a type that the next ones do not fit. This one every engine reads."""


def rows_to_table(
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema | None,
    first_row: int = 0,
    *,
    kinds: Set[type],
    rounds: bool = False,
    bounded: bool = False,
) -> pa.Table:
    """Dictionaries as columns: every key that any of them has, in the order in which they first come.

    A column has the type that its values have, so that the core, which converts without loss or not at all, fits it to
    the rows before. Types that no Python value has by itself (float32, maps ...) are the schema's.

    Args:
        rows: As ``own_row`` returns them, or known not to hold themselves.
        schema: Of the rows before, or that was asked for.
        first_row: What errors call the first of `rows`.
        kinds: As ``own_row`` found them.
        rounds: Round floats to a float32 or float16 of `schema`, as somebody who asks for one wants.
        bounded: Refuse floats beyond those, instead of giving them as float64.

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
    columns = {
        name: column_of(
            name, [row.get(name) for row in rows], schema, first_row, kinds=kinds, rounds=rounds, bounded=bounded
        )
        for name in names
    }
    table = pa.table(columns)
    check_names(table.schema)
    return table


def column_of(
    name: str,
    values: list[Any],
    schema: pa.Schema | None,
    first_row: int = 0,
    *,
    kinds: Set[type],
    rounds: bool = False,
    bounded: bool = False,
) -> pa.Array:
    """One column of ``rows_to_table``.

    Raises:
        SchemaError: Its values are of different kinds, or beyond floats that they are rounded to.
    """
    wanted = schema.field(name).type if schema is not None and name in schema.names else None
    if wanted is not None and _is_never_inferred(wanted):
        typed = _typed(values, wanted, rounds)
        if typed is not None:
            return typed
        beyond = _first_beyond(values, wanted) if rounds and bounded else None
        if beyond is not None:
            raise SchemaError(
                f"column {name!r}: row {first_row + beyond} holds {told_as(values[beyond])}, beyond what the schema's "
                f"{wanted} reaches",
                hint="Give a schema with float64 there: float reaches to 3.4028235e+38, halffloat to 65504.",
            )
    try:
        if kinds:
            check_numpy(values)
        array = pa.array(values)
    except _MISFITS as error:
        typed = _typed(values, wanted, rounds) if wanted is not None else None
        if typed is not None:
            return typed
        where, why = first_misfit(values, first_row)
        raise SchemaError(f"column {name + where!r}: {why}: {error}", hint=hint_of_misfit(why)) from error
    if pt.is_timestamp(array.type):
        zoned = {value.tzinfo is not None for value in values if isinstance(value, datetime.datetime)}
        if len(zoned) > 1:
            raise SchemaError(f"column {name!r} holds times with a zone and times without; expected one kind")
    cut = first_cut(array.type, values)
    if cut is not None:
        typed = _typed(values, wanted, rounds) if wanted is not None else None
        if typed is None:
            raise SchemaError(
                f"column {name!r}: row {first_row + cut} holds {told_as(values[cut])}, which {array.type} does not "
                f"hold as it is",
                hint=what_to_give(array.type, values[cut]),
            )
        return typed
    if wanted is not None and _passes_for_map(array.type, wanted):
        row = next(place for place, value in enumerate(values) if not _holds(wanted, value, rounds))
        raise SchemaError(
            f"column {name!r}: row {first_row + row} holds {told_as(values[row])}, which is no {wanted}",
            hint="Give a map as a dictionary, or as a list of pairs.",
        )
    wide = _with_room(array.type)
    return array if wide == array.type else _decimals(name, values, wide, first_row)


def _with_room(kind: pa.DataType) -> pa.DataType:
    """The type with decimals that other Decimals fit, too."""
    if pt.is_decimal(kind):
        return DECIMAL
    if pt.is_list(kind):
        return pa.list_(_with_room(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([field.with_type(_with_room(field.type)) for field in kind])
    return kind


def _decimals(name: str, values: list[Any], kind: pa.DataType, first_row: int) -> pa.Array:
    """The values in a type with room for other Decimals.

    What becomes of whole numbers and Decimals in one column must not depend on which of them were gathered together:
    after a Decimal a number is one, and after a number, which began a column of integers, a Decimal does not fit.
    """
    first: dict[str, tuple[int, bool]] = {}
    for row, value in enumerate(values, start=first_row):
        for where, item in walk(value, ""):
            if isinstance(item, (int, decimal.Decimal)):
                before, whole = first.setdefault(where, (row, isinstance(item, int)))
                if whole and isinstance(item, decimal.Decimal):
                    raise SchemaError(
                        f"column {name + where!r}: row {row} holds a Decimal, row {before} an int",
                        hint="Give Decimals from the first row on, or a schema with a decimal type.",
                    )
    try:
        return pa.array(values, type=kind)
    except _MISFITS as error:
        row = first_row + next(place for place, value in enumerate(values) if not _converts(value, kind))
        raise SchemaError(
            f"column {name!r}: row {row} holds {told_as(values[row - first_row])}, and Decimals have room for 20 "
            f"digits before the point and 18 behind it: {error}",
            hint="Give a schema with a decimal type that holds them all.",
        ) from error


def _converts(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], type=kind)
    except _MISFITS:
        return False
    return True


def _is_never_inferred(kind: pa.DataType) -> bool:
    """Whether no Python values have such a type by themselves, and the core does not convert to it from theirs."""
    if pt.is_float16(kind) or pt.is_float32(kind) or pt.is_dictionary(kind) or pt.is_map(kind) or pt.is_decimal(kind):
        return True
    if pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return True
    return any(_is_never_inferred(kind.field(i).type) for i in range(kind.num_fields))


def _typed(values: list[Any], wanted: pa.DataType, rounds: bool) -> pa.Array | None:
    """The values in a type, or None where it does not hold them whole.

    pyarrow cuts fractions for integers, and times for a coarser unit, takes bytes for text, and leaves out keys that a
    struct lacks, without a word.
    """
    if not all(_holds(wanted, value, rounds) for value in values):  # first, for some pyarrow ends the process
        return None
    try:
        array = pa.array(values, type=wanted)
    except _MISFITS:
        return None
    return None if rounds and _infinities(array) > _infinities_in(values) else array


def _first_beyond(values: list[Any], wanted: pa.DataType) -> int | None:
    """The first value with a float that is rounded to an infinity."""
    for place, value in enumerate(values):
        if not _holds(wanted, value, True):
            continue
        try:
            array = pa.array([value], type=wanted)
        except _MISFITS:
            continue
        if _infinities(array) > _infinities_in([value]):
            return place
    return None


def _infinities(array: pa.Array) -> int:
    """How many floats of a column are infinite."""
    kind = array.type
    if pt.is_floating(kind):
        floats = array.cast(pa.float32()) if pt.is_float16(kind) else array
        return int(pc.sum(pc.is_inf(floats), min_count=0).as_py())
    if pt.is_struct(kind):
        return sum(map(_infinities, array.flatten()))
    if pt.is_map(kind):
        return _infinities(array.keys) + _infinities(array.items)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return _infinities(array.flatten())
    return 0


def _infinities_in(values: list[Any]) -> int:
    """How many floats in Python values are infinite."""
    found = 0
    for value in values:
        for _, item in walk(value, ""):
            if isinstance(item, np.ndarray) and item.dtype.kind == "f":
                found += int(np.isinf(item).sum())
            elif isinstance(item, (float, np.floating)):
                found += bool(np.isinf(item))
    return found


def _holds(kind: pa.DataType, value: Any, rounds: bool) -> bool:
    """Whether a type holds a value whole, if pyarrow takes it for this type."""
    if value is None:
        return True
    if pt.is_boolean(kind) or isinstance(value, (bool, np.bool_)):
        return pt.is_boolean(kind) and isinstance(value, (bool, np.bool_))
    if pt.is_floating(kind):
        if not is_number(value):
            return isinstance(value, pa.Scalar)
        return kind.bit_width == 64 or (rounds and not is_whole(value)) or _is_float_of(kind, value)
    if pt.is_integer(kind):
        return is_whole(value) or isinstance(value, pa.Scalar) or _is_whole_float(value)
    if pt.is_temporal(kind):
        return _is_time_of(kind, value)
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        return isinstance(value, str)
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind):
        return not isinstance(value, str)
    if pt.is_dictionary(kind):
        return _holds(kind.value_type, value, rounds)
    if pt.is_struct(kind):
        if not isinstance(value, Mapping):
            return False
        types = {field.name: field.type for field in kind}
        return all(key in types and _holds(types[key], item, rounds) for key, item in value.items())
    if pt.is_map(kind):
        pairs = list(value.items() if isinstance(value, Mapping) else value) if _has_items(value) else [None]
        return all(_holds_pair(kind, pair, rounds) for pair in pairs)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        if not _has_items(value) or isinstance(value, Mapping):
            return False
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and pt.is_floating(kind.value_type):
            return rounds or value.dtype.itemsize * 8 <= kind.value_type.bit_width
        return all(_holds(kind.value_type, item, rounds) for item in value)
    if isinstance(kind, pa.UuidType):
        return isinstance(value, uuid.UUID)
    return True


def _holds_pair(kind: pa.MapType, pair: Any, rounds: bool) -> bool:
    if isinstance(pair, Mapping) and pair.keys() == {"key", "value"}:  # as Polars hands on a map
        pair = pair["key"], pair["value"]
    if not isinstance(pair, tuple) or len(pair) != 2 or pair[0] is None:
        return False
    return _holds(kind.key_type, pair[0], rounds) and _holds(kind.item_type, pair[1], rounds)


def _passes_for_map(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether there are lists of dictionaries where a map is wanted: one of two keys would be the key by its place."""
    if pt.is_map(wanted):
        return bool(pt.is_list(kind) and pt.is_struct(kind.value_type))
    if pt.is_struct(wanted) and pt.is_struct(kind):
        shared = {field.name for field in wanted} & {field.name for field in kind}
        return any(_passes_for_map(kind.field(name).type, wanted.field(name).type) for name in shared)
    if pt.is_list(kind) and wanted.num_fields == 1:
        return _passes_for_map(kind.value_type, wanted.field(0).type)
    return False


def _has_items(value: Any) -> bool:
    """Whether it holds values of its own; text and bytes are one."""
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return False
    return isinstance(value, (Sequence, Mapping, pa.Array)) or getattr(value, "ndim", 0) == 1


def _is_whole_float(value: Any) -> bool:
    if isinstance(value, decimal.Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return is_number(value) and float(value).is_integer()


def _is_time_of(kind: pa.DataType, value: Any) -> bool:
    expected = DURATIONS if pt.is_duration(kind) else TIMES if pt.is_timestamp(kind) else (datetime.date, datetime.time)
    if not isinstance(value, expected):
        return False
    try:
        return bool(pa.scalar(value, type=kind).as_py() == value)
    except _MISFITS:  # what pyarrow made of it is out of Python's range
        return False


def _is_float_of(kind: pa.DataType, value: Any) -> bool:
    try:
        with np.errstate(over="ignore"):
            narrow = float(np.float32(value) if pt.is_float32(kind) else np.float16(value))
    except OverflowError:  # an integer beyond all floats
        return False
    return bool(narrow == value or value != value)
