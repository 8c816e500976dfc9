"""The stored stub of the extension is the one that nanobind makes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import marquet


def test_the_stored_stub_is_the_generated_one(tmp_path: Path):
    made = tmp_path / "_core.pyi"
    tool = Path(__file__).parents[2] / "tools" / "stubs.py"
    subprocess.run([sys.executable, tool, "--output", made], check=True)
    stored = Path(marquet.__file__).with_name("_core.pyi")
    assert made.read_text() == stored.read_text(), "the bindings changed: run .venv/bin/python tools/stubs.py"
