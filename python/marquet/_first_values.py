"""Rows that tell more of their columns than the rows before them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from marquet.errors import SchemaError

_LISTS = (list, tuple, np.ndarray)


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
        self._tests: dict[str, _Test] = {}  # of columns to whose types a value may add

    def note(self, schema: pa.Schema | None) -> None:
        """Takes the schema of the rows so far; None while there is none."""
        if schema is None or (self._schema is not None and schema.equals(self._schema)):
            return
        self._schema = schema
        self._names = frozenset(schema.names)
        tests = {field.name: _test_of(field.type) for field in schema}
        self._tests = {name: test for name, test in tests.items() if test is not None}

    def have_more(self, rows: Sequence[dict[str, Any]]) -> bool:
        """Whether one of the rows tells what those before do not."""
        if self._names is None or not self._names.issuperset(chain.from_iterable(rows)):
            return True
        if not self._tests:
            return False
        return any(test([row.get(name) for row in rows]) for name, test in self._tests.items())

    def check_keys(self, rows: Sequence[Mapping[str, Any]], first_row: int) -> None:
        """Refuses keys that the rows before do not have.

        Raises:
            SchemaError: There is one, in the row that is named.
        """
        if self._names is None or self._names.issuperset(chain.from_iterable(rows)):
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


_Test = Callable[[list[Any]], bool]
"""Whether one of the values in a column tells of what its type does not."""


def _test_of(kind: pa.DataType) -> _Test | None:
    """The test of a type; None where no value can tell more."""
    if pt.is_null(kind):
        return lambda values: any(value is not None for value in values)
    if pt.is_struct(kind):
        return _test_of_fields({field.name: _test_of(field.type) for field in kind})
    if pt.is_map(kind):
        of_item = _test_of(kind.item_type)
        return None if of_item is None else lambda values: of_item(list(chain.from_iterable(map(_items_of, values))))
    if kind.num_fields != 1:
        return None
    of_value = _test_of(kind.field(0).type)
    if of_value is None:
        return None
    return lambda values: of_value(list(chain.from_iterable(value for value in values if isinstance(value, _LISTS))))


def _test_of_fields(tests: dict[str, _Test | None]) -> _Test:
    names = frozenset(tests)
    deeper = [(name, test) for name, test in tests.items() if test is not None]

    def adds(values: list[Any]) -> bool:
        structs = [value for value in values if type(value) is dict or isinstance(value, Mapping)]
        if not names.issuperset(chain.from_iterable(structs)):
            return True
        return any(test([struct.get(name) for struct in structs]) for name, test in deeper)

    return adds


def _items_of(value: Any) -> list[Any]:
    """Of a map in any of the forms that rows have it in; of what is no map, none."""
    if isinstance(value, Mapping):
        return list(value.values())
    if not isinstance(value, (list, tuple)):
        return []
    pairs = [list(pair.values()) if isinstance(pair, Mapping) else pair for pair in value]
    return [item for pair in pairs if isinstance(pair, (list, tuple)) for item in pair]
