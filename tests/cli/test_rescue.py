"""`marquet rescue`: writers that are killed, reports, and the commands of docs/rescue.md."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "rescue.md"
ROWS, GROUP = 200_000, 30_000

WRITER = f"""
import sys
import numpy, pyarrow
import marquet
random = numpy.random.default_rng(7)
names = ("open", "high", "low", "close")
rows = pyarrow.table({{"n": range({ROWS}), **{{name: random.normal(100, 1, {ROWS}) for name in names}}}})
marquet.create_table(sys.argv[1], rows.schema).append(rows, row_group_size={GROUP})
"""


def killed_writer(table: Path, operation: int) -> bool:
    """Whether the writer was killed at that file operation, and had not ended before."""
    environment = {**os.environ, "MARQUET_TEST_KILL_AT_OPERATION": str(operation)}
    done = subprocess.run([sys.executable, "-c", WRITER, table], env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return False
    assert done.returncode == -signal.SIGKILL, done.stderr
    return True


def test_a_killed_writer_leaves_what_its_rows_are_rescued_with(marquet, tmp_path):
    subprocess.run([sys.executable, "-c", WRITER, tmp_path / "whole"], check=True)
    (whole,) = (tmp_path / "whole").glob("*.parquet")
    rows = pq.read_table(whole)
    recovered = []
    for operation in range(20, 60, 8):
        table = tmp_path / f"table-{operation}"
        if not killed_writer(table, operation):
            break
        left = list(table.glob(".*.tmp"))
        if not left or not left[0].with_suffix(".journal").exists():
            continue
        out = tmp_path / f"out-{operation}.parquet"
        done = marquet("rescue", left[0], "-o", out, "--json", ok=False)
        report = json.loads(done.stdout)
        assert report["schema_source"] == f"the journal {left[0].with_suffix('.journal')}"
        assert done.returncode == (0 if report["rows"] > 0 else 1)
        assert report["notes"] == []
        if report["rows"] > 0:
            assert pq.read_table(out).equals(rows.slice(0, report["rows"]))
            recovered.append(report["rows"])
        # Of the row groups that have ended, all but the last can be counted on.
        assert report["rows"] >= left[0].stat().st_size / whole.stat().st_size * ROWS - 2 * GROUP
    assert len(recovered) >= 3 and max(recovered) >= 3 * GROUP


@pytest.fixture
def broken(tmp_path) -> Path:
    """Three row groups, of which the last is not complete."""
    rows = pa.table({"n": range(3_000), "text": [f"text {n}" for n in range(3_000)]})
    pq.write_table(rows, tmp_path / "whole.parquet", row_group_size=1_000)
    chunk = pq.read_metadata(tmp_path / "whole.parquet").row_group(2).column(1)
    path = tmp_path / "broken.parquet"
    path.write_bytes((tmp_path / "whole.parquet").read_bytes()[: chunk.data_page_offset])
    return path


def test_the_report_as_text(marquet, broken):
    out = broken.with_name("out.parquet")
    done = marquet("rescue", broken, "-o", out, "--schema", broken.with_name("whole.parquet"))
    lines = done.stdout.splitlines()
    assert lines[0] == f"{broken}: 2,000 rows recovered into {out}, of 2 row groups (2 complete)"
    assert lines[1] == f"  schema: the file {broken.with_name('whole.parquet')}"
    assert re.fullmatch(r"  bytes: [\d,]+ recovered, [\d,]+ lost, 0 unknown, 4 without rows, of [\d,]+", lines[2])
    assert lines[3] == "  rows lost: 1,000"
    assert re.fullmatch(
        r"  lost: row group 2, column text, [\d,]+ bytes from byte [\d,]+ on, 1,000 rows: the file ends before every "
        r"column of the row group has a page",
        lines[4],
    )
    assert len(lines) == 5
    assert pq.read_table(out).num_rows == 2_000


def test_verify_says_what_to_do(marquet, broken):
    done = marquet("verify", broken, ok=False)
    _, damage, hint = done.stdout.splitlines()
    assert done.returncode == 1
    assert damage.startswith(f"  damaged: {broken}: footer: has no footer (")
    assert hint.startswith("hint: Rows that are whole can be written to a new file: marquet rescue FILE -o OUT.parquet")


def test_errors_and_exit_codes(marquet, fails, broken):
    whole, out = broken.with_name("whole.parquet"), broken.with_name("out.parquet")
    said = fails("rescue", broken, "-o", out)
    assert "has no footer, and pages alone do not tell which columns they hold" in said and "--schema" in said
    nothing = marquet("rescue", whole, "-o", out, ok=False)
    assert nothing.returncode == 1
    assert nothing.stdout == f"{whole}: needs no rescue: its footer and all of its 3,000 rows are intact\n"
    assert not out.exists()
    broken.write_bytes(broken.read_bytes()[:50])
    nothing = marquet("rescue", broken, "-o", out, "--schema", whole, ok=False)
    assert nothing.returncode == 1
    assert nothing.stdout.startswith(f"{broken}: nothing could be recovered\n")
    out.write_text("mine")
    fails("rescue", broken, "-o", out, "--schema", whole)
    assert out.read_text() == "mine"
    both = marquet("rescue", broken, "-o", "x.parquet", "--schema", whole, "--table", "t", ok=False)
    assert both.returncode == 2


def test_the_guide(marquet_program, tmp_path):
    text = GUIDE.read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (shown,) = re.findall(r"```\n(today.parquet: .*?)```", text, re.DOTALL)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    environment = {**os.environ, "PATH": f"{marquet_program.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    for line in shown.splitlines():
        assert line in done.stdout.splitlines(), done.stdout
    whole, rescued = (pq.read_table(tmp_path / name) for name in ("yesterday.parquet", "rescued.parquet"))
    assert rescued.equals(whole.slice(0, 20_000))


@pytest.mark.parametrize("cut", [1, 8, 20, 100])
def test_of_a_file_that_is_cut_within_its_footer_no_row_is_lost(marquet, tmp_path, cut):
    rows = pa.table({"n": range(1_000), "x": [float(i) for i in range(1_000)]})
    pq.write_table(rows, tmp_path / "whole.parquet", write_page_index=True, row_group_size=300)
    content = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-cut])
    arguments = ("rescue", tmp_path / "cut.parquet", "--schema", tmp_path / "whole.parquet", "-o")
    text = marquet(*arguments, tmp_path / "a.parquet").stdout
    assert "1,000 rows recovered" in text and "\n  rows lost: 0\n" in text
    assert "lost: row group" not in text and "note: the " in text and "the footer, whose end is cut off" in text
    report = json.loads(marquet(*arguments, tmp_path / "b.parquet", "--json").stdout)
    kinds = ("recovered", "lost", "unknown", "other")
    assert sum(report[f"bytes_{kind}"] for kind in kinds) == report["bytes"] == len(content) - cut
    assert (report["rows_lost"], report["more_rows_lost"], report["losses"]) == (0, False, [])
    assert pq.read_table(tmp_path / "a.parquet").equals(rows)
