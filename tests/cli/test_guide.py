"""The commands of docs/cli.md, run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from datetime import date
from pathlib import Path

from dbn_files import trades_file

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("marquet ")]


def test_every_command_of_the_guide_runs(marquet_program, tmp_path):
    def compressed(path: Path) -> None:
        subprocess.run(["zstd", "-q", "--rm", str(path)], check=True)

    compressed(trades_file(tmp_path / "day.dbn", ["ESH4", "NQH4"], count=100))
    trades_file(tmp_path / "live.dbn", ["CLG4"])
    # All of days/3.dbn again, so that every source that is left is whole.
    compressed(trades_file(tmp_path / "corrected.dbn", ["ESH4"], day=date(2024, 1, 3), price=7_000_000_000))
    (tmp_path / "days").mkdir()
    for day in (3, 4):
        trades_file(tmp_path / "days" / f"{day}.dbn", ["ESH4"], day=date(2024, 1, day))
    environment = {**os.environ, "PATH": f"{marquet_program.parent}:{os.environ['PATH']}"}
    ran = 0
    for command in commands():
        if command.startswith("marquet ingest - "):
            subprocess.run(["zstd", "-dkqf", "day.dbn.zst"], cwd=tmp_path, check=True)
        if "--to dbn -o day.dbn.zst" in command:
            command = command.replace("-o day.dbn.zst", "--source 4.dbn -o back.dbn.zst")
        if "-o days/" in command:
            command = command.replace("days/", "back/")
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert shlex.split(command)[0] == "marquet"
        ran += 1
    assert ran > 15
