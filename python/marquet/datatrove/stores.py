"""Where the writer's files go: a local folder, or a remote one by way of a local one."""

from __future__ import annotations

import abc
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datatrove.io import DataFolder
from datatrove.utils.logging import logger
from fsspec.implementations.dirfs import DirFileSystem

from marquet import _core
from marquet._verify import verify
from marquet.errors import ConflictError, InvalidInputError, StorageError
from marquet.writer import ParquetWriter, PublishedFile

OpenWriter = Callable[[str, int, pa.Schema | None], ParquetWriter]
"""Opens a writer of one rank in a local folder, for rows of a schema where one is known."""

Put = Callable[[str, Callable[[], None]], Any]
"""Calls what puts a file of that name, again where the error is one that passes."""


@dataclass(frozen=True)
class Target:
    """Where rows go."""

    name: str
    """As datatrove gives it: without the number of a part."""
    rank: int
    chunk: int | None
    values: tuple[tuple[str, str], ...]
    """Of the template's other keys."""

    @property
    def unit(self) -> tuple[int, int | str]:
        """What is published together: a chunk, or without chunks a name."""
        return self.rank, self.name if self.chunk is None else self.chunk


class Store(abc.ABC):
    """Takes rows, and publishes them unit by unit."""

    @abc.abstractmethod
    def writer(self, target: Target) -> ParquetWriter:
        """The one that takes a target's rows."""

    @abc.abstractmethod
    def close_unit(self, target: Target) -> None:
        """Publishes a unit: its files are complete and durable when this returns."""

    @abc.abstractmethod
    def close(self) -> None:
        """Publishes what is left."""

    @abc.abstractmethod
    def abort(self) -> None:
        """Removes what is not published."""

    def write(self, target: Target, rows: pa.Table) -> None:
        """Adds rows."""
        writer = self.writer(target)
        # Files must have the names that datatrove tells the rest of the pipeline.
        name = writer.filename(chunk_index=target.chunk, values=dict(target.values))
        if name != target.name:
            raise InvalidInputError(
                f"rows of rank {target.rank}, chunk {target.chunk} would go to {name!r}, and datatrove calls it "
                f"{target.name!r}: have the documents' metadata a key 'rank' or 'chunk_index'?"
            )
        writer.write(rows, chunk_index=target.chunk, values=dict(target.values))


class LocalStore(Store):
    """One writer for each rank, in the output folder itself."""

    def __init__(self, folder: str, open_writer: OpenWriter) -> None:
        self._folder = folder
        self._open = open_writer
        self._writers: dict[int, ParquetWriter] = {}

    def writer_of(self, rank: int) -> ParquetWriter:
        """The rank's, which claims its output."""
        if rank not in self._writers:
            self._writers[rank] = self._open(self._folder, rank, None)
        return self._writers[rank]

    def writer(self, target: Target) -> ParquetWriter:
        """The one of the target's rank."""
        return self.writer_of(target.rank)

    def close_unit(self, target: Target) -> None:
        """Publishes a unit, and lists it in the manifest."""
        if target.chunk is None:
            self.writer(target).close_file(target.name)
        else:
            self.writer(target).close_chunk(target.chunk)

    def close(self) -> None:
        """Publishes what is left, rank by rank."""
        for rank in list(self._writers):
            report = self._writers[rank].close()
            del self._writers[rank]
            if report.schema_changes:
                logger.warning(
                    f"{self._folder}: files with another schema than the first, which do not open together with the "
                    f"rest: {', '.join(report.schema_changes)}"
                )

    def abort(self) -> None:
        """Removes what is not published."""
        writers, self._writers = self._writers, {}
        _abort_all(writers.values())


class RemoteStore(Store):
    """Each unit is written and verified in a local folder of its own, and then put under its names, file by file whole.

    What is there already is compared: equal rows are left alone, others are an error. A unit has the types of the units
    before, also in columns where no value tells them.
    """

    def __init__(self, folder: DataFolder, open_writer: OpenWriter, put: Put) -> None:
        self._folder = folder
        self._open = open_writer
        self._put = put
        self._units: dict[tuple[int, int | str], tuple[ParquetWriter, Path]] = {}
        self._schema: pa.Schema | None = None  # of the unit that was closed last

    def writer(self, target: Target) -> ParquetWriter:
        """The one of the target's unit."""
        if target.unit not in self._units:
            path = Path(tempfile.mkdtemp(prefix="marquet-datatrove-"))
            self._units[target.unit] = (self._open(str(path), target.rank, self._schema), path)
        return self._units[target.unit][0]

    def close_unit(self, target: Target) -> None:
        """Puts the unit's files."""
        if target.unit in self._units:
            self._close(target.unit)

    def close(self) -> None:
        """Puts what is left."""
        for unit in list(self._units):
            self._close(unit)

    def abort(self) -> None:
        """Removes what is not put."""
        units, self._units = self._units, {}
        _abort_all(writer for writer, _ in units.values())
        for _, path in units.values():
            shutil.rmtree(path)

    def _close(self, unit: tuple[int, int | str]) -> None:
        writer, path = self._units[unit]
        for file in writer.close().files:
            self._publish(path, file)
        self._schema = writer.schema or self._schema
        del self._units[unit]
        shutil.rmtree(path)

    def _publish(self, path: Path, file: PublishedFile) -> None:
        local = path / file.name
        if self._folder.exists(file.name):
            self._compare(local, file.name)
        else:
            self._put(file.name, lambda: put_whole(self._folder, local, file.name))

    def _compare(self, local: Path, name: str) -> None:
        where = self._folder.unstrip_protocol(self._folder._join(name))
        there = local.with_name(f"there-{local.name}")
        self._folder.get_file(name, str(there))
        if not verify(there, "footer").ok:
            raise ConflictError(
                f"{where}: there is a file of this name, and it is no complete Parquet file; it was not touched",
                hint="Remove it, or write to another folder.",
            )
        try:
            _core.check_same_rows(str(there), str(local))
        except ConflictError as error:
            raise ConflictError(f"{where}: there is a file of this name with other rows: {error}") from error


def put_whole(folder: DataFolder, local: Path, name: str) -> None:
    """Puts a file under its name, which appears when all of it is there; nothing does when something fails."""
    filesystem = folder.fs
    while isinstance(filesystem, DirFileSystem):  # whose transactions do not reach the one behind it
        filesystem = filesystem.fs
    with filesystem.transaction, local.open("rb") as source:
        file = folder.open(name, "wb")
        try:
            shutil.copyfileobj(source, file, 8 << 20)
            file.close()
        except BaseException:
            # File systems without transactions publish when the file is closed, at the latest when it is collected.
            with contextlib.suppress(AttributeError):
                file.closed = True
            raise
    folder.invalidate_cache()
    there, here = folder.info(name)["size"], local.stat().st_size
    if there != here:
        folder.rm_file(name)
        where = folder.unstrip_protocol(folder._join(name))
        raise StorageError(f"{where}: {there:,} bytes were there after {here:,} were put; they are removed again")


def _abort_all(writers: Iterable[ParquetWriter]) -> None:
    """Aborts every one, also after an error, which is raised at the end."""
    with contextlib.ExitStack() as stack:
        for writer in writers:
            stack.callback(writer.abort)
