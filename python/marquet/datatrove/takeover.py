"""What a run of datatrove's own InferenceRunner left, for another one to go on with.

Its marker tells of chunks that may hold nothing (an error that was swallowed, a kill before the last chunk was closed),
and does not tell of chunks that were finished out of order. So a chunk counts as finished where its files are complete
and its log of documents is gone, which datatrove removes just before it moves the marker; other files of chunks are set
aside, in ``_marquet/retired/``, and their documents are processed again. Which documents a finished chunk holds is read
from its `id` column, and compared with the input.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.io import DataFolder
from datatrove.utils.logging import logger

from marquet.datatrove.journal import from_entry
from marquet.errors import InvalidInputError


@dataclass
class Left:
    """By a run of datatrove's own."""

    finished: dict[int, Counter[str] | None] = field(default_factory=dict)
    """Finished chunks, with the ids of the documents in them; None where the files do not tell."""
    logs: dict[int, Path] = field(default_factory=dict)
    """Of chunks that are not finished, the documents that are done."""

    def reaches(self, chunk: int) -> bool:
        """Whether it knows of this chunk, or of a later one."""
        return any(chunk <= known for known in (*self.finished, *self.logs))


def logs_of(checkpoints: Path, rank_name: str) -> dict[int, Path]:
    """The logs of documents, by chunk."""
    found: dict[int, Path] = {}
    for path in sorted((checkpoints / rank_name).glob("chunk_*.jsonl")):
        number = path.name.removeprefix("chunk_").removesuffix(".jsonl")
        if number.isdecimal():
            found[int(number)] = path
    return found


def documents_of(log: Path) -> list[Document]:
    """The documents of one of datatrove's logs; its last line may have been cut by a crash."""
    documents: list[Document] = []
    for line in log.read_bytes().splitlines(keepends=True):
        try:
            documents.append(from_entry(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning(f"{log}: line {len(documents) + 1} is no document and is left out: {error}")
    return documents


def left_by_marker(marker: int | None, logs: dict[int, Path], where: Path) -> Left:
    """What is finished by the marker alone, for writers whose files cannot be looked at.

    Raises:
        InvalidInputError: The marker is empty, and no log tells where it was.
    """
    if marker is None:
        if not logs:
            raise InvalidInputError(
                f"{where}: datatrove's marker is empty, so nothing tells which chunks are finished",
                hint="Write the number of the last finished chunk into it, or take a new folder for checkpoints.",
            )
        marker = min(logs) - 1
    return Left(dict.fromkeys(range(marker + 1)), {chunk: log for chunk, log in logs.items() if chunk > marker})


def left_in_folder(
    folder: DataFolder,
    template: Template,
    rank_name: str,
    *,
    marker: int | None,
    logs: dict[int, Path],
    published: set[int],
    known: set[int],
    records_per_chunk: int,
) -> Left:
    """What is finished by the files themselves. Sets the others aside.

    Args:
        folder: Where the files are.
        template: Of their names.
        rank_name: As it stands in names.
        marker: datatrove's, None where it is empty.
        logs: datatrove's.
        published: Chunks that our own writer's manifest lists: they are finished whatever the marker says.
        known: Chunks that the run has finished or begun since; their files are left alone.
        records_per_chunk: Of the run.

    Raises:
        InvalidInputError: A chunk holds more documents than chunks are said to have.
    """
    left = Left(logs={chunk: log for chunk, log in logs.items() if chunk not in published})
    for chunk, names in sorted(_files_by_chunk(folder, template, rank_name).items()):
        if chunk in known:
            continue
        told = chunk in published or (chunk not in logs and (marker is None or chunk <= marker + 1))
        read = [_ids_of(folder, name) for name in names]
        broken = [name for name, content in zip(names, read, strict=True) if content is None]
        if not told or broken:
            if chunk in published:
                continue  # the manifest says which file is damaged when it is verified
            for name in names:
                _set_aside(
                    folder, name, f"not complete: {', '.join(broken)}" if broken else "its chunk was not finished"
                )
            continue
        rows = sum(content.rows for content in read if content is not None)
        if rows > records_per_chunk:
            raise InvalidInputError(
                f"chunk {chunk} holds {rows} documents ({', '.join(names)}); records_per_chunk is {records_per_chunk}",
                hint="Take the run over with the records_per_chunk that it was begun with.",
            )
        ids: Counter[str] | None = Counter()
        for content in read:
            ids = None if ids is None or content is None or content.ids is None else ids + content.ids
        left.finished[chunk] = ids
    for chunk in published - known - left.finished.keys():
        left.finished[chunk] = None  # all of its documents were dropped
    return left


@dataclass(frozen=True)
class _Content:
    rows: int
    ids: Counter[str] | None


def _ids_of(folder: DataFolder, name: str) -> _Content | None:
    """What a file holds; None for one that is not complete."""
    try:
        with folder.open(name, "rb") as file, pq.ParquetFile(file) as parquet:
            rows = parquet.metadata.num_rows
            if "id" not in parquet.schema_arrow.names:
                return _Content(rows, None)
            return _Content(rows, Counter(parquet.read(columns=["id"])["id"].to_pylist()))
    except (pa.ArrowInvalid, pa.ArrowIOError):
        return None


def _files_by_chunk(folder: DataFolder, template: Template, rank_name: str) -> dict[int, list[str]]:
    pattern = _pattern(template, rank_name)
    found: dict[int, list[str]] = {}
    for name in folder.list_files(recursive=True):
        match = None if name.startswith("_marquet/") else pattern.fullmatch(name)
        if match is not None:
            found.setdefault(int(match["chunk_index"]), []).append(name)
    return found


def _pattern(template: Template, rank_name: str) -> re.Pattern[str]:
    """Of the names that a rank's files have, numbers of parts included."""
    keys = set(template.get_identifiers())
    marks = {key: f"\0{key}\0" for key in keys}
    text = re.escape(template.substitute(marks))
    for key, mark in marks.items():
        kind = {"rank": re.escape(rank_name), "chunk_index": r"\d+"}.get(key, r"[^/]+")
        first, *others = text.split(re.escape(mark))
        text = first + "".join(
            (f"(?P<{key}>{kind})" if i == 0 else f"(?P={key})") + rest for i, rest in enumerate(others)
        )
    head, slash, base = text.rpartition("/")
    return re.compile(f"{head}{slash}(?:[0-9]{{3,}}_)*{base}")


def _set_aside(folder: DataFolder, name: str, why: str) -> None:
    to = f"_marquet/retired/datatrove-{uuid.uuid4().hex[:8]}-{name.replace('/', '%2F')}.retired"
    folder.makedirs("_marquet/retired", exist_ok=True)
    folder.mv(name, to)
    logger.warning(f"{folder.path}/{name}: {why}; set aside as {to}, and its documents are processed again")
