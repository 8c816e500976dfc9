"""A disk that fills up in the middle of an ingest: nothing half is visible, and the error says what happened."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pyarrow.parquet as pq
from deltalake import DeltaTable


def ingest(marquet: pathlib.Path, source: pathlib.Path, table: pathlib.Path) -> subprocess.CompletedProcess[str]:
    command = [marquet, "ingest", source, "--into", table, "--again", "--append-anyway", "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def rows_of(marquet: pathlib.Path, table: pathlib.Path) -> int:
    done = subprocess.run([marquet, "info", table, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["rows"]


def data_files(table: pathlib.Path) -> set[pathlib.Path]:
    return {path for path in table.rglob("*.parquet") if "_delta_log" not in path.parts}


def test_full_disk_publishes_nothing_and_says_so(ext4, marquet, dbn_files):
    disk = ext4(16)
    reserve = disk.path / "reserve"
    with reserve.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4 << 20)

    source = dbn_files / "real-esh4-glbx-mdp3-20231224.mbo.dbn.zst"
    table = disk.path / "table"
    rows = []
    for _ in range(1000):
        done = ingest(marquet, source, table)
        if done.returncode != 0:
            break
        rows.append(rows_of(marquet, table))
    assert rows, f"the first ingest has to fit: {done.stderr}"
    assert rows == [rows[0] * (i + 1) for i in range(len(rows))]

    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert str(table) in done.stderr

    # What is there is whole, and belongs to commits that succeeded.
    assert rows_of(marquet, table) == rows[-1]
    for path in data_files(table):
        pq.read_table(path, partitioning=None)
    for commit in sorted((table / "_delta_log").glob("*.json")):
        assert all(json.loads(line) for line in commit.read_text().splitlines())
    committed = {pathlib.Path(uri.removeprefix("file://")) for uri in DeltaTable(str(table)).file_uris()}
    assert data_files(table) == committed
    assert not list(table.rglob("*.tmp"))
    verified = subprocess.run([marquet, "verify", table], capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr

    # With space again, it goes on where it stopped.
    reserve.unlink()
    done = ingest(marquet, source, table)
    assert done.returncode == 0, done.stderr
    assert rows_of(marquet, table) == rows[-1] + rows[0]


def test_disk_too_small_for_the_first_commit_leaves_no_table(ext4, marquet, dbn_files):
    disk = ext4(16)
    filler = disk.path / "filler"
    with filler.open("wb") as file:
        while True:
            try:
                file.write(bytes(1 << 12))
                file.flush()
            except OSError:
                break
    os.truncate(filler, filler.stat().st_size - (16 << 10))  # leaves four blocks

    table = disk.path / "table"
    done = ingest(marquet, dbn_files / "real-orderbooks-20240508.mbo.dbn.zst", table)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert not list(disk.path.rglob("*.parquet")) and not list(disk.path.rglob("*.json"))

    filler.unlink()
    done = ingest(marquet, dbn_files / "real-orderbooks-20240508.mbo.dbn.zst", table)
    assert done.returncode == 0, done.stderr
