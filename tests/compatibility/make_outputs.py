"""Output of rolling writers: closed, killed, taken up again; and what killed writers leave for a rescue."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from kept import write_rows

import marquet as mq

TEMPLATE = "${rank}_chunk_${chunk_index}.parquet"
PER_CHUNK = 10
ROW_GROUP = 4
INPUT = "blake2b:numbers"
RECORDS = 75 * PER_CHUNK + 5  # the manifest of so many chunks has sealed units
KILLED_AT = 72 * PER_CHUNK + 9
KILLED_AGAIN_AT = 73 * PER_CHUNK + 9

GROUP, GIVEN = 10_000, 75_000
"""Of the append that is killed: rows of a row group, and how many rows were given."""


def record(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "text": f"number {number}",
        "half": number / 2 if number % 3 else None,
        "tags": [f"t{i}" for i in range(number % 4)],
        "pair": {"a": number, "b": None if number % 2 else b"\x00\xff"},
    }


def records(begin: int, end: int) -> list[dict[str, Any]]:
    return [record(number) for number in range(begin, end)]


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("half", pa.float64()),
        ("tags", pa.list_(pa.string())),
        ("pair", pa.struct([("a", pa.int64()), ("b", pa.binary())])),
    ]
)


def finished(folder: Path) -> dict[str, Any]:
    """Three outputs in one folder, all closed: parts by rows, chunks in several files, and parts of another schema."""
    with mq.ParquetWriter(
        "written", "parts.parquet", max_rows_per_file=30, schema=SCHEMA, metadata={"k": "v"}
    ) as parts:
        parts.write(records(0, 100))
    names = "${lang}/${rank}_${chunk_index}.parquet"
    with mq.ParquetWriter("written", names, records_per_chunk=10, rank=3, schema=SCHEMA) as chunks:
        for number in range(25):
            chunks.write(record(number), values={"lang": ("en", "ü")[number % 2]})
    with mq.ParquetWriter("written", "changing.parquet", on_schema_change="new_part") as changing:
        changing.write(pa.table({"id": range(5)}))
        changing.write(pa.table({"id": [str(n) for n in range(5)]}))
    return files_of(folder)


def files_of(folder: Path) -> dict[str, Any]:
    """Each file's rows as pyarrow reads them, and the digest of its bytes."""
    files = {}
    for number, path in enumerate(sorted((folder / "written").rglob("*.parquet"))):
        rows = pq.ParquetFile(path).read()
        write_rows(folder / "expected" / f"{number}.arrow", rows.replace_schema_metadata(None))
        name = str(path.relative_to(folder / "written"))
        files[name] = {
            "expected": str(number),
            "rows": rows.num_rows,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    return {"files": files}


def unfinished(folder: Path) -> dict[str, Any]:
    """Killed inside of a chunk, when the chunk before had its file, but not yet its place in the manifest."""
    run_killed("first")
    return run_facts(folder, KILLED_AT)


def second_attempt(folder: Path) -> dict[str, Any]:
    """Taken up after that, and killed again."""
    run_killed("first")
    run_killed("second")
    return run_facts(folder, KILLED_AGAIN_AT)


def run_facts(folder: Path, killed_at: int) -> dict[str, Any]:
    written = folder / "written"
    manifests = (written / "_marquet" / "writers").glob("*.json")
    (manifest,) = (path for path in manifests if ".sealed." not in path.name)
    kept = json.JSONDecoder().raw_decode(manifest.read_text())[0]  # its digest follows
    assert kept["sealed"] and not kept["finished"]
    units = sum(entry["units"] for entry in kept["sealed"]) + len(kept["units"])
    (left,) = written.glob(f".00000_chunk_{killed_at // PER_CHUNK}.*.tmp")
    assert left.with_suffix(".journal").exists()
    return {
        "template": TEMPLATE,
        "input": INPUT,
        "records_per_chunk": PER_CHUNK,
        "attempt": kept["attempt"],
        "next_record": units * PER_CHUNK,
        "published": len(list(written.glob("*.parquet"))),
        "killed_at": killed_at,
        "left": left.name,
        "rescued": killed_at % PER_CHUNK // ROW_GROUP * ROW_GROUP,
    }


def killed_append(folder: Path) -> dict[str, Any]:
    """An append to a table, killed after some row groups: its temporary file, and the journal."""
    run_killed("append")
    (left,) = (folder / "written").glob(".*.tmp")
    assert left.with_suffix(".journal").exists()
    report = mq.rescue(left, folder / "rescued.parquet")
    assert report.schema_source == f"the journal {left.with_suffix('.journal')}"
    (folder / "rescued.parquet").unlink()
    assert GIVEN > report.rows >= 2 * GROUP
    return {"left": left.name, "given": GIVEN, "rescued": report.rows}


def ticks(rows: int) -> pa.Table:
    """Rows of a formula, of which each byte must be stored: a writer holds its last 64 KiB back."""
    n = np.arange(rows, dtype=np.uint64)
    mixed = n * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    bytes_of = {name: (mixed >> np.uint64(8 * i)) & np.uint64(255) for i, name in enumerate(("bid", "ask"), 4)}
    return pa.table(
        {
            "n": n.astype(np.int64),
            **{name: 4_000 + values.astype(np.float64) / 4 for name, values in bytes_of.items()},
            "text": [None if i % 7 == 0 else f"text {i % 50}" for i in range(rows)],
        }
    )


def run_killed(name: str) -> None:
    """Runs one of the functions below in a process of its own, which kills itself."""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    code = f"import make_outputs; make_outputs.{name}()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def first() -> None:
    """Writes until it is killed; the manifest is then put back to what it was one chunk before."""
    writer = mq.ParquetWriter("written", TEMPLATE, records_per_chunk=PER_CHUNK, input=INPUT, row_group_size=ROW_GROUP)
    last = KILLED_AT // PER_CHUNK * PER_CHUNK
    writer.write(records(0, last - PER_CHUNK))
    wait_for(writer, last // PER_CHUNK - 1)
    directory = Path("written/_marquet/writers")
    before = {path: path.read_bytes() for path in directory.iterdir()}
    writer.write(records(last - PER_CHUNK, last))
    wait_for(writer, last // PER_CHUNK)
    writer.write(records(last, KILLED_AT))
    writer.flush()
    # As after a crash between the two steps of publishing a chunk: files first, then the manifest.
    for path in set(directory.iterdir()) - before.keys():
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    os.kill(os.getpid(), signal.SIGKILL)


def second() -> None:
    writer = mq.ParquetWriter("written", TEMPLATE, records_per_chunk=PER_CHUNK, input=INPUT, row_group_size=ROW_GROUP)
    begin = writer.resume()
    writer.write(records(begin, KILLED_AGAIN_AT))
    wait_for(writer, KILLED_AGAIN_AT // PER_CHUNK)
    writer.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(writer: Any, chunks: int) -> None:
    """Chunks are published beside the writing."""
    for chunk in range(chunks):
        writer.close_chunk(chunk)
    assert writer.published_chunks == list(range(chunks))


def append() -> None:
    rows = ticks(GIVEN)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from rows.to_batches(max_chunksize=GROUP)
        size, before = 0, -1
        while size == 0 or size != before:  # until all that is to be written of these is
            time.sleep(0.3)
            size, before = sum(path.stat().st_size for path in Path("written").glob(".*.tmp")), size
        os.kill(os.getpid(), signal.SIGKILL)

    table = mq.create_table("written", rows.schema)
    table.append(pa.RecordBatchReader.from_batches(rows.schema, batches()), row_group_size=GROUP)
