"""What is asked of order-book rows before tensors and labels are made of them: their order, and what their prices are.

Rows out of a scan come as they are stored, file by file; prices out of a frame of pandas or NumPy may have become
floats on their way. Both would give numbers without an error, and wrong ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from marquet import _core
from marquet._paths import absolute
from marquet._rows import with_rows
from marquet.depth._inputs import MicroPip, stream_of
from marquet.errors import InvalidInputError, MarquetError
from marquet.table import Table

T = TypeVar("T")

_PRICES = frozenset(f"{side}_px_{level:02d}" for side in ("bid", "ask") for level in range(10))
_IDENTITY = ("symbol", "instrument_id", "publisher_id")
_MOST_STEP = 10**6
"""Micro-pips. A tensor has 402 rows of one each: of prices that are all further apart it shows none but the last."""
_MOST_PRICE = 2.0**61 / 1e9
"""That can be kept; see docs/depth.md."""
_LEAST_RATIO = 1e5
"""Of units to prices, which is 1e9 between a price and itself, and 1 where both are units."""
_LOOKED_AT = 1 << 14
"""Rows at a time that prices are looked for in."""


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
    order, prices = None if clock_steps else _Order(bool(across_rolls)), _Prices(micro_pip)

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
    """
    try:
        table = _core.Table.open(absolute(book), None, None)
    except MarquetError:  # which is told where the table is used
        return
    schema = pa.schema(table.schema)
    names = [name for name in schema.names if name in _PRICES]
    if not any(pt.is_floating(schema.field(name).type) for name in names):
        return
    prices = _Prices(micro_pip)
    for batch in Table(table).scan(names, limit=_LOOKED_AT).to_batches():
        prices.look(pa.Table.from_batches([batch]))


class _Order:
    """That rows come in the order of their time: ``ts_recv``, without that column ``ts_event``; ties in any order."""

    def __init__(self, across_rolls: bool) -> None:
        self._across_rolls = across_rolls
        self._rows = 0
        self._last: pa.Table | None = None  # the last row that has a time

    def look(self, rows: pa.Table) -> None:
        name = next((name for name in ("ts_recv", "ts_event") if name in rows.schema.names), None)
        if name is None or not _is_time(rows.schema.field(name).type):
            return
        if self._last is not None:
            self._look(name, pa.concat_tables([self._last, rows]), self._rows - 1)
        else:
            self._look(name, rows, self._rows)
        self._rows += rows.num_rows

    def _look(self, name: str, rows: pa.Table, first_row: int) -> None:
        times, places = _times(rows.column(name))
        back = np.flatnonzero(times[1:] < times[:-1]) + 1
        if len(back):
            back = back[self._hang_together(name, rows, places[back - 1], places[back])]
        if len(back):
            row, unit = int(back[0]), _unit(rows.schema.field(name).type)
            raise InvalidInputError(
                f"the rows are not in the order of their time: row {first_row + int(places[row]):,} has {name} "
                f"{_iso(times[row], unit)}, behind a row of {_iso(times[row - 1], unit)}",
                hint=f"A scan gives rows as the files of the table lie: take scan(..., sort_by={name!r}), or sort the "
                f"frame by {name!r}. Rows in the order of a source whose clock stepped back: clock_steps=True.",
            )
        if len(places):
            self._last = rows.slice(int(places[-1]), 1)

    def _hang_together(
        self, name: str, rows: pa.Table, before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Whether a window may hold both rows, whose times then are of one clock.

        Venues have their own clocks of ``ts_event``; ``ts_recv`` is that of whoever recorded them all. Several symbols
        are refused as such.
        """
        same = np.ones(len(before), dtype=np.bool_)
        for column in ("symbol",) if self._across_rolls and name == "ts_recv" else _IDENTITY:
            if column in rows.schema.names:
                one, other = (_plain(rows.column(column)).take(pa.array(places)) for places in (before, after))
                equal = pc.or_(pc.fill_null(pc.equal(one, other), False), pc.and_(one.is_null(), other.is_null()))
                same &= equal.to_numpy()
        return same


class _Prices:
    """That price columns mean what their types say: integers are units of 1e-9, floats are prices."""

    def __init__(self, micro_pip: MicroPip | None) -> None:
        self._micro_pip = None if micro_pip is None else _number(micro_pip)
        self._known = False  # that floats are prices

    def look(self, rows: pa.Table) -> None:
        names = [name for name in rows.schema.names if name in _PRICES]
        floats = [name for name in names if pt.is_floating(rows.schema.field(name).type)]
        integers = [name for name in names if pt.is_integer(rows.schema.field(name).type)]
        for begin in range(0, rows.num_rows if floats else 0, _LOOKED_AT):
            if self._known:
                return
            part = rows.slice(begin, _LOOKED_AT)
            for name in floats:
                values = _values(part.column(name))
                if len(values):
                    self._look_at(name, values, [_values(part.column(name)) for name in integers])
                if self._known:
                    return

    def _look_at(self, name: str, floats: npt.NDArray[np.float64], integers: list[npt.NDArray[np.float64]]) -> None:
        """Learns from some values of a column of floats, and those beside them in columns of integers."""
        size = float(np.median(np.abs(floats)))
        units = float(np.median(np.abs(np.concatenate(integers)))) if sum(map(len, integers)) else 0.0
        if size and units:
            self._known = True
            if units / size < _LEAST_RATIO:
                raise _units(f"{name} holds floats such as {floats[0]:,.15g}, of the size of the integers beside it")
            return
        distinct = np.unique(floats)
        if len(distinct) < 2:
            return
        self._known = True
        if not np.array_equal(distinct, np.trunc(distinct)):
            return
        found = f"{name} holds whole numbers as floats, such as {floats[0]:,.15g}"
        if size > _MOST_PRICE:
            raise _units(f"{found}, beyond all prices")
        if self._micro_pip is not None:
            steps = float(np.diff(distinct).min()) / self._micro_pip
            if steps >= _MOST_STEP:
                raise _units(f"{found}, no two of them less than {steps:,.0f} micro-pips apart")


def _units(found: str) -> InvalidInputError:
    return InvalidInputError(
        f"{found}; these floats can only be units of 1e-9, which integers beside a null become in pandas and NumPy",
        hint="Take the rows from scan().to_pandas() or to_arrow(), read files with "
        "pd.read_parquet(path, dtype_backend='numpy_nullable'), or divide the columns by 1e9.",
    )


def _number(micro_pip: MicroPip) -> float | None:
    """The number, or None for what the core will refuse."""
    try:
        pip = float(micro_pip)
    except (TypeError, ValueError):
        return None
    return pip if pip > 0 else None


def _is_time(kind: pa.DataType) -> bool:
    return bool(pt.is_timestamp(kind) or pt.is_integer(kind) or pt.is_floating(kind))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """In a layout that Arrow takes rows out of, and compares."""
    kind = column.type.value_type if pt.is_dictionary(column.type) else column.type
    return column.cast(pa.string() if pt.is_string_view(kind) else kind)


def _times(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The times as numbers, and their rows; rows without a time are left out."""
    places = np.arange(len(column))
    if column.null_count:
        places = places[column.is_valid().to_numpy()]
        column = column.drop_null()
    kind = pa.uint64() if pt.is_unsigned_integer(column.type) else pa.int64()
    times = column.cast(pa.float64() if pt.is_floating(column.type) else kind).to_numpy()
    return (times[~np.isnan(times)], places[~np.isnan(times)]) if times.dtype.kind == "f" else (times, places)


def _unit(kind: pa.DataType) -> str:
    return str(kind.unit) if pt.is_timestamp(kind) else "ns"


def _iso(time: Any, unit: str) -> str:
    return f"{np.array(int(time)).astype(f'M8[{unit}]')}Z" if abs(int(time)) < 2**63 else f"{int(time):,}"


def _values(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """What is neither null nor NaN, which pandas has for null."""
    values: npt.NDArray[np.float64] = column.cast(pa.float64(), safe=False).drop_null().to_numpy()
    return values[np.isfinite(values)]
