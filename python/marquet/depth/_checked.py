"""Order-book rows as tensors and labels take them, looked at on their way: their order, and what their prices are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.types as pt

from marquet import _core
from marquet._paths import absolute
from marquet._rows import with_rows
from marquet.depth._inputs import MicroPip, stream_of
from marquet.depth._order import Order
from marquet.depth._prices import LOOKED_AT, PRICES, Prices
from marquet.errors import MarquetError, StorageError
from marquet.table import Table

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


def check_stored_prices(book: str, micro_pip: MicroPip | None) -> None:
    """Looks at the first prices of a table whose columns of them are floats; at none of others.

    Raises:
        InvalidInputError: They can only be units of 1e-9.
        StorageError: The table could not be read.
    """
    try:
        table = _core.Table.open(absolute(book), None, None)
    except StorageError:  # may not come again where the table is used, and nobody would have looked
        raise
    except MarquetError:  # which is told where the table is used
        return
    schema = pa.schema(table.schema)
    names = [name for name in schema.names if name in PRICES]
    if not any(pt.is_floating(schema.field(name).type) for name in names):
        return
    prices = Prices(micro_pip)
    for batch in Table(table).scan(names, limit=LOOKED_AT).to_batches():
        prices.look(pa.Table.from_batches([batch]))
