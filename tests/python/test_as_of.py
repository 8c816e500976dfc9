"""`as_of` of tables whose writers' clocks disagree, against a look at every commit, and against deltalake."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

import marquet as mq

BEGIN = 1_700_000_000_000
MINUTE, DAY = 60_000, 86_400_000


def table_of(folder: Path, times: list[int]) -> Path:
    """One commit for each time, in milliseconds, by what it says and by its file."""
    table = mq.create_table(folder, pa.schema([("a", pa.int64())]))
    for number in range(len(times) - 1):
        table.append(pa.table({"a": [number]}))
    for version, time in enumerate(times):
        path = folder / "_delta_log" / f"{version:020}.json"
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        for action in actions:
            if "commitInfo" in action:
                action["commitInfo"]["timestamp"] = time
                action["commitInfo"].pop("orderedTimestamp")  # which these times need not be
        path.write_text("".join(json.dumps(action) + "\n" for action in actions))
        os.utime(path, ns=(time * 10**6, time * 10**6))  # which is the time for deltalake
    return folder


def moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=ms)


def expected(times: list[int], ms: int) -> int:
    """The last commit by then, where each counts as at least a millisecond later than the one before."""
    found, counted = -1, -(2**62)
    for version, time in enumerate(times):
        counted = max(time, counted + 1)
        if counted <= ms:
            found = version
    return found


@pytest.mark.parametrize("ahead", [range(26, 46), range(61, 86), range(0, 3), range(110, 120), range(0)])
def test_a_host_a_day_ahead(ahead: range, tmp_path: Path):
    times = [BEGIN + version * MINUTE + DAY * (version in ahead) for version in range(120)]
    table = table_of(tmp_path / "t", times)
    before = -1
    for ms in sorted({*times[::7], *(time - 1 for time in times[::5]), *(time + 1 for time in times[::9]), times[-1]}):
        version = expected(times, ms)
        if version < 0:
            with pytest.raises(mq.NotFoundError, match="no version of"):
                mq.open_table(table, as_of=moment(ms))
            continue
        assert mq.open_table(table, as_of=moment(ms)).version == version
        assert version >= before
        before = version


def test_deltalake_says_the_same_where_clocks_agree(tmp_path: Path):
    rng = random.Random(4)
    times = [BEGIN]
    while len(times) < 40:
        times.append(times[-1] + rng.randrange(1, 3 * MINUTE))
    table = table_of(tmp_path / "t", times)
    for time in times:
        for ms in (time, time + 1):
            peer = deltalake.DeltaTable(table)
            peer.load_as_version(moment(ms))
            assert mq.open_table(table, as_of=moment(ms)).version == peer.version() == expected(times, ms)


def test_a_time_of_the_history_gives_its_version(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", pa.schema([("a", pa.int64())]))
    for number in range(30):
        table.append(pa.table({"a": [number]}))
    for entry in table.history():
        assert mq.open_table(tmp_path / "t", as_of=entry["timestamp"]).version == entry["version"]
