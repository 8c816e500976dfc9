"""Depth tensors and batches of them: calculation, with nothing of another library to compare it with."""

from __future__ import annotations

import pathlib

from inputs import SEED
from measuring import Measured, best_of, job, scratch


@job("depth tensors, hop 500", "marquet")
def _(data: pathlib.Path) -> Measured:
    import numpy

    import marquet

    table = marquet.open_table(data / "book")
    rows = table.scan(filter=[("symbol", "==", "ESH4")], sort_by=["source_row"]).to_arrow()
    starts = range(0, rows.num_rows - 50_000, 500)
    out = numpy.empty((402, 500), dtype=numpy.float32)

    def work() -> None:
        stream = marquet.depth.TensorStream(rows, features=["volume"], micro_pip=0.25)
        for start in starts:
            stream.compute(start, out)

    return {"seconds": best_of(3, work), "items": len(starts)}


@job("depth batches", "marquet")
def _(data: pathlib.Path) -> Measured:
    import marquet

    samples = scratch(data, "samples")
    marquet.depth.build_samples(data / "book", samples, hop=500, micro_pip=0.25)
    batches = marquet.depth.DepthBatches(samples, data / "book", batch_size=32, seed=SEED)
    count = sum(len(labels) for _, labels in batches)

    def work() -> None:
        for _ in batches:
            pass

    return {"seconds": best_of(2, work), "items": count}
