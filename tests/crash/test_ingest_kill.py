"""Ingest killed with SIGKILL at moments spread over its file operations, with readers looping all the while.

Each time: no reader ever fails or sees a part of a commit, and the same command run again ends with the same rows as
an undisturbed run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

import marquet as mq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
from dbn_files import DAY, trades_file

MOMENTS = 200
KILL_AT = "MARQUET_TEST_KILL_AT_OPERATION"
SYMBOLS = ["ESH4", "NQH4", "UD:1V: GN 2437"]


def ingest(program: Path, sources: list[Path], table: Path, kill_at: int | None = None) -> int:
    environment = {**os.environ}
    environment.pop(KILL_AT, None)
    if kill_at is not None:
        environment[KILL_AT] = str(kill_at)
    command = [str(program), "ingest", *map(str, sources), "--into", str(table), "-q"]
    return subprocess.run(command, capture_output=True, env=environment, timeout=120).returncode


def content(table: Path) -> pl.DataFrame:
    files = DeltaTable(str(table)).file_uris()
    return pl.scan_delta(str(table)).collect().sort("symbol", "ts", "source_row") if files else pl.DataFrame()


def operations(program: Path, sources: list[Path], folder: Path) -> int:
    """How many file operations the ingest makes: the first number at which nothing is left to be killed."""
    low, high = MOMENTS, 2 * MOMENTS
    count = 0

    def killed(at: int) -> bool:
        nonlocal count
        count += 1
        return ingest(program, sources, folder / f"probe{count}", at) != 0

    assert killed(low), f"there are fewer than {MOMENTS}"
    while killed(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if killed(middle) else (low, middle)
    return low


class Reader:
    """Reads the table over and over, as other engines do, until told to stop."""

    def __init__(self, table: Path, whole: set[int]) -> None:
        self.table, self.whole = table, whole
        self.failures: list[str] = []
        self.reads = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.stopping.is_set():
            created = (self.table / "_delta_log" / f"{0:020}.json").exists()
            try:
                rows = pl.scan_delta(str(self.table)).select(pl.len()).collect().item()
                self.reads += 1
                if rows not in self.whole:
                    self.failures.append(f"{rows} rows are a part of a commit")
            except Exception as error:  # whatever it is, a reader must not fail once there is a table
                if not created and isinstance(error, TableNotFoundError | FileNotFoundError):
                    continue
                self.failures.append(f"{type(error).__name__}: {error}")

    def __enter__(self) -> Reader:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()


@pytest.fixture
def sources(quick_path: Path) -> Iterator[list[Path]]:
    folder = quick_path / "sources"
    folder.mkdir()
    yield [
        trades_file(folder / "morning.dbn", SYMBOLS, count=300),
        trades_file(folder / "noon.dbn", SYMBOLS, count=300, first_second=300),
        trades_file(folder / "evening.dbn", SYMBOLS, count=300, first_second=600),
        trades_file(folder / "night.dbn", SYMBOLS, count=300, first_second=900),
    ]


def test_killed_at_any_moment_and_run_again(marquet_program, sources, quick_path, record_property):
    undisturbed = quick_path / "undisturbed"
    assert ingest(marquet_program, sources, undisturbed) == 0
    expected = content(undisturbed)
    assert expected.height == 1_200
    total = operations(marquet_program, sources, quick_path)
    moments = sorted({1 + (total - 1) * i // (MOMENTS - 1) for i in range(MOMENTS)})
    table = quick_path / "table"
    reads = 0
    for moment in moments:
        shutil.rmtree(table, ignore_errors=True)
        with Reader(table, whole={300, 600, 900, 1_200}) as reader:
            assert ingest(marquet_program, sources, table, moment) == -9, f"operation {moment} of {total}"
            assert ingest(marquet_program, sources, table) == 0, f"the run after a kill at operation {moment}"
            while reader.reads == 0 and not reader.failures:
                pass
        assert not reader.failures, f"killed at operation {moment} of {total}: {reader.failures[:3]}"
        reads += reader.reads
        assert content(table).equals(expected), f"killed at operation {moment} of {total}"
    assert reads >= len(moments)
    record_property("faults", len(moments))
    assert DAY.isoformat() in str(next(undisturbed.rglob("*.parquet")))


def test_killed_then_failing_then_run_again(marquet_program, quick_path):
    """What a killed first ingest left stays known as its own when the next one fails and tidies up."""
    whole = trades_file(quick_path / "whole.dbn", SYMBOLS, count=20_000)
    cut = quick_path / "cut.dbn"
    cut.write_bytes(whole.read_bytes()[:-1])
    table = quick_path / "table"
    moment, remains = 20, 0
    while True:
        shutil.rmtree(table, ignore_errors=True)
        if ingest(marquet_program, [whole], table, moment) == 0:
            break
        assert ingest(marquet_program, [cut], table) == 1
        remains += table.exists()
        code = ingest(marquet_program, [whole], table)
        assert code == 0, f"the run after a kill at operation {moment} and a failure"
        assert content(table).height == 20_000
        moment += 7
    assert remains > 0


def prices(table: Path) -> dict[tuple[str, int], int]:
    """The price of each symbol at each time: what a replacement changes."""
    rows = content(table)
    return dict(zip(zip(rows["symbol"], rows["ts_recv"], strict=True), rows["price"], strict=True))


def test_killed_while_replacing_a_part(marquet_program, sources, quick_path, record_property):
    """A replacement happens whole or not at all, and with it what is told of the part that stays."""
    # Forty seconds in the middle of the morning: of each symbol there are rows before them and behind them.
    corrected = trades_file(quick_path / "corrected.dbn", SYMBOLS, count=120, first_second=90, price=7_000_000_000)
    base = quick_path / "base"
    assert ingest(marquet_program, sources[:1], base) == 0
    old = prices(base)

    def replace(table: Path, kill_at: int | None = None) -> int:
        environment = {**os.environ, **({KILL_AT: str(kill_at)} if kill_at else {})}
        command = [str(marquet_program), "ingest", str(corrected), "--into", str(table), "--replace", "-q"]
        return subprocess.run(command, capture_output=True, env=environment, timeout=120).returncode

    def is_told_apart(table: Path) -> bool:
        back = quick_path / "back.dbn"
        try:
            mq.export(table, back, source="morning.dbn", replace=True)
        except mq.UnsupportedError as error:
            assert "only a part of it is left: 120 of 300 rows were replaced by" in str(error)
            return True
        assert back.read_bytes() == sources[0].read_bytes()
        return False

    undisturbed = quick_path / "undisturbed"
    shutil.copytree(base, undisturbed)
    assert replace(undisturbed) == 0
    new = prices(undisturbed)
    assert len(old) == len(new) == 300 and sum(new[key] != old[key] for key in old) == 120
    table = quick_path / "table"
    for moment in range(1, 1_000):
        shutil.rmtree(table, ignore_errors=True)
        shutil.copytree(base, table)
        code = replace(table, moment)
        found = prices(table)
        assert found in (old, new), f"killed at operation {moment}"
        assert is_told_apart(table) == (found == new), f"killed at operation {moment}"
        if code == 0:
            break
        assert code == -9, f"operation {moment}"
        assert replace(table) == 0, f"the run after a kill at operation {moment}"
        assert prices(table) == new, f"killed at operation {moment}"
        assert mq.verify(table).ok
    assert code == 0 and moment > 20
    record_property("faults", moment - 1)
