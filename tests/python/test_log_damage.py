"""Damage to a table's log loses no rows without a word: they come from what is whole, or an error names what is not.

Where the log is whole, deltalake is the oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

SCHEMA = pa.schema([("id", pa.int64()), ("symbol", pa.string())])
ROWS = [(2 * i + k, symbol) for i in range(12) for k, symbol in enumerate(("ESH4", "NQH4"))]
CHECKPOINT = "00000000000000000010.checkpoint.parquet"


def rows_of(table: Any) -> list[tuple[int, str]]:
    columns = pa.table(table).select(["id", "symbol"])
    return sorted(zip(columns["id"].to_pylist(), columns["symbol"].to_pylist(), strict=True))


def filled(path: Path, appends: int = 12) -> Path:
    """Version 0 makes the table, each append adds two rows; a checkpoint at 10."""
    table = mq.create_table(path, SCHEMA, partition_by=["symbol"])
    for i in range(appends):
        table.append(pa.table({"id": [2 * i, 2 * i + 1], "symbol": ["ESH4", "NQH4"]}, SCHEMA))
    del table  # and with it the thread that writes the checkpoint
    assert (path / "_delta_log" / CHECKPOINT).exists()
    return path


def flip(checkpoint: Path, name: str, bit: int) -> None:
    """One bit of a name in the footer."""
    data = bytearray(checkpoint.read_bytes())
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    data[data.index(bytes([len(name)]) + name.encode(), footer) + 1] ^= bit
    checkpoint.write_bytes(data)


def test_deltalake_reads_checkpoints_with_a_digest(tmp_path: Path) -> None:
    path = filled(tmp_path / "t")
    for version in range(10):
        (path / "_delta_log" / f"{version:020}.json").unlink()
    assert rows_of(deltalake.DeltaTable(path).to_pyarrow_table()) == ROWS
    assert rows_of(mq.open_table(path).scan().to_arrow()) == ROWS
    assert mq.open_table(path).verify().ok


@pytest.mark.parametrize("name", ["add", "txn", "metaData", "protocol", "partitionValues", "partitionColumns", "size"])
def test_a_bit_of_a_name_in_a_checkpoint_loses_no_rows(tmp_path: Path, name: str) -> None:
    path = filled(tmp_path / "t")
    flip(path / "_delta_log" / CHECKPOINT, name, 2)
    table = mq.open_table(path)
    assert rows_of(table.scan().to_arrow()) == ROWS
    assert table.scan(filter="symbol = 'ESH4'").count() == 12
    assert table.partition_columns == ["symbol"]
    verdict = table.verify()
    assert not verdict.ok
    assert [damage.file for damage in verdict.damage] == [f"_delta_log/{CHECKPOINT}"]
    # The next checkpoint is made from the commits.
    table.append(pa.table({"id": [24], "symbol": ["ESH4"]}, SCHEMA))
    del table
    assert rows_of(mq.open_table(path).scan().to_arrow()) == [*ROWS, (24, "ESH4")]


@pytest.mark.parametrize("name", ["add", "metaData", "partitionValues", "partitionColumns", "schemaString", "size"])
def test_a_bit_of_a_name_in_a_checkpoint_of_deltalake(tmp_path: Path, name: str) -> None:
    path = filled(tmp_path / "t", 10)
    for ours in (CHECKPOINT, "_last_checkpoint"):
        (path / "_delta_log" / ours).unlink()
    deltalake.DeltaTable(path).create_checkpoint()
    assert b"marquet.digest" not in (pq.read_metadata(path / "_delta_log" / CHECKPOINT).metadata or {})
    expected = rows_of(deltalake.DeltaTable(path).to_pyarrow_table())
    table = mq.open_table(path)
    assert rows_of(table.scan().to_arrow()) == expected
    assert table.verify().ok
    flip(path / "_delta_log" / CHECKPOINT, name, 1)
    table = mq.open_table(path)
    assert rows_of(table.scan().to_arrow()) == expected
    assert [damage.file for damage in table.verify().damage] == [f"_delta_log/{CHECKPOINT}"]


def test_checkpoints_of_deltalake_say_what_the_commits_say(tmp_path: Path) -> None:
    """Of all types that a table may be partitioned by, with removed files and transactions."""
    rows = pa.table(
        {
            "n": pa.array(range(6), pa.int64()),
            "text": ["a", "b/c", None, "a", "ü", "a"],
            "day": pa.array([0, 1, 2, None, 4, 5], pa.date32()),
            "at": pa.array([0, 1, None, 10**15, 10**15 + 1, 5], pa.timestamp("us", tz="UTC")),
            "flag": [True, False, None, True, False, True],
        }
    )
    path = tmp_path / "theirs"
    deltalake.write_deltalake(path, rows, partition_by=["text", "day", "at", "flag"], name="a name")
    deltalake.write_deltalake(path, rows, mode="append")
    deltalake.DeltaTable(path).delete("n = 3")
    transactions = [deltalake.Transaction("app", 7, 123)]
    properties = deltalake.CommitProperties(app_transactions=transactions)
    deltalake.write_deltalake(path, rows, mode="append", commit_properties=properties)
    deltalake.DeltaTable(path).create_checkpoint()
    table = mq.open_table(path)
    assert table.scan().count() == 16
    verdict = table.verify()
    assert verdict.ok, verdict.damage


@pytest.mark.parametrize("missing", [11, 12])
def test_a_commit_that_is_missing_behind_a_checkpoint_is_an_error(tmp_path: Path, missing: int) -> None:
    path = filled(tmp_path / "t", 14)
    table = mq.open_table(path)
    (path / "_delta_log" / f"{missing:020}.json").unlink()
    words = f"commit {missing} is missing from the log, which goes on to version"
    with pytest.raises(mq.CorruptDataError, match=words) as caught:
        mq.open_table(path)
    assert str(path) in str(caught.value) and caught.value.hint
    with pytest.raises(mq.CorruptDataError, match=words):
        mq.verify(path)
    before = mq.open_table(path, version=missing - 1)
    assert before.scan().count() == 2 * (missing - 1)
    assert f"_delta_log/{missing:020}.json" in [damage.file for damage in before.verify().damage]
    with pytest.raises(mq.CorruptDataError, match=words):
        before.append(pa.table({"id": [100], "symbol": ["ESH4"]}, SCHEMA))
    assert not (path / "_delta_log" / f"{missing:020}.json").exists()
    # Who had read the commit before it was lost knows what it held.
    assert table.scan().count() == 28
    assert not table.verify().ok


@pytest.mark.parametrize(
    "damaged",
    [lambda text: text[:40], lambda text: text.replace(b'"timestamp":', b'"timestamp"z', 1)],
    ids=["cut short", "a character"],
)
def test_damage_to_the_commit_of_a_checkpoint_names_the_table(
    tmp_path: Path, damaged: Callable[[bytes], bytes]
) -> None:
    """The newest version's time is read from it."""
    path = filled(tmp_path / "t")
    commit = path / "_delta_log" / "00000000000000000010.json"
    whole = commit.read_bytes()
    commit.write_bytes(damaged(whole))
    assert commit.read_bytes() != whole
    with pytest.raises(mq.CorruptDataError) as caught:
        mq.open_table(path)
    assert str(commit) in str(caught.value)


@pytest.mark.parametrize("version", [5, 10])
@pytest.mark.parametrize("text", ["", "nonsense", "nonsense\n", '{"add":{"pa'])
def test_a_damaged_commit_that_a_checkpoint_stands_for_is_told(tmp_path: Path, version: int, text: str) -> None:
    """The newest version is read without what it says; verify looks at it."""
    path = filled(tmp_path / "t")
    name = f"{version:020}.json"
    (path / "_delta_log" / name).write_text(text)
    table = mq.open_table(path)
    assert rows_of(table.scan().to_arrow()) == ROWS
    assert [damage.file for damage in table.verify().damage] == [f"_delta_log/{name}"]
