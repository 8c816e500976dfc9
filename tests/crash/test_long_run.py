"""A run of many gigabytes: killed on the way, gone on with, in files of bounded size and memory of bounded size.

MARQUET_TEST_GIGABYTES says how many; 10 take two or three minutes.
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

import marquet as mq

TORTURE = os.environ.get("MARQUET_TORTURE") == "1"
GIGABYTES = float(os.environ.get("MARQUET_TEST_GIGABYTES", "2" if TORTURE else "0.3"))
BATCH = 100_000
ROW = 37  # bytes, of 48: no codec makes random numbers much less
PER_CHUNK = 10 * BATCH
ROWS = PER_CHUNK * max(3, round(GIGABYTES * 1e9 / ROW / PER_CHUNK))
MEMORY = 64 << 20
LARGEST = 20_000_000

CHILD = """
import re, sys
import numpy as np, pyarrow as pa
import marquet as mq

folder, rows, batch, per_chunk, memory, largest = sys.argv[1], *map(int, sys.argv[2:])
with mq.ParquetWriter(
    folder, "${chunk_index}.parquet", records_per_chunk=per_chunk, max_file_size=largest, memory=memory, input="rows"
) as writer:
    for begin in range(writer.resume(), rows, batch):
        draw = np.random.default_rng(begin)
        columns = {name: draw.random(batch) for name in "abcde"}
        writer.write(pa.table({"id": np.arange(begin, begin + batch), **columns}))
(peak,) = re.findall(r"VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read())
print(writer.report.committed, int(peak) << 10)
"""


def start(folder: pathlib.Path) -> subprocess.Popen[str]:
    numbers = map(str, (ROWS, BATCH, PER_CHUNK, MEMORY, LARGEST))
    return subprocess.Popen([sys.executable, "-c", CHILD, folder, *numbers], stdout=subprocess.PIPE, text=True)


def published(folder: pathlib.Path) -> dict[pathlib.Path, int]:
    """The files, in the order of their rows, and their sizes."""
    paths = [path for path in folder.glob("*.parquet") if not path.name.startswith(".")]
    paths.sort(key=lambda path: [int(part) for part in reversed(path.stem.split("_"))])
    return {path: path.stat().st_size for path in paths}


def test_a_long_run_goes_on_after_a_kill(tmp_path: pathlib.Path, record_property: Callable[[str, Any], None]) -> None:
    first = start(tmp_path)
    while sum(published(tmp_path).values()) < ROWS * ROW / 2:
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = published(tmp_path)

    second = start(tmp_path)
    committed, peak = map(int, second.communicate()[0].split())
    assert second.returncode == 0
    assert 0 < committed < ROWS
    assert peak < MEMORY + (300 << 20)  # of which Python, NumPy and pyarrow are about 100 MiB
    after = published(tmp_path)
    assert before.items() <= after.items()
    assert max(after.values()) <= LARGEST and len(after) >= 2 * ROWS // PER_CHUNK

    verdict = mq.verify(tmp_path, level="crc")
    assert verdict.ok and (verdict.files, verdict.rows) == (len(after), ROWS)
    ids = 0
    for path in after:
        found = pq.read_table(path, columns=["id"])["id"]
        assert pc.all(pc.equal(found, np.arange(ids, ids + len(found)))).as_py(), path
        ids += len(found)
    assert ids == ROWS
    found = pq.read_table(path)
    last = found.slice(max(0, found.num_rows - BATCH))
    draw = np.random.default_rng(ROWS - BATCH)
    for name in "abcde":
        assert (last[name].to_numpy() == draw.random(BATCH)[-len(last) :]).all()
    record_property("faults", 1)
