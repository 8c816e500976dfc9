"""Row filters in the forms that callers write them, to the one form that the core takes.

What each form means is decided by the core (SQL's three-valued logic, IEEE's NaN, strings by their UTF-8 bytes), but
for a ``pyarrow.compute.Expression``, which means what Arrow says and is applied by Arrow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from marquet._literals import Literal, literal
from marquet._pandas import is_of
from marquet.errors import InvalidInputError

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
    return column, op, [literal(value)]


def _values(op: str, value: object) -> list[Literal]:
    if isinstance(value, (str, bytes)) or not isinstance(value, (Collection, Iterable)) or _dimensions(value) != 1:
        raise InvalidInputError(f"{op!r} takes a list of values, found {value!r}")
    return [literal(one) for one in _exactly(value)]


def _dimensions(value: object) -> int:
    """Of an array or frame; a plain list has one."""
    return getattr(value, "ndim", 1)


def _exactly(values: Iterable[Any]) -> Iterable[Any]:
    """The values one by one, as scalars that keep every digit."""
    if is_of("polars", values):  # its own iterator cuts nanoseconds
        try:
            exact: Iterable[Any] = pa.chunked_array(values)
            return exact
        except (pa.ArrowException, TypeError, ValueError, _polars_error()):  # objects, or integers of 128 bits
            return values
    return values


def _polars_error() -> type[Exception]:
    import polars as pl

    return pl.exceptions.PolarsError
