"""Row filters in the forms that callers write them, to the one form that the core takes.

What each form means is decided by the core (SQL's three-valued logic, IEEE's NaN, strings by their UTF-8 bytes), but
for a ``pyarrow.compute.Expression``, which means what Arrow says and is applied by Arrow.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from marquet._time import to_text
from marquet.errors import InvalidInputError

Literal: TypeAlias = "bool | int | float | str | None"
CoreFilter: TypeAlias = "str | list[list[tuple[str, str, list[Literal]]]] | None"

FilterLike: TypeAlias = "str | Sequence[Any] | pc.Expression | None"
"""None, a SQL predicate, a list of (column, op, value), a list of such lists, or an Arrow expression."""

_WITHOUT_VALUE = frozenset({"is null", "is not null", "is nan", "is not nan"})
_WITH_PAIR = frozenset({"between", "not between"})
_WITH_MANY = frozenset({"in", "not in"})


def normalize(filter: FilterLike) -> tuple[CoreFilter, pc.Expression | None]:
    """Splits a filter into what the core applies and what Arrow applies; at most one of them is not None.

    Raises:
        InvalidInputError: The filter, or a term of it, does not have one of the forms.
    """
    if filter is None or isinstance(filter, str):
        return filter, None
    if isinstance(filter, pc.Expression):
        return None, filter
    if not isinstance(filter, (list, tuple)):
        raise InvalidInputError(
            f"a filter is a list of (column, op, value), a list of such lists, SQL text or a pyarrow Expression; "
            f"got {type(filter).__name__}"
        )
    if not filter:
        return None, None
    if isinstance(filter[0], str):
        raise InvalidInputError(f"one term alone is no filter: {filter!r}", hint=f"Write filter=[{filter!r}].")
    if all(_is_term(term) for term in filter):
        return [[_term(term) for term in filter]], None
    groups = []
    for group in filter:
        if not isinstance(group, (list, tuple)) or not group or not all(_is_term(term) for term in group):
            raise InvalidInputError(f"expected a (column, op, value) term or a list of such terms, found {group!r}")
        groups.append([_term(term) for term in group])
    return groups, None


def expression_columns(expression: pc.Expression, schema: pa.Schema) -> list[str] | None:
    """The columns that an Arrow expression may look at: each whose name stands in its text.

    None when it names columns by their position, so that it needs all of them in their places.

    A name that only happens to stand there costs a column read for nothing, which is why this need not parse.
    """
    text = str(expression)
    if "FieldPath" in text:  # by position: pc.field(3)
        return None
    return [name for name in schema.names if name in text]


def _is_term(term: object) -> bool:
    return isinstance(term, (list, tuple)) and len(term) in (2, 3) and all(isinstance(part, str) for part in term[:2])


def _term(term: Sequence[Any]) -> tuple[str, str, list[Literal]]:
    column, op = term[0], " ".join(term[1].lower().split())
    if op in _WITHOUT_VALUE:
        if len(term) == 3 and term[2] is not None:
            raise InvalidInputError(f"{op!r} takes no value but None, found {term!r}")
        return column, op, []
    if len(term) == 2:
        raise InvalidInputError(f"{op!r} needs a value: (column, op, value), found {term!r}")
    value = term[2]
    if op in _WITH_PAIR:
        values = _values(op, value)
        if len(values) != 2:
            raise InvalidInputError(f"{op!r} takes a pair, found {len(values)} values in {term!r}")
        return column, op, values
    if op in _WITH_MANY:
        return column, op, _values(op, value)
    return column, op, [_literal(value)]


def _values(op: str, value: object) -> list[Literal]:
    if isinstance(value, (str, bytes)) or not isinstance(value, (Collection, Iterable)):
        raise InvalidInputError(f"{op!r} takes a list of values, found {value!r}")
    return [_literal(one) for one in value]


def _literal(value: object) -> Literal:
    if isinstance(value, pa.Scalar):
        value = value.as_py()
    if isinstance(value, (dt.datetime, dt.date, np.datetime64)):
        return to_text(value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, float, str)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else _beyond_int64(value)
    if isinstance(value, decimal.Decimal):
        return _literal(int(value)) if value == value.to_integral_value() else float(value)
    raise InvalidInputError(f"a filter cannot compare with {value!r} of type {type(value).__name__}")


def _beyond_int64(value: int) -> float:
    # A double orders like the integer against every int64, as long as it is not rounded onto one.
    try:
        rounded = float(value)
    except OverflowError:
        return math.copysign(math.inf, value)
    return math.nextafter(rounded, -math.inf) if rounded == -(2.0**63) else rounded
