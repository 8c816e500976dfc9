"""What a process takes for an append, as the operating system counts it, beside the memory that it was given."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import marquet as mq

APPEND = """
import gc, json, sys
import numpy as np, pyarrow as pa, marquet as mq

PARTS, COLUMNS, BATCH, BATCHES, MEMORY = 20, 60, 8_000, 12, 200 << 20
random = np.random.default_rng(7)
numbers = [random.integers(0, 1 << 60, 32_000) for _ in range(COLUMNS)]
schema = pa.schema([("part", pa.int64()), *((f"c{c}", pa.int64()) for c in range(COLUMNS))])


def kilobytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def rows(at, part):
    columns = [pa.array(of_column[at]) for of_column in numbers]
    return pa.record_batch([pa.array(np.full(BATCH, part)), *columns], schema=schema)


# A dictionary pays for the first rows of each partition; later rows make it large.
def batches():
    for number in range(BATCHES):
        for part in range(PARTS):
            at = number * BATCH + np.arange(BATCH)
            yield rows(at // 8 if number < 2 else random.integers(0, 32_000, BATCH), part)


mq.create_table(sys.argv[1] + "-first", schema, partition_by=["part"]).append(next(batches()))
table = mq.create_table(sys.argv[1], schema, partition_by=["part"])
gc.collect()
before = kilobytes("VmRSS")
report = table.append(pa.RecordBatchReader.from_batches(schema, batches()), memory=MEMORY)
taken = (kilobytes("VmHWM") - before) << 10
print(json.dumps({"taken": taken, "memory": MEMORY, "rows": report.rows, "files": len(report.files)}))
"""


def test_an_append_keeps_within_its_memory(
    tmp_path: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    result = run_python(APPEND, str(tmp_path / "t"))
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["rows"] == 20 * 12 * 8_000
    assert found["files"] == 20, "row groups end early, not files"
    # Besides: what threads work in, and the pages that allocators keep.
    threads = len(list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*")))
    assert found["taken"] < 1.5 * found["memory"] + threads * (16 << 20), f"{found['taken'] >> 20} MiB"
    assert mq.open_table(tmp_path / "t").scan().count() == found["rows"]
