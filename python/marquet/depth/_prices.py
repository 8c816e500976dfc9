"""That price columns mean what their types say: integers are units of 1e-9, floats are prices.

pandas and NumPy make floats of integers beside a null. As prices these are other ones, and of small ones nothing tells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from marquet.depth._inputs import MicroPip
from marquet.errors import InvalidInputError

PRICES = frozenset(f"{side}_px_{level:02d}" for side in ("bid", "ask") for level in range(10))
_MOST_STEP = 10**6
"""Micro-pips. A tensor has 402 rows of one each: of prices that are all further apart it shows none but the last."""
_MOST_PRICE = 2.0**61 / 1e9
"""That can be kept; see docs/depth.md."""
_LEAST_RATIO = 1e5
"""Of units to prices, which is 1e9 between a price and itself, and 1 where both are units."""
PIP_OF_PAIRS = 1e-3
"""The largest that is known by a symbol alone: that of pairs with JPY."""
LOOKED_AT = 1 << 14
"""Rows at a time that prices are looked for in."""


class Prices:
    """That price columns mean what their types say: integers are units of 1e-9, floats are prices."""

    def __init__(self, micro_pip: MicroPip | None) -> None:
        self._micro_pip = None if micro_pip is None else _number(micro_pip)
        self._known = False  # that floats are prices

    def look(self, rows: pa.Table) -> None:
        names = [name for name in rows.schema.names if name in PRICES]
        floats = [name for name in names if pt.is_floating(rows.schema.field(name).type)]
        integers = [name for name in names if pt.is_integer(rows.schema.field(name).type)]
        for begin in range(0, rows.num_rows if floats else 0, LOOKED_AT):
            if self._known:
                return
            part = rows.slice(begin, LOOKED_AT)
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


def _values(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """What is neither null nor NaN, which pandas has for null."""
    values: npt.NDArray[np.float64] = column.cast(pa.float64(), safe=False).drop_null().to_numpy()
    return values[np.isfinite(values)]
