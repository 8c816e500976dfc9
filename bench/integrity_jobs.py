"""Looking after files (verify, rescue), and the start of the command: work that is none of reading or writing rows."""

from __future__ import annotations

import os
import pathlib
import shutil
import statistics
import subprocess

from inputs import BIN
from measuring import Measured, best_of, job, scratch, seconds_of

# Integrity and start


@job("verify against plain decode", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    path = next((data / "wide_table").glob("*.parquet"))
    return {"seconds": best_of(3, lambda: marquet.verify(path, level="full"))}


@job("verify against plain decode", "plain decode")
def _(data: pathlib.Path) -> Measured:
    import pyarrow.parquet

    path = next((data / "wide_table").glob("*.parquet"))

    def work() -> None:
        for _ in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=1 << 17):
            pass

    return {"seconds": best_of(3, work)}


def without_footer(data: pathlib.Path) -> pathlib.Path:
    """The wide file as a killed writer leaves it, with all of its pages."""
    import pyarrow.parquet

    whole, broken = data / "wide.parquet", scratch(data, "wide-broken.parquet")
    metadata = pyarrow.parquet.read_metadata(whole)
    last = metadata.row_group(metadata.num_row_groups - 1).column(metadata.num_columns - 1)
    end = min(last.dictionary_page_offset or last.data_page_offset, last.data_page_offset) + last.total_compressed_size
    shutil.copyfile(whole, broken)
    os.truncate(broken, end)
    return broken


@job("rescue", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    broken, out = without_footer(data), scratch(data, "rescued.parquet")
    seconds = seconds_of(lambda: marquet.rescue(broken, out, schema=data / "wide.parquet"))
    return {"seconds": seconds, "bytes": broken.stat().st_size}


@job("rescue", "pyarrow rewrite")
def _(data: pathlib.Path) -> Measured:
    import pyarrow.parquet

    whole, out = data / "wide.parquet", scratch(data, "rewritten.parquet")

    def work() -> None:
        with pyarrow.parquet.ParquetWriter(out, pyarrow.parquet.read_schema(whole), compression="zstd") as writer:
            for batch in pyarrow.parquet.ParquetFile(whole).iter_batches(batch_size=1 << 20):
                writer.write_batch(batch)

    return {"seconds": seconds_of(work)}


@job("marquet --help", "marquet")
def _(data: pathlib.Path) -> Measured:
    def work() -> None:
        subprocess.run([str(BIN / "marquet"), "--help"], check=True, stdout=subprocess.DEVNULL)

    work()
    return {"seconds": statistics.median(seconds_of(work) for _ in range(20))}
