"""InferenceRunner killed at every few of its steps, and run again: nothing is lost, nothing is there twice."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from pipelines import Run

import marquet as mq

DOCUMENTS = 7


@pytest.mark.parametrize(("where", "first", "every", "at_least"), [("checkpoints", 1, 9, 8), ("core", 3, 13, 6)])
def test_killed_at_a_step_and_run_again(
    tmp_path: pathlib.Path, where: str, first: int, every: int, at_least: int
) -> None:
    program = pathlib.Path(__file__).with_name("datatrove_kills.py")
    arguments = map(str, (tmp_path, DOCUMENTS, where, first, every))
    done = subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= at_least
    for folder in sorted(tmp_path.iterdir()):
        run = Run(folder)
        assert run.broken() == [], folder
        assert run.ids() == [i for i in range(DOCUMENTS) if i % 4 != 3], folder
        assert mq.verify(run.out).ok, folder
