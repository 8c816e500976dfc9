"""Runs every test and check, stage by stage, and prints what each took and what it found.

The stages share one summary: the last line is `N passed, M failed, K skipped`. C++ programs report through GoogleTest's
XML, pytest through its JUnit XML; a linter counts as one test. Exit status 1 when anything failed.
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
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
BIN = ROOT / ".venv" / "bin"


@dataclasses.dataclass
class Outcome:
    """Counts of one stage; `problem` says why it failed where no test did."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problem: str = ""


def run(*command: str | pathlib.Path, env: dict[str, str] | None = None) -> int:
    """Runs a command in the project's root with its output shown; returns its exit code."""
    sys.stdout.flush()
    return subprocess.run([str(c) for c in command], cwd=ROOT, env={**os.environ, **(env or {})}).returncode


def read_reports(folder: pathlib.Path) -> Outcome:
    """Adds up the JUnit files in a folder."""
    outcome = Outcome()
    for file in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(file).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                outcome.failed += 1
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                outcome.skipped += 1
            else:
                outcome.passed += 1
    return outcome


def reported(name: str, command: list[str | pathlib.Path], env: dict[str, str]) -> Outcome:
    """Runs a command that writes JUnit files into build/reports/NAME and reads them."""
    folder = REPORTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    code = run(*command, env={k: v.replace("@REPORTS@", str(folder)) for k, v in env.items()})
    outcome = read_reports(folder)
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.problem = f"exit code {code} without a failed test in its report"
    if outcome.passed == 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.problem = "no test ran"
    return outcome


def check(*command: str | pathlib.Path) -> Outcome:
    """A command that counts as one test."""
    return (
        Outcome(passed=1)
        if run(*command) == 0
        else Outcome(failed=1, problem=f"{pathlib.Path(command[0]).name} failed")
    )


def ctest(preset: str, env: dict[str, str] | None = None) -> Outcome:
    command: list[str | pathlib.Path] = ["ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "-j2"]
    return reported(f"cpp-{preset}", command, {"GTEST_OUTPUT": "xml:@REPORTS@/", **(env or {})})


def sanitizer(preset: str, env: dict[str, str]) -> Outcome:
    if run("cmake", "--preset", preset, "--log-level=WARNING") or run(
        "cmake", "--build", "--preset", preset, "--", "--quiet"
    ):
        return Outcome(failed=1, problem=f"the {preset} build failed")
    return ctest(preset, {"ARROW_DEFAULT_MEMORY_POOL": "system", **env})


def cpp() -> Outcome:
    if run("cmake", "--build", "--preset", "release", "--", "--quiet"):
        return Outcome(failed=1, problem="the release build failed")
    return ctest("release")


def python() -> Outcome:
    folder = REPORTS / "python"
    command: list[str | pathlib.Path] = [
        BIN / "python",
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        f"--junitxml={folder}/pytest.xml",
        "tests",
    ]
    return reported("python", command, {})


def asan() -> Outcome:
    # Arrow's own libraries are not instrumented, so leaks inside them cannot be told from ours.
    return sanitizer("asan", {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1"})


def tsan() -> Outcome:
    # Arrow's waits look like locks that are never given back, of which the deadlock detector can follow only so many.
    options = f"suppressions={ROOT}/tools/tsan-suppressions.txt:halt_on_error=1:detect_deadlocks=0"
    return sanitizer("tsan", {"TSAN_OPTIONS": options})


def ruff() -> Outcome:
    return check(BIN / "ruff", "check", ".")


def ruff_format() -> Outcome:
    return check(BIN / "ruff", "format", "--check", "-q", ".")


def mypy() -> Outcome:
    return check(BIN / "mypy", "python/marquet")


def clang_format() -> Outcome:
    sources = subprocess.run(
        ["git", "ls-files", "*.cc", "*.h"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return check("clang-format-14", "--dry-run", "-Werror", *sources)


STAGES: dict[str, Callable[[], Outcome]] = {
    "cpp": cpp,
    "python": python,
    "asan": asan,
    "ruff": ruff,
    "ruff-format": ruff_format,
    "mypy": mypy,
    "clang-format": clang_format,
}
ON_REQUEST: dict[str, Callable[[], Outcome]] = {"tsan": tsan}


def test_data() -> str | None:
    """Says where the real files are and how many; nothing when continuous integration lacks them."""
    folder = pathlib.Path(os.environ.get("MARQUET_TEST_DATA", ROOT.parent / "shared" / "data"))
    if folder.is_dir():
        return f"test data: {sum(f.is_file() for f in folder.rglob('*'))} files in {folder}"
    if os.environ.get("CI") == "true":
        return None
    return f"test data: {folder} is absent; the tests that read it are skipped (set MARQUET_TEST_DATA)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*STAGES, *ON_REQUEST], action="append", help="run this stage alone")
    arguments = parser.parse_args()

    found = test_data()
    if found is None:
        print("test data: the folder is missing, and in continuous integration that is a failure", file=sys.stderr)
        print("0 passed, 1 failed, 0 skipped")
        return 1
    print(found)
    # C++ tests run in the build's folder, from where a relative default would not lead to the data.
    os.environ["MARQUET_TEST_DATA"] = str(
        pathlib.Path(os.environ.get("MARQUET_TEST_DATA", ROOT.parent / "shared" / "data")).resolve()
    )

    stages = {**STAGES, **ON_REQUEST}
    rows: list[tuple[str, float, Outcome]] = []
    for name in arguments.only or STAGES:
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        outcome = stages[name]()
        rows.append((name, time.monotonic() - started, outcome))

    print(f"\n{'stage':<14}{'seconds':>9}{'passed':>9}{'failed':>9}{'skipped':>9}")
    for name, seconds, outcome in rows:
        print(f"{name:<14}{seconds:>9.1f}{outcome.passed:>9}{outcome.failed:>9}{outcome.skipped:>9}  {outcome.problem}")
    print(f"{'all':<14}{sum(seconds for _, seconds, _ in rows):>9.1f}")
    passed, failed, skipped = (sum(getattr(o, key) for _, _, o in rows) for key in ("passed", "failed", "skipped"))
    print(found)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
