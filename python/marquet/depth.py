"""Market-depth tensors, labels of price moves, tables of labelled samples, and batches out of them.

Definitions, with formulas and the golden case, are in docs/depth.md. Rows are those of Databento's ``mbp-10`` schema:
``{bid,ask}_{px,sz,ct}_00`` to ``_09``, one row per book update, of one symbol, in the order of their source. They come
from anything with ``__arrow_c_stream__`` (pyarrow, Polars, DuckDB, a Marquet scan) or a pandas frame; prices as int64
in units of 1e-9, as float64 or as decimals.

Tensors read rows where they lie. Arrow's memory never changes; that of a NumPy array which an Arrow array or a frame
was made of can, and must not be written to as long as a :class:`TensorStream` over it is used.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marquet import _core
from marquet._rows import with_rows
from marquet._time import TimeLike, to_nanos

__all__ = [
    "DEFAULT_THRESHOLDS",
    "BuildReport",
    "DepthBatches",
    "FittedLabels",
    "Labels",
    "TensorStream",
    "apply_labels",
    "build_samples",
    "fit_labels",
    "load_labels",
    "tensor",
]

PathLike = str | os.PathLike[str]
FeatureName = Literal["volume", "variance", "trade_counts"]
MicroPip = float | str | Decimal
Gap = float | dt.timedelta | None

DEFAULT_THRESHOLDS: tuple[float, ...] = tuple(_core.default_thresholds())
"""Basis points for 13 classes at a lookforward of 5,000 rows."""

_NO_GAPS = 2**63 - 1
_MEMORY = 2 << 30


def _stream(rows: Any) -> Any:
    module = type(rows).__module__.partition(".")[0]
    if module == "pandas" and hasattr(rows, "columns"):
        return pa.Table.from_pandas(rows)  # an index that has a name becomes a column: Databento's frames have ts_recv
    if module == "polars" and hasattr(rows, "collect"):
        rows = rows.collect()
    if isinstance(rows, pa.RecordBatch):
        rows = pa.Table.from_batches([rows])
    if not hasattr(rows, "__arrow_c_stream__"):
        raise TypeError(
            f"rows come from an object with __arrow_c_stream__ (pyarrow, Polars, DuckDB ...) or a pandas frame; "
            f"got {type(rows).__name__}"
        )
    return rows


def _names(names: str | Sequence[str] | None) -> list[str]:
    """Of features or symbols; one may stand alone."""
    return [names] if isinstance(names, str) else list(names or ())


def _pip(micro_pip: MicroPip | None) -> str | None:
    """The decimal text of a micro-pip: that of a float is the shortest one that means it."""
    return None if micro_pip is None else str(micro_pip)


def _gap(max_gap: Gap) -> int:
    if max_gap is None:
        return _NO_GAPS
    seconds = max_gap.total_seconds() if isinstance(max_gap, dt.timedelta) else float(max_gap)
    if not 0 <= seconds < _NO_GAPS / 1e9:
        raise ValueError(f"max_gap is {max_gap}; expected a number of seconds, a timedelta, or None for no gaps")
    return round(seconds * 1e9)


def tensor(
    rows: Any,
    features: str | Sequence[str] = ("volume",),
    micro_pip: MicroPip | None = None,
    time_bins: int = 500,
    ticks_per_bin: int = 100,
) -> npt.NDArray[np.float32]:
    """The depth tensor of exactly ``time_bins * ticks_per_bin`` rows of one symbol.

    Args:
        rows: The rows; see the head of this module.
        features: One or more of ``volume`` (median size), ``variance`` (sample variance of the size) and
            ``trade_counts`` (sum of the order counts). The result has them in this order, whatever the order here.
        micro_pip: The height of a price row: a price difference such as ``0.25`` or ``1e-5``, a whole number of
            1e-9. None: 1e-5 for pairs quoted in USD and 1e-3 for JPY pairs, by the rows' ``symbol``.
        time_bins: Columns of the tensor.
        ticks_per_bin: Rows in each of them.

    Returns:
        float32 of shape ``(402, time_bins)`` for one feature, ``(N, 402, time_bins)`` for several, in [-1, 1]; the
        highest price first, positive on the ask side.

    Raises:
        InvalidInputError: Another number of rows, no bid or ask in the last row, an unknown micro-pip, several symbols.
        SchemaError: A column is missing or of no fitting type.
    """
    options = (_names(features), _pip(micro_pip), time_bins, ticks_per_bin)
    return with_rows(lambda stream: _core.depth_tensor(stream, *options), _stream(rows))


class TensorStream:
    """Tensors of many windows over the same rows, each bin computed once.

    Windows whose starts differ by a multiple of `ticks_per_bin` share their bins, so that a tensor at hop 500 costs
    five bins and its drawing. Values are those of :func:`tensor`. Not thread safe.

    Args:
        rows: All rows. They are not copied: the stream keeps them alive, and their memory must not be written to (see
            the head of this module). A value that cannot be a price is an error of :meth:`compute`. The other
            arguments are those of :func:`tensor`.
    """

    def __init__(
        self,
        rows: Any,
        features: str | Sequence[str] = ("volume",),
        micro_pip: MicroPip | None = None,
        time_bins: int = 500,
        ticks_per_bin: int = 100,
    ) -> None:
        options = (_names(features), _pip(micro_pip), time_bins, ticks_per_bin)
        self._stream = with_rows(lambda stream: _core.TensorStream(stream, *options), _stream(rows))
        self._window = time_bins * ticks_per_bin

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a tensor."""
        return tuple(self._stream.shape)

    def __len__(self) -> int:
        """How many rows there are to start a window at."""
        return max(0, self._stream.rows - self._window + 1)

    def compute(self, start: int, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
        """The tensor of the rows from `start` on; into `out` (C-contiguous float32) where one is given."""
        if out is None:
            out = np.empty(self.shape, dtype=np.float32)
        self._stream.compute(start, out)
        return out


@dataclass(frozen=True)
class FittedLabels:
    """Boundaries of classes of price moves, to be applied to any rows."""

    json: str
    """What is stored; exact."""

    def _get(self, name: str) -> Any:
        return json.loads(self.json)[name]

    @property
    def nbins(self) -> int:
        """How many classes there are."""
        return int(self._get("classes"))

    @property
    def boundaries(self) -> npt.NDArray[np.float64]:
        """All ``nbins + 1`` boundaries; the outer ones are the smallest and largest move fitted on."""
        values = json.loads(self.json)
        low, high = values.get("low", -math.inf), values.get("high", math.inf)
        return np.array([low, *values["interior"], high])

    @property
    def rows(self) -> int:
        """How many moves were fitted on; 0 for thresholds."""
        return int(self._get("rows"))

    @property
    def fit_range_ns(self) -> tuple[int, int]:
        """Times of the first and the last row fitted on."""
        return int(self._get("fit_start_ns")), int(self._get("fit_end_ns"))

    @property
    def data_version(self) -> str:
        """Which version of which table was fitted on, where that was said."""
        return str(self._get("data_version"))


@dataclass(frozen=True)
class Labels:
    """What :func:`apply_labels` gives: one entry for every row, also for those that have no label."""

    labels: npt.NDArray[np.int64]
    """Classes from 0; -1 for none."""
    moves: npt.NDArray[np.float64]
    """r = (F - B) / B; NaN for none."""
    report: dict[str, Any]
    """``counts`` by class, ``largest_deviation`` from uniform in percentage points, ``quality``, ``outside_fitted``,
    ``coinciding`` boundaries, and why rows have no label: ``out_of_range``, ``invalid_windows``, ``no_base``."""


def fit_labels(
    rows: Any = None,
    *,
    lookback: int = 5000,
    lookforward: int = 5000,
    offset: int = 500,
    nbins: int = 13,
    ties: Literal["boundary", "rank"] = "boundary",
    invalid: Literal["null", "skip", "error"] = "null",
    seed: int = 0,
    max_gap: Gap = 3600,
    start: TimeLike | None = None,
    end: TimeLike | None = None,
    thresholds: Sequence[float] | None = None,
    data_version: str = "",
) -> FittedLabels:
    """Fits the boundaries of `nbins` equally frequent classes of price moves.

    The move at row s compares the mean mid price of ``[s + 1 + offset, s + 1 + offset + lookforward)`` with that of
    ``[s - lookback, s)``: r = (F - B) / B. Boundary i is the quantile i / nbins of r.

    Args:
        rows: The training rows, of one symbol; only the best prices, times and ``sequence`` are looked at.
        lookback: Rows before s.
        lookforward: Rows after the offset.
        offset: Rows left out behind s.
        nbins: 3, 5, 7, 9 or 13.
        ties: ``boundary`` puts equal moves into one class (a report names boundaries that coincide); ``rank`` shares
            a value that spans several classes among them, drawn by a hash of seed, ``ts_event`` and ``sequence``.
        invalid: What rows with a null or crossed book do: ``null`` voids the windows that hold one, ``skip`` leaves
            them out of the means, ``error`` refuses.
        seed: Of ``ties="rank"``.
        max_gap: Seconds (or a timedelta) without rows that no window crosses; None to cross anything.
        start: Fit on rows from this time on.
        end: Fit on rows before this time.
        thresholds: Fixed boundaries instead: ascending basis points, mirrored around zero; `rows` is not needed.
        data_version: Kept with the result.

    Raises:
        InvalidInputError: Fewer moves than classes, or all moves the same.
    """
    options = (
        lookback,
        lookforward,
        offset,
        nbins,
        invalid,
        ties,
        seed,
        _gap(max_gap),
        None if thresholds is None else list(thresholds),
        None if start is None else to_nanos(start),
        None if end is None else to_nanos(end),
        data_version,
    )
    stream = None if thresholds is not None else _stream(rows)
    return FittedLabels(with_rows(lambda stream: _core.labels_fit(stream, *options), stream))


def apply_labels(rows: Any, fitted: FittedLabels, *, max_gap: Gap = 3600) -> Labels:
    """Labels rows with boundaries that were fitted before; windows and policies are those of the fit.

    Every row is kept: one without a full label range, or with invalid rows in its windows, has label -1.
    """
    gap = _gap(max_gap)
    labels, moves, report = with_rows(lambda stream: _core.labels_apply(stream, fitted.json, gap), _stream(rows))
    return Labels(labels, moves, report)


def load_labels(samples: PathLike, name: str = "default") -> dict[str, FittedLabels]:
    """The labels stored beside a samples table, by symbol.

    Raises:
        NotFoundError: There are none of this name.
    """
    return {symbol: FittedLabels(text) for symbol, text in _core.labels_load(os.fspath(samples), name).items()}


@dataclass(frozen=True)
class BuildReport:
    """What :func:`build_samples` did; printed, a summary by symbol."""

    json: str
    text: str

    @property
    def values(self) -> dict[str, Any]:
        """All counts, by symbol: ``candidates`` = ``samples`` + ``held`` (there already) + what was skipped."""
        result: dict[str, Any] = json.loads(self.json)
        return result

    @property
    def rows(self) -> int:
        """Samples written."""
        return int(self.values["rows"])

    @property
    def version(self) -> int:
        """Of the samples' table, after the commit."""
        return int(self.values["version"])

    def __str__(self) -> str:
        return self.text


def _fitted_json(labels: FittedLabels | Mapping[str, FittedLabels] | None) -> str | None:
    if labels is None:
        return None
    if isinstance(labels, FittedLabels):
        return labels.json
    return json.dumps({"symbols": {symbol: json.loads(fitted.json) for symbol, fitted in labels.items()}})


def build_samples(
    book: PathLike,
    samples: PathLike,
    *,
    features: str | Sequence[str] = ("volume",),
    micro_pip: MicroPip | None = None,
    definitions: PathLike | None = None,
    time_bins: int = 500,
    ticks_per_bin: int = 100,
    hop: int = 500,
    symbols: str | Sequence[str] | None = None,
    where: str = "",
    labels: FittedLabels | Mapping[str, FittedLabels] | None = None,
    lookback: int = 5000,
    lookforward: int = 5000,
    offset: int = 500,
    nbins: int = 13,
    ties: Literal["boundary", "rank"] = "boundary",
    invalid: Literal["null", "skip", "error"] = "null",
    seed: int = 0,
    fit_start: TimeLike | None = None,
    fit_end: TimeLike | None = None,
    thresholds: Sequence[float] | None = None,
    max_gap: Gap = 3600,
    mode: Literal["append", "overwrite", "error_if_exists"] = "error_if_exists",
    labels_name: str = "default",
    memory: int = _MEMORY,
    progress: Callable[[str, int, int, int], None] | None = None,
) -> BuildReport:
    """Makes a table of labelled depth samples out of a table of order-book rows, in one commit.

    A sample holds where its rows are (source and row), its label, times, prices and the statistics of its tensor; the
    tensor is computed again when it is read. The first sample of a gap-free run ends at the first row that has
    ``time_bins * ticks_per_bin`` rows before it and a full label range; then there is one every `hop` rows, those
    near the end of the run without a label.

    Args:
        book: The table of rows, as ``marquet.ingest`` makes it.
        samples: The table to make or, with another `mode`, to extend or replace.
        features: As for :func:`tensor`.
        micro_pip: As for :func:`tensor`; None also looks into `definitions`.
        definitions: A table of Databento definition records, for tick sizes.
        time_bins: As for :func:`tensor`.
        ticks_per_bin: As for :func:`tensor`.
        hop: Rows between samples. Multiples of `ticks_per_bin` are the quick ones.
        symbols: Only these; None for all.
        where: A SQL predicate: only the rows for which it is true, which then follow each other. Kept with the
            samples, so that readers see the same rows.
        labels: Boundaries fitted before, for every symbol or by symbol. Without them they are fitted here, for each
            symbol on its own rows.
        lookback: As for :func:`fit_labels`.
        lookforward: As for :func:`fit_labels`.
        offset: As for :func:`fit_labels`.
        nbins: As for :func:`fit_labels`.
        ties: As for :func:`fit_labels`.
        invalid: As for :func:`fit_labels`.
        seed: Of ``ties="rank"``.
        fit_start: Fit on rows from this time on.
        fit_end: Fit on rows before this time.
        thresholds: Fixed boundaries instead, in basis points.
        max_gap: As for :func:`fit_labels`; no sample crosses a gap either.
        mode: ``error_if_exists``; ``append`` adds the samples that are not there yet, labelled with the boundaries
            that are stored, and refuses any that would be made otherwise; ``overwrite`` replaces all.
        labels_name: The boundaries are stored as ``_marquet/labels/NAME.json`` in the samples' table.
        memory: Bytes that the prices of one symbol may take (40 a row).
        progress: Called with (phase, rows, bytes, total bytes).

    Raises:
        AlreadyExistsError: There is a samples table and `mode` is ``error_if_exists``.
        InvalidInputError: A micro-pip that is not known; nothing to fit on; samples that are there were made
            otherwise or of another book, and the message says what differs.
        ConflictError: Another build was committed to the table meanwhile: run this one again.
    """
    return BuildReport(
        *_core.build_samples(
            os.fspath(book),
            os.fspath(samples),
            mode,
            _names(symbols),
            where,
            _names(features),
            _pip(micro_pip),
            None if definitions is None else os.fspath(definitions),
            time_bins,
            ticks_per_bin,
            hop,
            _gap(max_gap),
            lookback,
            lookforward,
            offset,
            nbins,
            invalid,
            ties,
            seed,
            None if fit_start is None else to_nanos(fit_start),
            None if fit_end is None else to_nanos(fit_end),
            None if thresholds is None else list(thresholds),
            _fitted_json(labels),
            labels_name,
            memory,
            progress,
        )
    )


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
        memory: int = _MEMORY,
        progress: Callable[[str, int, int, int], None] | None = None,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}; expected 0 <= rank < world_size")
        self._source = (
            os.fspath(samples),
            os.fspath(book),
            _names(features),
            _names(symbols),
            unlabelled,
            memory,
        )
        self._progress = progress
        self._options = (batch_size, shuffle, seed, drop_last)
        self._rank, self._world_size = rank, world_size
        self._threads, self._prefetch = threads, prefetch
        self._store: _core.SampleStore | None = None
        self._epoch = 0
        self._position = 0
        self._begun = False  # a walk of this epoch was begun here, and it has not come to its end
        self._walks = 0
        _core.SampleStore.check(*self._source)
        _core.DepthBatches.check(batch_size, rank, world_size, threads, prefetch)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: the bins are computed there again."""
        return {**self.__dict__, "_store": None, "_progress": None}

    def _load(self) -> _core.SampleStore:
        if self._store is None:
            self._store = _core.SampleStore.load(*self._source, self._progress)
        return self._store

    def _reader(self, worker: int = 0, workers: int = 1) -> _core.DepthBatches:
        shard = self._rank * workers + worker
        return _core.DepthBatches(
            self._load(), *self._options, shard, self._world_size * workers, self._threads, self._prefetch
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
        if epoch < 0:
            raise ValueError(f"epoch {epoch}; expected 0 or more")
        self._epoch, self._position, self._begun = epoch, 0, False

    def state_dict(self) -> dict[str, int]:
        """Where the walk begun last is: the epoch, and the batches of it that were taken."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Lets the next ``iter()`` go on from where :meth:`state_dict` was taken, with the same arguments."""
        self._epoch, self._position, self._begun = int(state["epoch"]), int(state["position"]), False

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
