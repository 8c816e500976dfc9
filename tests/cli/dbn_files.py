"""Small DBN version 2 files, packed by hand: an encoder that shares nothing with the one under test."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

SYMBOL_BYTES = 71
TRADES_SCHEMA = 4
DAY = date(2024, 1, 2)


def _text(symbol: str) -> bytes:
    encoded = symbol.encode()
    assert len(encoded) < SYMBOL_BYTES
    return encoded.ljust(SYMBOL_BYTES, b"\0")


def _day(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def nanos(day: date, second: int = 0) -> int:
    """Nanoseconds since 1970 of a second of a day, UTC."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (int(midnight.timestamp()) + second) * 1_000_000_000


def metadata(
    symbols: Mapping[int, str],
    day: date = DAY,
    schema: int = TRADES_SCHEMA,
    days: int = 1,
    dataset: str = "GLBX.MDP3",
) -> bytes:
    """A header that maps instrument ids to symbols from ``day`` on."""
    end = day + timedelta(days=days)
    body = dataset.encode().ljust(16, b"\0")
    body += struct.pack("<HQQQBBBH", schema, nanos(day), nanos(end), 0, 1, 0, 0, SYMBOL_BYTES) + bytes(53)
    body += struct.pack("<I", 0)
    body += struct.pack("<I", len(symbols)) + b"".join(_text(symbol) for symbol in symbols.values())
    body += struct.pack("<II", 0, 0)
    body += struct.pack("<I", len(symbols))
    for instrument, symbol in symbols.items():
        body += _text(symbol) + struct.pack("<III", 1, _day(day), _day(end)) + _text(str(instrument))
    return b"DBN\x02" + struct.pack("<I", len(body)) + body


def trade(
    instrument: int, at: int, price: int = 5_000_000_000, size: int = 1, sequence: int = 0, publisher: int = 1
) -> bytes:
    """One trade record; ``at`` is both its event and its receive time."""
    head = struct.pack("<BBHIQ", 12, 0, publisher, instrument, at)
    return head + struct.pack("<qIccBBQiI", price, size, b"T", b"A", 0, 0, at, 0, sequence)


def bar(instrument: int, at: int, rtype: int, close: int = 5_000_000_000) -> bytes:
    """One bar; ``rtype`` 0x20 is of a second, 0x21 of a minute."""
    return struct.pack("<BBHIQqqqqQ", 14, rtype, 1, instrument, at, close, close, close, close, 1)


def trades_file(
    path: Path,
    symbols: Iterable[str] = ("ESH4",),
    count: int = 10,
    day: date = DAY,
    first_second: int = 0,
    price: int = 5_000_000_000,
    tail: bytes = b"",
) -> Path:
    """A file of ``count`` trades, one a second, the symbols taking turns."""
    mapping = dict(enumerate(symbols, start=1))
    records = b"".join(
        trade(1 + i % len(mapping), nanos(day, first_second + i), price + i * 250_000_000, sequence=i)
        for i in range(count)
    )
    path.write_bytes(metadata(mapping, day) + records + tail)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
