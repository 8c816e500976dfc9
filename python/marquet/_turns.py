"""Calls of several threads to one writer, one after the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

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
        self.lock = threading.RLock()
        self._process = os.getpid()
        self.error: BaseException | None = None
        self.closed = False

    @property
    def in_fork(self) -> bool:
        """Whether this is a copy in another process, which has no threads but one and may find the lock taken."""
        return os.getpid() != self._process

    def __enter__(self) -> None:
        if os.getpid() != self._process:
            self._refuse_process()
        self.lock.acquire()
        if self.closed or self.error is not None:
            try:
                self.check()
            finally:
                self.lock.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self.fail(error)
        finally:
            self.lock.release()

    def fail(self, error: BaseException) -> None:
        """After this error nothing more is taken. In a turn that does not find it by itself."""
        if self.error is not None or self.closed:
            return
        self.error = error
        try:
            self._give_up()
        except MarquetError as another:
            error.add_note(f"Giving up the output failed, too: {another}")

    def end(self) -> threading.RLock:
        """The turn of ``abort`` and ``close``, which come after errors and after the end, too; others fit in it."""
        if os.getpid() != self._process:
            self._refuse_process()
        return self.lock

    def _refuse_process(self) -> NoReturn:
        raise InvalidInputError(
            f"{self._folder}: the writer belongs to process {self._process}, of which this one ({os.getpid()}) is a "
            f"fork",
            hint="Make a writer of its own, with a rank of its own, in each process.",
        )

    def check(self) -> None:
        """Raises the error of a call before, or that the writer is closed."""
        if self.closed:
            raise InvalidInputError(f"{self._folder}: the writer is closed")
        if isinstance(self.error, MarquetError):
            raise self.error
        if self.error is not None:
            raise InvalidInputError(
                f"{self._folder}: nothing more is written after an error ({type(self.error).__name__}: {self.error})"
            ) from self.error


class Looking:
    """The turn of what takes nothing yet: an ``Exception`` in it does no harm. Others fit in it.

    Every row comes through it, so that it is made once, and a class: a generator would cost as much as the row.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        self._turns.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None and not isinstance(error, Exception):  # nobody knows how far it came
                self._turns.fail(error)
        finally:
            self._turns.lock.release()
