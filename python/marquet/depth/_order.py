"""That order-book rows come in the order of their time.

Rows out of a scan come as they are stored, file by file: the later part of a day first, where it was ingested first.
Tensors and labels of such rows are numbers without an error, and wrong ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from marquet.errors import InvalidInputError

_IDENTITY = ("symbol", "instrument_id", "publisher_id")


class Order:
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
