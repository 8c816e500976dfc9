"""The power of a real ext4 is cut under a writer: whatever was acknowledged is there after the restart."""

from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
import time

# Small sources of different kinds, so that each cut finds new tables with new partitions.
SOURCES = [
    "test_data.mbo.v3.dbn.zst",
    "test_data.mbp-1.v3.dbn.zst",
    "test_data.mbp-10.v3.dbn.zst",
    "test_data.trades.v3.dbn.zst",
    "test_data.ohlcv-1s.v3.dbn.zst",
]


def write_durably(path: pathlib.Path, content: bytes) -> None:
    """The control: one plain file with its bytes and its name synced."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def test_acknowledged_ingests_survive(ext4, marquet, dbn_files, record_property):
    disk = ext4(256, "commit=60")
    chance = random.Random(20240508)
    expected: dict[pathlib.Path, int] = {}  # table to rows acknowledged
    controls: list[pathlib.Path] = []

    def command(source: str, table: pathlib.Path) -> list[str | pathlib.Path]:
        return [marquet, "ingest", dbn_files / source, "--into", table, "--again", "--append-anyway", "--json"]

    def check() -> None:
        for table, rows in expected.items():
            done = subprocess.run([marquet, "info", table, "--json"], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["rows"] == rows, table
            verified = subprocess.run([marquet, "verify", table], capture_output=True, text=True)
            assert verified.returncode == 0, verified.stderr
        for control in controls:
            assert control.read_bytes() == control.name.encode()

    cuts = 100 if os.environ.get("MARQUET_TORTURE") == "1" else 6
    record_property("faults", cuts)
    for cut in range(cuts):
        for number in range(3):
            source = SOURCES[(cut + number) % len(SOURCES)]
            # A new table each time, and one per source that all rounds append to.
            for table in (disk.path / f"new-{cut}-{number}", disk.path / source.split(".")[1]):
                done = subprocess.run(command(source, table), capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
                report = json.loads(done.stdout)
                expected[table] = expected.get(table, 0) + sum(each["rows"] for each in report["sources"])
            control = disk.path / f"control-{cut}-{number}"
            write_durably(control, control.name.encode())
            controls.append(control)

        # Shows that the cut takes what was not synced.
        unsynced = disk.path / f"unsynced-{cut}"
        unsynced.write_bytes(b"never synced")

        # A writer in the middle of its work, who is not acknowledged any more.
        victim = subprocess.Popen(
            command(SOURCES[cut % len(SOURCES)], disk.path / f"victim-{cut}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0, 0.02))
        disk.cut_power()
        victim.kill()
        victim.wait()
        disk.restart()
        assert not unsynced.exists() or unsynced.read_bytes() == b""
        check()
