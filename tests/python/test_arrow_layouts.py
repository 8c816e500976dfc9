"""Values in every layout that Arrow has come out as they were given, in pyarrow, Polars and DuckDB."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arrow_layouts import COMMON, OTHERS, Leaf, ListOf, MapOf, Shape, StructOf, draw_batch, draw_shape, plain

import marquet as mq

SEEDS = range(60)
COLUMNS = 4
DEPTH = 3

# What an engine has no type for, or another one.
NOT_IN_DUCKDB = ("half", "duration", "nothing")
NOT_IN_POLARS = ("half", "nothing")


def leaves_of(shape: Shape) -> list[Leaf]:
    if isinstance(shape, Leaf):
        return [shape]
    parts = shape.parts.values() if isinstance(shape, StructOf) else [shape.item]  # type: ignore[attr-defined]
    return [leaf for part in parts for leaf in leaves_of(part)]


def holds(shape: Shape, names: tuple[str, ...]) -> bool:
    kinds = [OTHERS[name].kinds for name in names]
    return any(leaf.kinds in kinds for leaf in leaves_of(shape))


def check(found: dict[str, list], expected: dict[str, list], engine: str) -> None:
    for name, values in found.items():
        assert plain(values) == plain(expected[name]), f"{engine}, column {name}"


def check_in_engines(path: str, shapes: dict[str, Shape], expected: dict[str, list]) -> None:
    check(pq.read_table(path).to_pydict(), expected, "pyarrow")
    for_polars = [name for name, shape in shapes.items() if not holds(shape, NOT_IN_POLARS)]
    if for_polars:
        check(pl.read_parquet(path, columns=for_polars).to_dict(as_series=False), expected, "Polars")
    for_duckdb = [name for name, shape in shapes.items() if not holds(shape, NOT_IN_DUCKDB)]
    if for_duckdb:
        columns = ", ".join(for_duckdb)
        check(duckdb.sql(f"select {columns} from '{path}'").arrow().read_all().to_pydict(), expected, "DuckDB")


def draw_batches(seed: int, leaves: dict[str, Leaf], rows: int) -> tuple[dict[str, Shape], list, dict[str, list]]:
    """Some batches of equal columns, each in layouts of its own."""
    print(f"seed {seed}")
    draw = random.Random(seed)
    shapes = {f"c{at}": draw_shape(draw, leaves, DEPTH) for at in range(COLUMNS)}
    batches, expected = [], {name: [] for name in shapes}
    for count in draw.sample([0, 1, rows], 3):
        batch, values = draw_batch(draw, shapes, count)
        batches.append(batch)
        for name, column in values.items():
            expected[name] += column
    return shapes, batches, expected


@pytest.mark.parametrize("seed", SEEDS)
def test_one_batch_through_the_writer(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    shapes = {f"c{at}": draw_shape(draw, COMMON | OTHERS, DEPTH) for at in range(COLUMNS)}
    batch, expected = draw_batch(draw, shapes, draw.choice([1, 2, 40]))
    options: dict[str, Any] = draw.choice([{}, {"content_defined_chunking": True}, {"page_index": False}])
    with mq.ParquetWriter(tmp_path, "all.parquet", verify="full", **options) as writer:
        writer.write(pa.Table.from_batches([batch]))
    assert mq.verify(tmp_path / "all.parquet").ok
    check_in_engines(str(tmp_path / "all.parquet"), shapes, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_of_different_layouts_through_one_writer(tmp_path: Path, seed: int) -> None:
    shapes, batches, expected = draw_batches(1000 + seed, COMMON | OTHERS, 30)
    with mq.ParquetWriter(tmp_path, "all.parquet", verify="full", row_group_size=16, empty="file") as writer:
        for batch in batches:
            writer.write(pa.Table.from_batches([batch]))
    check_in_engines(str(tmp_path / "all.parquet"), shapes, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_of_different_layouts_into_a_table(tmp_path: Path, seed: int) -> None:
    shapes, batches, expected = draw_batches(2000 + seed, COMMON, 30)
    schema = pa.schema([shape.field(name) for name, shape in shapes.items()])
    table = mq.create_table(tmp_path / "table", schema)
    for batch in batches:
        table.append(pa.Table.from_batches([batch]), verify="full")
    check(table.scan().to_arrow().to_pydict(), expected, "scan")
    # What a scan gives goes in again.
    table.append(table.scan().to_polars())
    table.append(table.scan().to_arrow())
    check(table.scan().to_arrow().to_pydict(), {name: values * 4 for name, values in expected.items()}, "scan")


@pytest.mark.parametrize("seed", range(20))
def test_rescued_rows_are_those_that_were_given(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(3000 + seed)
    shapes = {f"c{at}": draw_shape(draw, COMMON | OTHERS, DEPTH) for at in range(COLUMNS)}
    batch, expected = draw_batch(draw, shapes, 50)
    with mq.ParquetWriter(tmp_path, "all.parquet", row_group_size=10) as writer:
        writer.write(pa.Table.from_batches([batch]))
    whole = tmp_path / "all.parquet"
    raw = whole.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(raw[: len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")])
    mq.rescue(cut, tmp_path / "rescued.parquet", schema=whole)
    check_in_engines(str(tmp_path / "rescued.parquet"), shapes, expected)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("nest", ["column", "list", "struct"])
def test_unions_are_refused_by_name(tmp_path: Path, sparse: bool, nest: str) -> None:
    kinds = pa.array([0, 1], pa.int8())
    parts = [pa.array([1, 2]), pa.array(["x", "y"])]
    union = (
        pa.UnionArray.from_sparse(kinds, parts)
        if sparse
        else pa.UnionArray.from_dense(kinds, pa.array([0, 1], pa.int32()), parts)
    )
    column = {
        "column": union,
        "list": pa.ListArray.from_arrays([0, 1, 2], union),
        "struct": pa.StructArray.from_arrays([union], ["k"]),
    }[nest]
    with (
        pytest.raises(mq.UnsupportedError, match=r"column 'a[.'].*union"),
        mq.ParquetWriter(tmp_path, "all.parquet") as writer,
    ):
        writer.write(pa.table({"a": column}))
    assert not list(tmp_path.glob("*.parquet"))
    with pytest.raises(mq.SchemaError, match=r"'a.*union"):
        mq.create_table(tmp_path / "table", pa.schema([("a", column.type)]))


TEXT = COMMON["text"]
NULL_IN_A_PART = {
    "column": (TEXT, None),
    "item": (ListOf(True, TEXT), [None]),
    "field": (StructOf(True, {"k": TEXT}), {"k": None}),
    "value of a map": (MapOf(True, TEXT), [("k0", None)]),
    "item of an item": (ListOf(True, ListOf(True, TEXT)), [["x"], ["y", None]]),
    "field of an item": (ListOf(True, StructOf(True, {"k": TEXT})), [{"k": None}]),
    "item of a field": (StructOf(True, {"k": ListOf(True, TEXT)}), {"k": [None]}),
    "struct in a list": (ListOf(True, StructOf(True, {"k": TEXT})), [None]),
    "list in a struct": (StructOf(True, {"k": ListOf(True, TEXT)}), {"k": None}),
}


def required(shape: Shape, value: Any) -> Shape:
    """The shape in which the part of `value` that is null may not be."""
    if value is None:
        return type(shape)(**{**vars(shape), "nullable": False})
    if isinstance(shape, StructOf):
        return StructOf(True, {name: required(part, value[name]) for name, part in shape.parts.items()})
    last = value[-1][1] if isinstance(shape, MapOf) else value[-1]
    return type(shape)(True, required(shape.item, last))  # type: ignore[attr-defined,call-arg]


@pytest.mark.parametrize("nest", NULL_IN_A_PART)
@pytest.mark.parametrize("seed", range(12))
def test_a_null_where_none_may_be_is_refused_by_column_and_row(tmp_path: Path, nest: str, seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    open_shape, bad = NULL_IN_A_PART[nest]
    shape = required(open_shape, bad)
    good = shape.values(draw, 7)
    row = draw.randrange(8)
    values = [*good[:row], bad, *good[row:]]
    array = shape.lay(draw, values)
    rows = pa.Table.from_arrays([array], schema=pa.schema([shape.field("a", array.type)]))
    told = rf"column 'a': row {row} (is null|has a null)"
    with pytest.raises(mq.MarquetError, match=told), mq.ParquetWriter(tmp_path / "out", "all.parquet") as writer:
        writer.write(rows)
    assert not list((tmp_path / "out").glob("*.parquet"))
    table = mq.create_table(tmp_path / "table", pa.schema([shape.field("a")]))
    for given in (rows, pa.table({"a": pa.array(values, open_shape.type())})):
        with pytest.raises(mq.MarquetError, match=told):
            table.append(given)
    assert table.scan().to_arrow().num_rows == 0
