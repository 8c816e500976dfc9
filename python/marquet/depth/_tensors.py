"""Tensors of market depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from marquet import _core
from marquet._arguments import call, whole
from marquet.depth._checked import with_book_rows
from marquet.depth._inputs import MicroPip, names_of, pip_text
from marquet.depth._prices import PIP_OF_PAIRS


def tensor(
    rows: Any,
    features: str | Sequence[str] = ("volume",),
    micro_pip: MicroPip | None = None,
    time_bins: int = 500,
    ticks_per_bin: int = 100,
    across_rolls: bool = False,
    clock_steps: bool = False,
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
        across_rolls: Also rows that change their ``instrument_id`` or ``publisher_id``, where they have such columns:
            a continuous symbol that rolls to another contract, or several venues.
        clock_steps: Also rows whose time (``ts_recv``, without that column ``ts_event``) steps back: rows in the order
            of a source whose clock did. Others are in the wrong order.

    Returns:
        float32 of shape ``(402, time_bins)`` for one feature, ``(N, 402, time_bins)`` for several, in [-1, 1]; the
        highest price first, positive on the ask side.

    Raises:
        InvalidInputError: Another number of rows, no bid or ask in the last row, an unknown micro-pip, several
            symbols, instruments or publishers, rows that are not in the order of their time, prices as floats that
            can only be units of 1e-9.
        SchemaError: A column is missing or of no fitting type.
    """
    options = (
        names_of(features),
        pip_text(micro_pip),
        whole("time_bins", time_bins, 32),
        whole("ticks_per_bin", ticks_per_bin, 32),
        across_rolls,
    )
    return with_book_rows(
        lambda stream: call(_core.depth_tensor, stream, *options),
        rows,
        across_rolls=across_rolls,
        clock_steps=clock_steps,
        micro_pip=PIP_OF_PAIRS if micro_pip is None else micro_pip,
    )


class TensorStream:
    """Tensors of many windows over the same rows, each bin computed once.

    Windows whose starts differ by a multiple of `ticks_per_bin` share their bins, so that a tensor at hop 500 costs
    five bins and its drawing. Values are those of :func:`tensor`. Not thread safe.

    Args:
        rows: All rows. They are not copied: the stream keeps them alive, and their memory must not be written to (see
            the head of this module). A value that cannot be a price is an error of :meth:`compute`, and so is a window
            across a change of ``instrument_id`` or ``publisher_id`` without `across_rolls`. Rows out of the order of
            their time are refused at once, unless `clock_steps`. The other arguments are those of :func:`tensor`.
    """

    def __init__(
        self,
        rows: Any,
        features: str | Sequence[str] = ("volume",),
        micro_pip: MicroPip | None = None,
        time_bins: int = 500,
        ticks_per_bin: int = 100,
        across_rolls: bool = False,
        clock_steps: bool = False,
    ) -> None:
        options = (
            names_of(features),
            pip_text(micro_pip),
            whole("time_bins", time_bins, 32),
            whole("ticks_per_bin", ticks_per_bin, 32),
            across_rolls,
        )
        self._stream = with_book_rows(
            lambda stream: call(_core.TensorStream, stream, *options),
            rows,
            across_rolls=across_rolls,
            clock_steps=clock_steps,
            micro_pip=PIP_OF_PAIRS if micro_pip is None else micro_pip,
        )
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
        self._stream.compute(whole("start", start), out)
        return out
