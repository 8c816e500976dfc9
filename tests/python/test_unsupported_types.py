"""Columns of types that tables, Parquet or Arrow lack are told by name, with what to use instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

LACKING = {
    "duration": (pa.array([1], pa.duration("ns")), "int64"),
    "interval": (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "one integer column for each part"),
    "union": (
        pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
        "one nullable column for each kind of value",
    ),
    "half float": (pa.array([1.0], pa.float16()), "float"),
    "time": (pa.array([1], pa.time64("ns")), "nanoseconds since midnight"),
    "unsigned": (pa.array([1], pa.uint64()), "int64"),
}


@pytest.mark.parametrize("kind", LACKING)
def test_a_type_that_tables_lack_is_told_by_column_with_what_to_use(tmp_path: Path, kind: str) -> None:
    values, instead = LACKING[kind]
    for type_, column in ((values.type, "x"), (pa.struct([("y", values.type)]), "x.y")):
        with pytest.raises(mq.SchemaError, match=f"column '{column}' has type .*, which Delta tables lack") as caught:
            mq.create_table(tmp_path / "t", pa.schema([("x", type_), ("v", pa.int64())]))
        assert instead in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["interval", "union"])
def test_a_type_that_parquet_lacks_is_told_by_column_with_what_to_use(tmp_path: Path, kind: str) -> None:
    values, instead = LACKING[kind]
    nested = pa.StructArray.from_arrays([values], names=["y"])
    for column, path in ((values, "x"), (nested, "x.y")):
        writer = mq.ParquetWriter(tmp_path / path)
        with pytest.raises(mq.UnsupportedError, match=f"column '{path}' has type .*, which Parquet files") as caught:
            writer.write(pa.table({"x": column}))
        assert instead in (caught.value.hint or "")


def test_types_of_polars_that_arrow_lacks_are_told_by_column(tmp_path: Path) -> None:
    for dtype in (pl.Int128, pl.Struct({"a": pl.Int128}), pl.List(pl.Int128), pl.Object):
        with pytest.raises(mq.SchemaError, match=r"column 'x' is .* in polars"):
            mq.create_table(tmp_path / "t", pl.Schema({"v": pl.Int64, "x": dtype}))
    frame = pl.DataFrame({"x": [1]}).cast(pl.Int128)
    with pytest.raises(mq.SchemaError, match=r"column 'x' is Int128 in polars: .*") as caught:
        mq.ParquetWriter(tmp_path / "w").write(frame)
    assert caught.value.hint == "Cast it to Decimal(38, 0)."
    with pytest.raises(TypeError, match=r"pass its attribute `schema`"):
        mq.create_table(tmp_path / "t", frame)
    with pytest.raises(TypeError, match="got dict"):
        mq.create_table(tmp_path / "t", {"x": "int64"})
    assert mq.create_table(tmp_path / "t", pl.Schema({"x": pl.Int64})).schema.names == ["x"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.float32(), 1e39),
        (pa.float32(), -1e39),
        (pa.float32(), np.float64(1e300)),
        (pa.float16(), 65_520.0),
        (pa.list_(pa.float32()), [1.0, 1e39]),
        (pa.struct([("y", pa.float32())]), {"y": 1e39}),
    ],
    ids=str,
)
def test_a_float_beyond_the_column_is_told_by_value_row_and_column(
    tmp_path: Path, kind: pa.DataType, value: object
) -> None:
    schema = pa.schema([("x", kind), ("n", pa.int64())])
    rows = [{"x": None, "n": 0}, {"x": value, "n": 1}]
    with mq.ParquetWriter(tmp_path / "w", schema=schema) as writer:
        writer.write(rows[0])
        with pytest.raises(mq.SchemaError) as caught:
            writer.write(rows)
            writer.flush()
        assert str(caught.value).splitlines()[0] == (
            f"column 'x': row 2 holds {value!r}, beyond what the schema's {kind} reaches"
        )
        assert "float64" in str(caught.value.hint)
        writer.abort()
    with mq.ParquetWriter(tmp_path / "parts", schema=schema, on_schema_change="new_part") as writer:
        writer.write(rows)
    assert writer.report is not None and writer.report.committed == 2
    infinite = float("inf")
    for sound in (infinite, 3.4028234e38) if pa.types.is_float32(kind) else (infinite,) * pa.types.is_float16(kind):
        with mq.ParquetWriter(tmp_path / f"sound-{sound}", schema=schema) as writer:
            writer.write({"x": sound, "n": 1})


def test_an_integer_beyond_64_bits_is_told_with_what_to_use(tmp_path: Path) -> None:
    for kind in (pa.int64(), pa.uint64()):
        writer = mq.ParquetWriter(tmp_path / str(kind), schema=pa.schema([("x", kind)]))
        with pytest.raises(mq.SchemaError, match=r"column 'x': row 1 holds 18446744073709551616; integers") as caught:
            writer.write([{"x": 1}, {"x": 2**64}])
            writer.flush()
        assert "uint64 holds them up to" in str(caught.value.hint)


def test_columns_of_another_type_than_asked_for_are_told_with_what_to_do(tmp_path: Path) -> None:
    writer = mq.ParquetWriter(tmp_path / "w", schema=pa.schema([("x", pa.float32())]))
    with pytest.raises(
        mq.SchemaError, match=r"schema that was given, .*: column 'x' is double; expected float"
    ) as caught:
        writer.write(pa.table({"x": [1.0, 1e39]}))
    assert "Cast the column first" in str(caught.value.hint)
