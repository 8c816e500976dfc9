"""Row filters in the forms that callers write them, to the one form that the core takes.

What each form means is decided by the core (SQL's three-valued logic, IEEE's NaN, strings by their UTF-8 bytes), but
for a ``pyarrow.compute.Expression``, which means what Arrow says and is applied by Arrow.
"""

from __future__ import annotations

import re
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
_COMPARING = frozenset({"==", "=", "!=", "<>", "<", "<=", ">", ">=", "like"})
_OPERATORS = _WITHOUT_VALUE | _WITH_PAIR | _WITH_MANY | _COMPARING
_LOOKS_LIKE_SQL = re.compile(r"[=<>]|\b(in|is|like|between)\b", re.IGNORECASE)


def normalize(filter: FilterLike) -> tuple[CoreFilter, pc.Expression | None]:
    """Splits a filter into what the core applies and what Arrow applies; at most one of them is not None.

    Raises:
        InvalidInputError: The filter, or a term of it, does not have one of the forms.
    """
    if filter is None:
        return None, None
    if isinstance(filter, str):
        if not filter.strip():
            raise InvalidInputError(
                "the filter is an empty text", hint="Is a variable not set? None, or no filter at all, takes all rows."
            )
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
    if _is_sql(filter):
        raise InvalidInputError(f"SQL text stands by itself, not in a list: {filter!r}", hint=_as_text(filter))
    if isinstance(filter[0], str):
        raise InvalidInputError(f"one term alone is no filter: {filter!r}", hint=f"Write filter=[{filter!r}].")
    if all(_is_term(term) for term in filter):
        return [[_term(term) for term in filter]], None
    groups = []
    for group in filter:
        if isinstance(group, str) or (isinstance(group, (list, tuple)) and _is_sql(group)):
            texts = group if isinstance(group, (list, tuple)) else [group]
            raise InvalidInputError(f"SQL text stands by itself, not in a list: {group!r}", hint=_as_text(texts))
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


def _is_sql(texts: Sequence[Any]) -> bool:
    """Whether these are predicates as SQL writes them, rather than the parts of a term."""
    if not texts or not all(isinstance(text, str) for text in texts):
        return False
    is_term = 2 <= len(texts) <= 3 and " ".join(texts[1].lower().split()) in _OPERATORS
    return not is_term and any(_LOOKS_LIKE_SQL.search(text) for text in texts)


def _as_text(texts: Sequence[str]) -> str:
    text = texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)
    return f"Write filter={text!r}." if '"' in text else f'Write filter="{text}".'


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
