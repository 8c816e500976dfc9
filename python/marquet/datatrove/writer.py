"""A drop-in for datatrove's ParquetWriter."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal

import pyarrow as pa
import pyarrow.types as pt
from datatrove.data import Document
from datatrove.io import DataFolderLike
from datatrove.pipeline.writers.disk_base import DiskWriter
from datatrove.utils.logging import logger
from datatrove.utils.typeshelper import StatHints

from marquet._columns import rows_to_table
from marquet._values import own_row
from marquet._verify import VerifyLevel
from marquet.datatrove.stores import LocalStore, RemoteStore, Store, Target
from marquet.errors import ConflictError, InvalidInputError, MarquetError
from marquet.writer import ParquetWriter as RollingWriter

_KEYS_OF_OUR_OWN = ("rank", "chunk_index")
_CODECS = ("snappy", "gzip", "brotli", "lz4", "zstd", None)


class WriterStopped(BaseException):
    """Ends a run whose writer has failed; its cause is the error.

    No Exception, because datatrove's InferenceRunner counts those and goes on, past the chunk that is lost. It does not
    leave the writer's ``with`` block: there the error itself is raised.
    """


class ParquetWriter(DiskWriter):
    """Writes documents into Parquet files under the names that datatrove's own writer gives them.

    A name appears when its file is complete, on stable storage and verified; with ``${chunk_index}`` in the template
    each chunk's files do when the chunk ends, while later ones are being written. No row that is published changes:
    to write a chunk again is harmless with equal rows and an error with others. After an error nothing more is written,
    and the run ends with it. See ``docs/datatrove.md``.

    Args:
        output_folder: A local folder, or a remote one (anything that fsspec reaches): there a chunk is written and
            verified locally, and put whole.
        output_filename: A template ending in ``.parquet``, with ``${rank}``, ``${chunk_index}``, ``${id}`` and keys of
            the metadata; ``${rank}.parquet`` by default.
        compression: "snappy", "gzip", "brotli", "lz4", "zstd" or None.
        adapter: Makes a document the dictionary that is written, ``adapter(self, document)``. The default one keeps
            every value; a `media` or `metadata` column begins with the first document that has some.
        batch_size: Documents gathered before they become rows, and rows of a row group.
        expand_metadata: Each key of the metadata as a column.
        max_file_size: Bytes after which a name's next part begins. Above 0 parts are named ``000_NAME``, ``001_NAME``.
        schema: Of all rows (a ``pyarrow.Schema``); that of the first ones when left out.
        save_media_bytes: Write the bytes of media, too.
        use_content_defined_chunking: See :class:`marquet.ParquetWriter`.
        write_page_index: See :class:`marquet.ParquetWriter`.
        on_schema_change: What becomes of documents that do not fit the schema: "new_part" (they begin another file; the
            default without a schema) or "error" (the default with one).
        verify: How far each file is checked before it is published: "footer", "crc" or "full".
    """

    default_output_filename = "${rank}.parquet"
    name = "📒 Parquet (Marquet)"
    _requires_dependencies = ["pyarrow"]  # noqa: RUF012 - datatrove looks for a list

    def __init__(
        self,
        output_folder: DataFolderLike,
        output_filename: str | None = None,
        compression: Literal["snappy", "gzip", "brotli", "lz4", "zstd"] | None = "snappy",
        adapter: Callable[..., dict[str, Any]] | None = None,
        batch_size: int = 1000,
        expand_metadata: bool = False,
        max_file_size: int = 5 * 2**30,
        schema: Any = None,
        save_media_bytes: bool = False,
        use_content_defined_chunking: bool | Mapping[str, int] = True,
        write_page_index: bool = True,
        *,
        on_schema_change: Literal["error", "new_part"] | None = None,
        verify: VerifyLevel = "footer",
    ) -> None:
        if compression not in _CODECS:
            raise ValueError(f"compression is {compression!r}; expected one of {', '.join(map(repr, _CODECS))}")
        super().__init__(
            output_folder,
            output_filename,
            compression=None,  # of the file as a whole
            adapter=adapter,
            mode="wb",
            expand_metadata=expand_metadata,
            max_file_size=max_file_size,
            save_media_bytes=save_media_bytes,
        )
        self.compression = compression
        self.batch_size = batch_size
        self.schema = schema
        self.use_content_defined_chunking = use_content_defined_chunking
        self.write_page_index = write_page_index
        self.on_schema_change = on_schema_change or ("new_part" if schema is None else "error")
        self.verify = verify
        self._has_own_adapter = adapter is not None
        self._depth = 0  # of `with` blocks
        self._error: BaseException | None = None
        self._session: _Session | None = None  # what is open; copies and pickles are made before there is one

    def write(self, document: Document, rank: int = 0, **kwargs: Any) -> None:
        """Adds a document. `kwargs` are for the template; ``chunk_index`` says which chunk it belongs to."""
        with self._poisoning():
            name = self._get_output_filename(document, rank, **kwargs)
            row = self.adapter(document)
            if not isinstance(row, dict):
                raise TypeError(f"the adapter made {row!r:.100} of document {document.id!r}; expected a dictionary")
            self._write(row, None, name)
            self.stat_update(self._get_output_filename(document, "XXXXX", **kwargs))
            self.stat_update(StatHints.total)
            self.update_doc_stats(document)

    def close_file(self, filename: str) -> None:
        """Publishes the chunk that a name belongs to; without chunks, the file of that name. Durable when it returns.

        Harmless for names that are published or were never heard of.
        """
        with self._poisoning():
            if self._session is not None:
                self._session.close_file(filename)

    def close(self) -> None:
        """Publishes what is left. Harmless when everything is."""
        error = self._error
        if error is not None:
            self.abort()
            raise error
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.close()
        except BaseException:
            session.store.abort()
            raise

    def abort(self) -> None:
        """Removes everything that is not published."""
        session, self._session = self._session, None
        self._error = None
        if session is not None:
            session.store.abort()

    def _give_up(self, error: BaseException) -> None:
        """After an error nobody is kept from the output."""
        session, self._session = self._session, None
        try:
            if session is not None:
                session.store.abort()
        except MarquetError as another:
            error.add_note(f"Giving up the output failed, too: {another}")

    def __enter__(self) -> ParquetWriter:
        """Blocks may be nested, and may follow each other; the outermost one publishes at its end."""
        if self._error is not None:
            raise self._error
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth > 0:
            return
        if error is None:
            self.close()
            return
        cause = self._error
        if isinstance(error, GeneratorExit) and self._session is not None:
            logger.warning(
                f"{self.output_folder.path}: the pipeline took no more documents before they ended; files that were "
                f"not finished are not published: {', '.join(sorted(self._session.targets)) or 'none'}"
            )
        self.abort()
        if isinstance(error, WriterStopped) and cause is not None:
            raise cause from cause.__cause__

    def drop(self, *, rank: int, chunk_index: int) -> None:
        """Counts a document of a chunk that is left out on purpose."""
        with self._poisoning():
            store = self._opened().store
            if isinstance(store, LocalStore):  # remote folders have no manifest to count it in
                store.writer_of(rank).drop(chunk_index=chunk_index)

    def close_chunk(self, *, rank: int, chunk_index: int) -> None:
        """Publishes a chunk, also one without documents. Durable when it returns."""
        with self._poisoning():
            self._opened().close_unit(Target("", rank, chunk_index, ()))

    def claim(self, rank: int) -> RollingWriter | None:
        """Claims a rank's output; None for remote folders, where nothing is kept beside the files."""
        with self._poisoning():
            store = self._opened().store
            return store.writer_of(rank) if isinstance(store, LocalStore) else None

    def _get_output_filename(self, document: Document, rank: int | str = 0, **kwargs: Any) -> str:
        try:
            name: str = super()._get_output_filename(document, rank, **kwargs)
        except KeyError as error:
            raise KeyError(
                f"document {document.id!r}: the output name {self.output_filename.template!r} asks for {error}, which "
                f"the document's metadata does not have"
            ) from error
        if isinstance(rank, int):  # other ones are for statistics
            keys = self.output_filename.get_identifiers()
            values = {"id": document.id, **document.metadata, **kwargs}
            chunk = int(kwargs["chunk_index"]) if "chunk_index" in keys and "chunk_index" in kwargs else None
            others = tuple((key, str(values[key])) for key in sorted(keys) if key not in _KEYS_OF_OUR_OWN)
            self._opened().note(Target(name, rank, chunk, others))
        return name

    def _write(self, document: dict[str, Any], file_handler: Any, filename: str) -> None:
        self._opened().add(filename, document)

    def _default_adapter(self, document: Document) -> dict[str, Any]:
        data = dataclasses.asdict(document)
        if not self.save_media_bytes:
            for media in data["media"]:
                media["media_bytes"] = None
        # There are no empty structs in Parquet; no column, or null in it, says the same.
        for holder, name in ((data, "media"), (data, "metadata"), *((media, "metadata") for media in data["media"])):
            if not holder[name]:
                del holder[name]
        if self.expand_metadata:
            metadata = data.pop("metadata", {})
            if hidden := data.keys() & metadata.keys():
                raise InvalidInputError(
                    f"document {document.id!r}: expand_metadata would write {sorted(hidden)} of the metadata over the "
                    f"document's own",
                    hint="Give an adapter that says which it is to be.",
                )
            data |= metadata
        return data

    def _opened(self) -> _Session:
        if self._session is None:
            folder = self.output_folder
            store: Store = (
                LocalStore(folder.path, self._open_rank)
                if folder.is_local()
                else RemoteStore(
                    folder, self._open_rank, lambda name, put: self._retry_hf_hub_operation("upload", name, put)
                )
            )
            self._session = _Session(
                store, self.batch_size, fills_media=not self._has_own_adapter, rounds=self.schema is not None
            )
        return self._session

    def _open_rank(self, folder: str, rank: int, schema: pa.Schema | None) -> RollingWriter:
        kind = RollingWriter if self._has_own_adapter else _DocumentWriter
        return kind(
            folder,
            self.output_filename.template,
            rank=rank,
            schema=schema if self.schema is None else self.schema,
            compression=self.compression or "none",
            row_group_size=self.batch_size if self.batch_size > 0 else 1 << 20,
            max_file_size=max(0, self.max_file_size),
            verify=self.verify,
            on_schema_change=self.on_schema_change,
            page_index=self.write_page_index,
            content_defined_chunking=self.use_content_defined_chunking,
            input="datatrove",  # what is written again is compared with what is published
        )

    @contextlib.contextmanager
    def _poisoning(self) -> Iterator[None]:
        """After an error every call raises it again, until the block is left. In a block nobody else may swallow it."""
        try:
            if self._error is not None:
                raise self._error
            yield
        except BaseException as error:
            if self._error is None and not isinstance(error, WriterStopped):
                self._error = error
                if self._depth == 0:  # a block does so at its end
                    self._give_up(error)
            if self._depth > 0 and isinstance(error, Exception):
                raise WriterStopped(f"{type(error).__name__}: {error}") from error
            raise


class _Session:
    """Rows that are gathered, by the name that they go to, and the store that takes them."""

    def __init__(self, store: Store, batch_size: int, *, fills_media: bool, rounds: bool) -> None:
        self.store = store
        self.targets: dict[str, Target] = {}  # by name, of what is not published
        self._gathered: dict[str, list[dict[str, Any]]] = {}
        self._kinds: set[type] = set()  # of values in rows so far
        self._batch_size = batch_size
        self._fills_media = fills_media
        self._rounds = rounds  # floats to a narrow column that was asked for

    def note(self, target: Target) -> None:
        """Remembers where a name belongs, for those who only tell the name."""
        other = self.targets.setdefault(target.name, target)
        if other.unit != target.unit:
            raise ConflictError(
                f"rank {other.rank} is writing {target.name!r}, and so would rank {target.rank}: the template has no "
                f"${{rank}}"
            )

    def add(self, name: str, row: dict[str, Any]) -> None:
        if name not in self.targets:
            raise InvalidInputError(f"{name!r} is no name that _get_output_filename has given")
        rows = self._gathered.setdefault(name, [])
        rows.append(own_row(row, self._kinds))
        if len(rows) == self._batch_size:
            self._hand_on(name)

    def close_file(self, name: str) -> None:
        target = self.targets.get(name)
        if target is not None:
            self.close_unit(target)

    def close_unit(self, target: Target) -> None:
        names = [name for name, other in self.targets.items() if other.unit == target.unit]
        for name in names:
            self._hand_on(name)
        self.store.close_unit(target)
        for name in names:
            del self.targets[name]

    def close(self) -> None:
        for name in list(self._gathered):
            self._hand_on(name)
        self.store.close()

    def _hand_on(self, name: str) -> None:
        rows = self._gathered.pop(name, [])
        if not rows:
            return
        target = self.targets[name]
        schema = self.store.writer(target).schema
        if self._fills_media:
            _fill_media(rows, schema)
        self.store.write(target, rows_to_table(rows, schema, kinds=self._kinds, rounds=self._rounds))


class _DocumentWriter(RollingWriter):
    """Takes documents: their media and metadata are columns from the first one on that has some."""

    _late_columns = ["media", "metadata"]  # noqa: RUF012 - as there


def _fill_media(rows: list[dict[str, Any]], schema: pa.Schema | None) -> None:
    """A document without media has an empty list of them where others have some, and media without metadata null."""
    kind = schema.field("media").type if schema is not None and "media" in schema.names else None
    fields = [field.name for field in kind.value_type] if kind is not None and pt.is_struct(kind.value_type) else []
    if kind is None and not any("media" in row for row in rows):
        return
    for row in rows:
        for media in row.setdefault("media", []):
            if "metadata" in fields:
                media.setdefault("metadata", None)
