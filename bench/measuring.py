"""How a measurement is registered and taken: what the files of jobs share."""

from __future__ import annotations

import pathlib
import shutil
import statistics
import time
from collections.abc import Callable
from typing import Any

APPENDS = 200

Measured = dict[str, Any]
Job = Callable[[pathlib.Path], Measured]
JOBS: dict[tuple[str, str], Job] = {}


def job(name: str, peer: str) -> Callable[[Job], Job]:
    """Registers a measurement."""

    def register(function: Job) -> Job:
        JOBS[name, peer] = function
        return function

    return register


def seconds_of(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_of(repeats: int, work: Callable[[], Any]) -> float:
    """Warmed up, then the best of several."""
    work()
    return min(seconds_of(work) for _ in range(repeats))


def scratch(data: pathlib.Path, name: str) -> pathlib.Path:
    """A path under which nothing is yet."""
    path = data / "scratch" / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    return path


def spread(work: Callable[[int], Any]) -> Measured:
    """Median and 99th percentile of many repetitions, in seconds."""
    times = sorted(seconds_of(lambda n=n: work(n)) for n in range(APPENDS))
    return {"seconds": statistics.median(times), "p99": times[int(len(times) * 0.99)]}
