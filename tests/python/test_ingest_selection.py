"""Parts of real files, by symbol and time, against Databento's own frames filtered by pandas."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import databento
import numpy as np
import pandas as pd
import pytest

import marquet as mq

FILES = [
    "real-futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst",
    "real-futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst",
    "real-futures_bbo-1m_2024-05-09T09-55_2024-05-09T10-05.dbn.zst",
    "real-futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst",
    "real-futures_definition.dbn.zst",
    "real-options_bbo-1m_2024-05-09T09-55_2024-05-09T10-05.dbn.zst",
    "real-orderbooks-20240508.mbo.dbn.zst",
]
PATTERNS: list[list[str]] = [[], ["ES*"], ["NQ?4", "*P5230"], ["*U4"]]


@pytest.fixture(params=FILES)
def source(request: pytest.FixtureRequest, data_dir: Path) -> Path:
    return data_dir / "dbn" / request.param


def frame_of(source: Path) -> pd.DataFrame:
    """Each record's symbol, and its time to the nanosecond: the index of Databento's frames is ts_recv or ts_event."""
    frame = databento.DBNStore.from_file(source).to_df(pretty_ts=False)
    return pd.DataFrame({"symbol": frame["symbol"].to_numpy(), "time": frame.index.to_numpy().astype("int64")})


def selected(frame: pd.DataFrame, symbols: list[str], start: int | None, end: int | None) -> list[int]:
    wanted = np.ones(len(frame), dtype=bool)
    if symbols:
        wanted &= frame["symbol"].map(lambda name: any(fnmatch.fnmatchcase(name, pattern) for pattern in symbols))
    if start is not None:
        wanted &= frame["time"] >= start
    if end is not None:
        wanted &= frame["time"] < end
    return np.flatnonzero(wanted).tolist()


def places(table: Path) -> list[int]:
    return mq.open_table(table).scan(columns=["source_row"], sort_by="source_row").to_arrow()["source_row"].to_pylist()


def test_what_pandas_selects_of_databentos_frames(source: Path, tmp_path: Path):
    frame = frame_of(source)
    times = np.sort(frame["time"].to_numpy())
    middle, late = int(times[len(times) // 2]), int(times[len(times) * 3 // 4])
    checked = 0
    for number, symbols in enumerate(PATTERNS):
        for start, end in ((None, None), (middle, None), (None, middle), (middle, late), (middle + 1, late + 1)):
            expected = selected(frame, symbols, start, end)
            table = tmp_path / f"{number}-{start}-{end}"
            arguments: dict[str, Any] = {"symbols": symbols, "start": start, "end": end}
            if start is not None and end is not None and start >= end:
                continue
            if not expected:
                with pytest.raises(mq.InvalidInputError, match="nothing is selected"):
                    mq.ingest(source, table, **arguments)
                continue
            (told,) = mq.ingest(source, table, **arguments).sources
            assert places(table) == expected
            assert told.rows == len(expected)
            assert told.records == told.rows + told.rows_not_selected + told.control_records + told.unknown_records
            mq.ingest(source, table)
            assert places(table) == list(range(len(frame)))
            checked += 1
    assert checked >= 3


def test_times_as_python_has_them(data_dir: Path, tmp_path: Path):
    source = data_dir / "dbn" / FILES[1]
    middle = pd.Timestamp("2024-07-02", tz="UTC")
    report = mq.ingest(source, tmp_path / "t", start=middle, end="2024-07-02T00:05")
    assert report.rows == len(selected(frame_of(source), [], middle.value, middle.value + 300 * 10**9)) > 0
    assert mq.ingest(source, tmp_path / "t", start=middle.date(), end="2024-07-02T00:05").rows == 0


def test_the_report_tells_patterns_that_match_nothing(data_dir: Path, tmp_path: Path):
    source = data_dir / "dbn" / FILES[1]
    report = mq.ingest(source, tmp_path / "t", symbols=["ESU4", "CL*"])
    assert report.unmatched_symbols == report.to_dict()["unmatched_symbols"] == ["CL*"]
    assert report.ok and "warning" in str(report)
    with pytest.raises(mq.InvalidInputError, match="nothing is selected") as raised:
        mq.ingest(source, tmp_path / "t", symbols="GC*")
    report = raised.value.report
    assert report.sources[0].status == "skipped" and not report
    assert report.error.endswith(str(raised.value).splitlines()[0]) and report.kind == "invalid input"
    assert report.to_dict()["hint"] == report.hint != ""
