"""Which documents of the input are done, and when a chunk of them is.

How a chunk ends, and what a crash after each step leaves:

1. Its log becomes durable, and says that it grows no more.   Its documents are written again out of the log.
2. The writer publishes its files.                            The same, which the writer finds to be equal.
3. The journal tells of it.                                   It is finished, for good.
4. Its log and its cached requests are removed.               They are removed by the next run.
5. datatrove's marker moves.                                  It moves with the next chunk.

A run that begins again reads the input from its start. Documents of finished chunks are passed over, and must have the
digest that the journal tells; documents in logs, too. So a changed input is refused before anything is published, and
an input that has grown, or another number of documents to a chunk, only changes what comes after.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.inference.checkpointing import CheckpointManager as DatatroveCheckpointManager
from datatrove.pipeline.inference.checkpointing import RequestCache
from datatrove.pipeline.writers.disk_base import DiskWriter
from datatrove.utils.logging import logger

from marquet._paths import path_text
from marquet.datatrove.journal import digest_of, digest_of_all, from_entry, line_of, to_entry
from marquet.datatrove.ledger import FinishedChunk, Ledger, OpenChunk
from marquet.datatrove.takeover import Left, documents_of, left_by_marker, left_in_folder, logs_of
from marquet.datatrove.writer import ParquetWriter
from marquet.errors import CorruptDataError, InvalidInputError, MarquetError

_DROPPED = "__no_rollouts_remove"  # in the metadata of documents that all rollouts have given up


@dataclass(frozen=True)
class _InFlight:
    document: Document  # kept, so that no other one gets its id()
    chunk: OpenChunk
    place: int


class CheckpointManager(DatatroveCheckpointManager):
    """The one that `InferenceRunner` uses in place of datatrove's. One run at a time.

    ``documents`` is walked in a thread of its own; everything else happens in the event loop.
    """

    def __init__(
        self,
        checkpoints_local_dir: str | None = None,
        records_per_chunk: int = 6000,
        request_cache: RequestCache | None = None,
        *,
        metadata_key: str,
    ) -> None:
        super().__init__(checkpoints_local_dir, records_per_chunk, request_cache=request_cache)
        # What the run itself adds: a list of documents may be given to several.
        self._added_by_runs = frozenset({metadata_key, _DROPPED})
        self._reset()

    def _reset(self) -> None:
        self._rank = 0
        self._writer: DiskWriter | None = None
        self._ledger: Ledger | None = None
        self._left = Left()
        self._left_documents: dict[int, list[Document]] = {}  # of datatrove's logs, by chunk
        self._open: dict[int, OpenChunk] = {}
        self._complete: deque[OpenChunk] = deque()  # their logs hold all of their documents
        self._in_flight: dict[int, list[_InFlight]] = {}  # by id(); an input may hold an object twice
        self._flights: AbstractContextManager[Any] = (
            nullcontext()
        )  # a lock once there are threads: locks have no copies
        self._chunk_of_next = 0
        self._documents = 0  # of the input, so far

    async def parse_existing_checkpoints(self, rank: int, output_writer_context: DiskWriter) -> tuple[int, set[str]]:
        """Claims the rank's checkpoints, and writes the documents in its logs again.

        Returns:
            What datatrove's runner is to skip: nothing, since `documents` does that.
        """
        self._rank = rank
        self._writer = output_writer_context
        self._flights = threading.Lock()
        if self.checkpoints_local_dir is None:
            return 0, set()
        self._ledger = Ledger(Path(path_text(self.checkpoints_local_dir)), rank)
        self._bind(output_writer_context)
        logs = self._ledger.open_chunks()
        self._take_over({chunk.index for chunk, _ in logs})
        for chunk, entries in logs:
            self._open[chunk.index] = chunk
            self._write_left_documents(chunk)
            for entry in entries:
                chunk.digests[entry["place"]] = entry["input"]
                self._add(chunk, None if entry["dropped"] else from_entry(entry["document"]))
        if self._ledger.finished or self._open:
            logger.info(
                f"Going on after {len(self._ledger.finished)} finished chunks, with {len(self._open)} begun ones "
                f"that have {sum(chunk.records for chunk in self._open.values())} documents"
            )
        return 0, set()

    def documents(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents that are not done.

        Raises:
            InvalidInputError: The input is not the one that the checkpoints were made with.
        """
        stream = iter(documents)
        for index in itertools.count():
            first = self._documents
            if self._ledger is not None and index in self._ledger.finished:
                self._pass_finished(stream, self._ledger.finished[index])
            elif index in self._left.finished:
                self._pass_left(stream, index, self._left.finished[index])
            else:
                chunk = self._open.get(index) or self._begin(index, first)
                yield from self._open_documents(stream, chunk)
                if self._documents - first < chunk.size:
                    break
        if beyond := [known for known in self._known() if known > index]:
            raise _changed(f"it ends after {self._documents} documents, and chunk {max(beyond)} was begun")

    def chunk_index_gen(self) -> Iterator[int]:
        """The chunk of the document that `documents` gave last."""
        while True:
            yield self._chunk_of_next

    async def write_document(
        self, document: Document, rank: int, chunk_index: int, output_writer_context: DiskWriter
    ) -> None:
        """Writes a document, then notes in the chunk's log that it is done; ends the chunk when it was the last."""
        flight = self._landed(document)
        chunk, place = flight.chunk, flight.place
        dropped = _DROPPED in document.metadata
        entry = {"place": place, "input": chunk.digests[place], "dropped": dropped}
        line = b"" if self._ledger is None else line_of(entry | ({} if dropped else {"document": to_entry(document)}))
        self._add(chunk, None if dropped else document)  # an adapter may change the document
        chunk.keep(line)
        if chunk.records == chunk.size:
            await self._finish(chunk)

    async def finish_complete_chunks(self) -> None:
        """Ends chunks whose logs were found to hold all of their documents."""
        while self._complete:
            await self._finish(self._complete.popleft())

    async def end_input(self) -> None:
        """Ends the chunk in which the input ended, when its documents are done; else that of the last one ends it."""
        for chunk in list(self._open.values()):
            chunk.size = min(chunk.size, self._documents - chunk.first)
            if chunk.records == chunk.size:
                await self._finish(chunk)

    async def cleanup_last_chunk(self, rank: int, chunk_index: int) -> None:
        """Called when no document is being worked on any more."""
        if self._open:
            missing = {chunk.index: f"{chunk.records} of {chunk.size}" for chunk in self._open.values()}
            raise MarquetError(f"rank {rank}: documents that are done do not add up; done by chunk: {missing}")

    def release(self) -> None:
        """Ends the run, however it went."""
        if self._ledger is not None:
            self._ledger.release()
        self._reset()

    # What was there before.

    def _bind(self, writer: DiskWriter) -> None:
        assert self._ledger is not None
        folder = writer.output_folder
        output = {"writer": type(writer).__name__, "template": writer.output_filename.template, "run": None}
        claimed = writer.claim(self._rank) if isinstance(writer, ParquetWriter) else None
        if claimed is None:
            output["folder"] = folder.unstrip_protocol(folder.path)
            self._ledger.bind(output)
            return
        output["run"] = claimed.run
        self._ledger.bind(output)
        published = set(claimed.published_chunks)
        if missing := sorted(
            chunk.chunk
            for chunk in self._ledger.finished.values()
            if chunk.chunk not in published and chunk.dropped is not None
        ):
            raise InvalidInputError(
                f"{folder.path}: the checkpoints say that chunks {missing} are finished, and the manifest of this "
                f"folder does not list them"
            )

    def _take_over(self, ours: set[int]) -> None:
        """Looks at what datatrove's own runner left in the same folders, without what is ours."""
        ledger, writer = self._ledger, self._writer
        assert ledger is not None
        assert writer is not None
        known = ledger.finished.keys() | ours
        marker = ledger.read_marker()
        logs = logs_of(ledger.checkpoints, ledger.rank_name)
        for index in logs.keys() & ledger.finished.keys():
            logs.pop(index).unlink()
        if not logs and marker is not None and all(chunk in known for chunk in range(marker + 1)):
            return
        if isinstance(writer, ParquetWriter):
            claimed = writer.claim(self._rank)
            left = left_in_folder(
                writer.output_folder,
                writer.output_filename,
                ledger.rank_name,
                marker=marker,
                logs=logs,
                published=set(claimed.published_chunks) if claimed is not None else set(),
                known=known,
                records_per_chunk=self.records_per_chunk,
            )
        else:
            left = left_by_marker(marker, logs, ledger.checkpoints / "last_chunk")
            left.finished = {chunk: None for chunk in left.finished if chunk not in known}
        self._left = left
        ledger.awaited = set(left.finished)
        for index, log in sorted(left.logs.items()):
            self._left_documents[index] = documents_of(log)
            if index not in ours:
                chunk = self._open[index] = ledger.begin(index, index * self.records_per_chunk, self.records_per_chunk)
                self._write_left_documents(chunk)

    def _write_left_documents(self, chunk: OpenChunk) -> None:
        for document in self._left_documents.get(chunk.index, []):
            self._add(chunk, None if _DROPPED in document.metadata else document)

    # The walk over the input.

    def _known(self) -> set[int]:
        """Chunks that are finished or begun."""
        finished = set() if self._ledger is None else self._ledger.finished.keys()
        return {*finished, *self._left.finished, *list(self._open)}

    def _first_of(self, index: int) -> int:
        """The document that a chunk of ours begins with."""
        if self._ledger is not None and index in self._ledger.finished:
            return self._ledger.finished[index].first
        return self._open[index].first

    def _begin(self, index: int, first: int) -> OpenChunk:
        """A chunk of which nothing is done. Where later ones are begun, it ends where they say."""
        size = self.records_per_chunk
        later = min((known for known in self._known() if known > index), default=None)
        if self._left.reaches(index):
            size = (index + 1) * self.records_per_chunk - first  # as datatrove counts them
        elif later is not None:
            first_of_later = self._first_of(later)
            size, rest = divmod(first_of_later - first, later - index)
            if size < 1 or rest:
                raise CorruptDataError(
                    f"checkpoints of rank {self._rank}: chunk {later} begins with document {first_of_later}, and "
                    f"chunk {index} with document {first}; the {later - index} chunks between cannot be equal"
                )
        return OpenChunk(index, first, size) if self._ledger is None else self._ledger.begin(index, first, size)

    def _check_none_is_left(self, chunk: OpenChunk, documents: list[Document]) -> None:
        """Raises where a chunk has documents of later ones that datatrove's own runner finished."""
        for index, ids in self._left.finished.items():
            if index > chunk.index and (both := {document.id for document in documents} & (ids or {}).keys()):
                raise _changed(
                    f"{min(both)!r}, which chunk {index} holds, is among documents {chunk.first} to "
                    f"{chunk.first + chunk.size - 1}, of which chunk {chunk.index} is made",
                    f"Was the run begun with a smaller records_per_chunk than {self.records_per_chunk}?",
                )

    def _pass_finished(self, stream: Iterator[Document], finished: FinishedChunk) -> None:
        if finished.first != self._documents:
            raise CorruptDataError(
                f"checkpoints of rank {self._rank}: chunk {finished.chunk} begins with document {finished.first}, and "
                f"those before it have {self._documents} documents"
            )
        digests = [self._digest(document) for document in itertools.islice(stream, finished.records)]
        self._documents += len(digests)
        where = f"chunk {finished.chunk}, documents {finished.first} to {finished.first + finished.records - 1}"
        if len(digests) < finished.records:
            raise _changed(f"it ends after {self._documents} documents; {where}, was finished")
        if digest_of_all(digests) != finished.input:
            raise _changed(f"{where}, was made of other ones")

    def _pass_left(self, stream: Iterator[Document], index: int, ids: Counter[str] | None) -> None:
        """A chunk that datatrove's own runner finished: it goes as far as the last of the documents in its files.

        Those on the way were dropped. Those behind it were, too, or are not done: they belong to the next chunk.
        """
        assert self._ledger is not None
        first = self._documents
        end = (index + 1) * self.records_per_chunk
        if ids is None:
            logger.warning(
                f"Nothing tells which documents chunk {index} holds; {first} to {end - 1} are taken for done"
            )
        missing = Counter(ids or {})
        digests: list[str] = []
        while self._documents < end and (ids is None or missing):
            document = next(stream, None)
            if document is None:
                break
            self._documents += 1
            digests.append(self._digest(document))
            if document.id in missing:
                missing[document.id] -= 1
                missing += Counter()  # without those that are not missing any more
        if missing or not digests:
            raise _changed(
                f"chunk {index} holds {', '.join(map(repr, sorted(missing)[:3]))}, not all of which are among "
                f"documents {first} to {end - 1}",
                f"Was the run begun with a larger records_per_chunk than {self.records_per_chunk}?",
            )
        self._ledger.add(FinishedChunk(index, first, len(digests), None, digest_of_all(digests)))

    def _open_documents(self, stream: Iterator[Document], chunk: OpenChunk) -> Iterator[Document]:
        """Those that are not done. Where all are, the chunk is complete."""
        first = self._documents
        if chunk.index in self._left.logs and not chunk.digests:
            chunk.first, chunk.size = first, chunk.first + chunk.size - first
        if chunk.first != first:
            raise _changed(
                f"chunk {chunk.index} was begun with document {chunk.first}; it would now begin with {first}"
            )
        documents: Iterable[Document] = itertools.islice(stream, chunk.size)
        done = set(chunk.digests)
        if self._left.reaches(chunk.index):
            documents = list(documents)
            self._check_none_is_left(chunk, documents)
            done |= _places_of(self._left_documents.get(chunk.index, []), documents, chunk)
            # The last document that is given out may end the chunk before those behind it come: all of them are
            # known by then.
            for place, document in enumerate(documents, first):
                self._note(chunk, place, document)
        given = 0
        for document in documents:
            place = self._documents
            self._documents += 1
            self._open[chunk.index] = chunk
            self._note(chunk, place, document)
            if place in done:
                continue
            given += 1
            with self._flights:
                self._in_flight.setdefault(id(document), []).append(_InFlight(document, chunk, place))
            self._chunk_of_next = chunk.index
            yield document
        if chunk.digests and max(chunk.digests) >= self._documents:
            raise _changed(f"it ends after {self._documents} documents; document {max(chunk.digests)} was processed")
        if given == 0 and self._documents - first == chunk.size:
            self._complete.append(chunk)

    def _note(self, chunk: OpenChunk, place: int, document: Document) -> None:
        """Keeps the digest of one of a chunk's documents; where it is known it must be this one."""
        digest = self._digest(document)
        if chunk.digests.setdefault(place, digest) != digest:
            raise _changed(f"document {place} is another one: its id is {document.id!r}")

    # In the event loop.

    def _add(self, chunk: OpenChunk, document: Document | None) -> None:
        """Writes a document, or counts one that is dropped."""
        writer = self._writer
        assert writer is not None
        if document is None:
            chunk.dropped += 1
            if isinstance(writer, ParquetWriter) and self._closes_chunks():
                writer.drop(rank=self._rank, chunk_index=chunk.index)
        else:
            writer.write(document, rank=self._rank, chunk_index=chunk.index)
            if not isinstance(writer, ParquetWriter):
                chunk.names.add(writer._get_output_filename(document, self._rank, chunk_index=chunk.index))
        chunk.records += 1

    async def _finish(self, chunk: OpenChunk) -> None:
        """The steps at the top of this file."""
        writer, ledger = self._writer, self._ledger
        assert writer is not None
        if ledger is not None:
            ledger.about_to_publish(chunk)
        if not self._closes_chunks():
            pass  # one file for all chunks, which ends with the writer
        elif isinstance(writer, ParquetWriter):
            writer.close_chunk(rank=self._rank, chunk_index=chunk.index)
        else:
            for name in sorted(chunk.names):
                writer.close_file(name)
        del self._open[chunk.index]
        if ledger is not None:
            ledger.add(chunk.finished())
            if (log := self._left.logs.get(chunk.index)) is not None:
                log.unlink()
        if self.request_cache is not None:
            await self.request_cache.drop_chunk(chunk.index)

    def _landed(self, document: Document) -> _InFlight:
        with self._flights:
            flights = self._in_flight.pop(id(document))
            if len(flights) > 1:
                self._in_flight[id(document)] = flights[1:]
            return flights[0]

    def _digest(self, document: Document) -> str:
        return "" if self._ledger is None else digest_of(document, self._added_by_runs)

    def _closes_chunks(self) -> bool:
        assert self._writer is not None
        return "chunk_index" in self._writer.output_filename.get_identifiers()


def _places_of(left: list[Document], documents: list[Document], chunk: OpenChunk) -> set[int]:
    """Which of a chunk's documents are in datatrove's log, which tells no places: by id, and by text where ids repeat.

    (By id alone would not do then; by text alone neither, because a rollout may have changed it.)
    """
    places = {place: document for place, document in enumerate(documents, chunk.first) if place not in chunk.digests}
    exactly: dict[tuple[str, str], list[int]] = {}
    by_id: dict[str, list[int]] = {}
    for place, document in places.items():
        exactly.setdefault((document.id, document.text), []).append(place)
        by_id.setdefault(document.id, []).append(place)
    found: set[int] = set()
    changed: list[Document] = []
    for document in left:
        if same := exactly.get((document.id, document.text)):
            found.add(same.pop(0))
        else:
            changed.append(document)
    for document in changed:
        same = [place for place in by_id.get(document.id, []) if place not in found]
        if not same:
            raise _changed(
                f"document {document.id!r} of chunk {chunk.index} was processed, and is not among documents "
                f"{chunk.first} to {chunk.first + chunk.size - 1}",
                f"Was the run begun with another records_per_chunk than {chunk.size}?",
            )
        found.add(same[0])
    return found


def _changed(how: str, hint: str = "") -> InvalidInputError:
    return InvalidInputError(
        f"the input is not the one that the checkpoints were made with: {how}",
        hint=hint or "Give the same documents in the same order, or new folders for checkpoints and output.",
    )
