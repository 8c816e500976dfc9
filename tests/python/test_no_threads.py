"""Where no thread can be started, calls do their work on the caller's, or raise an error with its text."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

APPENDS = """
import sys, pyarrow as pa, marquet as mq
rows = pa.table({"n": list(range(100)), "t": [str(n) for n in range(100)]})
table = mq.create_table(sys.argv[1], rows.schema)
for count in range(1, 26):
    table.append(rows)
    assert table.scan().to_arrow().num_rows == 100 * count
many = pa.table({"n": list(range(200_000)), "t": [str(n % 7) for n in range(200_000)]})
table.append(many)
assert table.scan().count() == table.scan().to_arrow().num_rows == 202_500
assert table.verify(level="full").ok
writer = mq.ParquetWriter(sys.argv[1] + "-files")
writer.write(many)
assert writer.close().committed == 200_000
"""


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUET_TEST_NO_THREADS", "1")


def test_appends_with_checkpoints_scans_and_writers_need_none(
    tmp_path: Path, run_python: Callable[..., subprocess.CompletedProcess[str]], no_threads: None
):
    result = run_python(APPENDS, tmp_path / "t")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "t" / "_delta_log" / "_last_checkpoint").exists()
    table = mq.open_table(tmp_path / "t")
    assert table.scan().to_arrow().num_rows == 202_500
    assert pa.compute.sum(table.scan(columns=["n"]).to_arrow()["n"]).as_py() == 25 * 4_950 + 199_999 * 100_000


def test_a_compressed_stream_needs_one_and_says_so(
    tmp_path: Path, marquet_program: Path, data_dir: Path, no_threads: None
):
    source = data_dir / "dbn" / "real-esh4-glbx-mdp3-20231224.mbo.dbn.zst"
    done = subprocess.run(
        [marquet_program, "ingest", source, "--into", tmp_path / "t"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "cannot start a thread: " + os.strerror(11) in done.stderr
    assert source.name in done.stderr
    assert "ulimit -u" in done.stderr
    assert not (tmp_path / "t").exists()
