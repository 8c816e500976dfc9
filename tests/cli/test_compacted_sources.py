"""Tables whose data files another engine has rewritten, so that no file says any more which source its rows are of."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from dbn_files import trades_file
from deltalake import DeltaTable


@pytest.fixture
def compacted(marquet, tmp_path: Path) -> Path:
    """Ten rows from the first second on and ten from the hundredth on, in one file; then ten more, marked, behind."""
    table = tmp_path / "table"
    for name, second in (("morning", 0), ("noon", 100)):
        marquet("ingest", trades_file(tmp_path / f"{name}.dbn", first_second=second), "--into", table)
    assert DeltaTable(str(table)).optimize.compact()["numFilesRemoved"] == 2
    marquet("ingest", trades_file(tmp_path / "evening.dbn", first_second=200), "--into", table)
    return table


def test_an_export_does_not_leave_rows_out_in_silence(compacted, marquet, fails, tmp_path):
    message = fails("export", compacted, "--to", "dbn", "-o", tmp_path / "back")
    assert "1 of 2 data files do not say which source their rows are of" in message and "--source" in message
    assert not (tmp_path / "back").exists()
    marquet("export", compacted, "--to", "dbn", "--source", "evening.dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == (tmp_path / "evening.dbn").read_bytes()


def test_an_overlap_is_found_and_not_replaced_by_halves(compacted, marquet, fails, tmp_path):
    corrected = trades_file(tmp_path / "corrected.dbn", first_second=105, price=6_000_000_000)
    assert "noon.dbn" in fails("ingest", corrected, "--into", compacted, "-q")
    message = fails("ingest", corrected, "--into", compacted, "--replace", "-q")
    assert "cannot take the place of" in message and "--append-anyway" in message
    assert pl.scan_delta(str(compacted)).collect().height == 30
    marquet("ingest", corrected, "--into", compacted, "--append-anyway")


def test_no_overlap_between_what_was_compacted(compacted, marquet, tmp_path):
    between = trades_file(tmp_path / "between.dbn", first_second=50)
    marquet("ingest", between, "--into", compacted)
    late = trades_file(tmp_path / "late.dbn", first_second=205, price=6_000_000_000)
    marquet("ingest", late, "--into", compacted, "--replace")
    assert pl.scan_delta(str(compacted)).collect().height == 45  # of the evening, what came before the later rows stays
