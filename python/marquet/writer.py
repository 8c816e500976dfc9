"""Writing rows into files that survive: rolling, durable, checkpointed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

import pyarrow as pa

from marquet import _core
from marquet._arguments import call, whole, whole_or_none
from marquet._fingerprint import fingerprint
from marquet._gathered import Gathered, Target, schema_of
from marquet._paths import absolute
from marquet._rows import check_has_rows, to_stream, with_rows
from marquet._told import told
from marquet._turns import Looking, Turns
from marquet._verify import VerifyLevel
from marquet._write_report import PublishedFile, WriteReport
from marquet.errors import InvalidInputError

__all__ = ["ParquetWriter", "PublishedFile", "WriteReport", "fingerprint"]

_ANY: Target = (None, ())
_PLAIN = frozenset({dict})


class ParquetWriter:
    """Writes rows into Parquet files whose names come from a template; see ``docs/checkpointing.md``.

    A file has its name only when it is complete, on stable storage and verified. With chunks each chunk's files are
    published when the chunk ends, while later ones are being written, and a second writer with the same ``input`` goes
    on after them: it is given the whole input again, of which it takes what is new and checks the rest, or, after
    ``resume()``, what is left of it.

    Used as a context manager it publishes what is left at the end, and nothing unfinished when an exception leaves the
    block. After an error every later call raises it again, and so does the end of the block; the output is free for
    another writer then. Arguments that cannot be are refused before anything is taken, which does no harm.

    Thread safe: calls take turns.

    Example:
        >>> with mq.ParquetWriter("out", "${rank}_${chunk_index}.parquet", records_per_chunk=500, input="v1") as writer:
        ...     for row in rows[writer.resume() :]:
        ...         writer.write(row)
    """

    _late_columns: list[str] = []  # noqa: RUF012 - that may begin with the first row that has them

    def __init__(
        self,
        output_folder: str | os.PathLike[str],
        output_filename: str = "${rank}.parquet",
        *,
        rank: int = 0,
        schema: pa.Schema | Any | None = None,
        compression: str = "zstd",
        compression_level: int | None = None,
        row_group_size: int = 1 << 20,
        max_file_size: int = 0,
        max_rows_per_file: int = 0,
        records_per_chunk: int = 0,
        verify: VerifyLevel = "footer",
        on_schema_change: Literal["error", "new_part"] = "error",
        empty: Literal["none", "file"] = "none",
        memory: int = 512 << 20,
        input: str | None = None,
        take_over: bool = False,
        metadata: Mapping[str, str] | None = None,
        page_index: bool = True,
        content_defined_chunking: bool | Mapping[str, int] = False,
    ) -> None:
        """Claims the output, and sets aside what an earlier run left unfinished.

        Args:
            output_folder: Where files go; made when it is not there.
            output_filename: A template as of ``string.Template``, ending in ``.parquet``: ``${rank}`` (five digits),
                ``${chunk_index}``, and keys that ``write`` is given values for.
            rank: Which of several writers this is; each has its own names and its own manifest.
            schema: Of all rows (a ``pyarrow.Schema``, or anything with ``__arrow_c_schema__``); that of the first ones
                when left out.
            compression: "zstd", "snappy", "gzip", "lz4", "brotli" or "none".
            compression_level: Of the codec; zstd's default here is 1.
            row_group_size: Rows of a row group.
            max_file_size: Bytes after which a name's next part begins; 0 for no bound. Parts are named
                ``000_NAME``, ``001_NAME`` and so on.
            max_rows_per_file: The same in rows.
            records_per_chunk: Rows (and dropped records) that make a chunk; 0 when chunks are only what ``write`` is
                told.
            verify: How far each file is checked before it is published: "footer", "crc" or "full".
            on_schema_change: What becomes of rows that do not convert to the schema of those before: "error" or
                "new_part".
            empty: What becomes of a chunk without rows, or an output without any: "none" (no file) or "file" (one
                without rows, for which `schema` is needed).
            memory: Bytes of rows that all open files together hold before row groups are ended early. Comparing rows
                that were published before takes the pages of two row groups besides.
            input: What tells this input from another (see :func:`fingerprint`). Only with the same one a second
                writer goes on with what the first published.
            take_over: Take the output from a process that still holds it; that one can then publish nothing more.
            metadata: Key-value pairs for the files' footers.
            page_index: Bounds of every page before the footer, by which readers skip pages.
            content_defined_chunking: End pages where their content says, so that stores which keep equal bytes once
                (the Hugging Face Hub) need less for files that share rows. True, or a dictionary with
                "min_chunk_size" and "max_chunk_size" (bytes) and "norm_level", as pyarrow takes it.

        Raises:
            InvalidInputError: Options contradict each other, or the output was begun with another input, chunk size,
                template, rank or schema; the message says what differs.
            AlreadyExistsError: The output was begun before, and no input says that this is the same one.
            ConflictError: Another process is writing this output.
            CorruptDataError: The manifest is damaged.
            StorageError: The operating system refused.
        """
        folder = _text("output_folder", absolute(output_folder))
        template = _text("output_filename", output_filename)
        self._folder = folder
        self._rejected = 0  # rows of frames that never reached the core
        self._removed = 0  # rows that were taken, and had not reached the core when `abort` came
        self._report: WriteReport | None = None
        self._given: list[dict[str, Any]] = []  # by the core, once everything was published: the report
        per_chunk = whole("records_per_chunk", records_per_chunk)
        if per_chunk > 0 and "chunk_index" not in template:
            warnings.warn(
                f"the name {template!r} has no ${{chunk_index}}: all chunks go to one file, which appears when the "
                "writer closes",
                stacklevel=2,
            )
        self._core = call(
            _core.RollingWriter.open,
            folder,
            template,
            rank=whole("rank", rank, 32),
            schema=schema,
            compression=_text("compression", compression),
            compression_level=whole_or_none("compression_level", compression_level, 32),
            row_group_size=whole("row_group_size", row_group_size),
            max_file_size=whole("max_file_size", max_file_size),
            max_rows_per_file=whole("max_rows_per_file", max_rows_per_file),
            records_per_chunk=per_chunk,
            verify=_text("verify", verify),
            on_schema_change=_text("on_schema_change", on_schema_change),
            empty=_text("empty", empty),
            memory=whole("memory", memory),
            input=_text("input", input or ""),
            take_over=take_over,
            metadata={_text("metadata", key): _text(f"metadata[{key!r}]", text) for key, text in _pairs(metadata)},
            page_index=bool(page_index),
            late_columns=self._late_columns,
            content_pages=_content_pages(content_defined_chunking),
        )
        self._turns = Turns(folder, self._core.abort)
        self._looking = Looking(self._turns)
        self._gathered = Gathered(
            self._core, self._late_columns, refuses_changes=on_schema_change == "error", rounds=schema is not None
        )

    @property
    def next_record(self) -> int:
        """How many records of the input, from its beginning, need not be written again."""
        return self._core.next_record

    def resume(self) -> int:
        """Says that the first record written will be ``next_record``, and returns it.

        Without it records are counted from the input's beginning, and those that are published must come again as they
        were.
        """
        with self._turns:
            self._gathered.hand_on()  # it comes too late for rows, also for those that the core does not know of yet
            return self._core.resume()

    @property
    def report(self) -> WriteReport | None:
        """What ``close`` returned, or the end of the block; None before."""
        return self._report

    @property
    def finished(self) -> bool:
        """Whether an earlier run wrote the whole input."""
        return self._core.finished

    @property
    def run(self) -> str:
        """A UUID that all attempts at this output share."""
        return self._core.run

    @property
    def published_chunks(self) -> list[int]:
        """The chunks that are published, ascending."""
        return self._core.published_chunks

    @property
    def counts(self) -> dict[str, int]:
        """``accepted``, ``committed``, ``replayed``, ``dropped`` and ``rejected`` rows so far."""
        counts = self._core.counts
        return {
            **counts,
            "accepted": counts["accepted"] + len(self._gathered) + self._removed,
            "rejected": counts["rejected"] + self._gathered.rejected + self._rejected,
        }

    @property
    def schema(self) -> pa.Schema | None:
        """The rows' schema, None before the first ones."""
        return schema_of(self._core)

    def write(
        self,
        rows: Any,
        *,
        chunk_index: int | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Adds rows.

        Args:
            rows: Anything with ``__arrow_c_stream__``, a pandas or Polars frame, a list of dictionaries, or one. Keys
                that only some dictionaries of a list have are null in the others; the first rows written decide the
                columns. The index of a pandas frame becomes columns, as in pandas' ``to_parquet``.
            chunk_index: The chunk that the rows belong to; counted when left out.
            values: For the template's other keys.

        Raises:
            SchemaError: Rows that do not fit those before, a value that no column holds, a key that the rows before do
                not have; none of theirs is taken.
            InvalidInputError: A value that its column cannot hold, a name that cannot be.
            AlreadyExistsError: A file of somebody else's has the name.
            ConflictError: Rows for a published chunk are not the ones published, or another process took over.
            StorageError: The operating system refused; nothing unfinished is published.
        """
        target = _target(chunk_index, values)
        dictionaries = _dictionaries(rows)
        with self._looking:
            if target != self._gathered.target:
                self._core.check_target(target[0], dict(target[1]))
            if dictionaries is not None:
                self._gather(dictionaries, target)
                return
            stream = self._stream(rows)
            with self._turns:
                self._gathered.hand_on()
                with_rows(lambda stream: self._core.write(stream, target[0], dict(target[1])), stream)
                self._gathered.note_taken()

    def drop(self, records: int = 1, *, chunk_index: int | None = None) -> None:
        """Counts records of a chunk that are left out on purpose.

        Raises:
            InvalidInputError: The named chunk has no room for so many, or was published by this writer.
        """
        target = _target(chunk_index, None)
        count = whole("records", records, least=0)
        with self._looking:
            self._core.check_target(target[0], {})
            with self._turns:
                self._gathered.hand_on()
                self._core.drop(count, target[0], {})

    def filename(self, *, chunk_index: int | None = None, values: Mapping[str, Any] | None = None) -> str:
        """The name that such rows go to (without the number of its part), which ``close_file`` then knows."""
        target = _target(chunk_index, values)
        with self._looking:
            self._core.check_target(target[0], dict(target[1]))
            with self._turns:
                return self._core.name_of(target[0], dict(target[1]))

    def flush(self) -> None:
        """Hands rows that are still in memory to the temporary files, where a rescue finds them."""
        with self._turns:
            self._gathered.hand_on()
            self._core.flush()

    def close_chunk(self, chunk_index: int) -> None:
        """Publishes a chunk: all of its files, then its entry in the manifest. Harmless when it is published."""
        chunk = whole("chunk_index", chunk_index, least=0)
        with self._turns:
            self._gathered.hand_on()
            self._core.close_chunk(chunk)

    def close_file(self, name: str) -> None:
        """Publishes the chunk that a name belongs to; where rows have no chunks, the file of that name.

        Harmless for names that are published or were never heard of.
        """
        name = _text("name", name)
        with self._turns:
            self._gathered.hand_on()
            self._core.close_file(name)

    def close(self) -> WriteReport:
        """Publishes what is left, and marks the output as finished. Called again it returns the same report.

        Raises:
            KeyboardInterrupt: Ctrl-C. Where everything was published, which is not stopped half-way, the exception's
                attribute ``report`` holds the report.
        """
        if self._report is not None:
            return self._report
        return told(self._close, self._closed, given=self._given)

    def _close(self, done: Callable[[Any], None]) -> None:
        with self._turns.end():
            if self._given:
                return  # another thread's call has closed it meanwhile
            with self._turns:
                self._gathered.hand_on()
                self._core.close(done)
                self._turns.closed = True  # before another thread's turn comes

    def _closed(self, report: dict[str, Any]) -> WriteReport:
        self._turns.closed = True
        self._report = WriteReport(**{**report, "files": [PublishedFile(**file) for file in report["files"]]})
        return self._report

    def abort(self) -> None:
        """Removes everything that is not published. Harmless after ``close``."""
        if self._turns.in_fork:
            return  # everything is another process's
        with self._turns.end():
            self._removed += self._gathered.forget()
            self._turns.closed = True
            self._core.abort()

    def __enter__(self) -> ParquetWriter:
        with self._turns:
            return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turns.closed:
            return
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise

    def __del__(self) -> None:
        """Warns of rows that are lost because nobody closed the writer."""
        turns: Turns | None = getattr(self, "_turns", None)  # none where the output could not be claimed
        if turns is None or turns.in_fork or turns.closed or turns.error is not None:
            return
        counts = self.counts
        lost = counts["accepted"] - counts["committed"] - counts["replayed"]
        if lost == 0 and self._core.finished:
            return
        warnings.warn(
            f"{self._folder}: a ParquetWriter was let go without close(): {lost:,} rows that it took are in no file; "
            f"{counts['committed']:,} rows that it published stay. Use `with`, or call close(); with the same input= "
            f"a new writer goes on behind what is published",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a ParquetWriter is neither copied nor pickled, since only one writes an output")

    def _schema_or_empty(self) -> pa.Schema:
        return self.schema or pa.schema([])

    def _gather(self, rows: Sequence[Mapping[str, Any]], target: Target) -> None:
        own = self._gathered.own(rows)
        self._turns.check()  # what a value's own class did meanwhile may have ended the writer
        try:
            self._gathered.add(own, target)
        except BaseException as error:
            self._turns.fail(error)
            raise

    def _stream(self, rows: Any) -> Any:
        """What has columns. Rows that are gathered are in the schema already."""
        try:
            return to_stream(rows, self._schema_or_empty, fixed=False)
        except Exception:
            self._rejected += len(rows) if hasattr(rows, "__len__") else 0
            raise


def _dictionaries(rows: Any) -> Sequence[Mapping[str, Any]] | None:
    """Rows that are dictionaries; None for what has columns. What has no rows is refused, which does no harm."""
    if type(rows) is dict or isinstance(rows, Mapping):
        return [rows]
    if not isinstance(rows, Sequence) or isinstance(rows, (str, bytes)):
        check_has_rows(rows)
        return None
    if _PLAIN.issuperset(map(type, rows)):
        return rows
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(f"a row is a dictionary; got {type(row).__name__}")
    return rows


def _target(chunk_index: int | None, values: Mapping[str, Any] | None) -> Target:
    if chunk_index is None and values is None:
        return _ANY
    chunk = whole_or_none("chunk_index", chunk_index, least=0)
    texts = ((_text("a key of values", key), _text(f"values[{key!r}]", str(value))) for key, value in _pairs(values))
    return chunk, tuple(sorted(texts))


def _pairs(mapping: Mapping[str, Any] | None) -> Iterable[tuple[str, Any]]:
    if mapping is None:
        return ()
    if not isinstance(mapping, Mapping):
        raise TypeError(f"expected a dictionary; got {mapping!r}")
    return mapping.items()


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; expected a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"{name} is {value!a}, which is not UTF-8") from None
    return value


def _content_pages(chunking: bool | Mapping[str, int]) -> tuple[int, int, int] | None:
    if chunking is False:
        return None
    options = {"min_chunk_size": 256 << 10, "max_chunk_size": 1 << 20, "norm_level": 0}
    if chunking is not True:
        if not isinstance(chunking, Mapping):
            raise TypeError(f"content_defined_chunking is {chunking!r}; expected True, False or a dictionary")
        if unknown := set(chunking) - set(options):
            raise InvalidInputError(f"content_defined_chunking: unknown {sorted(unknown)}; expected {sorted(options)}")
        options |= {key: whole(key, value, 32 if key == "norm_level" else 64) for key, value in chunking.items()}
    return options["min_chunk_size"], options["max_chunk_size"], options["norm_level"]
