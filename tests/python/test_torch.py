"""Batches of depth samples, in NumPy and in PyTorch."""

from __future__ import annotations

import pathlib
from collections import Counter
from typing import Any

import numpy as np
import pytest
from order_books import as_arrow, random_book, write_book

import marquet as mq

torch = pytest.importorskip("torch")

SHAPE = {"time_bins": 70, "ticks_per_bin": 5}
FEATURES = ["volume", "trade_counts"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A book of two symbols and its samples, at a hop that meets every phase of the bins."""
    path = tmp_path_factory.mktemp("depth")
    book = write_book(path / "book", as_arrow(random_book(1_500, 1)), as_arrow(random_book(1_200, 2), "NQH4"))
    mq.depth.build_samples(
        book, path / "samples", features=FEATURES, micro_pip=0.25, hop=23, lookback=50, lookforward=60, offset=5,
        nbins=3, **SHAPE,
    )  # fmt: skip
    return str(path / "samples"), book


def expected_samples(tables: tuple[str, str]) -> dict[str, tuple[np.ndarray, int]]:
    """Tensor and label of every labelled sample by id, each computed from the rows that the sample names."""
    result = {}
    samples, book = (mq.open_table(path) for path in tables)
    rows = {
        symbol: book.scan(filter=[("symbol", "==", symbol)], sort_by=["source_row"]).to_arrow()
        for symbol in ("ESH4", "NQH4")
    }
    for row in samples.scan(filter="label is not null").to_arrow().to_pylist():
        whole = rows[row["symbol"]]
        begin = whole["source_row"].to_pylist().index(row["first_source_row"])
        window = whole.slice(begin, 350)
        assert window["source_row"][-1].as_py() == row["last_source_row"]
        result[row["sample_id"]] = (mq.depth.tensor(window, FEATURES, 0.25, **SHAPE), row["label"])
    return result


def walk(batches: Any) -> dict[str, tuple[np.ndarray, int]]:
    seen: dict[str, tuple[np.ndarray, int]] = {}
    for tensors, labels, ids in batches.with_ids():
        assert tensors.dtype == np.float32
        assert labels.dtype == np.int64
        for tensor, label, sample in zip(tensors, labels, ids, strict=True):
            assert sample not in seen
            seen[sample] = (tensor.copy(), int(label))
    return seen


def digest(dataset: Any) -> Counter[tuple[int, bytes]]:
    """The samples of a walk as a multiset."""
    return Counter(
        (int(label), tensor.numpy().tobytes())
        for tensors, labels in dataset
        for tensor, label in zip(tensors, labels, strict=True)
    )


def test_batches_hold_every_labelled_sample_once(tables: tuple[str, str]) -> None:
    expected = expected_samples(tables)
    for options in ({}, {"threads": 3, "prefetch": 5}, {"shuffle": False}, {"batch_size": 7}):
        seen = walk(mq.depth.DepthBatches(*tables, **options))
        assert seen.keys() == expected.keys()
        for sample, (tensor, label) in seen.items():
            np.testing.assert_array_equal(tensor, expected[sample][0])
            assert label == expected[sample][1]


def test_one_feature_has_no_axis_for_it(tables: tuple[str, str]) -> None:
    expected = expected_samples(tables)
    tensors, _, ids = next(mq.depth.DepthBatches(*tables, features="volume", batch_size=4).with_ids())
    assert tensors.shape == (4, 402, 70)
    for tensor, sample in zip(tensors, ids, strict=True):
        np.testing.assert_array_equal(tensor, expected[sample][0][0])


def test_the_order_depends_on_seed_and_epoch_alone(tables: tuple[str, str]) -> None:
    def order(epoch: int, **options: Any) -> list[str]:
        batches = mq.depth.DepthBatches(*tables, **options)
        batches.set_epoch(epoch)
        return [sample for _, _, ids in batches.with_ids() for sample in ids]

    first = order(0, seed=5)
    assert order(0, seed=5, threads=4, batch_size=3) == first
    assert order(1, seed=5) != first
    assert order(0, seed=6) != first
    assert sorted(order(1, seed=5)) == sorted(first)
    in_place = order(0, shuffle=False)
    assert in_place == order(9, shuffle=False)
    batches = mq.depth.DepthBatches(*tables, seed=5)
    assert [s for _, _, ids in batches.with_ids() for s in ids] == first
    assert [s for _, _, ids in batches.with_ids() for s in ids] == order(1, seed=5)  # the next epoch follows


def test_ranks_share_the_epoch(tables: tuple[str, str]) -> None:
    parts = [walk(mq.depth.DepthBatches(*tables, rank=rank, world_size=3)) for rank in range(3)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(expected_samples(tables))


def test_a_walk_goes_on_where_it_was_left(tables: tuple[str, str]) -> None:
    whole = [ids for _, _, ids in mq.depth.DepthBatches(*tables, batch_size=8, seed=2).with_ids()]
    first = mq.depth.DepthBatches(*tables, batch_size=8, seed=2)
    taken = []
    for _, _, ids in first.with_ids():
        taken.append(ids)
        if len(taken) == 3:
            break
    state = first.state_dict()
    assert state == {"epoch": 0, "position": 3}
    second = mq.depth.DepthBatches(*tables, batch_size=8, seed=2)
    second.load_state_dict(state)
    assert taken + [ids for _, _, ids in second.with_ids()] == whole


def test_every_iter_begins_an_epoch_of_its_own(tables: tuple[str, str]) -> None:
    def order(epoch: int) -> list[list[str]]:
        batches = mq.depth.DepthBatches(*tables, batch_size=8, seed=2)
        batches.set_epoch(epoch)
        return [ids for _, _, ids in batches.with_ids()]

    batches = mq.depth.DepthBatches(*tables, batch_size=8, seed=2)
    for epoch in range(2):
        assert next(batches.with_ids())[2] == order(epoch)[0]
    assert batches.state_dict() == {"epoch": 1, "position": 1}
    assert [ids for _, _, ids in batches.with_ids()] == order(2)
    assert batches.state_dict() == {"epoch": 3, "position": 0}
    assert next(batches.with_ids())[2] == order(3)[0]
    batches.set_epoch(3)
    one, other = batches.with_ids(), batches.with_ids()  # two walks side by side
    assert next(one)[2] == order(3)[0]
    assert next(other)[2] == order(4)[0]
    assert [ids for _, _, ids in one] == order(3)[1:]
    assert [ids for _, _, ids in other] == order(4)[1:]
    assert batches.state_dict() == {"epoch": 5, "position": 0}
    batches.load_state_dict({"epoch": 1, "position": 2})
    assert next(batches.with_ids())[2] == order(1)[2]
    assert len(list(batches)) == len(order(2))


def test_a_glance_at_a_dataset_takes_nothing_from_its_epochs(tables: tuple[str, str]) -> None:
    import marquet.torch

    dataset = marquet.torch.DepthDataset(*tables, batch_size=8, seed=3)
    for _ in range(2):
        next(iter(dataset))
    expected = digest(marquet.torch.DepthDataset(*tables, batch_size=8, seed=3))
    assert digest(dataset) == expected
    next(iter(dataset))
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2)
    assert digest(loader) == expected
    dataset.load_state_dict({"epoch": 0, "position": 1})
    with pytest.raises(ValueError, match="cannot go on at batch 1 with 2 workers"):
        next(iter(loader))
    assert sum(1 for _ in dataset) == len(dataset) - 1


def test_arguments_are_checked_at_once(tables: tuple[str, str], tmp_path: pathlib.Path) -> None:
    import marquet.torch

    samples, book = tables
    for error, arguments, options in (
        (mq.NotFoundError, (tmp_path / "none", book), {}),
        (mq.NotFoundError, (samples, tmp_path / "none"), {}),
        (mq.SchemaError, (book, book), {}),
        (mq.SchemaError, (samples, samples), {}),
        (mq.NotFoundError, tables, {"symbols": "YMH4"}),
        (mq.InvalidInputError, tables, {"features": "depth"}),
        (mq.InvalidInputError, tables, {"batch_size": 0}),
        (mq.InvalidInputError, tables, {"threads": 0}),
        (mq.InvalidInputError, tables, {"prefetch": 0}),
    ):
        with pytest.raises(error):
            marquet.torch.DepthDataset(*arguments, **options)


def test_batches_may_be_kept(tables: tuple[str, str]) -> None:
    kept = list(mq.depth.DepthBatches(*tables, batch_size=4, seed=1))
    again = list(mq.depth.DepthBatches(*tables, batch_size=4, seed=1))
    for (tensors, labels), (others, other_labels) in zip(kept, again, strict=True):
        np.testing.assert_array_equal(tensors, others)
        np.testing.assert_array_equal(labels, other_labels)


def test_drop_last_and_lengths(tables: tuple[str, str]) -> None:
    n = len(expected_samples(tables))
    for size in (1, 7, n, n + 1):
        for drop in (False, True):
            batches = mq.depth.DepthBatches(*tables, batch_size=size, drop_last=drop)
            sizes = [len(labels) for _, labels in batches]
            assert len(sizes) == len(batches) == (n // size if drop else -(-n // size))
            assert batches.samples == n


def test_symbols_and_unlabelled_samples_can_be_chosen(tables: tuple[str, str]) -> None:
    only = walk(mq.depth.DepthBatches(*tables, symbols=["NQH4"]))
    assert only and all(sample.startswith("NQH4-") for sample in only)
    everything = walk(mq.depth.DepthBatches(*tables, unlabelled=True))
    assert len(everything) == mq.open_table(tables[0]).scan().count()
    assert {label for _, label in everything.values()} == {-1, 0, 1, 2}
    with pytest.raises(mq.NotFoundError, match="'YMH4'"):
        len(mq.depth.DepthBatches(*tables, symbols=["YMH4"]))


def test_what_cannot_work_is_said(tables: tuple[str, str], tmp_path: pathlib.Path) -> None:
    samples, book = tables
    with pytest.raises(mq.InvalidInputError, match=r"bins of the samples need .* the budget is"):
        len(mq.depth.DepthBatches(samples, book, memory=1_000))
    with pytest.raises(mq.SchemaError, match="expected a table of depth samples"):
        len(mq.depth.DepthBatches(book, book))
    with pytest.raises(mq.NotFoundError):
        len(mq.depth.DepthBatches(tmp_path / "none", book))
    with pytest.raises(mq.InvalidInputError, match="batch_size"):
        len(mq.depth.DepthBatches(samples, book, batch_size=0))
    with pytest.raises(ValueError, match="rank 2 of 2"):
        mq.depth.DepthBatches(samples, book, rank=2, world_size=2)
    other = write_book(tmp_path / "other", as_arrow(random_book(600, 1)), as_arrow(random_book(600, 2), "NQH4"))
    with pytest.raises(mq.CorruptDataError, match=r"not in .* as they were"):
        len(mq.depth.DepthBatches(samples, other))


def test_torch_is_imported_when_asked_for(run_python) -> None:
    program = "import sys, marquet as mq; assert 'torch' not in sys.modules; print(mq.torch.DepthDataset.__name__)"
    assert run_python(program).stdout.strip() == "DepthDataset"


def test_workers_end_without_a_word(tables: tuple[str, str], run_python) -> None:
    program = (
        "import sys, marquet as mq; from torch.utils.data import DataLoader\n"
        "if __name__ == '__main__':\n"
        "    dataset = mq.torch.DepthDataset(*sys.argv[1:], batch_size=16, seed=3)\n"
        "    loader = DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context='spawn')\n"
        "    print(sum(len(labels) for _, labels in loader))\n"
    )
    done = run_python(program, *tables)
    assert int(done.stdout) == len(expected_samples(tables))
    assert done.stderr == ""


def test_dataset_gives_tensors(tables: tuple[str, str]) -> None:
    import marquet.torch

    dataset = marquet.torch.DepthDataset(*tables, batch_size=16, seed=3)
    tensors, labels = next(iter(dataset))
    assert (tensors.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert tensors.shape == (16, 2, 402, 70)
    assert labels.shape == (16,)
    dataset.set_epoch(0)
    assert sum(len(labels) for _, labels in dataset) == len(expected_samples(tables))


def test_spawned_workers_give_the_same_samples(tables: tuple[str, str]) -> None:
    import marquet.torch

    alone = digest(marquet.torch.DepthDataset(*tables, batch_size=16, seed=3))
    dataset = marquet.torch.DepthDataset(*tables, batch_size=16, seed=3)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="spawn")
    assert digest(loader) == alone
