"""Files of JSON lines that only grow, and of which a crash may take the end."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from datatrove.data import Document, Media
from datatrove.pipeline.inference.types import InferenceResult
from datatrove.utils.logging import logger

from marquet.errors import CorruptDataError, InvalidInputError

_TORN = b" torn\n"
"""Ends a line whose write came to nothing, so that the next one begins on its own line. No entry ends so."""


class Journal:
    """One such file: in each line the CRC-32 of what follows, and a JSON object.

    Not thread safe.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = 0  # lines that were found cut short, and left out
        self._ends_with_a_line = False
        self._name_is_durable = False

    def append(self, line: bytes, *, durable: bool = False) -> None:
        """Adds a `line_of` an entry; a durable one, and all before it, survive a power cut once this returns."""
        with self.path.open("ab+") as file:
            if not self._ends_with_a_line:
                _end_torn_line(file)
            self._ends_with_a_line = False
            file.write(line)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        self._ends_with_a_line = True
        if durable and not self._name_is_durable:
            self._name_is_durable = True
            sync_directory(self.path.parent)

    def read(self, *, every_entry_was_durable: bool) -> list[dict[str, Any]]:
        """The entries, without lines that were cut short. What a crash left of later ones is cut off.

        Raises:
            CorruptDataError: An entry that was durable is damaged.
        """
        if not self.path.exists():
            return []
        entries: list[dict[str, Any]] = []
        good = self.torn = 0
        content = self.path.read_bytes()
        for line in content.splitlines(keepends=True):
            if _is_whole(line):
                entries.append(json.loads(line[9:], object_hook=_from_json))
            elif line.endswith(_TORN):
                self.torn += 1
            else:
                break
            good += len(line)
        rest = content[good:]
        if every_entry_was_durable and b"\n" in rest:
            raise CorruptDataError(
                f"{self.path}: line {len(entries) + self.torn + 1}, at byte {good}, does not have the checksum that it "
                f"begins with"
            )
        if rest:
            self.torn += 1
            os.truncate(self.path, good)
        if self.torn:
            logger.warning(
                f"{self.path}: {self.torn} entries that were cut short are left out"
                + (f", with {len(rest):,} bytes from byte {good:,} on" if rest else "")
            )
        return entries


def _end_torn_line(file: BinaryIO) -> None:
    """Ends what a write that failed has left at the end of a file."""
    if file.seek(0, os.SEEK_END) == 0:
        return
    file.seek(-1, os.SEEK_END)
    if file.read(1) != b"\n":
        file.write(_TORN)


def line_of(entry: dict[str, Any]) -> bytes:
    """An entry as it stands in a journal.

    Raises:
        InvalidInputError: A value of a document's metadata cannot be kept.
    """
    text = json.dumps(entry, default=_to_json, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _is_whole(line: bytes) -> bool:
    return len(line) > 9 and line.endswith(b"\n") and line[:9] == b"%08x " % zlib.crc32(line[9:-1])


def replace_durably(path: Path, text: str) -> None:
    """Gives a file other content, so that a crash leaves the one or the other."""
    unfinished = path.with_name(f".{path.name}.tmp")
    with unfinished.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Makes a directory and those on the way to it, so that a power cut leaves them."""
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_directory(made.parent)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_entry(document: Document) -> dict[str, Any]:
    """A document as an entry's value, from which `from_entry` makes an equal one."""
    return {
        "text": document.text,
        "id": document.id,
        "media": [dataclasses.asdict(media) for media in document.media],
        "metadata": document.metadata,
    }


def from_entry(entry: dict[str, Any]) -> Document:
    """The document of an entry; of one that datatrove wrote, too."""
    media = [Media(**media) for media in entry.get("media") or []]
    return Document(text=entry["text"], id=entry["id"], media=media, metadata=entry.get("metadata") or {})


def digest_of(document: Document, without: frozenset[str]) -> str:
    """What tells a document of the input from others; without some keys of its metadata."""
    entry = to_entry(document)
    entry["metadata"] = {key: value for key, value in document.metadata.items() if key not in without}
    text = json.dumps(entry, default=_to_json_or_its_type)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of_all(digests: list[str]) -> str:
    """What tells a row of documents from others, by the digests of each."""
    return hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()


# What JSON has no values for: each becomes {"$tag": value}.
_TAGS: list[tuple[str, type, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("$bytes", bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    ("$datetime", datetime.datetime, lambda value: value.isoformat(), datetime.datetime.fromisoformat),
    ("$date", datetime.date, lambda value: value.isoformat(), datetime.date.fromisoformat),
    ("$time", datetime.time, lambda value: value.isoformat(), datetime.time.fromisoformat),
    ("$decimal", decimal.Decimal, str, decimal.Decimal),
    ("$result", InferenceResult, dataclasses.asdict, lambda value: InferenceResult(**value)),
    (
        "$number",
        np.generic,
        lambda value: [value.dtype.str, value.item()],
        lambda value: np.dtype(value[0]).type(value[1]),
    ),
    ("$array", np.ndarray, lambda value: [value.dtype.str, value.tolist()], lambda value: np.array(value[1], value[0])),
]
_DECODERS = {tag: decode for tag, _, _, decode in _TAGS}


def _to_json(value: Any) -> Any:
    for tag, kind, encode, _ in _TAGS:
        if isinstance(value, kind):
            return {tag: encode(value)}
    raise InvalidInputError(
        f"a {type(value).__name__} in a document's metadata cannot be kept in a checkpoint: {value!r}"
    )


def _to_json_or_its_type(value: Any) -> Any:
    try:
        return _to_json(value)
    except InvalidInputError:
        return type(value).__name__


def _from_json(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        (tag,) = value
        if tag in _DECODERS:
            return _DECODERS[tag](value[tag])
    return value
