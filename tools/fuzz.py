"""Builds the libFuzzer targets with clang and runs each for a while, starting from the stored corpus.

A crash, a hang (10 s on one input) or more than 2 GiB of memory fails the run; the input that did it is left in
build/fuzz/findings.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    for command in (
        ["cmake", "--preset", "fuzz", "--log-level=WARNING"],
        ["cmake", "--build", "--preset", "fuzz", "--", "--quiet"],
    ):
        subprocess.run(command, cwd=ROOT, check=True)

    findings = ROOT / "build" / "fuzz" / "findings"
    findings.mkdir(exist_ok=True)
    failed = []
    targets = sorted((ROOT / "fuzz").glob("*_fuzzer.cc"))
    for source in targets:
        name = source.stem
        grown = ROOT / "build" / "fuzz" / "corpus" / name
        grown.mkdir(parents=True, exist_ok=True)
        stored = ROOT / "fuzz" / "corpus" / name.removesuffix("_fuzzer")
        print(f"== {name}: {arguments.seconds} s, seed {arguments.seed}", flush=True)
        code = subprocess.run(
            [
                ROOT / "build" / "fuzz" / "bin" / name,
                f"-max_total_time={arguments.seconds}",
                f"-seed={arguments.seed}",
                "-timeout=10",
                "-rss_limit_mb=2048",
                "-print_final_stats=1",
                f"-artifact_prefix={findings}/{name}-",
                grown,
                stored,
            ],
            cwd=ROOT,
            env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "ASAN_OPTIONS": "detect_leaks=0"},
        ).returncode
        if code != 0:
            failed.append(name)
    print(f"{len(targets) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
