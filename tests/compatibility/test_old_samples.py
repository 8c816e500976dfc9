"""Samples and labels that older releases wrote: the same tensors in the same order, and more samples behind them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from kept import Kept, of, plain
from make_samples import digest

import marquet as mq

SAMPLES = of("samples")
NAMES = ("samples", "trained", "filtered")


def stored(kept: Kept, name: str, version: int | None = None) -> pa.Table:
    return mq.open_table(kept.written / name, version=version).scan(stored_types=True).to_arrow()


def newest(kept: Kept, name: str) -> int:
    """The version that was kept."""
    version: int = kept.facts[name]["versions"][-1]["version"]
    return version


def labels_of(kept: Kept, name: str) -> dict[str, mq.depth.FittedLabels]:
    return mq.depth.load_labels(kept.written / name, kept.facts["variants"][name].get("labels_name", "default"))


def build(kept: Kept, name: str, **options: Any) -> mq.depth.BuildReport:
    """With the options of the first time, but with the boundaries that are there."""
    options = {**kept.facts["build"], **kept.facts["variants"][name], "fit_end": None, **options}
    return mq.depth.build_samples(kept.written / "book", kept.written / name, **options)


def walk(kept: Kept, name: str) -> list[dict[str, Any]]:
    batches = mq.depth.DepthBatches(kept.written / name, kept.written / "book", batch_size=8, seed=5)
    return [{"batches": [digest(*batch) for batch in batches.with_ids()]} for _ in range(2)]


@SAMPLES
def test_samples_are_read(kept: Kept) -> None:
    for name in NAMES:
        assert plain(stored(kept, name)) == plain(kept.rows(f"{name}-{newest(kept, name)}"))
        assert mq.verify(kept.written / name).ok


@SAMPLES
def test_batches_are_the_same(kept: Kept) -> None:
    for name in NAMES:
        assert walk(kept, name) == kept.facts[name]["walks"]


@SAMPLES
def test_torch_gets_the_same(kept: Kept) -> None:
    torch = pytest.importorskip("torch")
    from marquet.torch import DepthDataset

    dataset = DepthDataset(kept.written / "samples", kept.written / "book", batch_size=8, seed=5)
    batches = mq.depth.DepthBatches(kept.written / "samples", kept.written / "book", batch_size=8, seed=5)
    for _ in range(2):
        for (tensors, labels), (wanted, classes, _ids) in zip(dataset, batches.with_ids(), strict=True):
            assert torch.equal(tensors, torch.from_numpy(wanted)) and torch.equal(labels, torch.from_numpy(classes))


@SAMPLES
def test_labels_are_read(kept: Kept) -> None:
    for name in NAMES:
        assert {
            symbol: {"boundaries": list(map(repr, fitted.boundaries.tolist())), "rows": fitted.rows}
            for symbol, fitted in labels_of(kept, name).items()
        } == kept.facts["labels"][name]


@SAMPLES
@pytest.mark.parametrize("name", NAMES)
def test_the_next_day_is_appended_with_the_labels_that_are_there(kept: Kept, name: str) -> None:
    before, labels = stored(kept, name), labels_of(kept, name)
    assert build(kept, name, mode="append").rows == 0
    mq.ingest(kept.given / "1.dbn.zst", kept.written / "book")
    report = build(kept, name, mode="append")
    assert report.rows > 0
    if name != "filtered":  # whose thresholds say the same
        assert build(kept, name, mode="append", labels=labels).rows == 0
    after = stored(kept, name)
    assert set(plain(before)) < set(plain(after)) and after.num_rows == before.num_rows + report.rows
    assert labels_of(kept, name) == labels
    assert sum(len(y) for _, y in mq.depth.DepthBatches(kept.written / name, kept.written / "book")) == sum(
        label is not None for label in after["label"].to_pylist()
    )
    assert plain(stored(kept, name, version=newest(kept, name))) == plain(before)


@SAMPLES
def test_they_are_replaced_by_new_ones(kept: Kept) -> None:
    before = stored(kept, "samples")
    build(kept, "samples", mode="overwrite", hop=30)
    after = stored(kept, "samples")
    assert 0 < after.num_rows < before.num_rows
    assert set(after["hop"].to_pylist()) == {30}
    assert labels_of(kept, "samples").keys() == {"ESH4", "NQH4"}
    assert build(kept, "samples", mode="append", hop=30).rows == 0
    assert plain(stored(kept, "samples", version=newest(kept, "samples"))) == plain(before)
