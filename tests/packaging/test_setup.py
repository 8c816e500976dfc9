"""What `make setup` says while it works for minutes: what it does, that it still does, and how it ended."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

SETUP = Path(__file__).parents[2] / "tools" / "setup.sh"


def run(program: str) -> subprocess.CompletedProcess[str]:
    text = SETUP.read_text()
    functions = text[text.index("say() {") : text.index("install() {")]
    quick = "sleep() { command sleep 0.01; }\n"
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{quick}{functions}\n{program}"], capture_output=True, text=True, timeout=60
    )


def test_a_long_step_is_told_again_and_again() -> None:
    done = run('told "working" command sleep 2\nsay "next"')
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"setup: working \(\d+:\d\d\)", lines[0])
    assert re.fullmatch(r"setup: still working \(\d+:\d\d\)", lines[1])
    assert lines[-1].startswith("setup: next")
    assert done.returncode == 0


def test_a_step_that_fails_ends_it() -> None:
    done = run("told \"failing\" bash -c 'exit 7'\necho not reached")
    assert done.returncode == 7
    assert "not reached" not in done.stdout
