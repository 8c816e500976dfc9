"""A page is used up by its levels and values: what is left over was not written as what it is read as."""

from __future__ import annotations

import decimal
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

OPTIONAL, REQUIRED = b"\x02", b"\x00"  # FieldRepetitionType, as the compact protocol has it


def by_duckdb(rows: pa.Table, path: pathlib.Path) -> None:
    duckdb.sql(f"copy (from rows) to '{path}' (format parquet)")


def by_duckdb_v2(rows: pa.Table, path: pathlib.Path) -> None:
    duckdb.sql(f"copy (from rows) to '{path}' (format parquet, parquet_version v2)")


def by_polars(rows: pa.Table, path: pathlib.Path) -> None:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    frame.write_parquet(path)


def by_pyarrow(rows: pa.Table, path: pathlib.Path, **options: Any) -> None:
    pq.write_table(rows, path, **options)


def by_deltalake(rows: pa.Table, path: pathlib.Path) -> None:
    table = path.with_suffix(".table")
    deltalake.write_deltalake(table, rows)
    (written,) = table.glob("*.parquet")
    written.rename(path)


WRITERS: dict[str, Callable[..., None]] = {
    "duckdb": by_duckdb,
    "duckdb v2": by_duckdb_v2,
    "polars": by_polars,
    "pyarrow": by_pyarrow,
    "pyarrow without statistics": functools.partial(by_pyarrow, write_statistics=False),
    "deltalake": by_deltalake,
}


def make_required(path: pathlib.Path, column: str) -> None:
    """Sets back the one bit that says that the column of one letter may hold nulls."""
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    name = b"\x18\x01" + column.encode()  # a text of one byte follows
    at = data.index(OPTIONAL + name, footer)
    path.write_bytes(data[:at] + REQUIRED + data[at + 1 :])
    assert not pq.read_schema(path).field(column).nullable


def scan(path: pathlib.Path, whole: bytes, folder: pathlib.Path) -> list[Any]:
    """Reads the file as the one of a table, that was whole when the table was made."""
    damaged = path.read_bytes()
    folder.mkdir()
    (folder / "a.parquet").write_bytes(whole)
    deltalake.convert_to_deltalake(str(folder))
    (folder / "a.parquet").write_bytes(damaged)
    values: list[Any] = mq.open_table(folder).scan().to_arrow()["v"].to_pylist()
    return values


@pytest.mark.parametrize("writer", ["duckdb", "polars", "pyarrow", "pyarrow without statistics", "deltalake"])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([i * 7919 % 30000 for i in range(300)], id="numbers"),
        pytest.param([i % 5 for i in range(300)], id="few numbers"),
        pytest.param([i / 7 for i in range(300)], id="floats"),
        pytest.param([f"word {i}" for i in range(300)], id="words"),
        pytest.param([f"word {i % 5}" for i in range(300)], id="few words"),
        pytest.param([i % 3 == 0 for i in range(300)], id="booleans"),
    ],
)
def test_levels_that_are_read_as_values_are_damage(tmp_path: pathlib.Path, writer: str, values: list[Any]) -> None:
    path = tmp_path / "f.parquet"
    WRITERS[writer](pa.table({"v": values}), path)
    whole = path.read_bytes()
    assert mq.verify(path, strict=True).ok
    make_required(path, "v")
    verdict = mq.verify(path)
    try:
        read = scan(path, whole, tmp_path / "t")
    except mq.CorruptDataError:
        read = None
    if read == values:  # pages of version 2 tell how long their levels are
        assert verdict.ok
        return
    assert not verdict.ok
    assert read is None
    assert not mq.open_table(tmp_path / "t").verify().ok
    if verdict.damage[0].region == "footer":  # what it says of the levels does not fit
        return
    assert verdict.damage[0].column == "v"
    assert not mq.rescue(path, tmp_path / "out.parquet").intact


@pytest.mark.parametrize("nullable", [True, False])
def test_a_column_of_nulls_alone_holds_no_values(tmp_path: pathlib.Path, nullable: bool) -> None:
    path = tmp_path / "f.parquet"
    rows = pa.table({"v": pa.array(["a", "b"] * 50)}, schema=pa.schema([pa.field("v", pa.string(), nullable)]))
    pq.write_table(rows, path, store_schema=False, write_statistics=False)
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    # LogicalType: the union's field 1 is STRING, 11 NULL (UNKNOWN); each an empty struct.
    text = whole.index(b"\x4c\x1c\x00\x00", footer) + 1
    path.write_bytes(whole[:text] + b"\xbc\x00\x00" + whole[text + 3 :])
    assert not mq.verify(path).ok
    with pytest.raises(mq.CorruptDataError):
        scan(path, whole, tmp_path / "t")


def test_columns_of_nulls_are_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"v": pa.nulls(100), "n": range(100)}), path)
    assert mq.verify(path, strict=True).ok


COUNTS = [0, 1, 2, 7, 8, 9, 31, 32, 33, 34, 127, 128, 129, 130, 1000, 5000]


def sound_rows(count: int, nulls: bool) -> pa.Table:
    def column(make: Callable[[int], Any], kind: pa.DataType) -> pa.Array:
        return pa.array([None if nulls and i % 3 == 1 else make(i) for i in range(count)], kind)

    return pa.table(
        {
            "n": column(lambda i: i * 7919 % 30011 - 9, pa.int64()),
            "i": column(lambda i: i % 5, pa.int32()),
            "x": column(lambda i: i / 7, pa.float64()),
            "f": column(lambda i: i % 4 / 2, pa.float32()),
            "s": column(lambda i: f"word {i}", pa.string()),
            "w": column(lambda i: f"word {i % 7}", pa.string()),
            "b": column(lambda i: i % 3 == 0, pa.bool_()),
            "y": column(lambda i: bytes([i % 256]) * (i % 9), pa.binary()),
            "one": column(lambda _: 42, pa.int64()),
            "l": column(lambda i: [None if i % 5 == 0 else i] * (i % 4), pa.list_(pa.int64())),
            "z": column(lambda _: None, pa.int64()),
        }
    )


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("writer", list(WRITERS))
def test_files_of_other_writers_are_whole(tmp_path: pathlib.Path, writer: str, nulls: bool) -> None:
    for count in COUNTS:
        if writer == "deltalake" and count == 0:
            continue  # it writes no file
        path = tmp_path / f"{count}.parquet"
        WRITERS[writer](sound_rows(count, nulls), path)
        verdict = mq.verify(path, strict=True)
        assert verdict.ok, (count, verdict.damage + verdict.odd)


ENCODINGS: dict[str, list[str]] = {
    "PLAIN": ["n", "i", "x", "f", "s", "y", "b"],
    "RLE": ["b"],
    "DELTA_BINARY_PACKED": ["n", "i", "one", "z"],
    "DELTA_LENGTH_BYTE_ARRAY": ["s", "y"],
    "DELTA_BYTE_ARRAY": ["s", "y"],
    "BYTE_STREAM_SPLIT": ["n", "i", "x", "f"],
}


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", list(ENCODINGS))
def test_every_encoding_is_whole(tmp_path: pathlib.Path, encoding: str, version: str, nulls: bool) -> None:
    columns = ENCODINGS[encoding]
    for count in COUNTS:
        for page_size in (200, 1 << 20):
            path = tmp_path / f"{count}-{page_size}.parquet"
            rows = sound_rows(count, nulls).select(columns)
            pq.write_table(
                rows,
                path,
                use_dictionary=False,
                column_encoding=dict.fromkeys(columns, encoding),
                data_page_version=version,
                data_page_size=page_size,
                write_batch_size=64,
            )
            verdict = mq.verify(path, strict=True)
            assert verdict.ok, (count, verdict.damage + verdict.odd)


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("DELTA_BINARY_PACKED", "999 values are defined, and the encoding says 1000"),
        ("PLAIN", "8 bytes are left behind its values"),
        ("BYTE_STREAM_SPLIT", "BYTE_STREAM_SPLIT (999)"),  # Arrow itself refuses to decode it
    ],
)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_fewer_values_than_a_page_holds_are_damage(
    tmp_path: pathlib.Path, encoding: str, reason: str, version: str
) -> None:
    path = tmp_path / "f.parquet"
    rows = pa.table({"v": pa.array(range(1000), pa.int64())}, schema=pa.schema([pa.field("v", pa.int64(), False)]))
    pq.write_table(
        rows,
        path,
        use_dictionary=False,
        column_encoding={"v": encoding},
        compression="none",
        data_page_version=version,
        write_statistics=False,
    )
    whole = path.read_bytes()
    thousand, less = b"\xd0\x0f", b"\xce\x0f"  # zigzag, as 32 and 64 bits
    path.write_bytes(whole.replace(thousand, less))
    assert pq.ParquetFile(path).metadata.num_rows == 999
    verdict = mq.verify(path)
    assert not verdict.ok
    assert [(damage.region, damage.column) for damage in verdict.damage] == [("page", "v")]
    assert reason in verdict.damage[0].message


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("PLAIN", pa.string()),
        ("PLAIN", pa.binary()),
        ("PLAIN", pa.large_string()),
        ("PLAIN", pa.decimal128(30, 2)),
        ("PLAIN", pa.int64()),
        ("DELTA_LENGTH_BYTE_ARRAY", pa.string()),
        ("DELTA_BYTE_ARRAY", pa.string()),
    ],
    ids=str,
)
def test_a_value_behind_those_that_are_defined_is_damage(
    tmp_path: pathlib.Path, encoding: str, kind: pa.DataType, version: str
) -> None:
    path = tmp_path / "f.parquet"
    make: Callable[[int], Any] = (
        decimal.Decimal if pa.types.is_decimal(kind) else int if pa.types.is_integer(kind) else "word {}".format
    )
    values = pa.array([make(i) for i in range(500)] + [None] * 500)
    rows = pa.table({"v": values.cast(kind), "n": pa.array(range(1000), pa.int64())})
    pq.write_table(
        rows,
        path,
        use_dictionary=False,
        column_encoding={"v": encoding},
        compression="none",
        data_page_version=version,
        write_statistics=False,
    )
    whole = path.read_bytes()
    assert mq.verify(path, strict=True).ok
    # Runs of levels: 500 ones and 500 zeros; a byte for the value and a number for twice the length before it.
    before, after = b"\xe8\x07\x01\xe8\x07\x00", b"\xe6\x07\x01\xea\x07\x00"
    assert whole.count(before) == 1
    path.write_bytes(whole.replace(before, after))
    if encoding == "PLAIN":  # to another reader the value is null
        assert pq.read_table(path)["v"].null_count == 501
    verdict = mq.verify(path)
    assert [(damage.region, damage.column) for damage in verdict.damage] == [("page", "v")]
    with pytest.raises(mq.CorruptDataError, match=r"row group 0, column v: .*page 0: "):
        scan(path, whole, tmp_path / "t")
    assert mq.open_table(tmp_path / "t").scan(columns=["n"]).to_arrow()["n"].to_pylist() == list(range(1000))
