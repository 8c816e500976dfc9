"""`marquet clean`: what killed writers left behind, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pyarrow
import pyarrow.parquet as pq
import pytest

import marquet as mq

WRITER = """
import sys
import pyarrow
import marquet
rows = pyarrow.table({"n": range(100_000)})
marquet.create_table(sys.argv[1], rows.schema).append(rows)
"""


@pytest.fixture
def table(tmp_path) -> Path:
    """A table with data, and a temporary file of a writer that was killed two hours ago."""
    path = tmp_path / "table"
    subprocess.run([sys.executable, "-c", WRITER, path], check=True)
    for operation in range(10, 60):
        environment = {**os.environ, "MARQUET_TEST_KILL_AT_OPERATION": str(operation)}
        rows = "import sys, pyarrow, marquet; marquet.open_table(sys.argv[1]).append(pyarrow.table({'n': [1, 2]}))"
        done = subprocess.run([sys.executable, "-c", rows, path], env=environment, capture_output=True)
        assert done.returncode != 0, "the writer ended before it was killed with a temporary file"
        left = list(path.rglob(".*.tmp"))
        if left:
            break
    old = time.time() - 7_200
    for file in left:
        os.utime(file, (old, old))
    return path


def test_lists_then_removes(marquet, table):
    (left,) = table.rglob(".*.tmp")
    others = sorted(p for p in table.rglob("*") if p != left)
    listed = marquet("clean", table).stdout.splitlines()
    assert listed[0].startswith(f"{left}: ") and "2 h 00 min old" in listed[0]
    assert listed[1].startswith(f"{table}: 1 file, ") and listed[1].endswith("--yes removes them")
    assert left.exists()
    report = json.loads(marquet("clean", table, "--yes", "--json").stdout)
    assert (report["removed"], report["count"]) == (True, 1)
    assert report["files"][0]["path"] == str(left) and report["files"][0]["removed"]
    assert sorted(table.rglob("*")) == others
    assert mq.verify(table)
    assert marquet("clean", table).stdout == f"{table}: 0 files, 0 B left behind by writers that are gone\n"


def test_young_files_and_those_of_living_writers_stay(marquet, table):
    (left,) = table.rglob(".*.tmp")
    os.utime(left)
    report = json.loads(marquet("clean", table, "--yes", "--json").stdout)
    assert report["count"] == 0 and report["files"][0]["young"] and left.exists()
    # Of this process, which is there.
    mine = left.with_name(f".x.parquet.{os.getpid():x}-0-0123456789abcdef.tmp")
    left.rename(mine)
    report = json.loads(marquet("clean", table, "--yes", "--older-than", "0s", "--json").stdout)
    assert report["count"] == 0 and report["files"][0]["owner_lives"] and mine.exists()
    assert f"process {os.getpid()} may be writing it" in marquet("clean", table).stdout


def test_from_python(table, tmp_path):
    (left,) = table.rglob(".*.tmp")
    report = mq.clean(table)
    assert (report.removed, report.count, report.bytes) == (False, 1, left.stat().st_size)
    assert mq.clean(table, yes=True, older_than=timedelta(hours=3)).count == 0 and left.exists()
    assert mq.clean(table, yes=True).files[0].removed and not left.exists()
    with pytest.raises(mq.NotFoundError):
        mq.clean(tmp_path / "nowhere")


def test_what_a_killed_export_staged(tmp_path):
    """Killed at each file operation while it replaces a file, an export leaves the file whole, and nothing else
    that `clean` does not remove."""
    table, out = tmp_path / "table", tmp_path / "out"
    out.mkdir()
    rows = pyarrow.table({"n": range(100)})
    mq.create_table(table, rows.schema).append(rows)
    mq.export(table, out / "rows.parquet", "parquet")
    export = "import sys, marquet; marquet.export(sys.argv[1], sys.argv[2], 'parquet', replace=True)"
    staged = 0
    for operation in range(1, 100):
        environment = {**os.environ, "MARQUET_TEST_KILL_AT_OPERATION": str(operation)}
        command = [sys.executable, "-c", export, table, out / "rows.parquet"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        left = sorted(p for p in out.rglob("*") if p != out / "rows.parquet")
        staged += (len(left) > 1) + any(p.name == "rows.parquet" for p in left)
        old = time.time() - 7_200
        for path in left:
            os.utime(path, (old, old))
        assert sorted(Path(file.path) for file in mq.clean(out, yes=True).files) == left
        assert list(out.rglob("*")) == [out / "rows.parquet"]
        assert pq.read_table(out / "rows.parquet") == rows
    assert done.returncode == 0 and staged > 2


def test_wrong_usage(marquet, fails, tmp_path):
    fails("clean", tmp_path / "nowhere")
    for older_than in ("soon", "1", "-1h"):
        done = marquet("clean", tmp_path, f"--older-than={older_than}", ok=False)
        assert done.returncode == 2 and "is not a duration" in done.stderr
