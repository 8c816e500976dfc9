"""DBN files made by databento-dbn, and batch folders around them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import databento_dbn as dbn

FIRST_DAY = dt.date(2024, 1, 1)


@dataclass
class Interval:
    start_date: dt.date
    end_date: dt.date
    symbol: str


@dataclass
class Mapping:
    raw_symbol: str
    intervals: list[Interval] = field(default_factory=list)


def day(number: int) -> dt.date:
    """The day of January 2024, and so on."""
    return FIRST_DAY + dt.timedelta(days=number - 1)


def nanos(date: dt.date, hour: int = 10) -> int:
    """Of an hour of a day."""
    return int(dt.datetime(date.year, date.month, date.day, hour, tzinfo=dt.UTC).timestamp()) * 1_000_000_000


def trade(instrument: int, time: int) -> bytes:
    """One trade, received when it happened."""
    return bytes(dbn.TradeMsg(1, instrument, time, 5_000_000_000, 1, dbn.Action.TRADE, dbn.Side.ASK, 0, time))


def live_mapping(
    instrument: int, symbol_in: str, symbol_out: str, start: int = dbn.UNDEF_TIMESTAMP, end: int = dbn.UNDEF_TIMESTAMP
) -> bytes:
    """A symbol mapping record of a live session."""
    raw = dbn.SType.RAW_SYMBOL
    return bytes(dbn.SymbolMappingMsg(1, instrument, nanos(FIRST_DAY, 0), raw, symbol_in, raw, symbol_out, start, end))


def header(
    mappings: list[Mapping],
    stype_in: dbn.SType | None = dbn.SType.RAW_SYMBOL,
    stype_out: dbn.SType = dbn.SType.INSTRUMENT_ID,
    version: int = 3,
    schema: dbn.Schema | None = dbn.Schema.TRADES,
) -> bytes:
    """A metadata header."""
    made: Any = dbn.Metadata(
        dataset="GLBX.MDP3",
        start=nanos(FIRST_DAY, 0),
        stype_in=stype_in,
        stype_out=stype_out,
        schema=schema,
        symbols=[mapping.raw_symbol for mapping in mappings],
        mappings=mappings,
        version=version,
    )
    return bytes(made)


def symbology(result: dict[str, list[tuple[str, int, int]]], stype_in: str, stype_out: str) -> dict[str, Any]:
    """What the resolution of symbols gives: of each the other one, from one day of January 2024 up to another."""
    intervals = {
        key: [{"d0": str(day(start)), "d1": str(day(end)), "s": other} for other, start, end in each]
        for key, each in result.items()
    }
    return {
        "result": intervals,
        "symbols": list(result),
        "stype_in": stype_in,
        "stype_out": stype_out,
        "start_date": str(day(1)),
        "end_date": str(day(28)),
        "partial": [],
        "not_found": [],
        "message": "OK",
        "status": 0,
    }


def batch_folder(folder: Path, content: bytes, resolved: dict[str, Any]) -> Path:
    """A batch job's folder of one file, with the hashes of all."""
    folder.mkdir()
    (folder / "glbx-mdp3-20240101.trades.dbn").write_bytes(content)
    (folder / "symbology.json").write_text(json.dumps(resolved))
    (folder / "condition.json").write_text(json.dumps([{"date": "2024-01-01", "condition": "available"}]))
    (folder / "metadata.json").write_text(json.dumps({"version": 1, "job_id": "GLBX-20240104-AAAA"}))
    files = [
        {
            "filename": path.name,
            "size": path.stat().st_size,
            "hash": "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.iterdir())
    ]
    (folder / "manifest.json").write_text(json.dumps({"job_id": "GLBX-20240104-AAAA", "files": files}))
    return folder


def header_of_width(width: int, symbol: str, other: str, version: int) -> bytes:
    """A header of symbols of so many bytes (``symbol_cstr_len``), packed by hand: databento-dbn writes 71 alone."""

    def text(value: str) -> bytes:
        return value.encode().ljust(width, b"\0")

    def date(number: int) -> int:
        return int(day(number).strftime("%Y%m%d"))

    body = b"GLBX.MDP3".ljust(16, b"\0")
    body += struct.pack("<HQQQBBBH", 4, nanos(FIRST_DAY, 0), dbn.UNDEF_TIMESTAMP, 0, 1, 0, 0, width) + bytes(53)
    body += struct.pack("<II", 0, 1) + text(symbol) + struct.pack("<III", 0, 0, 1)
    body += text(symbol) + struct.pack("<III", 1, date(1), date(9)) + text(other)
    if version == 3:
        body += bytes(-len(body) % 8)
    return b"DBN" + bytes([version]) + struct.pack("<I", len(body)) + body
