"""Runs all of the proof that nothing is lost: faults, exceptions, kills, power cuts, full disks, contention.

What `make test` runs in part runs whole here, with a seed that is printed and that repeats a failure. The Python
extension, too, runs under AddressSanitizer, through tests of values, scans, the writer, verify and rescue. It ends with
a table: faults injected, of which kinds, survived, rows lost. Exit status 1 when anything failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports" / "torture"
PYTHON_TESTS = [
    "tests/crash",
    "tests/checkpointing",
    "tests/python/test_rescue.py",
    "tests/python/test_parquet_java.py",
]
# Of the bindings under AddressSanitizer: where arrays cross from Python to C++ and back.
WATCHED_TESTS = [
    "tests/python/test_scan.py",
    "tests/python/test_arrow_layouts.py",
    "tests/python/test_filter_literals.py",
    "tests/python/test_table_verify.py",
    "tests/python/test_rescue.py",
    "tests/checkpointing/test_arrow_as_given.py",
    "tests/checkpointing/test_parquet_writer.py",
    "tests/checkpointing/test_rows_as_given.py",
]
WATCHED_SECONDS = 360
TOLD = "faults injected: "  # what the programs of C++ tests say at their end
CPP_FILTER = "*Fault*:*PowerCut*:*Rescue*:*KillAt*"


@dataclasses.dataclass
class Row:
    """What one group of tests did."""

    faults: int = 0
    kinds: dict[str, int] = dataclasses.field(default_factory=dict)
    """Of programs of C++ tests, which tell them apart."""
    passed: int = 0
    failed: int = 0
    skipped: list[str] = dataclasses.field(default_factory=list)


def add_report(file: pathlib.Path, rows: dict[str, Row]) -> None:
    """Adds the tests of a JUnit file, each suite a row. Tests of Python tell of their faults in a property."""
    for case in ElementTree.parse(file).iter("testcase"):
        row = rows.setdefault(str(case.get("classname", "")).removeprefix("tests."), Row())
        row.faults += sum(int(each.get("value", "0")) for each in case.iter("property") if each.get("name") == "faults")
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            row.failed += 1
        elif skipped is not None or case.get("status") == "notrun":
            row.skipped.append(f"{case.get('name')}: {'' if skipped is None else skipped.get('message', '')}")
        else:
            row.passed += 1


def run_program(program: pathlib.Path, environment: dict[str, str], rows: dict[str, Row]) -> bool:
    """Runs the fault tests of one room, a row; returns whether they passed."""
    report = REPORTS / "cpp" / f"{program.name}.xml"
    words = [program, f"--gtest_filter={CPP_FILTER}", "--gtest_brief=1", f"--gtest_output=xml:{report}"]
    done = subprocess.run(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    told = [line for line in done.stdout.splitlines() if line.startswith(TOLD)]
    if done.returncode != 0:
        print(done.stdout)
    of_tests: dict[str, Row] = {}
    if report.exists():
        add_report(report, of_tests)
    row = rows.setdefault(f"{program.parent.name}, in memory", Row())
    for line in told:
        count, kind = line.removeprefix(TOLD).split(" ", 1)
        row.faults += int(count)
        row.kinds[kind] = row.kinds.get(kind, 0) + int(count)
    for each in of_tests.values():
        row.passed += each.passed
        row.failed += each.failed
        row.skipped += each.skipped
    return done.returncode == 0


def watched_package() -> pathlib.Path:
    """A folder with the package `marquet` of these sources, and the extension of the sanitizers' build in it."""
    (extension,) = (ROOT / "build" / "asan" / "python").glob("_core*.so")
    folder = ROOT / "build" / "asan" / "package"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "marquet").mkdir(parents=True)
    for source in (ROOT / "python" / "marquet").iterdir():
        if source.suffix != ".so" and source.name != "__pycache__":
            (folder / "marquet" / source.name).symlink_to(source)
    (folder / "marquet" / extension.name).symlink_to(extension)
    return folder


def run_watched(environment: dict[str, str], rows: dict[str, Row]) -> bool:
    """Runs tests of Python with an extension that AddressSanitizer watches, a row; returns whether they passed."""
    for words in (
        ["cmake", "--preset", "asan", "--log-level=WARNING"],
        ["cmake", "--build", "--preset", "asan", "--target", "_core", "--", "--quiet"],
    ):
        subprocess.run(words, cwd=ROOT, check=True)
    # The interpreter has neither: what is preloaded later than the other would not find the functions to watch.
    libraries = [
        subprocess.run(
            ["clang-14", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libclang_rt.asan-x86_64.so", "libstdc++.so.6")
    ]
    report = REPORTS / "watched.xml"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *WATCHED_TESTS]
    watched = {
        **{name: value for name, value in environment.items() if name != "MARQUET_TORTURE"},
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONPATH": str(watched_package()),
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    }
    try:
        passed = subprocess.run(words, cwd=ROOT, env=watched, timeout=WATCHED_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"the watched tests did not end within {WATCHED_SECONDS} s")
        passed = False
    of_tests: dict[str, Row] = {}
    if report.exists():
        add_report(report, of_tests)
    row = rows.setdefault("bindings, under AddressSanitizer", Row())
    for each in of_tests.values():
        row.passed += each.passed
        row.failed += each.failed
        row.skipped += each.skipped
    row.failed += not passed and row.failed == 0  # the whole process may have ended
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; drawn from the clock when left out")
    seed = parser.parse_args().seed
    if seed is None:
        seed = int(time.time())
    print(f"torture: seed {seed}; repeat with: make torture SEED={seed}", flush=True)
    environment = {**os.environ, "MARQUET_TORTURE": "1", "MARQUET_SEED": str(seed)}
    shutil.rmtree(REPORTS, ignore_errors=True)
    (REPORTS / "cpp").mkdir(parents=True)
    failed = False
    subprocess.run(["cmake", "--build", "--preset", "release", "--", "--quiet"], cwd=ROOT, check=True)
    rows: dict[str, Row] = {}
    for program in sorted((ROOT / "build" / "release" / "src").rglob("marquet_*_test")):
        failed |= not run_program(program, environment, rows)
    tests = [path for path in PYTHON_TESTS if (ROOT / path).exists()]
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--junitxml={REPORTS}/pytest.xml",
        "-o",
        "junit_family=xunit1",
        *tests,
    ]
    failed |= subprocess.run(words, cwd=ROOT, env=environment).returncode != 0
    failed |= not run_watched(environment, rows)

    add_report(REPORTS / "pytest.xml", rows)
    print(f"\n{'proof':<58} {'faults':>9} {'tests':>6} {'failed':>6} {'skipped':>7}")
    total = Row()
    for name, row in sorted(rows.items()):
        if row.passed + row.failed + len(row.skipped) == 0:
            continue
        print(f"{name:<58} {row.faults:>9,} {row.passed:>6} {row.failed:>6} {len(row.skipped):>7}")
        if row.kinds:
            print("    " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(row.kinds.items())))
        for why in row.skipped:
            print(f"    skipped: {why}")
        total.faults += row.faults
        total.passed += row.passed
        total.failed += row.failed
        total.skipped += row.skipped
    print(f"{'all':<58} {total.faults:>9,} {total.passed:>6} {total.failed:>6} {len(total.skipped):>7}")
    survived, lost = ("not all", "?") if failed else (f"{total.faults:,}", "0")
    print(f"seed {seed}: faults injected {total.faults:,}, survived {survived}, rows lost {lost}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
