"""Calls of several threads to one writer, one after the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from marquet.errors import InvalidInputError, MarquetError


class Turns:
    """One call at a time, and after an error in one none but ``abort``.

    Args:
        folder: Of the writer.
        give_up: Lets the next writer have the output; called after an error.
    """

    def __init__(self, folder: str, give_up: Callable[[], None]) -> None:
        self._folder = folder
        self._give_up = give_up
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
        try:
            if error is not None:
                self._fail(error)
        finally:
            self._lock.release()

    def _fail(self, error: BaseException) -> None:
        if self.error is not None or self.closed:
            return
        self.error = error
        try:
            self._give_up()
        except MarquetError as another:
            error.add_note(f"Giving up the output failed, too: {another}")

    @contextmanager
    def looking(self) -> Iterator[None]:
        """The turn of what takes nothing yet: an ``Exception`` in it does no harm. Others fit in it."""
        self._check_process()
        with self._lock:
            self._check()
            try:
                yield
            except Exception:
                raise
            except BaseException as error:  # nobody knows how far it came
                self._fail(error)
                raise

    def end(self) -> threading.RLock:
        """The turn of ``abort`` and ``close``, which come after errors and after the end, too; others fit in it."""
        self._check_process()
        return self._lock

    def _check_process(self) -> None:
        if self.in_fork:
            raise InvalidInputError(
                f"{self._folder}: the writer belongs to process {self._process}, of which this one ({os.getpid()}) is "
                f"a fork",
                hint="Make a writer of its own, with a rank of its own, in each process.",
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
