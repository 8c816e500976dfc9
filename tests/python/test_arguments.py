"""Arguments that do not fit are told by their names, and never by the core's own types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import marquet as mq

HUGE = 2**70


@pytest.fixture
def table(tmp_path: Path) -> mq.Table:
    rows = pa.table({"x": [1, 2, 3]})
    made = mq.create_table(tmp_path / "t", rows.schema)
    made.append(rows)
    return made


def batches(**options: Any) -> Any:
    return mq.depth.DepthBatches("samples", "book", **options)


ROWS = pa.table({"x": [4]})
QUOTES = pa.table({"bid_px_00": [1.0], "ask_px_00": [2.0]})

CALLS: dict[str, tuple[str, Callable[[mq.Table, Any], Any]]] = {
    "open_table": ("version", lambda table, n: mq.open_table(table.path, version=n)),
    "append, level": ("compression_level", lambda table, n: table.append(ROWS, compression_level=n)),
    "append, group": ("row_group_size", lambda table, n: table.append(ROWS, row_group_size=n)),
    "append, file": ("max_rows_per_file", lambda table, n: table.append(ROWS, max_rows_per_file=n)),
    "append, memory": ("memory", lambda table, n: table.append(ROWS, memory=n)),
    "scan, limit": ("limit", lambda table, n: table.scan(limit=n)),
    "scan, batch": ("batch_size", lambda table, n: table.scan(batch_size=n)),
    "head": ("n", lambda table, n: table.head(n)),
    "history": ("limit", lambda table, n: table.history(n)),
    "verify": ("jobs", lambda table, n: table.verify(jobs=n)),
    "ingest, jobs": ("jobs", lambda table, n: mq.ingest("no.dbn", "u", jobs=n)),
    "ingest, memory": ("memory", lambda table, n: mq.ingest("no.dbn", "u", memory=n)),
    "ingest, group": ("row_group_size", lambda table, n: mq.ingest("no.dbn", "u", row_group_size=n)),
    "ingest, level": ("compression_level", lambda table, n: mq.ingest("no.dbn", "u", compression_level=n)),
    "export": ("version", lambda table, n: mq.export(table.path, "x.csv", "csv", version=n)),
    "writer, rank": ("rank", lambda table, n: mq.ParquetWriter("w", rank=n)),
    "writer, memory": ("memory", lambda table, n: mq.ParquetWriter("w", memory=n)),
    "batches, seed": ("seed", lambda table, n: batches(seed=n)),
    "batches, size": ("batch_size", lambda table, n: batches(batch_size=n)),
    "batches, threads": ("threads", lambda table, n: batches(threads=n)),
    "batches, prefetch": ("prefetch", lambda table, n: batches(prefetch=n)),
    "batches, memory": ("memory", lambda table, n: batches(memory=n)),
    "batches, rank": ("rank", lambda table, n: batches(rank=n)),
    "batches, world": ("world_size", lambda table, n: batches(world_size=n)),
    "tensor, bins": ("time_bins", lambda table, n: mq.depth.tensor(QUOTES, time_bins=n)),
    "tensor, ticks": ("ticks_per_bin", lambda table, n: mq.depth.tensor(QUOTES, ticks_per_bin=n)),
    "stream, bins": ("time_bins", lambda table, n: mq.depth.TensorStream(QUOTES, time_bins=n)),
    "fit, lookback": ("lookback", lambda table, n: mq.depth.fit_labels(QUOTES, lookback=n)),
    "fit, lookforward": ("lookforward", lambda table, n: mq.depth.fit_labels(QUOTES, lookforward=n)),
    "fit, offset": ("offset", lambda table, n: mq.depth.fit_labels(QUOTES, offset=n)),
    "fit, nbins": ("nbins", lambda table, n: mq.depth.fit_labels(QUOTES, nbins=n)),
    "fit, seed": ("seed", lambda table, n: mq.depth.fit_labels(QUOTES, seed=n)),
    "samples, hop": ("hop", lambda table, n: mq.depth.build_samples("book", "samples", hop=n)),
    "samples, seed": ("seed", lambda table, n: mq.depth.build_samples("book", "samples", seed=n)),
    "samples, memory": ("memory", lambda table, n: mq.depth.build_samples("book", "samples", memory=n)),
    "samples, nbins": ("nbins", lambda table, n: mq.depth.build_samples("book", "samples", nbins=n)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_number_out_of_range_is_told_by_its_name(
    table: mq.Table, call: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    name, function = CALLS[call]
    for number in (HUGE, -HUGE):
        with pytest.raises(mq.InvalidInputError, match=rf"^{name} is {number}; expected "):
            function(table, number)
    for no_number in (1.5, "3", [1]):
        with pytest.raises(TypeError, match=rf"^{name} is .*; expected a whole number"):
            function(table, no_number)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_seed_below_zero_is_told_by_its_name() -> None:
    for call in (batches, lambda seed: mq.depth.fit_labels(QUOTES, seed=seed)):
        with pytest.raises(mq.InvalidInputError, match=r"^seed is -1; expected 0 or more"):
            call(seed=-1)
    with pytest.raises(mq.InvalidInputError, match=f"^seed is {2**64}; expected a number from 0 to {2**64 - 1}"):
        batches(seed=2**64)
    with pytest.raises(mq.NotFoundError):  # which fits, so that the tables are looked for
        batches(seed=2**64 - 1)


OTHERS: list[tuple[str, Callable[[mq.Table], Any]]] = [
    ("use_threads is 1; expected True or False", lambda table: table.scan(use_threads=1)),
    ("price is None; expected a string", lambda table: table.scan(price=None)),
    ("columns is [1, 2]; expected a list of strings", lambda table: table.scan(columns=[1, 2])),
    ("sort_by is [3]; expected a list of strings", lambda table: table.scan(sort_by=[3])),
    ("mode is 3; expected a string", lambda table: table.append(ROWS, mode=3)),
    ("metadata is {'a': 1}; expected a dictionary of strings", lambda table: table.append(ROWS, metadata={"a": 1})),
    ("level is 7; expected a string", lambda table: table.verify(7)),
    ("column is 5; expected a string", lambda table: table.latest_timestamp(5)),
    ("partition_by is [1]; expected a list of strings", lambda table: mq.create_table("u", ROWS.schema, [1])),
    ("again is 'yes'; expected True or False", lambda table: mq.ingest("no.dbn", "u", again="yes")),
    ("source is 3; expected a string or None", lambda table: mq.export(table.path, "x.csv", "csv", source=3)),
    ("take_over is 1; expected True or False", lambda table: mq.ParquetWriter("w", take_over=1)),
    ("unlabelled is 1; expected True or False", lambda table: batches(unlabelled=1)),
    ("ties is 1; expected a string", lambda table: mq.depth.fit_labels(QUOTES, ties=1)),
    ("across_rolls is 'no'; expected True or False", lambda table: mq.depth.tensor(QUOTES, across_rolls="no")),
    ("hop is 'x'; expected a whole number", lambda table: mq.depth.build_samples("b", "s", hop="x")),
    ("where is 5; expected a string", lambda table: mq.depth.build_samples("b", "s", where=5)),
]


@pytest.mark.parametrize(("message", "call"), OTHERS, ids=[message.split(" is ")[0] for message, _ in OTHERS])
def test_a_value_of_another_type_is_told_by_its_name(
    table: mq.Table, message: str, call: Callable[[mq.Table], Any], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TypeError) as caught:
        call(table)
    assert str(caught.value) == message
    assert sorted(tmp_path.rglob("*")) == before


def test_numbers_of_numpy_are_numbers(table: mq.Table) -> None:
    assert table.scan(limit=np.int16(2)).to_arrow().num_rows == 2
    assert table.head(np.uint8(1)).num_rows == 1


def test_nothing_is_taken_below_zero(table: mq.Table) -> None:
    for call in (lambda: table.scan(limit=-1), lambda: table.head(-1), lambda: table.history(-1)):
        with pytest.raises(mq.InvalidInputError, match="is -1; expected 0 or more"):
            call()
