"""Rows that tell more of their columns than the rows before them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from marquet.errors import SchemaError


class FirstValues:
    """What the rows so far have told: the columns, and which of them have a type.

    A row with another key, or with the first value of a column that has no type yet, decides something for all rows
    that follow. It is found when it is given.

    Args:
        late: Columns that may begin with any row.
    """

    def __init__(self, late: Collection[str]) -> None:
        self._late = frozenset(late)
        self._schema: pa.Schema | None = None
        self._names: frozenset[str] | None = None
        self._open: dict[str, pa.DataType] = {}  # types that a value may add to

    def note(self, schema: pa.Schema | None) -> None:
        """Takes the schema of the rows so far; None while there is none."""
        if schema is None or (self._schema is not None and schema.equals(self._schema)):
            return
        self._schema = schema
        self._names = frozenset(schema.names)
        self._open = {field.name: field.type for field in schema if _is_open(field.type)}

    def has_more(self, row: Mapping[str, Any]) -> bool:
        """Whether the row tells what those before do not."""
        if self._names is None or not row.keys() <= self._names:
            return True
        return any(_adds(kind, row.get(name)) for name, kind in self._open.items())

    def check_keys(self, rows: Sequence[Mapping[str, Any]], first_row: int) -> None:
        """Refuses keys that the rows before do not have.

        Raises:
            SchemaError: There is one, in the row that is named.
        """
        if self._names is None:
            return
        for number, row in enumerate(rows, start=first_row):
            if row.keys() <= self._names:
                continue
            new = [key for key in row if key not in self._names and key not in self._late]
            if new:
                raise SchemaError(
                    f"row {number} has the key {new[0]!r}, which the rows before it do not have",
                    hint="Give all keys from the first row on (None where there is no value), or a schema that has "
                    "them; on_schema_change='new_part' begins another file.",
                )


def _is_open(kind: pa.DataType) -> bool:
    """Whether a value may tell of parts that the type does not have."""
    if pt.is_null(kind) or pt.is_struct(kind):
        return True
    if pt.is_map(kind):
        return _is_open(kind.item_type)
    return any(_is_open(kind.field(place).type) for place in range(kind.num_fields))


def _adds(kind: pa.DataType, value: Any) -> bool:
    """Whether a value tells of what the type does not."""
    if value is None:
        return False
    if pt.is_null(kind):
        return True
    if pt.is_struct(kind):
        if not isinstance(value, Mapping):
            return False
        types = {field.name: field.type for field in kind}
        return any(key not in types or _adds(types[key], item) for key, item in value.items())
    if pt.is_map(kind):
        return any(_adds(kind.item_type, item) for item in _items_of(value))
    if kind.num_fields == 1 and isinstance(value, (list, tuple, np.ndarray)):
        return any(_adds(kind.field(0).type, item) for item in value)
    return False


def _items_of(value: Any) -> list[Any]:
    """Of a map in any of the forms that rows have it in; of what is no map, none."""
    if isinstance(value, Mapping):
        return list(value.values())
    if not isinstance(value, (list, tuple)):
        return []
    pairs = [list(pair.values()) if isinstance(pair, Mapping) else pair for pair in value]
    return [item for pair in pairs if isinstance(pair, (list, tuple)) for item in pair]
