"""Labels of price moves."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marquet import _core
from marquet._arguments import call, whole
from marquet._arguments import seed as seed_of
from marquet._paths import absolute, path_text
from marquet._time import TimeLike, to_nanos
from marquet.depth._checked import with_book_rows
from marquet.depth._inputs import Gap, PathLike, gap_nanos
from marquet.errors import NotFoundError

DEFAULT_THRESHOLDS: tuple[float, ...] = tuple(_core.default_thresholds())
"""Basis points for 13 classes at a lookforward of 5,000 rows."""


@dataclass(frozen=True, repr=False)
class FittedLabels:
    """Boundaries of classes of price moves, to be applied to any rows."""

    json: str
    """What is stored; exact."""

    def __repr__(self) -> str:
        of = f"fitted on {self.rows:,} moves" if self.rows else "at fixed thresholds"
        inner = ", ".join(f"{boundary * 1e4:.3g}" for boundary in self.boundaries[1:-1])
        return f"<marquet.depth.FittedLabels: {self.nbins} classes {of}, boundaries at {inner} bp>"

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
    def prices_end_ns(self) -> int | None:
        """The latest time of a price that the fit looked at: moves look ahead of their row. None where not known."""
        value = json.loads(self.json).get("prices_end_ns")
        return None if value is None else int(value)

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
    ``coinciding`` boundaries, ``rolls`` (changes of instrument or publisher), and why rows have no label:
    ``out_of_range``, ``invalid_windows``, ``no_base``."""


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
    across_rolls: bool = False,
    clock_steps: bool = False,
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
        across_rolls: Whether windows go on where ``instrument_id`` or ``publisher_id`` changes, if the rows have such
            columns; a continuous symbol that rolls to another contract, or several venues.
        clock_steps: As for :func:`tensor`.
        start: Fit on the moves of rows from this time on; their lookback may begin before it.
        end: Fit on prices before this time alone: a move with a price at or after it takes no part. Times are those
            of ``ts_recv``, without that column of ``ts_event``.
        thresholds: Fixed boundaries instead: ascending basis points, mirrored around zero; `rows` is not needed.
        data_version: Kept with the result.

    Raises:
        InvalidInputError: Fewer moves than classes, or all moves the same; rows that are not in the order of their
            time.
    """
    options = (
        whole("lookback", lookback),
        whole("lookforward", lookforward),
        whole("offset", offset),
        whole("nbins", nbins, 32),
        invalid,
        ties,
        seed_of(seed),
        gap_nanos(max_gap),
        across_rolls,
        None if thresholds is None else list(thresholds),
        None if start is None else to_nanos(start),
        None if end is None else to_nanos(end),
        data_version,
    )
    if thresholds is not None:
        return FittedLabels(call(_core.labels_fit, None, *options))
    return FittedLabels(
        with_book_rows(
            lambda stream: call(_core.labels_fit, stream, *options),
            rows,
            across_rolls=across_rolls,
            clock_steps=clock_steps,
        )
    )


def apply_labels(
    rows: Any,
    fitted: FittedLabels,
    *,
    max_gap: Gap = 3600,
    across_rolls: bool | None = None,
    clock_steps: bool = False,
) -> Labels:
    """Labels rows with boundaries that were fitted before; windows and policies are those of the fit.

    No window crosses `max_gap`, nor a change of ``instrument_id`` or ``publisher_id``, unless `across_rolls` says so;
    None stands for what was said in the fit.

    Every row is kept: one without a full label range, or with invalid rows in its windows, has label -1.

    Raises:
        InvalidInputError: Rows that are not in the order of their time.
    """
    gap = gap_nanos(max_gap)
    labels, moves, report = with_book_rows(
        lambda stream: call(_core.labels_apply, stream, fitted.json, gap, across_rolls),
        rows,
        across_rolls=across_rolls,
        clock_steps=clock_steps,
    )
    return Labels(labels, moves, report)


def load_labels(samples: PathLike, name: str = "default") -> dict[str, FittedLabels]:
    """The labels stored beside a samples table, by symbol.

    Raises:
        NotFoundError: There are none of this name, or the table holds no samples.
    """
    path = path_text(samples)
    try:
        found = call(_core.labels_load, path, name)
    except NotFoundError as error:
        if "sample_id" in pa.schema(_core.Table.open(absolute(path), None, None).schema).names:
            raise
        raise NotFoundError(
            f"{path} holds no samples, which labels are stored beside",
            hint="Name the table that mq.depth.build_samples, or marquet depth --into, made.",
        ) from error
    return {symbol: FittedLabels(text) for symbol, text in found.items()}
