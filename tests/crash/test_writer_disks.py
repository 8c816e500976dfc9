"""Checkpointed writers on a real ext4 that loses power or fills up, and several of them at one output."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import marquet as mq

TORTURE = os.environ.get("MARQUET_TORTURE") == "1"
SEED = int(os.environ.get("MARQUET_SEED", "20241122"))
TEMPLATE = "${rank}_chunk_${chunk_index}.parquet"

# Writes numbers without end, saying after each how many are durable.
WRITER = """
import os, sys
import marquet as mq
with mq.ParquetWriter(sys.argv[1], "${rank}_chunk_${chunk_index}.parquet", records_per_chunk=3, input="numbers") as w:
    for number in range(w.resume(), 10**9):
        w.write({"id": number})
        os.write(1, f"{w.next_record}\\n".encode())
"""


def rows(folder: pathlib.Path) -> list[int]:
    names = [path for path in folder.glob("*.parquet") if not path.name.startswith(".")]
    return sorted(number for path in names for number in pq.read_table(path)["id"].to_pylist())


def check(folder: pathlib.Path, acknowledged: int) -> None:
    """Every acknowledged record is there once, and every file with a final name is whole."""
    if not folder.exists():
        assert acknowledged == 0
        return
    for path in folder.glob("*.parquet"):
        if not path.name.startswith("."):
            verdict = mq.verify(path, level="full")
            assert verdict.ok, verdict
    found = rows(folder)
    assert set(range(acknowledged)) <= set(found)
    assert len(found) == len(set(found))


def test_acknowledged_chunks_survive_a_power_cut(ext4: Any, record_property: Callable[[str, Any], None]) -> None:
    disk = ext4(256, "commit=60")
    chance = random.Random(SEED)
    cuts = 100 if TORTURE else 6
    acknowledged = 0
    for cut in range(cuts):
        # A new folder now and then: its own name must survive as well.
        folder = disk.path / f"out-{cut // 3}"
        if cut % 3 == 0:
            acknowledged = 0
        control = disk.path / f"control-{cut}"
        with control.open("wb") as file:
            file.write(b"control")
            file.flush()
            os.fsync(file.fileno())
        descriptor = os.open(disk.path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        unsynced = disk.path / f"unsynced-{cut}"

        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()  # it is at work
        unsynced.write_bytes(b"never synced")
        time.sleep(chance.uniform(0, 0.1))
        disk.cut_power()
        writer.kill()
        said = (first + writer.stdout.read()).split(b"\n")
        writer.wait()
        acknowledged = max(acknowledged, *(int(line) for line in said[:-1]))
        disk.restart()
        assert control.read_bytes() == b"control"
        assert not unsynced.exists() or unsynced.read_bytes() == b"", "the cut took nothing: it proves nothing"
        check(folder, acknowledged)
    record_property("faults", cuts)


def test_a_full_disk_fails_cleanly_and_work_goes_on(ext4: Any, record_property: Callable[[str, Any], None]) -> None:
    disk = ext4(16)
    folder = disk.path / "out"
    filler = disk.path / "filler"
    chance = random.Random(SEED)
    full = 0
    for round_ in range(40 if TORTURE else 8):
        # Leaves a little room, a different one each time: the error comes at another step.
        with filler.open("ab") as file:
            free = os.statvfs(disk.path).f_bavail * os.statvfs(disk.path).f_frsize
            with contextlib.suppress(OSError):  # what the file system keeps back: it is full enough
                os.posix_fallocate(file.fileno(), 0, max(1, filler.stat().st_size + free - chance.randrange(200_000)))
        before = rows(folder) if folder.exists() else []
        error: mq.StorageError | None = None
        try:
            with mq.ParquetWriter(folder, TEMPLATE, records_per_chunk=50, input="numbers") as writer:
                start = writer.resume()
                for number in range(start, start + 400):
                    writer.write({"id": number, "noise": chance.randbytes(2_000)})
                raise InterruptedError  # enough for this round; what is published stays
        except mq.StorageError as refused:
            error = refused
        except InterruptedError:
            pass
        if error is not None:
            full += 1
            assert "No space left on device" in str(error) and error.filename, error
            assert not list(disk.path.rglob("*.tmp")), "space was not given back"
        found = rows(folder) if folder.exists() else []
        assert found == list(range(len(found))) and len(found) >= len(before)
        filler.unlink()
        if error is not None:
            with mq.ParquetWriter(folder, TEMPLATE, records_per_chunk=50, input="numbers") as writer:
                start = writer.resume()
                writer.write([{"id": number, "noise": b""} for number in range(start, start + 50)])
                assert writer.next_record == start + 50, "work goes on when there is space"
                writer.abort()
        if len(found) > 2_500:
            for path in [*folder.glob("*.parquet")]:
                path.unlink()
            folder.rename(disk.path / f"done-{round_}")
            folder = disk.path / "out"
            subprocess.run(["rm", "-rf", disk.path / f"done-{round_}"], check=True)
    assert full > 0
    record_property("faults", full)


def contend(folder: str, table: str, stop_at: float, seed: int, told: str) -> None:
    """Writes to the output when it is free, and to the table, until the time is up.

    What is acknowledged goes to a file of the process's own, a line at a time: a lock that processes share would stay
    locked when one of them is killed.
    """
    chance = random.Random(seed)
    appending = mq.open_table(table)
    number = seed * 1_000_000
    acknowledged = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while time.time() < stop_at:
        try:
            with mq.ParquetWriter(folder, TEMPLATE, records_per_chunk=4, input="numbers") as writer:
                start = writer.resume()
                for record in range(start, start + chance.randrange(1, 20)):
                    writer.write({"id": record})
                    os.write(acknowledged, f"output {writer.next_record}\n".encode())
                writer.abort()
        except mq.ConflictError:
            time.sleep(0.005)
        appending.append(pa.table({"id": pa.array([number], pa.int64())}))
        os.write(acknowledged, f"table {number}\n".encode())
        number += 1


def test_eight_processes_at_one_output_and_one_table(
    tmp_path: pathlib.Path, record_property: Callable[[str, Any], None]
) -> None:
    folder, table, told = tmp_path / "out", tmp_path / "table", tmp_path / "told"
    told.mkdir()
    mq.create_table(table, pa.schema([("id", pa.int64())]))
    context = multiprocessing.get_context("spawn")
    chance = random.Random(SEED)
    stop_at = time.time() + (60 if TORTURE else 6)

    def start(seed: int) -> Any:
        arguments = (str(folder), str(table), stop_at, seed, str(told / str(seed)))
        process = context.Process(target=contend, args=arguments)
        process.start()
        return process

    processes = [start(seed) for seed in range(8)]
    kills = 0
    next_kill = time.time() + 2
    while any(process.is_alive() for process in processes):
        if stop_at > time.time() > next_kill:
            victim = chance.randrange(8)
            os.kill(processes[victim].pid, signal.SIGKILL)
            processes[victim].join()
            processes[victim] = start(8 + kills)
            kills += 1
            next_kill = time.time() + 1
        time.sleep(0.01)
    assert all(process.exitcode == 0 for process in processes)
    lines = [line.split() for path in told.iterdir() for line in path.read_text().splitlines()]
    durable = max((int(number) for what, number in lines if what == "output"), default=0)
    appended = {int(number) for what, number in lines if what == "table"}
    check(folder, durable)
    found = mq.open_table(table).scan().to_arrow()["id"].to_pylist()
    assert len(found) == len(set(found)), "a row is there twice"
    assert appended <= set(found), "an acknowledged row is lost"
    # One append at most is neither acknowledged nor refused where a process was killed.
    assert len(found) - len(appended) <= kills
    assert kills > 0 and durable > 0 and appended
    record_property("faults", kills)
