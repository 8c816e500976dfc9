"""pandas frames as columns, and back: the index among them, and no value of a column of Python objects changed."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from marquet._columns import column_of
from marquet._values import check_names, own_value
from marquet.errors import InvalidInputError, SchemaError

_KEPT = frozenset({str, bytes, bool, int, float, datetime.date, uuid.UUID})
"""Kinds of objects of which a column that has one kind alone is kept by pandas' own conversion."""

_UNNAMED = "__index_level_0__"
"""What pandas calls the column of an index without a name."""

_WHOLE_NUMBERS = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
"""By the bits of a float: from here on several whole numbers become one."""


def is_pandas_frame(data: Any) -> bool:
    """Whether it is one, or of a class made of it; pandas need not be installed."""
    return is_of("pandas", data) and hasattr(data, "columns")


def is_of(library: str, data: Any) -> bool:
    """Whether its class, or one that it is made of, is a library's."""
    return any(kind.__module__.partition(".")[0] == library for kind in type(data).__mro__)


def to_pandas(rows: pa.Table) -> Any:
    """The frame that pyarrow makes of the rows, but that integers beside a null stay integers.

    As floats they would pass for prices, where they are units of 1e-9, and lose digits. A column of them becomes
    pandas' nullable ``Int64``, or that of its width and sign; a nested one keeps Python's integers.
    """
    frame = rows.to_pandas()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        if name not in frame.columns or not _has_integers_beside_nulls(column):
            continue
        if pt.is_integer(column.type):
            kind = _nullable(column.type)
            frame[name] = column.to_pandas(types_mapper={column.type: kind}.get).array
        else:
            frame[name] = column.to_pandas(integer_object_nulls=True).array
    return frame


def _nullable(kind: pa.DataType) -> Any:
    """Pandas' integers of the same width and sign that have nulls."""
    import pandas as pd

    return pd.api.types.pandas_dtype(f"{'U' if pt.is_unsigned_integer(kind) else ''}Int{kind.bit_width}")


def _has_integers_beside_nulls(column: pa.ChunkedArray | pa.Array) -> bool:
    """Whether there is a null among integers in it, or in what is nested in it."""
    kind = column.type
    if pt.is_integer(kind):
        return bool(column.null_count)
    if isinstance(column, pa.ChunkedArray):
        return pt.is_nested(kind) and any(map(_has_integers_beside_nulls, column.chunks))
    if pt.is_struct(kind):
        return any(map(_has_integers_beside_nulls, column.flatten()))
    if pt.is_map(kind):
        return _has_integers_beside_nulls(column.keys) or _has_integers_beside_nulls(column.items)
    if pt.is_nested(kind):
        return _has_integers_beside_nulls(column.flatten())
    return False


def from_pandas(frame: Any, target: pa.Schema, *, fixed: bool) -> pa.Table:
    """The frame's columns, and its index as one or more, with what pandas needs to make the same frame of them.

    Args:
        frame: A ``pandas.DataFrame``.
        target: What its rows are to become rows of; without columns where that is not known.
        fixed: Refuse an index that `target` has no column for.

    Raises:
        SchemaError: A column or an index that no Arrow column holds, or that there is no column for.
        InvalidInputError: Floats in a column of integers that are not whole.
    """
    objects = {
        place: _column(str(frame.columns[place]), frame.iloc[:, place], target)
        for place, kind in enumerate(frame.dtypes)
        if _is_object(kind) and _may_change(frame.iloc[:, place])
    }
    keeps_index = _keeps_index(frame, target)
    if keeps_index and fixed:
        _check_index(frame, target)
    others = frame.copy(deep=False)
    for place in objects:  # pandas' own conversion may refuse, or change, what is converted above
        others.isetitem(place, None)
    try:
        rows = pa.Table.from_pandas(others, preserve_index=keeps_index)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        refused = _first_refused(others)
        of_which = "" if refused is None else f": column {refused!r}"
        raise SchemaError(
            f"the pandas frame has values or names that no Arrow column holds{of_which}: {error}"
        ) from error
    check_names(rows.schema)
    for place, column in objects.items():
        rows = rows.set_column(place, rows.schema.field(place).with_type(column.type), column)
    for place, level in enumerate(_levels(frame), start=len(frame.columns)):
        if place < rows.num_columns and _is_object(level.dtype) and _may_change(level):
            column = _column(rows.schema.field(place).name, level, target)
            rows = rows.set_column(place, rows.schema.field(place).with_type(column.type), column)
    for place, field in enumerate(rows.schema):
        rows = _with_integers(rows, place, field, target)
    return rows


def _first_refused(frame: Any) -> str | None:
    """The column that pyarrow does not convert, which it does not always name; None where it is none by itself."""
    for place in range(len(frame.columns)):
        try:
            pa.Table.from_pandas(frame.iloc[:, [place]], preserve_index=False)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return str(frame.columns[place])
    for name, level in zip(frame.index.names, _levels(frame), strict=True):
        try:
            pa.array(level, from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return str(name)
    return None


def _keeps_index(frame: Any, target: pa.Schema) -> bool:
    """Whether the index becomes columns, as it does in pandas' ``to_parquet``.

    Whole numbers without a name, which every frame has that nobody gave an index, only count the rows; once a frame is
    filtered they have gaps. Where the rows' columns are known and there is none for them, they are left out.
    """
    index = frame.index
    if index.nlevels > 1 or index.name is not None or index.dtype.kind not in "iu":
        return True
    return _UNNAMED in target.names or (len(target) == 0 and type(index).__name__ != "RangeIndex")


def _check_index(frame: Any, target: pa.Schema) -> None:
    for place, name in enumerate(frame.index.names):
        column = f"__index_level_{place}__" if name is None else str(name)
        if name is not None and column in map(str, frame.columns):
            raise SchemaError(
                f"the index of the pandas frame has the name of one of its columns, {column!r}",
                hint=f"Leave one of them out: the index with reset_index({name!r}, drop=True), or the column.",
            )
        if column not in target.names:
            raise SchemaError(
                f"the index of the pandas frame, {column!r}, has no column here; expected one of "
                f"{', '.join(map(repr, target.names))}",
                hint="Name it after its column, or leave it out with reset_index(drop=True).",
            )


def _is_object(kind: Any) -> bool:
    return isinstance(kind, np.dtype) and kind.kind == "O"


def _levels(frame: Any) -> list[Any]:
    return [frame.index.get_level_values(place) for place in range(frame.index.nlevels)]


def _may_change(values: Any) -> bool:
    """Whether pandas' conversion may change one of the objects: it makes days of times, drops nanoseconds and zones."""
    kinds = set(map(type, values.to_numpy()[~values.isna()]))
    return len(kinds) > 1 or not kinds <= _KEPT


def _column(name: str, values: Any, target: pa.Schema) -> pa.Array:
    """A column of objects, null where pandas takes them for missing."""
    kinds: set[type] = set()
    objects = [
        None if missing else own_value(value, repr(name), kinds)
        for value, missing in zip(values.to_numpy(), values.isna(), strict=True)
    ]
    return column_of(name, objects, target, kinds=kinds)


def _with_integers(rows: pa.Table, place: int, field: pa.Field, target: pa.Schema) -> pa.Table:
    """Integers that pandas holds as floats, for the sake of nulls, are integers again.

    Not so in a scaled column (a price in units of 1e-9): a float there is in whole units, and the core refuses it.
    """
    index = target.get_field_index(field.name)
    if index < 0 or not pt.is_floating(field.type):
        return rows
    wanted = target.field(index)
    if not pt.is_integer(wanted.type) or b"unit" in (wanted.metadata or {}):
        return rows
    floats = rows.column(place)
    if pt.is_float16(field.type):  # Arrow does not calculate in them
        floats = floats.cast(pa.float32())
    bound = _WHOLE_NUMBERS[field.type.bit_width]
    largest = pc.max(pc.abs(floats)).as_py()
    if largest is not None and largest >= bound:
        raise InvalidInputError(
            f"column '{field.name}' holds whole numbers as {field.type}, {largest!r} among them; from {bound:.0f} on "
            f"these do not tell one from the next",
            hint="Make it a column of pandas' Int64, which has nulls, before its numbers become floats.",
        )
    try:
        integers = floats.cast(wanted.type)
    except pa.ArrowInvalid as error:
        raise InvalidInputError(
            f"column '{field.name}' holds floats that are no whole {wanted.type}: {error}"
        ) from error
    return rows.set_column(place, field.name, integers)
