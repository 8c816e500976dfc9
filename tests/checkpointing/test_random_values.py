"""Rows and frames drawn at random: pyarrow, Polars and DuckDB read what was given, or an error names the column.

MARQUET_SEED draws others; the seed stands in each test's name.
"""

from __future__ import annotations

import datetime
import math
import os
import pathlib
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

SEED = int(os.environ.get("MARQUET_SEED", "20240304"))
EPOCH = datetime.datetime(1970, 1, 1)
ZONES = [datetime.UTC, ZoneInfo("America/New_York"), datetime.timezone(datetime.timedelta(hours=5, minutes=30))]


def naive(draw: random.Random) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=draw.randrange(-(10**15), 4 * 10**15))


def microseconds(draw: random.Random) -> datetime.timedelta:
    return datetime.timedelta(microseconds=draw.randrange(-(10**12), 10**12))


LEAVES: dict[str, Callable[[random.Random], Any]] = {
    "int": lambda draw: draw.choice([0, -1, 2**63 - 1, -(2**63), draw.randrange(-(10**6), 10**6)]),
    "float": lambda draw: draw.choice([0.1, -0.0, math.inf, 5e-324, draw.uniform(-1e6, 1e6), 2.0**53]),
    "bool": lambda draw: draw.random() < 0.5,
    "text": lambda draw: draw.choice(["", "x", "größer", "a\0b", "字" * draw.randrange(5)]),
    "bytes": lambda draw: draw.randbytes(draw.randrange(4)),
    "decimal": lambda draw: Decimal(draw.randrange(-(10**30), 10**30)).scaleb(-draw.randrange(12, 19)),
    "date": lambda draw: naive(draw).date(),
    "naive": naive,
    "zoned": lambda draw: naive(draw).replace(tzinfo=datetime.UTC).astimezone(draw.choice(ZONES)),
    "time": lambda draw: naive(draw).time(),
    "duration": microseconds,
    "numpy float": lambda draw: np.float32(draw.uniform(-10, 10)),
    "numpy int": lambda draw: np.int16(draw.randrange(-100, 100)),
    "numpy bool": lambda draw: np.bool_(draw.random() < 0.5),
    "numpy time": lambda draw: np.datetime64(draw.randrange(10**18), "ns"),
    "numpy duration": lambda draw: np.timedelta64(draw.randrange(10**15), "ns"),
    "numpy array": lambda draw: np.array([draw.uniform(-1, 1) for _ in range(draw.randrange(3))], dtype="f4"),
    "masked array": lambda draw: np.ma.array([1, 2, 3], mask=[draw.random() < 0.5 for _ in range(3)]),
    "pandas time": lambda draw: pd.Timestamp(draw.randrange(10**18), unit="ns"),
}


def told(value: Any) -> Any:
    """The value with what kind it is, so that nothing that is another compares equal."""
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, (bool, np.bool_)):
        return "bool", bool(value)
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return ("naive" if isinstance(value, np.datetime64) else "duration"), int(value.astype("i8"))
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return "number", Fraction(value) if math.isfinite(value) else str(value)
    if isinstance(value, (int, np.integer, Decimal)):
        return "number", Fraction(int(value) if isinstance(value, np.integer) else value)
    if isinstance(value, (str, bytes)):
        return type(value).__name__, value
    if isinstance(value, pd.Timestamp):
        return "naive", value.value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return "naive", (value - EPOCH) // datetime.timedelta(microseconds=1) * 1000
        since = value.astimezone(datetime.UTC).replace(tzinfo=None) - EPOCH
        return "instant", since // datetime.timedelta(microseconds=1) * 1000
    if isinstance(value, datetime.timedelta):
        return "duration", value // datetime.timedelta(microseconds=1) * 1000
    if isinstance(value, (datetime.date, datetime.time)):
        return type(value).__name__, value
    if isinstance(value, dict):
        return "struct", {key: told(item) for key, item in value.items()}
    return "list", [told(item) for item in value]


def read(scalar: pa.Scalar) -> Any:
    """The same of what a reader gives."""
    if not scalar.is_valid:
        return None
    kind = scalar.type
    nanos = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
    if pa.types.is_timestamp(kind):
        return ("naive" if kind.tz is None else "instant"), scalar.value * nanos[kind.unit]
    if pa.types.is_duration(kind):
        return "duration", scalar.value * nanos[kind.unit]
    if pa.types.is_struct(kind):
        return "struct", {field.name: read(scalar[field.name]) for field in kind}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "list", [read(item) for item in scalar.values] if scalar.values is not None else []
    return told(scalar.as_py())


def values_of(column: pa.ChunkedArray) -> list[Any]:
    return [read(scalar) for scalar in column]


def drawn(draw: random.Random, kinds: list[str], nested: int, count: int) -> list[Any]:
    def one(level: int) -> Any:
        if draw.random() < 0.15:
            return None
        if level == 0:
            return LEAVES[draw.choice(kinds)](draw)
        return [one(level - 1) for _ in range(draw.randrange(3))] if nested % 2 else {"k": one(level - 1)}

    return [one(nested) for _ in range(count)]


def check(folder: pathlib.Path, values: list[Any]) -> None:
    """The values of column "v", as three engines read them."""
    expected = [told(value) for value in values]
    path = folder / "all.parquet"
    file = pq.read_table(path)
    assert values_of(file["v"]) == expected
    assert values_of(polars.read_parquet(path).to_arrow()["v"]) == expected
    if "duration" not in str(file.schema.field("v").type):  # which DuckDB reads as numbers
        assert values_of(duckdb.sql(f"from '{path}'").to_arrow_table()["v"]) == expected


def write_in_parts(folder: pathlib.Path, draw: random.Random, rows: list[Any]) -> None:
    with mq.ParquetWriter(folder, "all.parquet") as writer:
        while rows:
            size = draw.randrange(1, len(rows) + 1)
            writer.write(rows[:size])
            if draw.random() < 0.7:
                writer.flush()  # the rows that are gathered end here
            rows = rows[size:]


@pytest.mark.parametrize("nested", [0, 1, 2])
@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
@pytest.mark.parametrize("kind", sorted(set(LEAVES) - {"pandas time"}))  # which with nanoseconds is refused
def test_dictionaries_of_one_kind(tmp_path: pathlib.Path, kind: str, seed: int, nested: int) -> None:
    draw = random.Random(f"{kind} {seed} {nested}")
    values = drawn(draw, [kind], nested, 12)
    write_in_parts(tmp_path, draw, [{"v": value} for value in values])
    check(tmp_path, values)


@pytest.mark.parametrize("seed", range(SEED, SEED + 150))
def test_dictionaries_of_several_kinds_arrive_or_are_refused(tmp_path: pathlib.Path, seed: int) -> None:
    draw = random.Random(seed)
    values = drawn(draw, draw.sample(sorted(LEAVES), 2), draw.randrange(3), 6)
    try:
        write_in_parts(tmp_path, draw, [{"v": value} for value in values])
    except mq.MarquetError as error:
        assert "'v" in str(error), error
        return
    check(tmp_path, values)


def as_pandas(values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"v": pd.Series(values, dtype=object)})


FRAMES: dict[str, Callable[[list[Any]], Any]] = {
    "pandas": as_pandas,
    "pandas with Arrow types": lambda values: pa.table({"v": values}).to_pandas(types_mapper=pd.ArrowDtype),
    "Polars": lambda values: polars.DataFrame({"v": polars.Series(values, strict=True)}),
    "Arrow": lambda values: pa.table({"v": values}),
    "DuckDB": lambda values: duckdb.from_arrow(pa.table({"v": values})),
}
PLAIN = ["int", "float", "bool", "text", "bytes", "date", "naive", "zoned", "time"]


@pytest.mark.parametrize("form", FRAMES)
@pytest.mark.parametrize("seed", range(SEED, SEED + 8))
def test_frames_in_the_writer_and_in_a_table(tmp_path: pathlib.Path, form: str, seed: int) -> None:
    draw = random.Random(f"{form} {seed}")
    kind = draw.choice(PLAIN)
    values = [*drawn(draw, [kind], 0, 10), LEAVES[kind](draw)]
    frame = FRAMES[form](values)
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write(frame)
    check(tmp_path, values)
    if kind in ("naive", "time"):
        return  # which Delta lacks
    zoned = pa.timestamp("us", "UTC") if kind == "zoned" else pa.array(values).type
    table = mq.create_table(tmp_path / "table", pa.schema([("v", zoned)]))
    table.append(frame)
    table.append(table.scan().to_polars())
    table.append(table.scan().to_pandas())
    once = [told(value) for value in values]
    read_back = values_of(table.scan().to_arrow()["v"])
    assert sorted(map(str, read_back)) == sorted(map(str, once * 4))
