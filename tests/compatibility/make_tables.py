"""Tables of rows that were appended: every type of column, and every type that a table can be partitioned by."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from kept import by_deltalake, describe_table, fields, plain

import marquet as mq

UTC = dt.UTC
TEXTS = ["", "plain", "Ünïcode \U0001f600", "a/b\\c", "50% = half", "..", " x ", "line\nbreak", "a" * 70, None]
PAIR = pa.struct([("x", pa.float64()), ("name", pa.string())])


def list_of(kind: pa.DataType) -> pa.DataType:
    """A list as Delta names its elements."""
    return pa.list_(pa.field("element", kind))


STEP = pa.struct([("t", pa.timestamp("us", "UTC")), ("l", list_of(pa.string()))])

TYPES = pa.schema(
    [
        pa.field("n", pa.int64(), nullable=False),
        pa.field("byte", pa.int8()),
        pa.field("short", pa.int16()),
        pa.field("int", pa.int32()),
        pa.field("long", pa.int64()),
        pa.field("float", pa.float32()),
        pa.field("double", pa.float64()),
        pa.field("decimal9", pa.decimal128(9, 2)),
        pa.field("decimal18", pa.decimal128(18, 9)),
        pa.field("decimal38", pa.decimal128(38, 10)),
        pa.field("text", pa.string()),
        pa.field("bytes", pa.binary()),
        pa.field("flag", pa.bool_()),
        pa.field("day", pa.date32()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("nanos", pa.int64(), metadata={"unit": "ns"}),
        pa.field("price", pa.int64(), metadata={"unit": "1e-9"}),
        pa.field("pair", PAIR),
        pa.field("list", list_of(pa.int32())),
        pa.field("pairs", list_of(PAIR)),
        pa.field("map", pa.map_(pa.string(), pa.int64())),
        pa.field("deep", list_of(list_of(STEP))),
    ]
)  # fmt: skip

CODECS = ["zstd", "snappy", "gzip", "lz4", "brotli", "none"]
FLOATS = [0.0, -0.0, 1.5, -1e300, float("inf"), float("-inf"), float("nan"), 5e-324]


def row_of_types(n: int) -> dict[str, Any]:
    """Values at the ends of each type, nulls between them."""

    def integer(bits: int) -> int | None:
        return [0, (1 << (bits - 1)) - 1, -(1 << (bits - 1)), n % 100, None][n % 5]

    def decimal(digits: int, scale: int) -> Decimal | None:
        largest, smallest = (Decimal((sign, (9,) * digits, -scale)) for sign in (0, 1))
        return [largest, smallest, Decimal(n).scaleb(-scale), None][n % 4]

    day = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31), dt.date(2024, 2, 29), None][n % 5]
    microsecond = dt.timedelta(microseconds=n)
    double = FLOATS[n % len(FLOATS)]
    pair = [{"x": double, "name": TEXTS[n % len(TEXTS)]}, {"x": None, "name": None}, None][n % 3]
    return {
        "n": n,
        "byte": integer(8),
        "short": integer(16),
        "int": integer(32),
        "long": integer(64),
        "float": [0.1, -0.0, float("nan"), float("inf"), None][n % 5],
        "double": None if n % 9 == 0 else double,
        "decimal9": decimal(9, 2),
        "decimal18": decimal(18, 9),
        "decimal38": decimal(38, 10),
        "text": TEXTS[n % len(TEXTS)],
        "bytes": [b"", b"\x00\xff", bytes(range(n % 256)), None][n % 4],
        "flag": [True, False, None][n % 3],
        "day": day,
        "time": None if day is None else dt.datetime.combine(day, dt.time(12, tzinfo=UTC)) + microsecond,
        "nanos": [0, (1 << 63) - 1, -(1 << 63), 1_700_000_000_000_000_001 + n, None][n % 5],
        "price": [4_750_250_000_000, -1, None][n % 3],
        "pair": pair,
        "list": [[], [1, None, n], None][n % 3],
        "pairs": [[pair, {"x": 1.0, "name": "b"}], [], [None], None][n % 4],
        "map": [[("a", 1), ("b", None)], [], None][n % 3],
        "deep": [[[{"t": dt.datetime(2024, 1, 2, tzinfo=UTC), "l": ["x", None]}, None], []], [None], None][n % 3],
    }


def types(folder: Path) -> dict[str, Any]:
    """All types and codecs that there are: appended, overwritten, appended to until there is a checkpoint."""
    table = mq.create_table("written", TYPES, name="types", description="every type", configuration={"a.b": "c"})
    rows: list[dict[str, Any]] = []
    for commit in range(13):
        more = [row_of_types(n) for n in range(commit * 20, commit * 20 + 20)]
        overwrites = commit == 2
        rows = more if overwrites else rows + more
        table.append(
            pa.Table.from_pylist(more, TYPES),
            mode="overwrite" if overwrites else "append",
            row_group_size=8,
            compression=CODECS[commit % len(CODECS)],
        )
    return table_facts(folder, pa.Table.from_pylist(rows, TYPES))


PARTITIONS = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("day", pa.date32()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("int", pa.int32()),
        pa.field("long", pa.int64()),
        pa.field("flag", pa.bool_()),
        pa.field("double", pa.float64()),
        pa.field("decimal", pa.decimal128(18, 9)),
        pa.field("value", pa.int64()),
    ]
)


def partitions(folder: Path) -> dict[str, Any]:
    """Partitioned by each type at once: values that must be escaped in names of directories, and nulls."""
    by = [name for name in PARTITIONS.names if name != "value"]
    texts = [text for text in TEXTS if text != ""]  # Delta takes the empty string for null
    times = [dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), dt.datetime(2024, 1, 2, 3, 4, 5, 6, UTC), None]
    rows = [
        {
            "text": texts[n % len(texts)],
            "day": [dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31), None][n % 4],
            "time": times[n % 3],
            "int": [-1, 0, 1 << 30, None][n % 4],
            "long": [(1 << 63) - 1, -(1 << 63), None][n % 3],
            "flag": [True, False, None][n % 3],
            "double": [0.1, -1e300, 1e-300, None][n % 4],
            "decimal": [Decimal("0.000000001"), Decimal("123456789.5"), None][
                n % 3
            ],  # deltalake reads no negative ones with a fraction
            "value": n,
        }
        for n in range(24)
    ]
    table = mq.create_table("written", PARTITIONS, partition_by=by)
    for part in (rows[:12], rows[12:18], rows[18:]):
        table.append(pa.Table.from_pylist(part, PARTITIONS))
    return table_facts(folder, pa.Table.from_pylist(rows, PARTITIONS))


def table_facts(folder: Path, given: pa.Table) -> dict[str, Any]:
    facts = describe_table(folder / "written", folder / "expected")
    assert plain(by_deltalake(folder / "written")) == plain(given)
    return {**facts, "schema": fields(given.schema)}
