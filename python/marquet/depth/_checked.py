"""Order-book rows as tensors and labels take them, looked at on their way: their order, and what their prices are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa

from marquet._rows import with_rows
from marquet.depth._inputs import MicroPip, stream_of
from marquet.depth._order import Order
from marquet.depth._prices import Prices

T = TypeVar("T")


def with_book_rows(
    use: Callable[[Any], T],
    rows: Any,
    *,
    across_rolls: bool | None,
    clock_steps: bool,
    micro_pip: MicroPip | None = None,
) -> T:
    """``use(stream)`` of order-book rows, each batch of which is looked at first.

    Args:
        use: Reads the stream to its end.
        rows: As callers have them.
        across_rolls: Whether windows go on where the rows change their instrument or publisher.
        clock_steps: Whether the time may step back.
        micro_pip: As of ``tensor``, where one was given.

    Raises:
        InvalidInputError: The rows are not in the order of their time, or prices can only be units of 1e-9.
    """
    order, prices = None if clock_steps else Order(bool(across_rolls)), Prices(micro_pip)

    def look(batch: pa.Table | pa.RecordBatch) -> None:
        part = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        prices.look(part)
        if order is not None:
            order.look(part)

    stream = stream_of(rows)
    if not isinstance(stream, pa.Table):
        return with_rows(use, stream, look)
    look(stream)
    return with_rows(use, stream)
