"""A table as a Polars LazyFrame, with columns, filters and limits pushed down.

Polars hands over its predicate as an expression. What :mod:`marquet._polars_sql` can say of it exactly is given to the
scan as a first, wider filter, which prunes files and pages; Polars' own expression is then applied to what comes out,
so that the result is Polars' whatever was pushed down.

Some predicates must not come near the scan. Polars splits a conjunction, pushes down what it can and evaluates the
rest on the rows that are left; a rest that raises for some value then raises or not, as pruning will have it, while on
a frame in memory it sees every row. And Polars pickles what it pushes down, which a Python function may not survive.
:class:`TableFrame` hides these from Polars' optimiser, in a function over whole columns that filters them as a frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from marquet import _polars_sql

if TYPE_CHECKING:
    from marquet.scan import PriceForm
    from marquet.table import Table


class TableFrame(pl.LazyFrame):
    """A LazyFrame over a table, whose filters select what they select on the frame in memory, or raise as there."""

    def filter(self, *predicates: Any, **constraints: Any) -> pl.LazyFrame:
        """As :meth:`polars.LazyFrame.filter`."""
        return super().filter(*self._undivided(predicates, constraints))

    def remove(self, *predicates: Any, **constraints: Any) -> pl.LazyFrame:
        """As :meth:`polars.LazyFrame.remove`."""
        return super().remove(*self._undivided(predicates, constraints))

    def _undivided(self, predicates: tuple[Any, ...], constraints: dict[str, Any]) -> list[Any]:
        """The same predicates, as one that is hidden where one of them is not harmless."""
        others: list[Any] = []  # masks, and what Polars refuses
        expressions: list[pl.Expr] = []
        for predicate in predicates:
            parts = list(predicate) if isinstance(predicate, (list, tuple)) else [predicate]
            if parts and all(isinstance(part, (pl.Expr, str)) for part in parts):
                expressions += [pl.col(part) if isinstance(part, str) else part for part in parts]
            else:
                others.append(predicate)
        expressions += [pl.col(name).eq(value) for name, value in constraints.items()]
        if not expressions or all(_polars_sql.is_harmless(one, self.collect_schema) for one in expressions):
            return [*others, *expressions]
        whole = expressions[0] if len(expressions) == 1 else pl.all_horizontal(*expressions)
        columns = self.collect_schema().names()
        roots = list(dict.fromkeys(whole.meta.root_names()))
        names = columns if _has_selectors(whole) else roots or columns[:1]  # all where it selects by a rule
        return [*others, pl.struct(names).map_batches(_Mask(whole), return_dtype=pl.Boolean, is_elementwise=False)]


def lazy(table: Table, price: PriceForm) -> pl.LazyFrame:
    """The LazyFrame behind :meth:`marquet.Table.lazy`."""
    fields = table.scan(price=price).schema
    schema = pl.DataFrame(fields.empty_table()).schema
    stored_prices = frozenset(
        field.name for field in fields if field.metadata is not None and field.metadata.get(b"unit") == b"1e-9"
    )

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = schema.names() if columns is None else columns
        needed = list(dict.fromkeys([*wanted, *(predicate.meta.root_names() if predicate is not None else ())]))
        # Polars means the first n_rows rows of the table, and the predicate for what is left of them.
        pushed = predicate if n_rows is None else None
        scan = table.scan(
            needed or schema.names()[:1],
            None if pushed is None else _polars_sql.to_sql(pushed, schema, stored_prices),
            limit=n_rows,
            batch_size=batch_size,
            price=price,
        )
        # An empty frame first: what does not fit the predicate's types raises there, also when no row is read.
        batches = itertools.chain([scan.schema.empty_table()], scan.to_batches())
        for number, batch in enumerate(batches):
            frame = pl.DataFrame(batch)
            if predicate is not None:
                frame = frame.filter(predicate)
            if frame.height or number == 0:
                yield frame[wanted]  # select() takes a name such as "*" for a rule

    frame = register_io_source(source, schema=schema, explain_name="MARQUET SCAN", explain_detail=table.path)
    return TableFrame._from_pyldf(frame._ldf)


class _Mask:
    """Which rows of a frame, given as a column of structs, a predicate selects."""

    def __init__(self, predicate: pl.Expr) -> None:
        self._predicate = predicate

    def __call__(self, rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest()
        if _has_selectors(self._predicate):
            # Which would find a column of row numbers among the others (``pl.first()``, ``cs.integer()``).
            try:
                selected = frame.select(pl.int_range(pl.len()).filter(self._predicate)).to_series()
            except pl.exceptions.PolarsError:
                frame.filter(self._predicate)  # says what no filter takes
                raise
        else:
            selected = frame.with_row_index(_ROW).filter(self._predicate)[_ROW]
        mask = pl.Series(rows.name, [False], dtype=pl.Boolean).new_from_index(0, len(rows))
        return mask.scatter(selected, True) if len(selected) else mask


def _has_selectors(expression: pl.Expr) -> bool:
    """Whether it names columns by a rule; also said of a few that have such a text in a name."""
    return "cs." in str(expression)


_ROW = "row of the frame"
