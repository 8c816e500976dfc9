"""Tables: opening, creating, appending, looking at what they hold."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import pyarrow as pa

from marquet import _core, _html
from marquet._arguments import call, whole, whole_or_none
from marquet._filters import FilterLike
from marquet._html import Report
from marquet._misfits import told_what_to_do
from marquet._paths import absolute
from marquet._rows import to_schema, to_stream, with_rows
from marquet._time import TimeLike, from_nanos, to_nanos
from marquet._told import told
from marquet._verify import Damage, TableVerdict, VerifyLevel
from marquet.errors import MarquetError, SchemaError
from marquet.scan import PriceForm, Scan

if TYPE_CHECKING:
    import polars as pl

_MOST_COLUMNS = 100
"""That a notebook lists of a table."""
_FEW_ROWS, _FEW_COLUMNS = 5, 10
"""That it shows of the rows."""

AppendMode = Literal["append", "overwrite", "error_if_exists"]


@dataclass(frozen=True)
class AppendReport(Report):
    """What an append did."""

    version: int
    """The version that the append made; the version before it when there were no rows."""
    rows: int
    bytes: int
    """Of the data files, together."""
    files: list[dict[str, Any]]
    """``path``, ``rows``, ``bytes`` and ``digest`` (XXH3-128) of each data file."""
    empty_as_null: dict[str, int]
    """Rows whose empty string became null, by partition column: Delta's log spells both alike."""


def open_table(path: str | os.PathLike[str], version: int | None = None, as_of: TimeLike | None = None) -> Table:
    """Opens a table.

    Args:
        path: The table's directory.
        version: Stand at this version instead of the newest.
        as_of: Stand at the last version committed at or before this time. A commit whose time is not later than that
            of the commit before it, because a writer's clock was ahead, counts as one millisecond later.

    Raises:
        NotFoundError: There is no table, or the log no longer reaches back to that version or time.
        UnsupportedError: The table asks for a feature that Marquet does not know, named in the message.
        CorruptDataError: The log is damaged.
    """
    as_of_ns = None if as_of is None else to_nanos(as_of)
    return Table(call(_core.Table.open, absolute(path), whole_or_none("version", version), as_of_ns))


def create_table(
    path: str | os.PathLike[str],
    schema: pa.Schema | Any,
    partition_by: Sequence[str] = (),
    *,
    name: str | None = None,
    description: str | None = None,
    configuration: Mapping[str, str] | None = None,
) -> Table:
    """Creates an empty table.

    Args:
        path: A directory that does not exist yet, or is empty.
        schema: A ``pyarrow.Schema``, or anything with ``__arrow_c_schema__``. Delta has no unsigned integers and no
            nanoseconds: nanosecond times are int64 with the field metadata ``unit=ns``, prices int64 with
            ``unit=1e-9``.
        partition_by: Columns whose values split the rows into directories.
        name: The table's name, kept in its metadata.
        description: What it holds, likewise.
        configuration: Delta table properties.

    Raises:
        AlreadyExistsError: There is a table already.
        InvalidInputError: The directory holds other things, or a partition column is not in the schema.
        SchemaError: A type that Delta lacks; the message says which to use. A column without a name.
    """
    schema = to_schema(schema)
    if "" in pa.schema(schema).names:
        raise SchemaError("a column of the schema has an empty name")
    columns = [partition_by] if isinstance(partition_by, str) else list(partition_by)
    return Table(
        call(
            _core.Table.create,
            absolute(path),
            schema,
            columns,
            name or "",
            description or "",
            dict(configuration or {}),
        )
    )


class Table:
    """One version of a table, made by :func:`open_table` or :func:`create_table`.

    It stands at the version that it was opened at, and moves on when it appends or is refreshed. Thread safe.
    """

    def __init__(self, core: _core.Table) -> None:
        """For :func:`open_table` and :func:`create_table`."""
        self._core = core

    @property
    def path(self) -> str:
        """The directory; absolute, so that a change of the working directory changes nothing of the table."""
        return self._core.path

    @property
    def version(self) -> int:
        """The version that this object stands at."""
        return self._core.version

    @property
    def schema(self) -> pa.Schema:
        """The columns as they are stored: nanosecond times and prices are int64 with ``unit`` in their metadata.

        :attr:`Scan.schema` says what a scan gives.
        """
        return pa.schema(self._core.schema)

    @property
    def partition_columns(self) -> list[str]:
        """The columns that the table is partitioned by."""
        return self._core.partition_columns

    def refresh(self) -> Table:
        """Moves on to the newest version; returns the table itself."""
        self._core.refresh()
        return self

    def append(
        self,
        data: Any,
        mode: AppendMode = "append",
        *,
        compression: str = "zstd",
        compression_level: int | None = None,
        row_group_size: int = 1 << 20,
        max_rows_per_file: int = 16 << 20,
        memory: int = 512 << 20,
        verify: VerifyLevel = "footer",
        metadata: Mapping[str, str] | None = None,
        on_file: Callable[[dict[str, Any]], None] | None = None,
    ) -> AppendReport:
        """Adds rows in one commit, durable and verified when the call returns, or not at all.

        Args:
            data: Anything with ``__arrow_c_stream__`` (read as a stream, so that it may be larger than memory), or a
                pandas or Polars frame. Columns in any order; absent nullable ones are null. Values are converted to
                the table's types where that loses nothing. A time without a zone is UTC, as in a filter. The index of a
                pandas frame fills the columns of its names; whole numbers without a name only count the rows, and are
                left out where the table has no column ``__index_level_0__``.
            mode: "append"; "overwrite" replaces all rows; "error_if_exists" refuses when the table has rows.
            compression: "zstd", "snappy", "gzip", "lz4", "brotli" or "none".
            compression_level: Of the codec; zstd's default here is 1.
            row_group_size: Rows of a row group.
            max_rows_per_file: Rows of a data file.
            memory: Bytes held at a time: rows that wait, and what the files in the making take, dictionaries and
                footers included. Where they are short, row groups are; there are no more files for it, unless most
                of the memory is taken by how many files are open. Of tables with nested columns files end early.
            verify: How far each file is checked before it is published: "footer", "crc" or "full".
            metadata: Further strings, kept in the commit, under names that the log has no values of its own for
                (``operation`` is one).
            on_file: Called with ``path``, ``rows``, ``bytes`` and ``digest`` of each data file.

        Warns:
            UserWarning: The empty string became null in a partition column, as it does in Delta's log; the report's
                ``empty_as_null`` counts the rows.

        Raises:
            SchemaError: A column is unknown, missing, or of a type that cannot become the table's without loss.
            InvalidInputError: A value does not fit, is one that other engines cannot read as a partition value (a
                negative decimal with a fraction, a year outside 0001 to 9999), or options contradict each other.
            ConflictError: Another writer changed the table in a way that this append cannot be moved behind.
            CommitUnknownError: It could not be learnt whether the commit happened.
            StorageError: The operating system refused; nothing became visible.
            KeyboardInterrupt: Ctrl-C. Nothing became visible, unless the commit had begun: then it is ended, and the
                exception's attribute ``report`` holds what would have been returned.
            BaseException: Whatever a generator behind a ``pyarrow.RecordBatchReader`` raises; nothing became visible.
        """
        stream = to_stream(data, lambda: self.schema, fixed=True)

        def append(rows: Any, done: Callable[[Any], None]) -> None:
            call(
                self._core.append,
                rows,
                mode=mode,
                compression=compression,
                compression_level=whole_or_none("compression_level", compression_level, 32),
                row_group_size=whole("row_group_size", row_group_size),
                max_rows_per_file=whole("max_rows_per_file", max_rows_per_file),
                memory=whole("memory", memory),
                verify=verify,
                metadata=dict(metadata or {}),
                on_file=on_file,
                done=done,
            )

        with told_what_to_do(self.schema):
            return told(
                lambda done: with_rows(lambda rows: append(rows, done), stream),
                lambda report: AppendReport(**report),
                _warn_of_empty_strings,
            )

    def scan(
        self,
        columns: Sequence[str] | None = None,
        filter: FilterLike = None,
        *,
        start: TimeLike | None = None,
        end: TimeLike | None = None,
        time_column: str | None = None,
        sort_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        batch_size: int | None = None,
        memory: int = 512 << 20,
        price: PriceForm = "stored",
        stored_types: bool = False,
        use_threads: bool = True,
    ) -> Scan:
        """Says which rows and columns to read; reads nothing yet.

        Args:
            columns: Names, in the order wanted; all of them when left out. Partition columns count like any other.
            filter: A list of (column, op, value) terms, all of which must hold; a list of such lists, one of which
                must; a SQL predicate; or a ``pyarrow.compute.Expression``. Operators are ``== = != <> < <= > >= in``,
                ``not in``, ``between``, ``not between``, ``like``, ``is null``, ``is not null``, ``is nan``.
                ``between`` takes a pair, ``is null`` takes None. Only ``is null`` selects a null; comparisons with a
                NaN are false but for ``!=``, and so are those with None, NaT and pandas' NA, which are null. Numbers
                of any length are exact. Times compare with ISO-8601 text, datetimes and ``numpy.datetime64`` of any
                year and unit. Prices compare with text ("4750.25") and ``Decimal``, and with numbers in the form that
                ``price`` gives them: prices for "float" and "decimal", integers in units of 1e-9 for "stored". An
                expression means what Arrow says of the rows that the scan gives, and is applied by Arrow to them.
            start: Rows at or after this time.
            end: Rows before this time.
            time_column: What ``start`` and ``end`` are held against; ``ts`` where there is one, else the first
                timestamp column.
            sort_by: Columns to sort by, ascending, nulls last; as stored when left out.
            limit: At most so many rows.
            batch_size: The most rows of a batch, up to 16,777,216; by default MARQUET_SCAN_BATCH_SIZE, else 262,144.
            memory: Bytes held at most while rows are read one batch after another: those that are being decoded, and
                those that wait for who asks for them. Where they are short, batches have fewer rows (but not less than
                1,024, or ``batch_size``). What is given out is not counted, so not the rows of :meth:`Scan.to_arrow`.
            price: Prices as "stored" (int64 in units of 1e-9), as "float" or as "decimal" (decimal128(19, 9)).
            stored_types: Leave nanosecond times int64 instead of timestamp[ns, UTC].
            use_threads: Decode in parallel.

        Raises:
            NotFoundError: An unknown column, with names that come near.
            InvalidInputError: An unknown operator, a value that does not fit its column, a predicate that cannot be
                parsed (the message shows where).
        """
        return Scan(
            self._core,
            columns=columns,
            filter=filter,
            start=start,
            end=end,
            time_column=time_column,
            sort_by=sort_by,
            limit=limit,
            batch_size=batch_size,
            memory=memory,
            price=price,
            stored_types=stored_types,
            use_threads=use_threads,
        )

    def head(
        self,
        n: int = 5,
        columns: Sequence[str] | None = None,
        *,
        price: PriceForm = "decimal",
        stored_types: bool = False,
    ) -> pa.Table:
        """The first rows, as they are stored; of the data files no more is decoded than these take.

        They are a ``pyarrow.Table``, which prints its schema first. A notebook shows rows of the table itself, and
        ``to_pandas()`` or ``polars.from_arrow`` of these.

        Args:
            n: At most so many rows.
            columns: As for :meth:`scan`.
            price: As for :meth:`scan`, but that prices are decimals when left out: rows to look at.
            stored_types: As for :meth:`scan`.
        """
        n = whole("n", n, least=0)
        scan = self.scan(
            columns, limit=n, batch_size=max(n, 1), price=price, stored_types=stored_types, use_threads=False
        )
        return pa.Table.from_batches(scan.to_batches(), scan.schema)

    def lazy(self, *, price: PriceForm = "stored") -> pl.LazyFrame:
        """A Polars LazyFrame over this version; Polars pushes columns, filters and limits down into the scan.

        A filter means what Polars says, and selects the rows that it selects of ``scan(price=price).to_polars()``.

        Args:
            price: As :meth:`scan` has it. Stored prices are integers of 1e-9 to Polars.
        """
        from marquet._polars import lazy

        return lazy(self, price)

    def info(self) -> dict[str, Any]:
        """What the table holds, out of the log alone.

        Returns:
            ``path``, ``version``, ``timestamp`` (of the commit, a datetime), ``id``, ``name``, ``description``,
            ``schema``, ``partition_columns``, ``files``, ``rows`` (None when a file lacks statistics), ``bytes``,
            ``latest_timestamp`` (a datetime, to the microsecond below; None for an empty table, and for a time past
            the year 9999, which :meth:`latest_timestamp` tells) and ``partitions``: a list of ``values``, ``files``,
            ``rows``, ``bytes``.
        """
        info = _with_time(self._core.info(), "timestamp")
        latest = info.pop("latest_timestamp_ns")
        info["latest_timestamp"] = None if latest is None else from_nanos(latest)
        info["schema"] = self.schema
        return info

    def history(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The commits, newest first.

        Returns:
            For each: ``version``, ``timestamp`` (a datetime), ``operation``, ``operation_parameters`` (JSON texts by
            name), ``is_blind_append``, ``engine_info`` and ``extra`` (further strings of the commit).
        """
        return [_with_time(entry, "timestamp") for entry in self._core.history(whole_or_none("limit", limit, least=0))]

    def files(self) -> list[dict[str, Any]]:
        """The data files of this version.

        Returns:
            For each: ``path`` (in the table), ``partition_values``, ``bytes``, ``modified`` (a datetime), ``stats``
            (JSON text, or None) and ``tags``.
        """
        return [_with_time(file, "modified") for file in self._core.files()]

    def latest_timestamp(self, column: str | None = None) -> int | None:
        """The largest time of a column in nanoseconds since 1970, whatever its year; None when empty.

        Out of the statistics; of files that others wrote, the rows that may hold it are read.

        Args:
            column: The time column; ``ts`` where there is one, else the first timestamp column.
        """
        return cast("int | None", call(self._core.latest_timestamp, column or ""))

    def verify(
        self,
        level: VerifyLevel = "full",
        *,
        jobs: int = 0,
        progress: Callable[[str, int, int, int], None] | None = None,
    ) -> TableVerdict:
        """Checks every data file of this version against the log and against itself, and what describes its sources.

        Args:
            level: "footer" (ends of the files), "crc" (every page's checksum) or "full" (every value decoded).
            jobs: Threads; 0 for as many as there are processors.
            progress: Called with phase, rows, bytes done and bytes in all.

        Returns:
            The verdict. Damage is reported there, not raised.
        """
        verdict = call(self._core.verify, level, whole("jobs", jobs, 32, least=0), progress)
        return TableVerdict(
            **{**verdict, **{kind: [Damage(**each) for each in verdict[kind]] for kind in ("damage", "odd")}}
        )

    def __repr__(self) -> str:
        return f"<marquet.Table {self.path} at version {self.version}>"

    def _repr_html_(self) -> str:
        """What notebooks show: what the log says, and the first rows of the first columns."""
        info = self.info()
        size = [(name, info[name]) for name in ("version", "timestamp", "rows", "files", "bytes", "latest_timestamp")]
        shown = [*size, ("partitioned by", ", ".join(info["partition_columns"]) or None)]
        if info["partition_columns"]:
            shown.append(("partitions", len(info["partitions"])))
        described = [(name, info[name]) for name in ("name", "description") if info[name]]
        columns = [(field.name, field.type, _unit_of(field)) for field in info["schema"]]
        return _html.titled(
            f"marquet.Table {self.path}",
            _html.pairs((name.replace("_", " "), value) for name, value in [*described, *shown]),
            self._first_rows(),
            _html.rows(("column", "type", "unit"), columns, most=_MOST_COLUMNS),
        )

    def _first_rows(self) -> str:
        names = self.schema.names
        try:
            rows = self.head(_FEW_ROWS, names[:_FEW_COLUMNS]) if names else None
        except MarquetError as error:  # a table that cannot be read still shows what it is
            return _html.pairs([("first rows", str(error))])
        if rows is None or rows.num_rows == 0:
            return ""
        shown = rows.column_names
        cells: list[Sequence[Any]] = list(zip(*map(_texts, rows.columns), strict=True))
        if (left := len(names) - len(shown)) > 0:
            shown.append(f"... {left:,} more columns")
            cells = [(*row, "...") for row in cells]
        return _html.rows(shown, cells)


def _texts(column: pa.ChunkedArray) -> list[Any]:
    """The values as they are read, times to the last digit; null stays None."""
    try:
        return list(column.cast(pa.string()).to_pylist())
    except pa.ArrowException:  # of what has parts
        return [None if value is None else str(value) for value in column.to_pylist()]


def _unit_of(field: pa.Field) -> str:
    """Of what the column's integers count; empty where the field does not say it."""
    return str((field.metadata or {}).get(b"unit", b""), "utf-8", "backslashreplace")


def _warn_of_empty_strings(report: AppendReport) -> None:
    """In the name of who called :meth:`Table.append`."""
    if report.empty_as_null:
        columns = ", ".join(f"{name!r} ({rows} rows)" for name, rows in report.empty_as_null.items())
        warnings.warn(
            f"the empty string became null in partition column {columns}: Delta's log spells both alike",
            UserWarning,
            stacklevel=4,
        )


def _with_time(record: dict[str, Any], name: str) -> dict[str, Any]:
    """The record with a datetime in place of its milliseconds."""
    record[name] = from_nanos(record.pop(f"{name}_ms") * 1_000_000)
    return record
