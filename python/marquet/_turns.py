"""Calls of several threads to one writer, one after the other."""

from __future__ import annotations

import os
import threading
from types import TracebackType

from marquet.errors import InvalidInputError, MarquetError


class Turns:
    """One call at a time, and after an error in one none but ``abort``."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._process = os.getpid()
        self.error: BaseException | None = None
        self.closed = False

    @property
    def in_fork(self) -> bool:
        """Whether this is a copy in another process, which has no threads but one and may find the lock taken."""
        return os.getpid() != self._process

    def __enter__(self) -> None:
        self._check_process()
        self._lock.acquire()
        try:
            self._check()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.error is None:
            self.error = error
        self._lock.release()

    def end(self) -> threading.RLock:
        """The turn of ``abort`` and ``close``, which come after errors and after the end, too; others fit in it."""
        self._check_process()
        return self._lock

    def _check_process(self) -> None:
        if self.in_fork:
            raise InvalidInputError(
                f"{self._folder}: the writer is that of process {self._process}, of which this one ({os.getpid()}) is "
                f"a fork; make a writer of its own, with a rank of its own, in each process"
            )

    def _check(self) -> None:
        if self.closed:
            raise InvalidInputError(f"{self._folder}: the writer is closed")
        if isinstance(self.error, MarquetError):
            raise self.error
        if self.error is not None:
            raise InvalidInputError(
                f"{self._folder}: nothing more is written after an error ({type(self.error).__name__}: {self.error})"
            ) from self.error
