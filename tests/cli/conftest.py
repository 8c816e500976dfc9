"""Running the native program, and looking at what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for dbn_files

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def marquet(marquet_program: Path) -> Run:
    """``marquet("info", table)`` runs the program; ``ok=True`` demands that it ends well."""

    def run(*arguments: object, ok: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
        options.setdefault("env", {**os.environ, "LC_ALL": "C.UTF-8"})
        done = subprocess.run(
            [str(marquet_program), *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
        )
        if ok:
            assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def fails(marquet: Run) -> Callable[..., str]:
    """``fails("info", table)`` runs the program, demands exit code 1 and one error line, and gives what it said.

    Between the line and its hint may stand the text that it is about, indented, with a caret below.
    """

    def run(*arguments: object, code: int = 1, **options: object) -> str:
        done = marquet(*arguments, ok=False, **options)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        lines = done.stderr.strip().splitlines()
        assert lines and lines[0].startswith("marquet: "), done.stderr
        rest = lines[3:] if lines[1:] and lines[1].startswith("  ") else lines[1:]
        assert not rest or rest[0].startswith("hint: "), done.stderr
        assert lines[1:] == rest or lines[2].strip() == "^", done.stderr
        return done.stderr

    return run
