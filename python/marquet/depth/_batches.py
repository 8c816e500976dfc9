"""Batches of tensors and labels, out of tables of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from marquet import _core
from marquet._arguments import call, whole
from marquet._arguments import seed as seed_of
from marquet._paths import absolute
from marquet.depth._inputs import DEFAULT_MEMORY, PathLike, names_of


class DepthBatches:
    """Batches of depth tensors and labels as NumPy arrays, drawn ahead by threads that do not hold the GIL.

    Iterating walks one epoch: tensors (B, 402, T), or (B, N, 402, T) for several features, float32; labels (B,)
    int64. Each epoch has its own order, made of `seed` and the epoch's number alone. Every ``iter()`` begins an epoch
    at its first batch: the one after the epoch begun before, whether or not that was walked to its end. Only after
    :meth:`load_state_dict` it goes on inside an epoch. The arrays are views of buffers that go back into use when the
    arrays are gone: keep a batch as long as you like, copy nothing.

    The bins that the samples are made of are computed once, at the first use, and held in memory (some 330 bytes for
    every ``ticks_per_bin`` rows and feature).

    Args:
        samples: A table that :func:`build_samples` made.
        book: The table that it was made of.
        features: None for those that the samples were made with.
        symbols: Only these; None for all.
        batch_size: Samples in a batch; the last one of an epoch may be smaller.
        shuffle: False walks by symbol and time.
        seed: Of the shuffle.
        drop_last: Leave out a last batch that is smaller.
        unlabelled: Also samples without a label; theirs is -1.
        rank: This process among `world_size`: the ranks' samples are disjoint and together the whole epoch.
        world_size: How many processes share the epoch.
        threads: That draw.
        prefetch: Batches drawn ahead.
        memory: Bytes that the bins may take.
        progress: Called with (phase, rows, bytes, total bytes) while the bins are computed.

    Raises:
        NotFoundError: A table or symbol is not there.
        SchemaError: `samples` is no table of samples.
        InvalidInputError: An option out of its range; or, at the first use, bins that take more than `memory`: the
            message says how much.
        CorruptDataError: The samples' rows are not in the book.
    """

    def __init__(
        self,
        samples: PathLike,
        book: PathLike,
        *,
        features: str | Sequence[str] | None = None,
        symbols: str | Sequence[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        unlabelled: bool = False,
        rank: int = 0,
        world_size: int = 1,
        threads: int = 1,
        prefetch: int = 2,
        memory: int = DEFAULT_MEMORY,
        progress: Callable[[str, int, int, int], None] | None = None,
    ) -> None:
        rank, world_size = whole("rank", rank), whole("world_size", world_size)
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}; expected 0 <= rank < world_size")
        self._source = (
            absolute(samples),
            absolute(book),
            names_of(features),
            names_of(symbols),
            unlabelled,
            whole("memory", memory),
        )
        self._progress = progress
        self._options = (whole("batch_size", batch_size), shuffle, seed_of(seed), drop_last)
        self._rank, self._world_size = rank, world_size
        self._threads, self._prefetch = whole("threads", threads, 32), whole("prefetch", prefetch, 32)
        self._store: _core.SampleStore | None = None
        self._epoch = 0
        self._position = 0
        self._begun = False  # a walk of this epoch was begun here, and it has not come to its end
        self._walks = 0
        call(_core.SampleStore.check, *self._source)
        call(_core.DepthBatches.check, self._options[0], rank, world_size, self._threads, self._prefetch)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: the bins are computed there again."""
        return {**self.__dict__, "_store": None, "_progress": None}

    def _load(self) -> _core.SampleStore:
        if self._store is None:
            self._store = call(_core.SampleStore.load, *self._source, self._progress)
        return self._store

    def _reader(self, worker: int = 0, workers: int = 1) -> _core.DepthBatches:
        shard = self._rank * workers + worker
        return call(
            _core.DepthBatches,
            self._load(),
            *self._options,
            shard,
            self._world_size * workers,
            self._threads,
            self._prefetch,
        )

    @property
    def features(self) -> list[str]:
        """Of a tensor, in its order."""
        return list(self._load().features)

    @property
    def samples(self) -> int:
        """Samples of an epoch, of this rank."""
        return int(self._reader().samples)

    def __len__(self) -> int:
        """Batches of an epoch, of this rank."""
        return int(self._reader().batches)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch that the next ``iter()`` walks, from its first batch on."""
        self._epoch, self._position, self._begun = seed_of(epoch, "epoch"), 0, False

    def state_dict(self) -> dict[str, int]:
        """Where the walk begun last is: the epoch, and the batches of it that were taken."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Lets the next ``iter()`` go on from where :meth:`state_dict` was taken, with the same arguments."""
        epoch, position = seed_of(state["epoch"], "epoch"), whole("position", state["position"], least=0)
        self._epoch, self._position, self._begun = epoch, position, False

    def with_ids(self) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], list[str]]]:
        """The walk with the samples' ids beside each batch."""
        store = self._load()
        for tensors, labels, numbers in self._walk():
            yield tensors, labels, store.sample_ids(numbers.tolist())

    def _walk(self, worker: int = 0, workers: int = 1) -> Iterator[tuple[Any, Any, Any]]:
        epoch, position = (self._epoch + 1, 0) if self._begun else (self._epoch, self._position)
        if position and workers > 1:
            raise ValueError(
                f"a walk cannot go on at batch {position} with {workers} workers: each has a part of the epoch; "
                f"walk without workers, or choose an epoch with set_epoch"
            )
        reader = self._reader(worker, workers)
        reader.begin(epoch, position)
        self._epoch, self._position, self._begun = epoch, position, True
        self._walks += 1
        return self._take(reader, self._walks)

    def _take(self, reader: _core.DepthBatches, walk: int) -> Iterator[tuple[Any, Any, Any]]:
        while (batch := reader.next()) is not None:
            if walk == self._walks:  # else another walk was begun meanwhile
                self._position += 1
            yield batch
        if walk == self._walks:
            self._epoch, self._position, self._begun = self._epoch + 1, 0, False

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
        return ((tensors, labels) for tensors, labels, _ in self._walk())
