"""A process that runs checkpointed writers in children of its own, which tests kill; started by `WriterHost`.

Each line on standard input is a JSON object: `folder`, `records`, `per_chunk`, `kill_at` (number of a file operation,
or null) and `input`. The answer is one line: the child's exit status and the records that it was told are durable.
The child is forked with everything imported, so that hundreds of kills take seconds.
"""

from __future__ import annotations

import json
import os
import sys

import pandas  # noqa: F401 - with the first rows pyarrow does, which would cost each child half a second

import marquet as mq

TEMPLATE = "${rank}_chunk_${chunk_index}.parquet"


def write(folder: str, records: int, per_chunk: int, acknowledge: int) -> None:
    """Writes the numbers up to `records`, telling of each record that is durable over a pipe."""
    with mq.ParquetWriter(folder, TEMPLATE, records_per_chunk=per_chunk, input="numbers") as writer:
        os.write(acknowledge, f"{writer.next_record}\n".encode())
        for number in range(writer.resume(), records):
            writer.write({"id": number, "text": f"number {number}"})
            os.write(acknowledge, f"{writer.next_record}\n".encode())
    os.write(acknowledge, f"{records}\n".encode())


def run(job: dict[str, object]) -> dict[str, object]:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        if job["kill_at"] is not None:
            os.environ["MARQUET_TEST_KILL_AT_OPERATION"] = str(job["kill_at"])
        code = 1
        try:
            write(str(job["folder"]), int(str(job["records"])), int(str(job["per_chunk"])), sending)
            code = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    os.close(sending)
    with os.fdopen(receiving) as acknowledged:
        lines = acknowledged.read().split("\n")
    _, status = os.waitpid(child, 0)
    # A line that the kill cut short was not said.
    return {"exit": os.waitstatus_to_exitcode(status), "acknowledged": int(lines[-2]) if len(lines) > 1 else 0}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
