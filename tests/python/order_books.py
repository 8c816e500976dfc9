"""Order books made from a seed, and slow plain references of what docs/depth.md defines."""

from __future__ import annotations

import pathlib

import numpy as np
import pyarrow as pa

import marquet as mq

LEVELS = 10
NULL = np.iinfo(np.int64).max
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000


def random_book(
    rows: int,
    seed: int,
    *,
    base: int = 4_000_000_000_000,
    tick: int = 250_000_000,
    gaps: dict[int, int] | None = None,
    nulls: float = 0.0,
    crossed: float = 0.0,
) -> dict[str, np.ndarray]:
    """Columns of a book whose mid price walks; `gaps` maps a row to the nanoseconds before it."""
    random = np.random.default_rng(seed)
    mid = np.cumsum(random.integers(-1, 2, rows) * (random.random(rows) < 0.2))
    cross = np.where(random.random(rows) < crossed, 3, 0)
    step = np.full(rows, MILLISECOND)
    for row, gap in (gaps or {}).items():
        step[row] = gap
    time = START + np.cumsum(step)
    columns: dict[str, np.ndarray] = {"ts_recv": time, "ts_event": time - 1_000}
    columns["sequence"] = np.arange(rows) // 2
    for side, sign in (("bid", -1), ("ask", 1)):
        away = np.zeros(rows, dtype=np.int64)
        for level in range(LEVELS):
            price = base + (mid + sign * (1 + away - cross)) * tick
            price[random.random(rows) < nulls] = NULL
            columns[f"{side}_px_{level:02d}"] = price
            columns[f"{side}_sz_{level:02d}"] = random.integers(0, 200, rows)
            columns[f"{side}_ct_{level:02d}"] = random.integers(0, 40, rows)
            away += random.integers(1, 3, rows)
    return columns


def with_mid(columns: dict[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
    """The book with both best prices in a row."""
    for side, price in (("bid", 3_999_750_000_000), ("ask", 4_000_000_000_000)):
        if columns[f"{side}_px_00"][row] == NULL:
            columns[f"{side}_px_00"][row] = price
    return columns


def as_arrow(columns: dict[str, np.ndarray], symbol: str = "ESH4") -> pa.Table:
    """The columns of a table of order-book rows, in the types in which they are stored."""
    rows = len(columns["ts_recv"])
    arrays: list[pa.Array] = []
    fields: list[pa.Field] = []
    for name, values in columns.items():
        mask = values == NULL if "_px_" in name else None
        arrays.append(pa.array(values, pa.int64(), mask=mask))
        unit = {b"unit": b"1e-9" if "_px_" in name else b"ns"} if "_px_" in name or name.startswith("ts_") else None
        fields.append(pa.field(name, pa.int64(), metadata=unit))
    arrays += [
        pa.array([symbol] * rows, pa.string()),
        pa.array(columns["ts_recv"] // 1_000, pa.timestamp("us", "UTC")),
        pa.array(columns["ts_recv"] // (86_400 * 10**9), pa.int32()).cast(pa.date32()),
        pa.array(np.arange(rows) * 3 + 7, pa.int64()),
    ]
    fields += [
        pa.field("symbol", pa.string()),
        pa.field("ts", pa.timestamp("us", "UTC")),
        pa.field("date", pa.date32()),
        pa.field("source_row", pa.int64()),
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def write_book(path: pathlib.Path, *tables: pa.Table, partition_by: tuple[str, ...] = ("symbol", "date")) -> str:
    """A table of these rows, each argument one commit."""
    book = mq.create_table(path, tables[0].schema, partition_by)
    for table in tables:
        book.append(table)
    return str(path)


def slow_tensor(
    columns: dict[str, np.ndarray], features: list[str], micro_pip: int, bins: int, ticks: int
) -> np.ndarray:
    """The tensor word for word: Python integers for prices, a full grid, a loop over every level."""
    window = bins * ticks

    def rounded(price: int) -> int:
        quotient, rest = divmod(int(price), micro_pip)
        return quotient + (2 * rest > micro_pip or (2 * rest == micro_pip and quotient % 2 == 1))

    pips = {
        name: [None if value == NULL else rounded(value) for value in values[:window]]
        for name, values in columns.items()
        if "_px_" in name
    }
    lowest = (pips["bid_px_00"][-1] + pips["ask_px_00"][-1] - 401) // 2
    result = []
    for feature in ("volume", "variance", "trade_counts"):
        if feature not in features:
            continue
        grid = np.zeros((402, bins))
        for column in range(bins):
            rows = range(column * ticks, (column + 1) * ticks)
            sides = {}
            for side in ("ask", "bid"):
                cells = np.zeros(402)
                for level in range(LEVELS):
                    valid = [row for row in rows if pips[f"{side}_px_{level:02d}"][row] is not None]
                    if not valid:
                        continue
                    index = sum(pips[f"{side}_px_{level:02d}"][row] for row in valid) // len(valid) - lowest
                    if not 0 <= index <= 401:
                        continue
                    sizes = columns[f"{side}_sz_{level:02d}"][valid]
                    if feature == "volume":
                        cells[index] = np.median(sizes)
                    elif feature == "variance":
                        cells[index] = np.var(sizes, ddof=1) if len(valid) > 1 else 0
                    else:
                        cells[index] = columns[f"{side}_ct_{level:02d}"][valid].sum()
                sides[side] = cells
            ask = np.cumsum(sides["ask"])
            bid = np.cumsum(sides["bid"][::-1])[::-1]
            grid[:, column] = (ask - bid)[::-1]
        largest = np.abs(grid).max()
        result.append((grid / largest if largest else grid).astype(np.float32))
    return result[0] if len(result) == 1 else np.stack(result)


def slow_moves(mid: np.ndarray, lookback: int, lookforward: int, offset: int) -> np.ndarray:
    """r of every row of one gap-free run, NaN where there is none."""
    moves = np.full(len(mid), np.nan)
    for s in range(lookback, len(mid) - lookforward - offset):
        before = mid[s - lookback : s].mean()
        after = mid[s + 1 + offset : s + 1 + offset + lookforward].mean()
        moves[s] = (after - before) / before
    return moves


def slice_book(columns: dict[str, np.ndarray], begin: int, end: int) -> dict[str, np.ndarray]:
    return {name: values[begin:end] for name, values in columns.items()}
