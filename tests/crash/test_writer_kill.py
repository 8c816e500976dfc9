"""Checkpointed writers killed at each of their file operations, with readers of three engines looping all the while.

No reader ever fails; whatever was acknowledged is there; the same run again ends with every row once.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

import marquet as mq

TORTURE = os.environ.get("MARQUET_TORTURE") == "1"
SEED = int(os.environ.get("MARQUET_SEED", "20241121"))
RECORDS, PER_CHUNK = (60 if TORTURE else 18), 5
DUCKDB = duckdb.connect()
CHILD = pathlib.Path(__file__).with_name("writer_child.py")


class WriterHost:
    """Runs writers in children of a process that has everything imported."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, folder: pathlib.Path, kill_at: int | None = None, records: int = RECORDS) -> dict[str, int]:
        job = {"folder": str(folder), "records": records, "per_chunk": PER_CHUNK, "kill_at": kill_at}
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def host() -> Iterator[WriterHost]:
    started = WriterHost()
    yield started
    started.close()


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".parquet" and path.name[0] != ".")
    except FileNotFoundError:
        return []


def identity(path: pathlib.Path) -> tuple[int, int] | None:
    """Tells a file from another that gets its name; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_ctime_ns


def read_pyarrow(path: pathlib.Path) -> list[int]:
    return pq.read_table(path)["id"].to_pylist()


def read_polars(path: pathlib.Path) -> list[int]:
    return pl.read_parquet(path)["id"].to_list()


def read_duckdb(path: pathlib.Path) -> list[int]:
    return [row[0] for row in DUCKDB.cursor().sql(f"select id from read_parquet('{path}')").fetchall()]


def rows(folder: pathlib.Path) -> list[int]:
    return sorted(number for path in files(folder) for number in read_pyarrow(path))


class Readers:
    """Three engines that read whatever has a final name, over and over."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.failures: list[str] = []
        self.reads = 0
        self.stopping = threading.Event()
        engines: list[Callable[[pathlib.Path], list[int]]] = [read_pyarrow, read_polars, read_duckdb]
        self.threads = [threading.Thread(target=self.run, args=(engine,)) for engine in engines]

    def run(self, engine: Callable[[pathlib.Path], list[int]]) -> None:
        while not self.stopping.is_set():
            for path in files(self.folder):
                before = identity(path)
                try:
                    numbers = engine(path)
                except Exception as error:
                    # What an attempt published without its chunk being done is set aside by the next one.
                    if before is not None and identity(path) == before:
                        self.failures.append(f"{engine.__name__} {path.name}: {type(error).__name__}: {error}")
                    continue
                self.reads += 1
                if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                    self.failures.append(f"{engine.__name__} {path.name}: {numbers}")
            time.sleep(0.05)

    def __enter__(self) -> Readers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def test_killed_at_every_operation(
    host: WriterHost, quick_path: pathlib.Path, record_property: Callable[[str, Any], None]
) -> None:
    folder = quick_path / "out"
    kills = reads = 0
    with Readers(folder) as readers:
        while True:
            shutil.rmtree(folder, ignore_errors=True)
            before = readers.reads
            done = host.run(folder, kill_at=kills + 1)
            if done["exit"] == 0:
                break
            assert done["exit"] == -signal.SIGKILL
            kills += 1
            found = rows(folder)
            assert set(range(done["acknowledged"])) <= set(found), f"operation {kills}"
            assert len(found) == len(set(found)), f"operation {kills}"
            assert host.run(folder)["exit"] == 0, f"the run after a kill at operation {kills}"
            assert rows(folder) == list(range(RECORDS)), f"operation {kills}"
            while readers.reads == before and not readers.failures:  # on a busy machine, too
                time.sleep(0.01)
            assert not readers.failures, f"operation {kills}: {readers.failures[:3]}"
        reads = readers.reads
    assert kills > 100 and reads >= kills
    record_property("faults", kills)
    print(f"killed at {kills} operations; {reads} reads beside")


def test_killed_again_and_again_in_one_folder(
    host: WriterHost, quick_path: pathlib.Path, record_property: Callable[[str, Any], None]
) -> None:
    """Attempts that die one after the other, each a little further, until one gets through."""
    chance = random.Random(SEED)
    kills = 0
    for round_ in range(50 if TORTURE else 5):
        folder = quick_path / f"out-{round_}"
        acknowledged = 0
        while True:
            done = host.run(folder, kill_at=chance.randrange(1, 120), records=60)
            acknowledged = max(acknowledged, done["acknowledged"])
            found = rows(folder)
            assert set(range(acknowledged)) <= set(found), f"seed {SEED}, after {kills} kills"
            if done["exit"] == 0:
                break
            kills += 1
        assert rows(folder) == list(range(60)), f"seed {SEED}, after {kills} kills"
    record_property("faults", kills)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["write", "fsync", "fdatasync", "renameat2", "mkdir"])
def test_killed_at_system_calls(call: str, tmp_path: pathlib.Path, record_property: Callable[[str, Any], None]) -> None:
    """The same by strace, so that the stop points of the file layer are not taken on trust."""
    program = f"import os, sys; sys.path.insert(0, {str(CHILD.parent)!r}); import writer_child as w"
    kills = 0
    for at in range(1, 1000) if TORTURE else (3,):
        folder = tmp_path / f"out-{at}"
        kill = f"inject={call}:signal=SIGKILL:when={at}"
        run = f"{program}; w.write({str(folder)!r}, {RECORDS}, {PER_CHUNK}, os.open(os.devnull, os.O_WRONLY))"
        words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", kill, sys.executable, "-c", run]
        done = subprocess.run(words, capture_output=True, text=True)
        if "not permitted" in done.stderr:
            pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
        if done.returncode == 0:
            break
        kills += 1
        for path in files(folder):
            assert mq.verify(path, level="full").ok
        again = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert rows(folder) == list(range(RECORDS)), f"{call} {at}"
    assert kills > 0
    record_property("faults", kills)
