"""What the documentation shows of depth samples, run as it stands there on a day like the demo's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from order_books import as_arrow, random_book, write_book

import marquet as mq

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROWS = 70_000


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a book of 4 March 2024 from 14:30 on, and the definition of its symbol."""
    folder = tmp_path_factory.mktemp("day")
    columns = random_book(ROWS, 1)
    opened = np.datetime64("2024-03-04T14:30", "ns").astype(np.int64)
    columns["ts_recv"] = opened + np.arange(ROWS) * 300_000_000
    columns["ts_event"] = columns["ts_recv"] - 1_000
    write_book(folder / "book", as_arrow(columns))
    schema = pa.schema(
        [("raw_symbol", pa.string()), pa.field("min_price_increment", pa.int64(), metadata={"unit": "1e-9"})]
    )
    definitions = mq.create_table(folder / "definitions", schema)
    definitions.append(pa.table({"raw_symbol": ["ESH4"], "min_price_increment": [250_000_000]}, schema))
    return folder


def help_text(marquet_program: Path) -> str:
    return subprocess.run([marquet_program, "depth", "--help"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("where", ["docs/cli.md", "--help"])
def test_every_depth_command_runs(day: Path, marquet_program: Path, tmp_path: Path, where: str) -> None:
    text = (DOCS / "cli.md").read_text() if where == "docs/cli.md" else help_text(marquet_program)
    commands = re.findall(r"^ *(marquet depth \w.*)$", text, re.MULTILINE)
    assert len(commands) > 3
    for name in ("book", "definitions"):
        (tmp_path / name).symlink_to(day / name)
    environment = {**os.environ, "PATH": f"{marquet_program.parent}:{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "warning" not in done.stdout


def test_the_python_of_the_page_runs(day: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (source,) = re.findall(r"```python\n(.*?)```", (DOCS / "depth.md").read_text(), re.DOTALL)
    (tmp_path / "book").symlink_to(day / "book")
    done = subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert mq.open_table(tmp_path / "samples").scan(filter="label is not null").count() > 0
