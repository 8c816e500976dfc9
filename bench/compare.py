"""Runs every job of jobs.py against its peers and prints one table of ratios.

Each measurement is a process of its own, the peers of a job take turns, and the best of five counts. The table goes to
docs/benchmarks.md with the machine it was made on. With --check the exit status is 1 when a floor is not held.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import platform
import re
import subprocess
import sys
from importlib.metadata import version

import inputs
import jobs


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a job is judged by.

    kind: "ratio" is the best peer's time over ours, "cost" ours over the other's, "rate" items a second,
    "throughput" gigabytes of the file a second, "seconds" our own time, "beyond" our time less the other's, in seconds.
    The floor is the bound below which `--check` fails.
    """

    against: tuple[str, ...]
    goal: float
    floor: float
    kind: str = "ratio"
    peak_mib: float | None = None


PARTITION_PEERS = ("pyarrow", "polars", "deltalake", "duckdb")
GOALS: dict[str, list[Goal]] = {
    "ingest mbp-10": [Goal(("databento",), 8, 7, peak_mib=1024)],
    "ingest mbo": [Goal(("databento",), 12, 8, peak_mib=1024)],
    "ingest one symbol of a hundred": [Goal(("all of it",), 5, 5)],
    "a small file, last tenth of 5,000": [Goal(("the first tenth",), 1.1, 1.5, kind="cost")],
    "one partition, table open": [Goal(PARTITION_PEERS, 30, 30)],
    "one partition, from nothing": [Goal(PARTITION_PEERS, 8, 8)],
    "open from JSON": [
        Goal((), 0.0015, 0.003, kind="seconds"),
        Goal(("deltalake",), 3, 2),
    ],
    "scan 3 of 22 columns": [Goal(("polars", "pyarrow", "duckdb"), 1.5, 1.5)],
    "durable append of 100 rows": [
        Goal(("two bare publishes",), 1.5, 1.5, kind="cost"),
        Goal(("deltalake",), 10, 10),
    ],
    "chunk close": [Goal(("two bare publishes",), 0.001, 0.001, kind="beyond")],
    "write 2 M trades": [Goal(("pyarrow", "polars", "duckdb"), 1.0, 1.0)],
    "verification within a write": [Goal(("the whole write",), 0.03, 0.05, kind="cost")],
    "depth tensors, hop 500": [Goal((), 10_000, 1_000, kind="rate")],
    "depth batches": [Goal((), 10_000, 1_000, kind="rate")],
    "verify against plain decode": [Goal(("plain decode",), 1.05, 1.05, kind="cost")],
    "rescue": [
        Goal((), 0.10, 0.05, kind="throughput", peak_mib=1024),
        Goal(("pyarrow rewrite",), 1.0, 1.0),
    ],
    "marquet --help": [Goal((), 0.050, 0.050, kind="seconds")],
}
ONCE = {"a small file, last tenth of 5,000"}  # which takes minutes, and is a mean of hundreds already
FORMATS = {
    "ratio": "{:.1f}x",
    "cost": "{:.2f}x",
    "rate": "{:,.0f}/s",
    "throughput": "{:.2f} GB/s",
    "seconds": "{:.4f} s",
    "beyond": "{:.4f} s",
}
HEADER = ["job", "ours", "peak MiB", "peer", "its time", "figure", "goal", "floor", "verdict"]

Runs = dict[str, list[dict[str, float]]]


def measure(name: str, peer: str, data: pathlib.Path) -> dict[str, float]:
    command = [sys.executable, str(pathlib.Path(__file__).with_name("jobs.py")), name, peer, str(data)]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"{name}, {peer}: failed\n{finished.stderr}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def seconds_text(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.2f} ms"


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    return min(runs, key=lambda run: run["seconds"])


def judge(name: str, runs: Runs, goal: Goal) -> list[str]:
    """One row of the table."""
    ours = best(runs["marquet"])
    peak = max(run["peak_mib"] for run in runs["marquet"])
    peer = min(goal.against, key=lambda peer: best(runs[peer])["seconds"], default="-")
    theirs = best(runs[peer])["seconds"] if goal.against else 0.0
    value = {
        "ratio": theirs / ours["seconds"],
        "cost": ours["seconds"] / theirs if theirs else 0.0,
        "beyond": ours["seconds"] - theirs,
        "rate": ours.get("items", 0) / ours["seconds"],
        "throughput": ours.get("bytes", 0) / ours["seconds"] / 1e9,
        "seconds": ours["seconds"],
    }[goal.kind]

    def reaches(bound: float) -> bool:
        return value >= bound if goal.kind in ("ratio", "rate", "throughput") else value <= bound

    if goal.peak_mib is not None and peak > goal.peak_mib:
        verdict = "TOO MUCH MEMORY"
    else:
        verdict = "met" if reaches(goal.goal) else "below goal" if reaches(goal.floor) else "BELOW FLOOR"
    rate = f" ({ours['items'] / ours['seconds'] / 1e6:.2f} M/s)" if ours.get("items", 0) > 1e5 else ""
    tail = f" (p99 {seconds_text(ours['p99'])})" if "p99" in ours else ""
    figures = [FORMATS[goal.kind].format(x) for x in (value, goal.goal, goal.floor)]
    time = seconds_text(theirs) if theirs else "-"
    return [name, seconds_text(ours["seconds"]) + rate + tail, f"{peak:.0f}", peer, time, *figures, verdict]


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    cores = len(re.findall(r"^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    gib = int(memory[1]) / 1048576 if memory else 0
    name = model[1] if model else platform.machine()
    return f"{cores} cores ({name}), {gib:.0f} GiB, Python {platform.python_version()}"


def document(rows: list[list[str]], repeats: int) -> str:
    peers = ", ".join(f"{name} {version(name)}" for name in ("databento", "polars", "duckdb", "pyarrow", "deltalake"))
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench` on {machine()}. Peers: {peers}.",
            "",
            f"Every measurement is a process of its own with default threads; the best of {repeats} counts (of the",
            "durable append and of closing a chunk, the best median). A figure is the best peer's time over ours; for",
            "`two bare publishes`, `plain decode`, `the first tenth` and `the whole write` it is ours over the",
            "other's, for closing a chunk ours less the other's. Writing trades is durable and verified here, and",
            "neither with the peers. What verification takes of a write is measured on an order book, by",
            "`marquet_parquet_write_bench`; what a small file takes once, in an ingest of 5,000. Inputs are",
            "made by `bench/inputs.py` and `marquet_generate` from a fixed seed.",
            "",
            *("| " + " | ".join(row) + " |" for row in [HEADER, ["---"] * len(HEADER), *rows]),
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is not held")
    parser.add_argument("--only", help="jobs whose name contains this; docs/benchmarks.md is left alone")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", type=pathlib.Path, default=inputs.ROOT / "build" / "bench-data")
    arguments = parser.parse_args()

    inputs.prepare(arguments.data)
    rows: list[list[str]] = []
    for name, goals in GOALS.items():
        if arguments.only and arguments.only not in name:
            continue
        peers = [peer for job, peer in jobs.JOBS if job == name]
        runs: Runs = {peer: [] for peer in peers}
        for _ in range(1 if name in ONCE else arguments.repeats):
            for peer in peers:
                runs[peer].append(measure(name, peer, arguments.data))
        for peer in peers:
            worst = max(run["seconds"] for run in runs[peer])
            print(f"{name}: {peer}: {seconds_text(best(runs[peer])['seconds'])} to {seconds_text(worst)}", flush=True)
        rows += [judge(name, runs, goal) for goal in goals]

    widths = [max(len(row[i]) for row in [HEADER, *rows]) for i in range(len(HEADER))]
    print()
    for row in [HEADER, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if not arguments.only:
        (inputs.ROOT / "docs" / "benchmarks.md").write_text(document(rows, arguments.repeats))
    held = all(row[-1] in ("met", "below goal") for row in rows)
    return 1 if arguments.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
