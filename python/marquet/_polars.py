"""A table as a Polars LazyFrame, with columns, filters and limits pushed down.

Polars hands over its predicate as an expression. The parts of it that mean the same in SQL are given to the scan as a
first, wider filter, which prunes files and pages; Polars' own expression is then applied to what comes out, so that
the result is Polars' whatever was pushed down. Left out are floating columns (Polars holds NaN equal to itself and
above all numbers, SQL follows IEEE) and everything that is not a comparison of a column with a value.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from marquet._time import to_text

if TYPE_CHECKING:
    from marquet.table import Table

_COMPARISONS = {"Eq": "=", "NotEq": "!=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARABLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.String, pl.Date, pl.Datetime)


def lazy(table: Table) -> pl.LazyFrame:
    """The LazyFrame behind :meth:`marquet.Table.lazy`."""
    schema = pl.DataFrame(table.scan().schema.empty_table()).schema

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = schema.names() if columns is None else columns
        needed = list(dict.fromkeys([*wanted, *(predicate.meta.root_names() if predicate is not None else ())]))
        scan = table.scan(
            needed or schema.names()[:1],
            None if predicate is None else to_sql(predicate, schema),
            limit=n_rows if predicate is None else None,
            batch_size=batch_size,
        )
        left = n_rows
        for batch in scan.to_batches():
            frame = pl.DataFrame(batch)
            if predicate is not None:
                frame = frame.filter(predicate)
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            if frame.height:
                yield frame.select(wanted)
            if left == 0:
                return

    return register_io_source(source, schema=schema, explain_name="MARQUET SCAN", explain_detail=table.path)


def to_sql(predicate: pl.Expr, schema: pl.Schema) -> str | None:
    """A SQL predicate that every row satisfies that the Polars predicate selects, or None for lack of a better one."""
    return _translate(json.loads(predicate.meta.serialize(format="json")), schema)


def _translate(node: Any, schema: pl.Schema) -> str | None:
    if not isinstance(node, dict):
        return None
    if "BinaryExpr" in node:
        return _binary(node["BinaryExpr"], schema)
    if "Function" in node:
        return _function(node["Function"], schema)
    return None


def _binary(node: dict[str, Any], schema: pl.Schema) -> str | None:
    op = node["op"]
    if op in ("And", "Or"):
        sides = [_translate(node["left"], schema), _translate(node["right"], schema)]
        if op == "And":  # one side alone is wider, which is allowed
            known = [side for side in sides if side is not None]
            return f"({' and '.join(known)})" if known else None
        return f"({sides[0]} or {sides[1]})" if None not in sides else None
    comparison = _COMPARISONS.get(op)
    if comparison is None:
        return None
    left, right = node["left"], node["right"]
    if "Literal" in left:
        left, right, comparison = right, left, _MIRRORED[comparison]
    column, value = _column(left, schema), _value(right)
    return None if column is None or value is None else f"{column} {comparison} {value}"


def _function(node: dict[str, Any], schema: pl.Schema) -> str | None:
    boolean = node["function"].get("Boolean") if isinstance(node["function"], dict) else None
    column = _column(node["input"][0], schema)
    if column is None:
        return None
    if boolean == "IsNull":
        return f"{column} is null"
    if boolean == "IsNotNull":
        return f"{column} is not null"
    if isinstance(boolean, dict) and "IsBetween" in boolean:
        low, high = _value(node["input"][1]), _value(node["input"][2])
        return None if low is None or high is None else f"{column} between {low} and {high}"
    if isinstance(boolean, dict) and boolean.get("IsIn") == {"nulls_equal": False}:
        values = _values(node["input"][1])
        return None if not values else f"{column} in ({', '.join(values)})"
    return None


def _column(node: Any, schema: pl.Schema) -> str | None:
    name = node.get("Column") if isinstance(node, dict) else None
    if not isinstance(name, str) or not isinstance(schema[name], _COMPARABLE):
        return None
    return '"' + name.replace('"', '""') + '"'


def _evaluate(node: Any) -> Any:
    return pl.select(pl.Expr.deserialize(json.dumps(node).encode(), format="json")).to_series().to_list()


def _value(node: Any) -> str | None:
    return _sql(_evaluate(node)[0]) if isinstance(node, dict) and "Literal" in node else None


def _values(node: Any) -> list[str] | None:
    if not isinstance(node, dict) or "Literal" not in node:
        return None
    content = _evaluate(node)
    values = [_sql(value) for value in (content[0] if content and isinstance(content[0], list) else content)]
    return None if None in values else [value for value in values if value is not None]


def _sql(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, (dt.datetime, dt.date)):
        return f"'{to_text(value)}'"
    return None
