"""Calls work from forked children, from signal handlers and from threads that come and go."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

FORK = """
import os, sys, marquet as mq
table = mq.open_table(sys.argv[1])
before = table.scan().to_arrow()
child = os.fork()
if child == 0:
    table.append(before)
    assert table.scan().to_arrow().num_rows == 2 * before.num_rows
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert table.refresh().scan().count() == 2 * before.num_rows
"""

HANDLER = """
import signal, sys, marquet as mq
table = mq.open_table(sys.argv[1])
counted = []
signal.signal(signal.SIGALRM, lambda *_: counted.append(table.scan().count()))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
while len(counted) < 5:
    assert table.verify(level="full").ok
signal.setitimer(signal.ITIMER_REAL, 0)
assert set(counted) == {table.scan().count()}
"""


@pytest.fixture
def table(tmp_path: Path) -> mq.Table:
    rows = pa.table({"x": pa.array(range(200_000), pa.int64())})
    made = mq.create_table(tmp_path / "t", rows.schema)
    made.append(rows)
    return made


@pytest.mark.parametrize("source", [FORK, HANDLER], ids=["forked child", "signal handler"])
def test_calls_beside_a_call(table: mq.Table, source: str, run_python: Callable[..., subprocess.CompletedProcess[str]]):
    result = run_python(source, table.path)
    assert result.returncode == 0, result.stderr


def test_threads_that_end_leave_nothing_running(table: mq.Table):
    def threads_of_process() -> int:
        return sum(1 for _ in Path("/proc/self/task").iterdir())

    def count(found: list[int]) -> None:
        found.append(table.scan().count())

    def count_in_threads() -> list[int]:
        found: list[int] = []
        threads = [threading.Thread(target=count, args=[found]) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    count_in_threads()  # starts what is kept: the threads that columns are read on
    before = threads_of_process()
    assert count_in_threads() == [200_000] * 20
    deadline = time.monotonic() + 10  # a thread is joined before the system has let go of it
    while threads_of_process() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads_of_process() <= before
