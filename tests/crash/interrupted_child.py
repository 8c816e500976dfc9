"""A process that runs jobs in children of its own, which get a SIGINT or an exception at their n-th file operation.

Each line on standard input is a list of JSON objects, `job`, `folder` and `environment`, whose children run side by
side. The answer is one line: the list of what the jobs were told. The children are forked with everything imported, so
that hundreds of runs take seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

import marquet as mq

pa.table({"n": [0]})  # imports pandas, which would take a child ten times as long as its job

BUILD = {
    "micro_pip": 0.25, "hop": 100, "time_bins": 4, "ticks_per_bin": 10, "lookback": 20, "lookforward": 20, "offset": 0,
    "nbins": 3,
}  # fmt: skip


def append(folder: Path) -> int:
    return mq.open_table(folder / "t").append(pa.table({"n": [10, 11, 12]})).version


def ingest(folder: Path) -> list[str]:
    report = mq.ingest(folder / "day.dbn", folder / "t")
    return [source.status for source in report.sources]


def close(folder: Path) -> int:
    writer = mq.ParquetWriter(folder / "out", "${chunk_index}.parquet", records_per_chunk=3, input="numbers")
    try:
        writer.write([{"n": n} for n in range(5)])
        return writer.close().committed
    except BaseException:
        writer.abort()
        raise


def build_samples(folder: Path) -> int:
    return mq.depth.build_samples(folder / "book", folder / "t", mode="append", **BUILD).rows


def told(job: str, folder: Path) -> dict[str, object]:
    """What a caller learns: `returned` or `report` is what the job gave, `raised` the class of an exception."""
    signals: list[int] = []

    def interrupted(number: int, frame: object) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupted)
    answer: dict[str, object] = {}
    try:
        answer["returned"] = globals()[job](folder)
    except BaseException as raised:
        answer["raised"] = [each.__name__ for each in type(raised).__mro__]
        answer["text"] = str(raised)
        report = getattr(raised, "report", None)
        if report is not None:
            answer["report"] = {
                "append": lambda: report.version,
                "ingest": lambda: [source.status for source in report.sources],
                "close": lambda: report.committed,
                "build_samples": lambda: report.rows,
            }[job]()
    answer["signals"] = len(signals)
    return answer


def start(request: dict[str, object]) -> Callable[[], dict[str, object]]:
    """Begins a job; what is returned waits for its answer."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        os.environ.update(request["environment"])
        try:
            os.write(sending, json.dumps(told(str(request["job"]), Path(str(request["folder"])))).encode())
        finally:
            os._exit(0)
    os.close(sending)

    def finish() -> dict[str, object]:
        with os.fdopen(receiving) as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        return {**(json.loads(text) if text else {}), "exit": os.waitstatus_to_exitcode(status)}

    return finish


if __name__ == "__main__":
    for line in sys.stdin:
        running = [start(request) for request in json.loads(line)]
        print(json.dumps([finish() for finish in running]), flush=True)
