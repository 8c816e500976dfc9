"""The exceptions that Marquet raises: one class for each of its nine kinds of error.

Every one is a :class:`MarquetError`; those that have a built-in counterpart are that, too, so that
``except FileNotFoundError`` and ``except ValueError`` work as expected. Ctrl-C ends a call with ``KeyboardInterrupt``.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AlreadyExistsError",
    "CommitUnknownError",
    "ConflictError",
    "CorruptDataError",
    "InvalidInputError",
    "MarquetError",
    "NotFoundError",
    "SchemaError",
    "StorageError",
    "UnsupportedError",
]


class MarquetError(Exception):
    """Any error of Marquet.

    Attributes:
        hint: A sentence that says what to do next, or None.
        errno: The operating system's error number; None for errors that it has no part in.
        filename: The file or table that the error is about, or None.
        report: Of a job in several parts, the report up to the part that failed; else None.
    """

    hint: str | None
    errno: int | None
    filename: str | None
    report: Any

    def __init__(
        self, message: str, *, hint: str | None = None, errno: int | None = None, filename: str | None = None
    ) -> None:
        """Keeps the message, which names the place and what was expected, and what else is known."""
        if isinstance(self, OSError):
            # Two arguments, so that OSError's own attributes (errno, strerror) are filled in.
            super().__init__(errno, message)
        else:
            super().__init__(message)
        self._message = message
        self.hint = hint
        self.errno = errno
        self.filename = filename
        self.report = None

    def __str__(self) -> str:
        """The message, and the hint on a line of its own."""
        return self._message if self.hint is None else f"{self._message}\nhint: {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        """Keeps hint, errno and filename when the error crosses processes."""
        return _restore, (type(self), self._message, self.hint, self.errno, self.filename)


def _restore(
    kind: type[MarquetError], message: str, hint: str | None, errno: int | None, filename: str | None
) -> MarquetError:
    return kind(message, hint=hint, errno=errno, filename=filename)


class InvalidInputError(MarquetError, ValueError):
    """An argument, or the content of an input, cannot be used as it is."""


class SchemaError(InvalidInputError):
    """A schema or a type does not fit."""


class NotFoundError(MarquetError, FileNotFoundError):
    """A file, table, version or column is not there."""


class AlreadyExistsError(MarquetError, FileExistsError):
    """A name is taken."""


class ConflictError(MarquetError):
    """A concurrent writer won, and the change cannot be moved behind its."""


class CommitUnknownError(MarquetError):
    """It could not be learnt whether a commit happened."""


class CorruptDataError(MarquetError):
    """Bytes are damaged: checksums, structure or counts disagree."""


class StorageError(MarquetError, OSError):
    """The operating system refused; ``errno`` says why."""


class UnsupportedError(MarquetError, NotImplementedError):
    """Well-formed, but beyond what Marquet knows how to handle."""
