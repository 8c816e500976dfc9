"""Labelled samples of an order book, the book, and what their tensors and labels must be."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from dbn_files import metadata
from kept import by_deltalake, describe_table
from order_books import LEVELS, NULL, START, random_book, slice_book, slow_moves, slow_tensor

import marquet as mq

MBP_10_SCHEMA = 2
ROWS = 400
DAY_NANOS = 86_400_000_000_000
SYMBOLS = {"ESH4": 1, "NQH4": 2}
SEED = 20
FEATURES = ["volume", "trade_counts"]
BINS, TICKS = 20, 5
LABELS = {"lookback": 30, "lookforward": 20, "offset": 2}
BUILD: dict[str, Any] = {
    "micro_pip": 0.25, "features": FEATURES, "hop": 15, "time_bins": BINS, "ticks_per_bin": TICKS, "nbins": 3, **LABELS,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "samples": {},
    "trained": {"fit_end": START + 200 * 1_000_000, "labels_name": "trained", "ties": "rank", "seed": 4},
    "filtered": {"thresholds": [1.0], "where": "bid_sz_00 > 20", "symbols": ["ESH4"], "features": ["variance"]},
}
"""Tables of samples by name, and the options that each is built with, besides BUILD."""


def samples(folder: Path) -> dict[str, Any]:
    """A book of one day and three tables of samples of it. The next day's file is given, for appending."""
    (folder / "given").mkdir()
    for day in (0, 1):
        book_file(folder / "given" / f"{day}.dbn.zst", day)
    mq.ingest("given/0.dbn.zst", "written/book")
    facts: dict[str, Any] = {"build": BUILD, "variants": VARIANTS}
    for name, options in VARIANTS.items():
        mq.depth.build_samples("written/book", f"written/{name}", **{**BUILD, **options})
        facts[name] = {
            **describe_table(folder / "written" / name, folder / "expected", f"{name}-"),
            "walks": walks(folder / "written" / name, folder / "written" / "book"),
        }
    check_samples(folder)
    facts["labels"] = {
        name: {
            symbol: {"boundaries": list(map(repr, fitted.boundaries.tolist())), "rows": fitted.rows}
            for symbol, fitted in mq.depth.load_labels(f"written/{name}", options.get("labels_name", "default")).items()
        }
        for name, options in VARIANTS.items()
    }
    return facts


def book_file(path: Path, day: int) -> None:
    """A day of ten-level records, of two symbols that take turns."""
    books = {symbol: book(symbol, day) for symbol in SYMBOLS}
    records = b"".join(record(books[symbol], row, SYMBOLS[symbol]) for row in range(ROWS) for symbol in SYMBOLS)
    date = datetime.fromtimestamp(START // 10**9 + day * 86_400, UTC).date()
    header = metadata({number: symbol for symbol, number in SYMBOLS.items()}, date, MBP_10_SCHEMA)
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(header + records)


def book(symbol: str, day: int) -> dict[str, np.ndarray]:
    columns = random_book(ROWS, SEED + 10 * day + SYMBOLS[symbol], nulls=0.01)
    return {name: values + (day * DAY_NANOS if name.startswith("ts_") else 0) for name, values in columns.items()}


def record(columns: dict[str, np.ndarray], row: int, instrument: int) -> bytes:
    """One record; an undefined price is the value that stands for null in `columns`, too."""
    at = {name: int(values[row]) for name, values in columns.items()}
    levels = b"".join(
        struct.pack(
            "<qqIIII",
            *(at[f"{side}_{what}_{level:02d}"] for what in ("px", "sz", "ct") for side in ("bid", "ask")),
        )
        for level in range(LEVELS)
    )
    head = struct.pack("<BBHIQ", 92, 10, 1, instrument, at["ts_event"])
    body = struct.pack("<qIccBBQiI", at["bid_px_00"], 1, b"A", b"B", 0, 0, at["ts_recv"], 1_000, at["sequence"])
    return head + body + levels


def walks(table: Path, book: Path) -> list[dict[str, Any]]:
    """Digests of every batch of two epochs, in the order that a seed gives them."""
    batches = mq.depth.DepthBatches(table, book, batch_size=8, seed=5)
    return [{"batches": [digest(*batch) for batch in batches.with_ids()]} for _ in range(2)]


def digest(tensors: np.ndarray, labels: np.ndarray, ids: list[str]) -> str:
    parts = (str(tensors.shape), tensors.tobytes(), labels.tobytes(), "\n".join(ids))
    return hashlib.sha256(b"".join(p if isinstance(p, bytes) else p.encode() for p in parts)).hexdigest()


def check_samples(folder: Path) -> None:
    """That tensors and moves are those of the slow references, before their digests are kept."""
    rows = {row["sample_id"]: row for row in by_deltalake(folder / "written" / "samples").to_pylist()}
    assert len(rows) > 20
    seen = 0
    for tensors, labels, ids in mq.depth.DepthBatches("written/samples", "written/book", batch_size=8).with_ids():
        for tensor, label, sample in zip(tensors, labels, ids, strict=True):
            row = rows[sample]
            columns = book(row["symbol"], 0)
            end = int(np.flatnonzero(columns["ts_event"] == row["end_ts_event"])[0]) + 1
            window = slice_book(columns, end - BINS * TICKS, end)
            expected = slow_tensor(window, FEATURES, 250_000_000, BINS, TICKS)
            np.testing.assert_allclose(tensor, expected, rtol=0, atol=1e-7)
            assert label == row["label"]
            seen += 1
    assert seen == sum(row["label"] is not None for row in rows.values()) > 0
    for symbol, fitted in mq.depth.load_labels("written/samples").items():
        columns = book(symbol, 0)
        bid, ask = (
            np.where(columns[f"{side}_px_00"] == NULL, np.nan, columns[f"{side}_px_00"]) for side in ("bid", "ask")
        )
        moves = slow_moves((bid + ask) / 2, **LABELS)
        assert fitted.rows == np.isfinite(moves).sum()
        np.testing.assert_allclose(fitted.boundaries, np.nanquantile(moves, [0, 1 / 3, 2 / 3, 1]), rtol=1e-9)
