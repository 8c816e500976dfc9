"""Source files into tables."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from marquet import _core
from marquet._arguments import call, whole, whole_or_none
from marquet._html import Report
from marquet._paths import escaped, is_utf8, path_text
from marquet._time import TimeLike, to_nanos
from marquet._told import told
from marquet._verify import VerifyLevel
from marquet.errors import InvalidInputError


@dataclass(frozen=True)
class SourcePart:
    """What one table took in of a source."""

    kind: str
    table: str
    version: int
    rows: int


@dataclass(frozen=True)
class ReplacedRows:
    """Rows that went because they came again: those of one older source, symbol and day."""

    table: str
    source: str
    """The older one's name."""
    symbol: str | None
    """None for rows without one."""
    date: str | None
    rows: int
    rows_left: int = 0
    """Rows of the same symbol, day and publishers that stay: they lie outside of the times that came."""


@dataclass(frozen=True)
class SourceReport:
    """What became of one source. Records in = rows out + rows not selected + control records + unknown records, unless
    it failed: then `rows` are those that were committed.

    Rows of the table before + rows - rows_replaced = rows of the table after.
    """

    source: str
    status: str
    """"ingested", "replaced" (rows of other sources went), "skipped" or "failed"; of a dry run "would ingest" and
    "would replace" for the first two."""
    digest: str
    """XXH3-128 of the file's bytes."""
    kind: str
    """The record kind ("mbp-10", "trades" ...), or "mixed"."""
    table: str
    version: int
    """The version that holds the source's rows; -1 when nothing was committed."""
    bytes: int
    records: int
    rows: int
    rows_not_selected: int
    """Rows that `symbols`, `start` and `end` leave out, and those of `rows_held` and `rows_there`."""
    rows_held: int
    """Rows that an earlier selection of the same bytes has brought."""
    rows_there: int
    """Rows of tables that held all of theirs already, of a source that `split_by_schema` spreads over several."""
    rows_replaced: int
    """Rows of other sources that went for it; `replaced` counts them by symbol and day."""
    control_records: int
    unknown_records: int
    unknown_by_rtype: dict[str, int]
    """Their counts by type, as in "0xEE"."""
    unmapped_rows: int
    """Rows whose instrument has no symbol (null)."""
    nulled_times: int
    """Times beyond int64 that became null on request."""
    truncated_bytes: int
    truncated_records: int
    files_written: int
    bytes_written: int
    seconds: float
    parts: list[SourcePart]
    """What each table took in; empty where nothing was."""
    replaced: list[ReplacedRows]
    note: str
    """Why it was skipped, or which layout was chosen."""
    error: str
    """Why it failed, on one line."""
    hint: str
    """What to do about that."""


@dataclass(frozen=True)
class PassedOver:
    """What lies in a folder, or was named, and is no source."""

    path: str
    """With escapes where it is not UTF-8."""
    why: str
    """What it is: "not named *.dbn or *.dbn.zst", "hidden", "the same as a.dbn"."""


@dataclass(frozen=True)
class IngestReport(Report):
    """What became of each source, in order; true when none failed. ``str(report)`` is the text that people read."""

    sources: list[SourceReport]
    ok: bool
    not_tried: int
    """Sources behind one that failed."""
    text: str
    unmatched_symbols: list[str] = field(default_factory=list)
    """Those of `symbols` that no row in the times selected matches; empty where a source was skipped unread."""
    passed_over_entries: list[PassedOver] = field(default_factory=list)
    error: str = ""
    """Of the first source that failed, or of all of them together where nothing is selected."""
    kind: str = ""
    """The kind of the error, as the command line names it."""
    hint: str = ""
    """What to do about the error."""

    @property
    def passed_over(self) -> int:
        """How many files and folders, in the folders that were named, are no sources."""
        return len(self.passed_over_entries)

    @property
    def records(self) -> int:
        """Records read, of all sources."""
        return sum(source.records for source in self.sources)

    @property
    def rows(self) -> int:
        """Rows written, of all sources."""
        return sum(source.rows for source in self.sources)

    @property
    def rows_replaced(self) -> int:
        """Rows of older sources that went, for all sources."""
        return sum(source.rows_replaced for source in self.sources)

    def to_dict(self) -> dict[str, Any]:
        """The report as ``marquet ingest --json`` prints it."""
        sources = [asdict(source) for source in self.sources]
        entries = [asdict(entry) for entry in self.passed_over_entries]
        return {
            "ok": self.ok,
            "error": self.error,
            "kind": self.kind,
            "hint": self.hint,
            "not_tried": self.not_tried,
            "unmatched_symbols": self.unmatched_symbols,
            "passed_over": self.passed_over,
            "passed_over_entries": entries,
            "sources": sources,
        }

    def _shown(self) -> dict[str, Any]:
        return self.to_dict()

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.text


def ingest(
    source: str | os.PathLike[str] | Any | Sequence[str | os.PathLike[str] | Any],
    table: str | os.PathLike[str],
    *,
    split_by_schema: bool = False,
    allow_truncated: bool = False,
    keep_unknown: bool = False,
    on_error: Literal["error", "null"] = "error",
    again: bool = False,
    on_overlap: Literal["error", "replace", "append"] = "error",
    symbols: str | Sequence[str] = (),
    start: TimeLike | None = None,
    end: TimeLike | None = None,
    partition_by: Sequence[str] = (),
    compression: str = "zstd",
    compression_level: int | None = None,
    row_group_size: int = 1 << 20,
    verify: VerifyLevel = "footer",
    jobs: int = 0,
    memory: int = 1 << 30,
    dry_run: bool = False,
    progress: Callable[[str, int, int, int], None] | None = None,
) -> IngestReport:
    """Reads source files into a table: each source one commit, exactly once, every record accounted for.

    Sources are worked through in order, up to the first that fails; what was committed before it stays. The same bytes
    a second time are skipped and said to be.

    Args:
        source: A file, a directory (the DBN files in it and below it), a Databento batch folder, a
            ``databento.DBNStore``, or a list of these. A store is called by the path of its file, one made of bytes by
            their digest; symbols inserted into it (``insert_symbology_json``) hold where its header says nothing.
        table: The table; created when it is not there.
        split_by_schema: A file of several record kinds becomes one table per kind under `table`, a folder. Such a
            file cannot be exported to DBN again.
        allow_truncated: Count a last record that is cut short instead of refusing the file.
        keep_unknown: Keep records of unknown type, raw, with the source's description.
        on_error: What a time beyond int64 becomes: an error, or "null" (counted).
        again: Ingest the same bytes a second time; their rows are there twice unless `on_overlap` is "replace".
        on_overlap: What to do with rows for a symbol, publisher, day and time range that another source filled: refuse
            ("error"), "append" anyway, or "replace" exactly those rows of the other source in the same commit; the rest
            of it stays. Sources of one call never replace each other.
        symbols: Rows of these symbols only: names, or patterns in which ``*`` is any text and ``?`` any one
            character. Rows without a symbol match none. Which of them match nothing is in the report.
        start: Rows at or after this time only, by ``ts_recv`` or, where there is none, ``ts_event``.
        end: Rows before this time only. What is not selected is not decoded; it may come later: the same source
            with another selection brings the rows that no earlier one has brought.
        partition_by: Of a new table; by default symbol and date, or date alone past 1,000 symbols.
        compression: "zstd", "snappy", "gzip", "lz4", "brotli" or "none".
        compression_level: Of the codec; zstd's default here is 1.
        row_group_size: Rows of a row group.
        verify: How far each data file is checked before it is published: "footer", "crc" or "full".
        jobs: Threads; 0 for as many as there are processors.
        memory: Bytes to stay below.
        dry_run: Read everything and report what would become of each source, but write nothing.
        progress: Called with phase, rows, bytes done and bytes in all, some ten times a second at most.

    Returns:
        The report, of each source.

    Raises:
        MarquetError: The first failure; its attribute ``report`` holds the report up to there. CorruptDataError for
            damaged bytes, UnsupportedError for what is no DBN that is known, InvalidInputError for an overlap, no
            source, or a selection of which no source has a row, ConflictError where others kept changing what was to
            be replaced, NotFoundError for a missing source, StorageError for a refusal of the operating system.
        KeyboardInterrupt: Ctrl-C; nothing half done is visible, and running again goes on. Its attribute ``report``,
            where it has one, tells of each source: a commit that had begun is ended, and is there.
    """
    given = list(source) if isinstance(source, (list, tuple)) else [source]
    if not given:
        raise InvalidInputError("no source is given; expected a file, a folder, or several")
    target = path_text(table)

    def work(done: Callable[[Any], None]) -> None:
        with tempfile.TemporaryDirectory(prefix="marquet-") as folder:
            taken = [_taken(one, Path(folder) / str(place)) for place, one in enumerate(given)]
            call(
                _core.ingest,
                [one.path for one in taken],
                {one.path: (one.name, one.symbols) for one in taken if one.name is not None},
                target,
                split_by_schema=split_by_schema,
                allow_truncated=allow_truncated,
                keep_unknown=keep_unknown,
                null_on_overflow=_is_null(on_error),
                again=again,
                on_overlap=on_overlap,
                symbols=[symbols] if isinstance(symbols, str) else list(symbols),
                start_ns=None if start is None else to_nanos(start),
                end_ns=None if end is None else to_nanos(end),
                partition_by=[partition_by] if isinstance(partition_by, str) else list(partition_by),
                compression=compression,
                compression_level=whole_or_none("compression_level", compression_level, 32),
                row_group_size=whole("row_group_size", row_group_size),
                verify=verify,
                jobs=whole("jobs", jobs, 32, least=0),
                memory=whole("memory", memory),
                dry_run=dry_run,
                progress=progress,
                done=done,
            )

    failures: list[Any] = []

    def report(told_by_core: tuple[str, str, Any]) -> IngestReport:
        text, content, error = told_by_core
        result = _report(text, content)
        if isinstance(error, BaseException):
            error.__dict__["report"] = result
            failures.append(error)
        return result

    result = told(work, report)
    if failures:
        raise failures[0]
    return result


def _is_null(on_error: str) -> bool:
    if on_error not in ("error", "null"):
        raise InvalidInputError(f"unknown on_error {on_error!r}; expected 'error' or 'null'")
    return on_error == "null"


@dataclass(frozen=True)
class _Taken:
    """A source as the core takes it."""

    path: str
    name: str | None = None
    """What it is called, where that is not its path; empty for the digest of its bytes."""
    symbols: list[tuple[str, int, int, int]] = field(default_factory=list)
    """Symbol, instrument id, first day and the day behind the last one, since 1970: where its header says nothing."""


def _taken(source: Any, folder: Path) -> _Taken:
    if isinstance(source, (str, os.PathLike)):
        return _Taken(path_text(source))
    if type(source).__name__ == "DBNStore":
        return _taken_store(source, folder)
    raise TypeError(f"a source is a path or a databento.DBNStore, got {type(source).__name__}")


def _taken_store(store: Any, folder: Path) -> _Taken:
    """The file that a store was opened from, or, where there is none or another by now, a copy of its bytes."""
    opened_from = getattr(getattr(store, "_data_source", None), "path", None)
    name = "" if opened_from is None else escaped(os.fsdecode(opened_from))
    if opened_from is not None and is_utf8(os.fsdecode(opened_from)) and _still_is(opened_from, store):
        return _Taken(os.fsdecode(opened_from), name, _symbols_of(store))
    folder.mkdir()
    path = folder / "dbnstore.dbn"
    store.to_file(path)  # in the compression that it has: a copy of its bytes
    return _Taken(str(path), name, _symbols_of(store))


def _still_is(path: Any, store: Any) -> bool:
    """Whether the file of a path is the one that a store has open."""
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(store._data_source.reader.fileno()))
    except (OSError, ValueError, AttributeError):
        return False


def _symbols_of(store: Any) -> list[tuple[str, int, int, int]]:
    """The symbols that a store knows beside its header's: those of ``insert_symbology_json``."""
    build = getattr(getattr(store, "_instrument_map", None), "build_symbol_map", None)
    if build is None:
        return []
    epoch = date(1970, 1, 1)
    return [
        (symbol, int(instrument), (start - epoch).days, (end - epoch).days)
        for instrument, intervals in build().items()
        for start, end, symbol in intervals
    ]


def _report(text: str, report: str) -> IngestReport:
    content = json.loads(report)
    names = SourceReport.__dataclass_fields__
    sources = []
    for source in content["sources"]:
        parts = [SourcePart(**part) for part in source["parts"]]
        replaced = [ReplacedRows(**rows) for rows in source["replaced"]]
        values = {name: source[name] for name in names}
        sources.append(SourceReport(**{**values, "parts": parts, "replaced": replaced}))
    return IngestReport(
        sources=sources,
        ok=content["ok"],
        not_tried=content["not_tried"],
        text=text,
        unmatched_symbols=content["unmatched_symbols"],
        passed_over_entries=[PassedOver(**entry) for entry in content["passed_over_entries"]],
        error=content["error"],
        kind=content["kind"],
        hint=content["hint"],
    )
