"""What docs/checkpointing.md and docs/datatrove.md show, run as it stands there."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from pipelines import contents

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture
def environment(tmp_path: pathlib.Path, marquet_program: pathlib.Path) -> dict[str, str]:
    """In which ``marquet`` and ``python`` are the ones under test."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "marquet").symlink_to(marquet_program)
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def run(command: list[str], folder: pathlib.Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_checkpointed_writing(tmp_path: pathlib.Path, environment: dict[str, str]) -> None:
    (program,) = blocks("checkpointing.md", "python")
    (tmp_path / "job.py").write_text(program)
    stopped, looked = ("\n".join(["set -e", block]) for block in blocks("checkpointing.md", "sh"))
    said = run(["sh", "-c", stopped], tmp_path, environment)
    assert re.findall("beginning with order .*", said) == ["beginning with order 0", "beginning with order 1000"]
    assert re.findall(r"(\d+) rows in (\d+) new files", said) == [("743", "2")]
    names = [f"00000_chunk_{chunk}.parquet" for chunk in range(4)]
    assert run(["sh", "-c", looked], tmp_path, environment).split() == [*names, "_marquet", "1733"]


def test_datatrove(tmp_path: pathlib.Path, environment: dict[str, str], model_url: str) -> None:
    imports, runner, example, validate = blocks("datatrove.md", "python")
    for source in (imports, runner):
        run(["python", "-c", source], tmp_path, environment)
    (tmp_path / "problems").mkdir()
    for shard in range(2):
        lines = [{"text": f"{shard} + {i}?", "id": f"{shard}-{i}", "answer": shard + i} for i in range(7)]
        (tmp_path / "problems" / f"{shard}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "example.py").write_text(example.replace("records_per_chunk=500", "records_per_chunk=5"))
    run(["python", "example.py"], tmp_path, {**environment, "MODEL_URL": model_url})
    found = contents(tmp_path / "verl")
    assert [len(ids or []) for ids in found.values()] == [5, 2, 5, 2]
    row = pq.read_table(tmp_path / "verl" / "000_00001_chunk_1.parquet").to_pylist()[0]
    assert row["reward_model"]["ground_truth"] >= 1
    assert row["extra_info"]["attempts"] == [row["prompt"][0]["content"][::-1]] * 4
    _, verify = blocks("datatrove.md", "sh")
    run(["sh", "-c", verify], tmp_path, environment)
    assert run(["python", "-c", validate], tmp_path, environment).count("True") == 4
