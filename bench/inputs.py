"""What is measured on: made from a fixed seed, where it is not there yet."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
SEED = 7
MBP10_RECORDS, MBO_RECORDS = 1_000_000, 4_000_000
WIDE_ROWS, WIDE_COLUMNS = 10_000_000, 22
PARTITIONS = 1_000
SMALL_FILES, SMALL_FILE_RECORDS = 5_000, 100
HUNDRED_SYMBOLS = [f"S{number:02}" for number in range(100)]


def prepare(data: pathlib.Path) -> None:
    """Makes what is not there yet."""
    import pyarrow.parquet

    import marquet

    data.mkdir(parents=True, exist_ok=True)
    for kind, records in (("mbp-10", MBP10_RECORDS), ("mbo", MBO_RECORDS)):
        if not (data / f"{kind}.dbn.zst").exists():
            generate(kind, records, data / f"{kind}.dbn.zst")
    if not (data / "hundred-symbols.dbn.zst").exists():
        generate("mbp-10", MBP10_RECORDS, data / "hundred-symbols.dbn.zst", HUNDRED_SYMBOLS)
    if not (data / "small-files").exists():
        small_files(data / "small-files")
    if not (data / "wide.parquet").exists():
        wide(data / "wide.parquet")
    if not (data / "wide_table").exists():
        rows = pyarrow.parquet.read_table(data / "wide.parquet")
        marquet.create_table(data / "wide_table", rows.schema).append(rows)
    if not (data / "partitioned").exists():
        partitioned(data / "partitioned")
    if not (data / "json_log").exists():
        json_log(data / "partitioned", data / "json_log")
    if not (data / "book").exists():
        marquet.ingest(data / "mbp-10.dbn.zst", data / "book")


def generate(kind: str, records: int, target: pathlib.Path, symbols: Sequence[str] = ("ESH4", "NQH4")) -> None:
    words = [BIN / "marquet_generate", "--kind", kind, "--symbols", ",".join(symbols), "--records", records]
    words += ["--seed", SEED]
    words += ["--date", "2024-03-04", "--out", target]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def small_files(folder: pathlib.Path) -> None:
    """A day of orders cut into files of a few records that follow each other, each with the day's header."""
    making = folder.with_name(".small-files")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    whole = making / "whole.dbn"
    generate("mbo", SMALL_FILES * SMALL_FILE_RECORDS, whole)
    content = whole.read_bytes()
    whole.unlink()
    header = 8 + int.from_bytes(content[4:8], "little")
    size = SMALL_FILE_RECORDS * 4 * content[header]  # a record begins with its length in words
    assert len(content) == header + SMALL_FILES * size
    for number in range(SMALL_FILES):
        begin = header + number * size
        (making / f"{number:04}.dbn").write_bytes(content[:header] + content[begin : begin + size])
    making.rename(folder)


def wide(path: pathlib.Path) -> None:
    """Random walks rounded to cents, as feature columns are."""
    import numpy
    import pyarrow.parquet

    random = numpy.random.default_rng(SEED)
    columns = {
        f"f{i:02}": numpy.round(numpy.cumsum(random.normal(0, 0.01, WIDE_ROWS)) + 100, 2) for i in range(WIDE_COLUMNS)
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="zstd", row_group_size=1 << 20)


def partitioned(path: pathlib.Path) -> None:
    """A thousand days of one-minute bars, a file each, as a Delta table that every peer reads."""
    import deltalake
    import numpy
    import pyarrow

    random = numpy.random.default_rng(SEED)
    rows = PARTITIONS * 1_440
    columns = {
        "day": numpy.repeat(numpy.arange(PARTITIONS, dtype="int32"), 1_440),
        "minute": numpy.tile(numpy.arange(1_440, dtype="int32"), PARTITIONS),
        **{name: random.normal(100, 1, rows) for name in ("open", "high", "low", "close", "volume")},
    }
    deltalake.write_deltalake(str(path), pyarrow.table(columns), partition_by=["day"])
    deltalake.DeltaTable(str(path)).create_checkpoint()


def json_log(table: pathlib.Path, copy: pathlib.Path) -> None:
    """The log of a table without its checkpoint; nothing else is read when it is opened."""
    commit = "_delta_log/00000000000000000000.json"
    (copy / "_delta_log").mkdir(parents=True)
    (copy / commit).write_bytes((table / commit).read_bytes())


def hundred_rows() -> Any:
    import numpy
    import pyarrow

    random = numpy.random.default_rng(SEED)
    prices = {name: random.normal(100, 1, 100) for name in ("open", "high", "low", "close", "volume")}
    return pyarrow.table({"ts": pyarrow.array(numpy.arange(100), pyarrow.timestamp("us", "UTC")), **prices})


def trades() -> Any:
    """Two million trades as a table in memory."""
    import numpy
    import pyarrow

    random = numpy.random.default_rng(SEED)
    rows = 2_000_000
    price = numpy.round(100 + numpy.cumsum(random.normal(0, 0.01, rows)), 2)
    return pyarrow.table(
        {
            "ts": pyarrow.array(numpy.cumsum(random.integers(1, 1_000_000, rows)), pyarrow.timestamp("ns", "UTC")),
            "symbol": pyarrow.array(random.choice(["ESH4", "NQH4", "CLG4", "GCJ4"], rows)),
            "price": price,
            "price_units": (price * 1e9).astype("int64"),
            "size": random.integers(1, 100, rows).astype("uint32"),
            "side": pyarrow.array(random.choice(["A", "B", "N"], rows)),
            "sequence": numpy.arange(rows, dtype="uint32"),
            "signal": random.normal(0, 1, rows),
        }
    )
