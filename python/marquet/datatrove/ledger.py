"""What one rank's run has done so far, on disk.

In ``CHECKPOINTS/marquet/RANK/``:

- ``journal.log``: which output this is, and an entry for each chunk that is finished. It only grows, and every entry is
  durable.
- ``chunk_NNNNN.log``: of a chunk that is not finished the documents that are done, so that none is asked of the model
  again. Durable from the moment that the chunk is about to be published.
- ``lock``: held by the process at work.

``CHECKPOINTS/last_chunk/RANK.txt`` is datatrove's own marker, and follows: up to this chunk all are finished.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from marquet import _core
from marquet.datatrove.journal import Journal, digest_of_all, line_of, make_directory, replace_durably
from marquet.errors import ConflictError, InvalidInputError

_FORMAT = 1


@dataclass(frozen=True)
class FinishedChunk:
    """A chunk whose data is durable."""

    chunk: int
    first: int
    """The input's document that it begins with."""
    records: int
    """Documents of the input, dropped ones included."""
    dropped: int | None
    """None where datatrove's own runner finished it, and nobody knows."""
    input: str
    """The digest of the documents."""


@dataclass
class OpenChunk:
    """A chunk that is not finished."""

    index: int
    first: int
    size: int
    """Documents that it takes; fewer where the input ends."""
    log: Journal | None = None
    records: int = 0
    dropped: int = 0
    digests: dict[int, str] = field(default_factory=dict)
    """Of the input's documents, by their place."""
    names: set[str] = field(default_factory=set)
    """Of files that its documents went to."""

    def keep(self, line: bytes, *, durable: bool = False) -> None:
        """Adds a line to the log."""
        if self.log is None:
            return
        if not self.log.path.exists():
            self.log.append(line_of({"chunk": self.index, "first": self.first, "size": self.size}))
        self.log.append(line, durable=durable)

    def finished(self) -> FinishedChunk:
        """The chunk as the journal tells of it."""
        places = range(self.first, self.first + self.records)
        digest = digest_of_all([self.digests[place] for place in places])
        return FinishedChunk(self.index, self.first, self.records, self.dropped, digest)


class Ledger:
    """One rank's, claimed. Chunks may be added from several threads."""

    def __init__(self, checkpoints: Path, rank: int) -> None:
        self.rank_name = f"{rank:05d}"
        self.checkpoints = checkpoints.absolute()
        self._directory = self.checkpoints / "marquet" / self.rank_name
        make_directory(self._directory)
        self._journal = Journal(self._directory / "journal.log")
        self._adding = threading.Lock()
        try:
            self._lock = _core.FileLock.take(str(self._directory / "lock"))
        except ConflictError as error:
            raise ConflictError(
                f"{self._directory}: another run is at work on rank {rank}: {error.args[0]}", hint=error.hint
            ) from error
        try:
            self._read()
        except BaseException:
            self.release()
            raise

    def _read(self) -> None:
        entries = self._journal.read(every_entry_was_durable=True)
        outputs = [entry["output"] for entry in entries if "output" in entry]
        self._output: dict[str, Any] | None = outputs[-1] if outputs else None
        self.finished: dict[int, FinishedChunk] = {
            entry["chunk"]: FinishedChunk(**entry) for entry in entries if "chunk" in entry
        }
        marker = self.read_marker()
        self._marker = -1 if marker is None else marker
        self.awaited: set[int] = set()
        """Chunks that are finished and are yet to be added. Until then the marker stays as it is."""

    def bind(self, output: dict[str, Any]) -> None:
        """Says which output this is. Once a chunk is finished it must be the same one.

        Raises:
            InvalidInputError: It is another one; the message says what differs.
        """
        if self._output is None or (self._output != output and not self.finished):
            self._journal.append(line_of({"format": _FORMAT, "output": output}), durable=True)
            self._output = output
        elif self._output != output:
            keys = sorted(self._output.keys() | output.keys())
            differs = [
                f"the {key} was {self._output.get(key)!r} and is {output.get(key)!r}"
                for key in keys
                if self._output.get(key) != output.get(key)
            ]
            raise InvalidInputError(
                f"{self._directory}: these checkpoints are of another output: {'; '.join(differs)}",
                hint="Give the output that they belong to, or a new folder for checkpoints.",
            )

    def read_marker(self) -> int | None:
        """The number in datatrove's marker; -1 where there is none, None where it is empty."""
        path = self._marker_path()
        if not path.exists():
            return -1
        text = path.read_text().strip()
        return int(text) if text else None

    def open_chunks(self) -> list[tuple[OpenChunk, list[dict[str, Any]]]]:
        """Chunks that have logs, ascending, each with the entries of its documents."""
        found: list[tuple[OpenChunk, list[dict[str, Any]]]] = []
        for path in self._directory.glob("chunk_*.log"):
            log = Journal(path)
            entries = log.read(every_entry_was_durable=False)
            if not entries or entries[0]["chunk"] in self.finished:
                path.unlink()
                continue
            header = entries[0]
            ends = [entry["end"] for entry in entries[1:] if "end" in entry]
            chunk = OpenChunk(header["chunk"], header["first"], ends[-1] if ends else header["size"], log)
            found.append((chunk, [entry for entry in entries[1:] if "end" not in entry]))
        return sorted(found, key=lambda pair: pair[0].index)

    def begin(self, index: int, first: int, size: int) -> OpenChunk:
        """A chunk without documents."""
        return OpenChunk(index, first, size, Journal(self._directory / f"chunk_{index:05d}.log"))

    def about_to_publish(self, chunk: OpenChunk) -> None:
        """Makes the chunk's log durable, and says that it takes no more documents."""
        chunk.keep(line_of({"end": chunk.records}), durable=True)

    def add(self, chunk: FinishedChunk) -> None:
        """Says that a chunk is finished. Durable when it returns; then its log goes, and the marker follows."""
        with self._adding:
            self._journal.append(line_of(asdict(chunk)), durable=True)
            self.finished[chunk.chunk] = chunk
            (self._directory / f"chunk_{chunk.chunk:05d}.log").unlink(missing_ok=True)
            self.awaited.discard(chunk.chunk)
            marker = self._marker
            while marker + 1 in self.finished and not self.awaited:
                marker += 1
            if marker > self._marker:
                make_directory(self._marker_path().parent)
                replace_durably(self._marker_path(), str(marker))
                self._marker = marker

    def release(self) -> None:
        """Lets another process have it."""
        self._lock.release()

    def _marker_path(self) -> Path:
        return self.checkpoints / "last_chunk" / f"{self.rank_name}.txt"
