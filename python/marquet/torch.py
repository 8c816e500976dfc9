"""Depth samples as a PyTorch dataset; needs PyTorch, which the wheel's extra ``torch`` brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from marquet.depth import DepthBatches
from marquet.depth._inputs import PathLike

__all__ = ["DepthDataset"]


class DepthDataset(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of depth tensors (B, 402, T) or (B, N, 402, T), float32, and labels (B,), int64.

    It makes batches itself: iterate it directly, or give it to ``DataLoader(dataset, batch_size=None)``. Tensors are
    drawn in C++ threads without the GIL, so ``num_workers=0`` is the quick choice; with workers (fork or spawn) each
    takes its share of the epoch's samples, and the samples of all are the same as without, in other batches.

    Under ``torch.distributed`` give `rank` and `world_size`. Every ``iter()`` begins the next epoch at its first batch,
    whether or not the one before was walked to its end; with workers, or to choose one, call :meth:`set_epoch` before
    each. Only the walk after :meth:`load_state_dict` goes on inside an epoch.

    Args:
        samples: A table that :func:`marquet.depth.build_samples` made.
        book: The table that it was made of.
        **options: Those of :class:`marquet.depth.DepthBatches`.
    """

    def __init__(self, samples: PathLike, book: PathLike, **options: Any) -> None:
        super().__init__()
        self._batches = DepthBatches(samples, book, **options)

    @property
    def features(self) -> list[str]:
        """Of a tensor, in its order."""
        return self._batches.features

    def __len__(self) -> int:
        """Batches of an epoch without workers; with them each may add one, of what is left of its share."""
        return len(self._batches)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch that the next ``iter()`` walks, from its first batch on."""
        self._batches.set_epoch(epoch)

    def state_dict(self) -> dict[str, int]:
        """Where the walk is; of this process, so only without workers."""
        return self._batches.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Lets the next ``iter()`` go on from where :meth:`state_dict` was taken."""
        self._batches.load_state_dict(state)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        walk = self._batches._walk(worker, workers)
        return ((torch.from_numpy(tensors), torch.from_numpy(labels)) for tensors, labels, _ in walk)
