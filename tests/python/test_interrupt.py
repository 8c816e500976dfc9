"""Ctrl-C is answered within a second, and leaves nothing half done."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import marquet as mq

ENDLESS_APPEND = """
import sys, time
import pyarrow as pa, marquet as mq
schema = pa.schema([("x", pa.int64())])
table = mq.create_table(sys.argv[1], schema)
batch = pa.record_batch({"x": list(range(100_000))}, schema=schema)
def batches():
    print("started", flush=True)
    while True:
        yield batch
try:
    table.append(pa.RecordBatchReader.from_batches(schema, batches()))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

LONG_SCAN = """
import sys, marquet as mq
table = mq.open_table(sys.argv[1])
print("started", flush=True)
try:
    while True:
        table.scan().to_arrow()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

# Python drops an exception that a signal's handler raises while pyarrow imports pandas.
FIRST_READ = """
import sys, marquet as mq
table = mq.open_table(sys.argv[1])
assert table.scan(columns=["x"], filter="x > 5").to_arrow().num_rows == table.scan().to_arrow().num_rows
assert sum(batch.num_rows for batch in table.scan().to_batches()) == table.scan().count()
assert "pandas" not in sys.modules
"""

LONG_VERIFY = LONG_SCAN.replace("table.scan().to_arrow()", "table.verify()")


def interrupt(source: str, argument: Path) -> float:
    process = subprocess.Popen([sys.executable, "-c", source, str(argument)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        answered = time.monotonic() - sent
        assert process.wait(timeout=30) == 0
        return answered
    finally:
        process.kill()
        process.wait()


def test_an_append_is_stopped_and_leaves_nothing(tmp_path: Path):
    assert interrupt(ENDLESS_APPEND, tmp_path / "t") < 1.0
    table = mq.open_table(tmp_path / "t")
    assert (table.version, table.scan().count()) == (0, 0)
    assert [path for path in (tmp_path / "t").rglob("*") if path.is_file() and "_delta_log" not in path.parts] == []


def test_a_first_read_is_without_imports_that_lose_signals(
    tmp_path: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
):
    rows = pa.table({"x": [7, 8, 9]})
    mq.create_table(tmp_path / "t", rows.schema).append(rows)
    result = run_python(FIRST_READ, tmp_path / "t")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("source", [LONG_SCAN, LONG_VERIFY], ids=["scan", "verify"])
def test_a_long_read_is_stopped(tmp_path: Path, source: str):
    rows = pa.table({"x": np.random.default_rng(5).integers(0, 1 << 40, 3_000_000)})
    mq.create_table(tmp_path / "t", rows.schema).append(rows)
    assert interrupt(source, tmp_path / "t") < 1.0
