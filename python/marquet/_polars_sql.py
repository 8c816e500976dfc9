"""Which Polars expressions a scan may filter by first, and what they are in SQL.

Polars' expressions are read as the JSON that it writes of them. Left out of the SQL are floating columns (Polars holds
NaN equal to itself and above all numbers, SQL follows IEEE; JSON has neither) and everything that is not a comparison
of a column with values of the column's own type: a cast may round, and a unit may be cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import polars as pl

from marquet._time import text_of_ticks

_COMPARISONS = {"Eq": "=", "NotEq": "!=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64)
_UNITS = {"Nanoseconds": "ns", "Microseconds": "us", "Milliseconds": "ms"}

_NO_TIME = -(2**63)
"""Ticks that are a time in Polars and NaT in NumPy, which writes the others as text."""

_MAX_TEXT = 1 << 19
"""Of SQL; the core reads twice as much. A filter that is longer prunes little and takes long to read."""

_MAX_DEPTH = 60
"""Of nested parentheses; the core reads 200."""

# What looks at one row at a time and raises for no value.
_HARMLESS_OPERATORS = frozenset(
    {*_COMPARISONS, "And", "Or", "LogicalAnd", "LogicalOr", "Xor", "EqValidity", "NotEqValidity"}
)
_ARITHMETIC = frozenset({"Plus", "Minus", "Multiply", "Divide", "TrueDivide", "FloorDivide", "Modulus"})
_HARMLESS_FUNCTIONS = frozenset({"FillNull", "Coalesce", "Negate", "Abs"})
_HARMLESS_BOOLEANS = frozenset(
    {
        *("IsNull", "IsNotNull", "IsNan", "IsNotNan", "IsFinite", "IsInfinite", "IsBetween", "IsIn", "Not"),
        *("AllHorizontal", "AnyHorizontal"),
    }
)
_HARMLESS_STRINGS = frozenset({"StartsWith", "EndsWith", "LenChars", "LenBytes", "Lowercase", "Uppercase"})
_HARMLESS_TIMES = frozenset(
    {
        *("Date", "Time", "Hour", "Minute", "Second", "Millisecond", "Microsecond", "Nanosecond", "Weekday"),
        *("Year", "Quarter", "Month", "Day", "OrdinalDay", "Week", "IsoYear"),
    }
)

Schema: TypeAlias = "Callable[[], pl.Schema]"


def is_harmless(predicate: pl.Expr, schema: Schema) -> bool:
    """Whether a predicate decides each row by itself and raises for none, so that others may be pruned first."""
    tree = _tree(predicate)
    return tree is not None and _harmless(tree, schema, 0)


def to_sql(predicate: pl.Expr, schema: pl.Schema, stored_prices: frozenset[str] = frozenset()) -> str | None:
    """A SQL predicate that every row satisfies that the Polars predicate selects, or None for lack of a better one.

    Args:
        predicate: As Polars hands it to a source: optimised, with literals in the types that they are compared in.
        schema: Of the frame.
        stored_prices: Columns of integers that SQL compares with prices.
    """
    tree = _tree(predicate)
    if tree is None or not _harmless(tree, lambda: schema, 0):
        return None
    sql = _Translator(schema, stored_prices).condition(tree, 0)
    return sql if sql is not None and len(sql) <= _MAX_TEXT else None


def _tree(expression: pl.Expr) -> Any:
    """The expression's parts; None where Polars cannot write it (Python functions) or it is too deep to read."""
    try:
        return json.loads(expression.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ModuleNotFoundError, RecursionError):
        return None


def _one(node: Any) -> tuple[str, Any]:
    """The kind and content of a node that is an object of one member, or a name."""
    if isinstance(node, dict) and len(node) == 1:
        return next(iter(node.items()))
    return (node, None) if isinstance(node, str) else ("", None)


def _harmless(node: Any, schema: Schema, depth: int) -> bool:
    kind, content = _one(node)
    if depth > 4 * _MAX_DEPTH:
        return False
    if kind == "Column":
        return True
    if kind == "Literal":
        return _one(content)[0] in ("Scalar", "Dyn")
    if kind == "Alias":
        return _harmless(content[0], schema, depth + 1)
    if kind == "BinaryExpr":
        op = content["op"]
        if op not in _HARMLESS_OPERATORS and not (op in _ARITHMETIC and not _has_decimals(content, schema)):
            return False
        return all(_harmless(side, schema, depth + 1) for side in _sides(node, op))
    if kind == "Ternary":
        return all(_harmless(content[part], schema, depth + 1) for part in ("predicate", "truthy", "falsy"))
    if kind == "Cast":
        return _harmless(content["expr"], schema, depth + 1) and _cast_fits(content, schema)
    if kind == "Function":
        return _function_is_harmless(content) and all(_harmless(one, schema, depth + 1) for one in content["input"])
    return False


def _function_is_harmless(content: dict[str, Any]) -> bool:
    kind, function = _one(content["function"])
    if kind in _HARMLESS_FUNCTIONS:
        return True
    name, options = _one(function)
    if kind == "StringExpr" and name == "Contains":
        return bool(options["literal"]) or _is_regex(content["input"][1])
    allowed = {"Boolean": _HARMLESS_BOOLEANS, "StringExpr": _HARMLESS_STRINGS, "TemporalExpr": _HARMLESS_TIMES}
    return name in allowed.get(kind, ())


def _is_regex(pattern: Any) -> bool:
    """Whether a pattern that stands there as text can be compiled."""
    text = _scalar(pattern, "String")
    if text is None:
        return False
    try:
        pl.select(pl.lit("").str.contains(text))
    except pl.exceptions.PolarsError:
        return False
    return True


def _cast_fits(content: dict[str, Any], schema: Schema) -> bool:
    """Whether a cast raises for no value: it is not strict, or goes to a type with room for all of the other's."""
    if content["options"] == "NonStrict":
        return True
    kind, inner = _one(content["expr"])
    if kind == "Literal":
        try:
            pl.select(pl.Expr.deserialize(json.dumps({"Cast": content}).encode(), format="json"))
        except (pl.exceptions.PolarsError, ValueError):
            return False
        return True
    target = _one(content["dtype"])[1]
    dtype = schema().get(inner) if kind == "Column" else None
    if dtype is None or not isinstance(target, str):
        return False
    if target == "String":
        return isinstance(dtype, (*_INTEGERS, pl.Float32, pl.Float64, pl.Boolean, pl.Date, pl.Datetime, pl.String))
    return isinstance(dtype, _INTEGERS) and target in ("Int64", "Float64")


def _has_decimals(node: Any, schema: Schema) -> bool:
    """Whether a column below is a decimal, whose arithmetic may overflow, which raises."""
    names = _columns(node)
    return any(isinstance(schema().get(name), pl.Decimal) for name in names)


def _columns(node: Any) -> Iterator[str]:
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if isinstance(part.get("Column"), str):
                yield part["Column"]
            stack.extend(value for name, value in part.items() if name != "Literal")
        elif isinstance(part, list):
            stack.extend(part)


def _sides(node: Any, op: str) -> list[Any]:
    """The operands of a chain of one operator, however long: it leans to the left."""
    sides = []
    while _one(node)[0] == "BinaryExpr" and node["BinaryExpr"]["op"] == op:
        sides.append(node["BinaryExpr"]["right"])
        node = node["BinaryExpr"]["left"]
    return [node, *reversed(sides)]


def _scalar(node: Any, kind: str) -> Any:
    """The content of a literal of one type."""
    if _one(node)[0] == "Alias":
        node = node["Alias"][0]
    literal = _one(node)[1] if _one(node)[0] == "Literal" else None
    found, content = _one(_one(literal)[1]) if _one(literal)[0] == "Scalar" else ("", None)
    return content if found == kind else None


class _Translator:
    """From Polars' conditions over the columns of one frame to SQL's."""

    def __init__(self, schema: pl.Schema, stored_prices: frozenset[str]) -> None:
        self._schema = schema
        self._stored_prices = stored_prices

    def condition(self, node: Any, depth: int) -> str | None:
        """SQL that holds wherever the condition does; None where nothing can be said."""
        kind, content = _one(node)
        if depth > _MAX_DEPTH:
            return None
        if kind == "Column":
            return _quoted(content) if self._schema.get(content) == pl.Boolean else None
        if kind == "BinaryExpr":
            op = content["op"]
            if op in ("And", "LogicalAnd", "Or", "LogicalOr"):
                return self._chain(_sides(node, op), "and" if op.endswith("And") else "or", depth)
            return self._comparison(content) if op in _COMPARISONS else None
        if kind == "Function":
            return self._function(content, depth)
        return None

    def _chain(self, parts: list[Any], word: str, depth: int) -> str | None:
        sides = [self.condition(part, depth + 1) for part in parts]
        known = [side for side in sides if side is not None]
        if not known or (word == "or" and len(known) < len(sides)):  # a conjunction is wider without a part
            return None
        return f"({f' {word} '.join(known)})"

    def _comparison(self, content: dict[str, Any]) -> str | None:
        left, right, comparison = content["left"], content["right"], _COMPARISONS[content["op"]]
        if _one(left)[0] == "Literal":
            left, right, comparison = right, left, _MIRRORED[comparison]
        column, value = self._column(left), self._value(left, right)
        return None if column is None or value is None else f"{column} {comparison} {value}"

    def _function(self, content: dict[str, Any], depth: int) -> str | None:
        kind, function = _one(content["function"])
        name, options = _one(function)
        if kind != "Boolean":
            return None
        operand, *values = content["input"]
        if name == "AllHorizontal":
            return self._chain(content["input"], "and", depth)
        column = self._column(operand)
        if column is None:
            return None
        if name in ("IsNull", "IsNotNull"):
            return f"{column} is {'not ' if name == 'IsNotNull' else ''}null"
        if name == "IsBetween":  # with its ends where Polars leaves them out
            low, high = self._value(operand, values[0]), self._value(operand, values[1])
            return None if low is None or high is None else f"{column} between {low} and {high}"
        if name == "IsIn" and options == {"nulls_equal": False}:
            listed = self._values(operand, values[0])
            return None if not listed else f"{column} in ({', '.join(listed)})"
        return None

    def _column(self, node: Any) -> str | None:
        kind, name = _one(node)
        return _quoted(name) if kind == "Column" and name in self._schema else None

    def _value(self, column: Any, node: Any) -> str | None:
        """A literal beside a column of exactly its type."""
        dtype = self._schema[_one(column)[1]] if self._column(column) is not None else None
        if isinstance(dtype, (*_INTEGERS, pl.String, pl.Date)):
            value = _scalar(node, str(dtype))
            return None if value is None else self._sql(column, dtype, value)
        if isinstance(dtype, pl.Datetime):
            ticks, unit, zone = _scalar(node, "Datetime") or (None, None, None)
            if _UNITS.get(unit or "") == dtype.time_unit and (zone is None) == (dtype.time_zone is None):
                return None if ticks == _NO_TIME else self._sql(column, dtype, ticks)
        if isinstance(dtype, pl.Decimal):
            unscaled, _, scale = _scalar(node, "Decimal") or (None, None, None)
            if unscaled is not None and scale == dtype.scale:
                return f"'{unscaled}e-{scale}'"
        return None

    def _values(self, column: Any, node: Any) -> list[str] | None:
        """The values of a literal list beside a column of exactly their type; nulls among them select nothing."""
        dtype = self._schema[_one(column)[1]]
        if not isinstance(dtype, (*_INTEGERS, pl.String, pl.Date, pl.Datetime)) or _scalar(node, "List") is None:
            return None
        values = pl.select(pl.Expr.deserialize(json.dumps(node).encode(), format="json")).to_series().explode()
        if values.dtype != dtype or len(values) * 8 > _MAX_TEXT:
            return None
        plain = values.drop_nulls()
        physical = plain if isinstance(dtype, pl.String) else plain.to_physical()
        if isinstance(dtype, pl.Datetime) and _NO_TIME in physical:
            return None
        return [self._sql(column, dtype, value) for value in physical.to_list()]

    def _sql(self, column: Any, dtype: pl.DataType, value: Any) -> str:
        if isinstance(dtype, pl.String):
            return "'" + str(value).replace("'", "''") + "'"
        if isinstance(dtype, pl.Date):
            return f"'{text_of_ticks(value, 'D')}'"
        if isinstance(dtype, pl.Datetime):
            return f"'{text_of_ticks(value, dtype.time_unit)}'"
        return f"'{value}e-9'" if _one(column)[1] in self._stored_prices else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
