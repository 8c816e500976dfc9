"""Writes the seeds of the Parquet fuzzer: small files, each with something that the others have not.

Made by pyarrow and by Marquet, of fixed values: run again, it gives the same files but for their writers' versions.
What a fuzzer found is kept beside them under the names of crashes, and is not touched.
"""

from __future__ import annotations

import argparse
import datetime
import decimal
import itertools
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import marquet

ROWS = 24
CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]


def flat(rows: int = ROWS) -> pa.Table:
    """Numbers and text, with nulls in one of each."""
    return pa.table(
        {
            "i": pa.array([i * 7 for i in range(rows)], pa.int64()),
            "n": pa.array([None if i % 5 == 0 else i for i in range(rows)], pa.int32()),
            "f": pa.array([i / 8 for i in range(rows)], pa.float64()),
            "s": pa.array([None if i % 7 == 0 else f"ES{'HMUZ'[i % 4]}4" for i in range(rows)]),
        },
    )


def typed(rows: int = ROWS) -> pa.Table:
    """One column of each type that is stored in a way of its own."""
    start = datetime.datetime(2024, 3, 1, tzinfo=datetime.UTC)
    return pa.table(
        {
            "bool": pa.array([i % 3 == 0 for i in range(rows)]),
            "u8": pa.array(range(rows), pa.uint8()),
            "i16": pa.array([-i for i in range(rows)], pa.int16()),
            "f16": pa.array(range(rows), pa.float32()).cast(pa.float16()),
            "f32": pa.array([i / 3 for i in range(rows)], pa.float32()),
            "date": pa.array([start.date() + datetime.timedelta(days=i) for i in range(rows)]),
            "time": pa.array([i * 1_000_000 for i in range(rows)], pa.time64("us")),
            "ts": pa.array([start + datetime.timedelta(seconds=i) for i in range(rows)], pa.timestamp("ns", "UTC")),
            "dec": pa.array([decimal.Decimal(i) / 4 for i in range(rows)], pa.decimal128(12, 2)),
            "wide": pa.array([decimal.Decimal(i) for i in range(rows)], pa.decimal256(50, 0)),
            "fixed": pa.array([bytes([i] * 5) for i in range(rows)], pa.binary(5)),
            "null": pa.nulls(rows),
        },
    )


def nested(rows: int = 12) -> pa.Table:
    """Lists, structs and maps, empty and null ones among them."""
    lists = [None if i % 5 == 0 else list(range(i % 4)) for i in range(rows)]
    return pa.table(
        {
            "l": pa.array(lists, pa.list_(pa.int32())),
            "ll": pa.array([None if one is None else [one, [], one] for one in lists], pa.list_(pa.list_(pa.int16()))),
            "st": pa.array([None if i % 4 == 3 else {"a": i, "b": [str(i)] * (i % 3)} for i in range(rows)]),
            "m": pa.array([[("k", i)] * (i % 3) for i in range(rows)], pa.map_(pa.string(), pa.int64())),
        },
    )


def seeds() -> Iterator[tuple[str, pa.Table, dict[str, Any]]]:
    """Name, rows, and how pyarrow is to write them."""
    for codec, version in itertools.product(CODECS, ["1.0", "2.0"]):
        options = {"compression": codec, "data_page_version": version}
        yield f"flat-{codec}-v{version[0]}", flat(), {**options, "use_dictionary": ["s"]}
    for version in ["1.0", "2.0"]:
        options = {"compression": "none", "data_page_version": version}
        yield f"nested-v{version[0]}", nested(), options
        yield f"nested-plain-v{version[0]}", nested(), {**options, "use_dictionary": False}
        yield f"typed-v{version[0]}", typed(), {**options, "use_dictionary": False}
        deltas = {"i": "DELTA_BINARY_PACKED", "n": "DELTA_BINARY_PACKED", "f": "BYTE_STREAM_SPLIT"}
        for text in ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]:
            encodings = {**deltas, "s": text}
            yield (
                f"{text.lower()}-v{version[0]}",
                flat(),
                {**options, "use_dictionary": False, "column_encoding": encodings},
            )
    yield "pages", flat(), {"data_page_size": 16, "write_batch_size": 4, "write_page_index": True}
    yield "pages-nested", nested(), {"data_page_size": 16, "write_batch_size": 4, "write_page_index": True}
    yield "row-groups", flat(), {"row_group_size": 10, "write_page_checksum": True}
    yield "sorted", flat(), {"sorting_columns": [pq.SortingColumn(0)], "compression": "none"}
    yield "no-statistics", flat(), {"write_statistics": False, "store_schema": False}
    yield "int96", typed().select(["ts"]), {"use_deprecated_int96_timestamps": True}
    yield "decimal-as-integer", typed().select(["dec"]), {"store_decimal_as_integer": True}
    yield "dictionary-left", flat(200), {"dictionary_pagesize_limit": 64, "write_batch_size": 8, "compression": "none"}
    yield "no-rows", flat(0), {}
    yield "all-null", pa.table({"a": pa.nulls(50, pa.int64()), "b": pa.nulls(50, pa.string())}), {}


def of_marquet() -> Iterator[tuple[str, pa.Table, dict[str, Any]]]:
    """Name, rows, and options of Marquet's writer."""
    for codec in CODECS:
        yield f"marquet-{codec}", flat(), {"compression": codec}
    yield "marquet-typed", typed(), {"compression": "none"}
    yield "marquet-nested", nested(), {"compression": "none", "row_group_size": 5}
    yield "marquet-no-index", flat(), {"page_index": False, "row_group_size": 7}


def main() -> None:
    """Writes all of them to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    out: pathlib.Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, rows, options in seeds():
        pq.write_table(rows, out / f"{name}.parquet", **options)
    with tempfile.TemporaryDirectory() as folder:
        for name, rows, options in of_marquet():
            with marquet.ParquetWriter(folder, f"{name}.parquet", schema=rows.schema, **options) as writer:
                writer.write(rows)
            shutil.copy(pathlib.Path(folder) / f"{name}.parquet", out)
    # Something behind the footer, and two files of one shape joined: what is read is told by what is around it.
    plain = (out / "flat-none-v1.parquet").read_bytes()
    (out / "tail.parquet").write_bytes(plain + b"\n")
    (out / "joined.parquet").write_bytes(plain + plain)
    (out / "cut.parquet").write_bytes(plain[:-30])


if __name__ == "__main__":
    main()
