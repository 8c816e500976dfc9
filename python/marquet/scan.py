"""Rows out of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from marquet import _core
from marquet._arguments import call, whole, whole_or_none
from marquet._filters import FilterLike, expression_columns, normalize
from marquet._pandas import to_pandas
from marquet._time import TimeLike, to_nanos
from marquet.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

PriceForm: TypeAlias = Literal["stored", "float", "decimal"]


class Scan:
    """Which rows and columns of one version of a table; made by :meth:`marquet.Table.scan`.

    Nothing is read before one of the methods asks for rows. Each call reads anew, so a scan can be used any number of
    times; it may be shared between threads. The object has ``__arrow_c_stream__``, so that DuckDB, Polars, pyarrow and
    others take it as it is: ``pyarrow.table(scan)``, ``polars.DataFrame(scan)``,
    ``duckdb.from_arrow(pyarrow.RecordBatchReader.from_stream(scan))``.
    """

    def __init__(
        self,
        table: _core.Table,
        *,
        columns: Sequence[str] | None,
        filter: FilterLike,
        start: TimeLike | None,
        end: TimeLike | None,
        time_column: str | None,
        sort_by: str | Sequence[str] | None,
        limit: int | None,
        batch_size: int | None,
        memory: int,
        price: PriceForm,
        stored_types: bool,
        use_threads: bool,
    ) -> None:
        """See :meth:`marquet.Table.scan`."""
        terms, self._expression = normalize(filter)
        wanted = None if columns is None else ([columns] if isinstance(columns, str) else list(columns))
        limit = whole_or_none("limit", limit, least=0)
        batch_size = whole("batch_size", batch_size or 0, least=0)
        self._filter = filter
        self._limit = limit

        def scan(names: list[str]) -> _core.Scan:
            return call(
                _core.scan,
                table,
                columns=names,
                filter=terms,
                start_ns=None if start is None else to_nanos(start),
                end_ns=None if end is None else to_nanos(end),
                time_column=time_column or "",
                sort_by=[sort_by] if isinstance(sort_by, str) else list(sort_by or ()),
                limit=None if self._expression is not None else limit,
                batch_size=batch_size,
                memory=memory,
                price=price,
                stored_types=stored_types,
                use_threads=use_threads,
            )

        if wanted is not None and not wanted:
            raise NotFoundError("no column is asked for", hint="Leave columns out to get all of them.")
        self._scan = scan(wanted or [])
        self._schema: pa.Schema = pa.schema(self._scan.schema)
        if self._expression is not None and wanted is not None:
            everything = pa.schema(scan([]).schema)
            needed = expression_columns(self._expression, everything)
            self._scan = scan([]) if needed is None else scan(list(dict.fromkeys([*wanted, *needed])))

    @property
    def schema(self) -> pa.Schema:
        """Names, types and field metadata of the columns that the scan gives."""
        return self._schema

    def to_arrow(self) -> pa.Table:
        """All rows as a ``pyarrow.Table``, read in parallel.

        Raises:
            CorruptDataError: A data file is damaged; the message names the place.
            StorageError: The operating system refused to read.
            KeyboardInterrupt: Ctrl-C.
        """
        if self._expression is not None:
            return pa.Table.from_batches(self._filtered(), self._schema)
        # Not pa.table(): that imports pandas first, for half a second in which Ctrl-C can get lost.
        return pa.RecordBatchReader.from_stream(self._scan.table()).read_all()

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as record batches of at most ``batch_size`` rows each, read as they are asked for."""
        if self._expression is not None:
            yield from self._filtered()
            return
        stream = self._scan.stream()
        while (batch := stream.next()) is not None:
            yield pa.record_batch(batch)

    def to_pandas(self, dtype_backend: Literal["numpy", "pyarrow"] = "numpy") -> pd.DataFrame:
        """All rows as a pandas frame.

        Args:
            dtype_backend: "numpy" gives pandas' usual columns; integers with a null among them become pandas' nullable
                Int64 (Int32, UInt8 ...), never float64, in which a stored price would pass for another one. "pyarrow"
                gives columns of ``pandas.ArrowDtype``, which keep every value as it is.

        Raises:
            InvalidInputError: Another `dtype_backend`; else as of :meth:`to_arrow`.
        """
        if dtype_backend not in ("numpy", "pyarrow"):
            raise InvalidInputError(f"unknown dtype_backend {dtype_backend!r}; expected 'numpy' or 'pyarrow'")
        if dtype_backend == "pyarrow":
            import pandas as pd

            return self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return to_pandas(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """All rows as a Polars frame, without a copy of the values."""
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.to_arrow()))

    def count(self) -> int:
        """The number of rows; out of the log's statistics, without opening a file, where those suffice."""
        if self._expression is not None:
            return sum(batch.num_rows for batch in self._filtered())
        return self._scan.count()

    def statistics(self) -> dict[str, int]:
        """What pruning left of the table in the last stream of this scan that ended.

        Returns:
            ``files`` and ``row_groups`` of the table, ``files_read`` and ``row_groups_read`` of them, ``rows_decoded``
            and ``rows_returned``, and ``peak_bytes``, the most of its memory that the stream held at a time.
        """
        return self._scan.statistics()

    def explain(self) -> str:
        """A few lines on what the scan gives and how it filters, and what its last run had to read."""
        by = "Arrow, on the rows read" if self._expression is not None else "Marquet, pruning files and pages"
        lines = [f"columns: {', '.join(self._schema.names)}"]
        if self._filter is not None:
            lines.append(f"filter: {self._filter} (applied by {by})")
        if self._limit is not None:
            lines.append(f"limit: {self._limit:,}")
        lines += [f"{name.replace('_', ' ')}: {count:,}" for name, count in self.statistics().items()]
        return "\n".join(lines)

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The rows by Arrow's PyCapsule protocol; a requested schema is not taken up."""
        if self._expression is not None:
            return pa.RecordBatchReader.from_batches(self._schema, self._filtered()).__arrow_c_stream__()
        return self._scan.stream().__arrow_c_stream__()

    def __repr__(self) -> str:
        return f"<marquet.Scan of {', '.join(self._schema.names)}>"

    def _filtered(self) -> Iterator[pa.RecordBatch]:
        """The batches after Arrow's filter, cut at the limit, with just the columns asked for."""
        expression: pc.Expression = self._expression
        left = self._limit
        stream = self._scan.stream()
        while (left is None or left > 0) and (read := stream.next()) is not None:
            batch = pa.record_batch(read).filter(expression).select(self._schema.names)
            if left is not None:
                batch = batch.slice(0, left)
                left -= batch.num_rows
            if batch.num_rows:
                yield batch
