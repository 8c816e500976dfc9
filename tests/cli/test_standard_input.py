"""An ingest of standard input that is slow, or stops: how it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path

import deltalake
import pytest
from dbn_files import trades_file

# What the pipe gives before it goes quiet.
BEGINNINGS = {
    "nothing": lambda content: b"",
    "half a header": lambda content: content[:50],
    "some records": lambda content: content[:-100],
    "all records": lambda content: content,
}


@pytest.fixture
def waiting(marquet_program: Path, tmp_path: Path):
    """Starts an ingest of standard input, and gives it and its pipe when what was written has been taken."""
    started = []

    def start(written: bytes, *options: str) -> tuple[subprocess.Popen[bytes], int]:
        reading, writing = os.pipe()
        command = [str(marquet_program), "ingest", "-", "--into", str(tmp_path / "t"), *options]
        process = subprocess.Popen(command, stdin=reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append((process, writing))
        os.write(writing, written)
        while process.poll() is None and has_bytes(reading):
            time.sleep(0.01)
        os.close(reading)
        catches = 1 << (signal.SIGTERM - 1)
        while process.poll() is None and not caught(process.pid) & catches:  # the program has only begun
            time.sleep(0.01)
        return process, writing

    yield start
    for process, writing in started:
        process.kill()
        process.wait()
        os.close(writing)


def has_bytes(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def caught(pid: int) -> int:
    """The signals that a process handles, a bit each."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return int(line.split()[1], 16)
    return 0


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_wait_for_a_quiet_pipe(waiting, tmp_path, beginning, number, code):
    content = trades_file(tmp_path / "day.dbn", count=20).read_bytes()
    process, _ = waiting(BEGINNINGS[beginning](content))
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert b"stopped by" in errors
    assert not (tmp_path / "t" / "_delta_log").exists()
    assert not list(tmp_path.rglob("*.parquet"))


def test_damage_ends_it_though_the_pipe_stays_open(waiting, tmp_path):
    content = trades_file(tmp_path / "day.dbn", count=20).read_bytes()
    process, _ = waiting(content + bytes(16))
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and b"has length 0" in errors


def test_what_is_no_dbn_is_refused_though_the_pipe_stays_open(waiting):
    process, _ = waiting(b"symbol,price\n" * 10)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and b"is not DBN" in errors


def test_a_pipe_that_gives_a_little_at_a_time_is_read_to_its_end(waiting, tmp_path):
    content = trades_file(tmp_path / "day.dbn", count=20).read_bytes()
    process, writing = waiting(content[:1])
    for begin in range(1, len(content), 97):
        os.write(writing, content[begin : begin + 97])
    os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # the end
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert deltalake.DeltaTable(str(tmp_path / "t")).to_pyarrow_table().num_rows == 20


def test_the_same_source_is_not_read_twice(marquet, tmp_path):
    content = trades_file(tmp_path / "day.dbn", count=20).read_bytes()
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    done = marquet("ingest", "-", "-", "--into", tmp_path / "t", stdin=reading)
    os.close(reading)
    assert "20 rows out of 20 records" in done.stdout and "named before: -" in done.stdout
