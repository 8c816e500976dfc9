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


DAY = date(2024, 3, 4)  # that of the demo, on which the guide's times lie
OPENING = {"first_second": (14 * 60 + 30) * 60, "price": 4_760_000_000_000}


def test_every_command_of_the_guide_runs(marquet_program, tmp_path):
    def compressed(path: Path) -> None:
        subprocess.run(["zstd", "-q", "--rm", str(path)], check=True)

    compressed(trades_file(tmp_path / "day.dbn", ["ESH4", "NQH4"], count=100, day=DAY, **OPENING))
    trades_file(tmp_path / "live.dbn", ["CLG4"])
    # All of days/5.dbn again, so that every source that is left is whole.
    compressed(trades_file(tmp_path / "corrected.dbn", ["ESH4"], day=date(2024, 3, 5), price=7_000_000_000))
    (tmp_path / "days").mkdir()
    for day in (5, 6):
        trades_file(tmp_path / "days" / f"{day}.dbn", ["ESH4"], day=date(2024, 3, day))
    environment = {**os.environ, "PATH": f"{marquet_program.parent}:{os.environ['PATH']}"}
    ran = selected = 0
    for command in commands():
        if command.startswith("marquet ingest - "):
            subprocess.run(["zstd", "-dkqf", "day.dbn.zst"], cwd=tmp_path, check=True)
        if "--to dbn -o day.dbn.zst" in command:
            command = command.replace("-o day.dbn.zst", "--source 6.dbn -o back.dbn.zst")
        if "-o days/" in command:
            command = command.replace("days/", "back/")
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert shlex.split(command)[0] == "marquet"
        if command.startswith("marquet scan") and " -o " not in command:
            assert len(done.stdout.splitlines()) > 5, f"{command}\n{done.stdout}"
            selected += 1
        ran += 1
    assert ran > 15 and selected > 2
