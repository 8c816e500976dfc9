"""Runs of InferenceRunner, each in a process of its own that dies at some step, and is followed by one that does not.

``datatrove_kills.py FOLDER DOCUMENTS WHERE FIRST EVERY`` takes a folder below FOLDER for each step: FIRST,
FIRST + EVERY ... until a run has fewer. WHERE is "core" (steps are the core's operations on files) or "checkpoints"
(the steps of the checkpoints, half-written lines included). Prints the number of runs that died.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import pandas  # noqa: F401 - with the first rows pyarrow does, which would cost each child half a second
from loguru import logger
from marquet.datatrove import journal, ledger
from pipelines import OurWriter, Run, documents


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Steps:
    """Dies at the n-th."""

    def __init__(self, last: int) -> None:
        self.left = last

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            die()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **options: Any) -> Any:
            self.step()
            result = call(*arguments, **options)
            self.step()
            return result

        return stepping

    def arm(self) -> None:
        append = journal.Journal.append

        def torn_append(log: journal.Journal, line: bytes, *, durable: bool = False) -> None:
            self.left -= 1
            if self.left == 0:
                append(log, line[: len(line) // 2])
                die()
            append(log, line, durable=durable)
            self.step()

        journal.Journal.append = torn_append  # type: ignore[method-assign]
        ledger.replace_durably = self.around(ledger.replace_durably)
        ledger.make_directory = self.around(ledger.make_directory)
        OurWriter.write = self.around(OurWriter.write)
        OurWriter.drop = self.around(OurWriter.drop)
        OurWriter.close_chunk = self.around(OurWriter.close_chunk)
        OurWriter.claim = self.around(OurWriter.claim)
        Path.unlink = self.around(Path.unlink)  # type: ignore[method-assign]


def in_a_process(work: Callable[[], None]) -> int:
    process = os.fork()
    if process == 0:
        signal.alarm(60)
        try:
            work()
        finally:
            sys.stderr.flush()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


async def drops_every_fourth(document: Any, generate: Any) -> str | None:
    await asyncio.sleep(0)
    return None if document.metadata["n"] % 4 == 3 else "x"


def main() -> None:
    folder, count, where, first, every = Path(sys.argv[1]), *map(str, sys.argv[2:])
    logger.remove()
    died = 0
    for n in range(int(first), 10_000, int(every)):
        run = Run(folder / f"{n:04}", records_per_chunk=3, concurrent=2)

        def once(n: int = n, run: Run = run) -> None:
            if where == "core":
                os.environ["MARQUET_TEST_KILL_AT_OPERATION"] = str(n)
            else:
                Steps(n).arm()
            run(documents(int(count)), drops_every_fourth)
            os._exit(0)

        def again(run: Run = run) -> None:
            run(documents(int(count)), drops_every_fourth)
            os._exit(0)

        code = in_a_process(once)
        if code not in (0, -signal.SIGKILL) or in_a_process(again) != 0:
            sys.exit(f"step {n}: the run ended with {code}, or the one after it failed")
        if code == 0:
            break
        died += 1
    print(died)


main()
