"""Books whose data files hold the table's columns in types of another writer's."""

from __future__ import annotations

import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from order_books import as_arrow, random_book

import marquet as mq

SHAPE = {"time_bins": 70, "ticks_per_bin": 5}


def write_book(path: pathlib.Path, partition_by: tuple[str, ...], *tables: pa.Table) -> str:
    """A table of these rows, in files that are larger than another writer's of the same rows."""
    book = mq.create_table(path, tables[0].schema, partition_by)
    for table in tables:
        book.append(table, compression="none", row_group_size=100)
    return str(path)


def write_otherwise(path: pathlib.Path, types: dict[str, pa.DataType]) -> None:
    """The same rows in other types, in as many bytes: the log says how many there are."""
    size, rows = path.stat().st_size, pq.read_table(path, partitioning=None)
    schema = pa.schema([field.with_type(types.get(field.name, field.type)) for field in rows.schema])
    pad = 0
    for _ in range(8):
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["symbol"]) as writer:
            writer.write_table(rows.cast(schema))
            writer.add_key_value_metadata({"pad": "x" * pad})
        missing = size - path.stat().st_size
        if missing == 0:
            return
        pad += missing
        assert pad >= 0, "the file is larger than the one it is to be like"
    raise AssertionError("no padding gives the file its size")


@pytest.mark.parametrize("partition_by", [("symbol", "date"), ("date",)], ids=lambda columns: "-".join(columns))
def test_tensors_are_those_of_the_tables_types(tmp_path: pathlib.Path, partition_by: tuple[str, ...]) -> None:
    rows = as_arrow(random_book(1_500, 1)), as_arrow(random_book(1_200, 2), "NQH4")
    book = write_book(tmp_path / "book", partition_by, *rows)
    mq.depth.build_samples(
        book, tmp_path / "samples", micro_pip=0.25, hop=23, lookback=50, lookforward=60, offset=5, nbins=3, **SHAPE
    )

    def tensors() -> list[tuple[np.ndarray, np.ndarray]]:
        return [*mq.depth.DepthBatches(tmp_path / "samples", book, batch_size=4, shuffle=False)]

    expected = tensors()
    types = {"source_row": pa.int32(), "flags": pa.int16(), "symbol": pa.dictionary(pa.int32(), pa.string())}
    types |= {
        f"{side}_{what}_{level:02}": pa.int32()
        for side in ("bid", "ask")
        for what in ("sz", "ct")
        for level in range(10)
    }
    files = sorted(pathlib.Path(book).rglob("*.parquet"))
    for path in files:
        write_otherwise(path, types)
    assert len(expected) > 1
    for (one, labels), (other, other_labels) in zip(expected, tensors(), strict=True):
        assert np.array_equal(one, other)
        assert labels.tolist() == other_labels.tolist()


def test_what_does_not_fit_is_named(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", ("symbol", "date"), as_arrow(random_book(1_500, 1)))
    (path,) = pathlib.Path(book).rglob("*.parquet")
    write_otherwise(path, {"source_row": pa.string()})
    with pytest.raises(mq.SchemaError, match=f"{path.name}.*source_row"):
        mq.depth.build_samples(
            book, tmp_path / "samples", micro_pip=0.25, hop=23, lookback=50, lookforward=60, offset=5, nbins=3, **SHAPE
        )
