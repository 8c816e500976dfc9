"""Tables that DBN files were ingested into: layouts, descriptions of sources, sources that were replaced."""

from __future__ import annotations

import shutil
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import databento_dbn
from dbn_files import DAY, nanos, trade, trades_file
from deltalake import DeltaTable
from kept import by_deltalake, describe_table

import marquet as mq

ODD_SYMBOLS = ["ESH4-ESM4", "UD:1V: GN 2437", "A/B", "50%", "Ünïcode", "a=b", "..", "x y"]
UNDEFINED_PRICE, UNDEFINED_SIZE, UNDEFINED_TIME = 2**63 - 1, 2**32 - 1, 2**64 - 1
DAYS = 14  # each a commit: enough for a checkpoint, and for commits behind it


def trades(folder: Path) -> dict[str, Any]:
    """By symbol and date: names that must be escaped, no name, undefined values, a control record; a checkpoint."""
    given = folder / "given"
    given.mkdir()
    first = trades_file(given / "00.dbn", ODD_SYMBOLS, count=2 * len(ODD_SYMBOLS))
    undefined = bytearray(trade(1, nanos(DAY, 50), UNDEFINED_PRICE, UNDEFINED_SIZE))
    undefined[8:16] = struct.pack("<Q", UNDEFINED_TIME)  # ts_event
    unmapped = trade(99, nanos(DAY, 51))
    system = struct.pack("<BBHIQ303sB", 80, 23, 0, 0, nanos(DAY, 52), b"Heartbeat", 0)
    first.write_bytes(first.read_bytes() + bytes(undefined) + unmapped + system)
    for day in range(1, DAYS):
        trades_file(given / f"{day:02}.dbn", ["ESH4", "NQH4"], count=6, day=DAY + timedelta(days=day))
    return ingested(folder, sorted(given.iterdir()))


def by_date(folder: Path) -> dict[str, Any]:
    """By date alone, as tables of very many symbols are."""
    given = folder / "given"
    given.mkdir()
    for day in range(3):
        trades_file(given / f"{day}.dbn", [f"S{n:03}" for n in range(30)], count=60, day=DAY + timedelta(days=day))
    return ingested(folder, sorted(given.iterdir()), partition_by=["date"])


def split(folder: Path) -> dict[str, Any]:
    """A file of trades and bars: a table each."""
    given = folder / "given"
    given.mkdir()
    source = trades_file(given / "mixed.dbn", count=8)
    bar = struct.pack("<BBHIQqqqqQ", 14, 0x20, 1, 1, nanos(DAY), 1, 2, 0, 1, 5)
    source.write_bytes(source.read_bytes() + bar * 2)
    mq.ingest("given/mixed.dbn", "written", split_by_schema=True)
    (folder / "expected").mkdir()
    tables = {
        name: describe_table(folder / "written" / name, folder / "expected", f"{name}-") for name in ("trades", "ohlcv")
    }
    assert [tables[name]["versions"][-1]["rows"] for name in ("trades", "ohlcv")] == [8, 2]
    return {"tables": tables}


def corrected(folder: Path) -> dict[str, Any]:
    """Monday was corrected, Tuesday came twice, and of Wednesday there are two versions side by side."""
    given = folder / "given"
    given.mkdir()
    days = {name: DAY + timedelta(days=n) for n, name in enumerate(("monday", "tuesday", "wednesday"))}
    for name, day in days.items():
        trades_file(given / f"{name}.dbn", day=day)
    trades_file(given / "other.dbn", ["NQH4"])
    trades_file(given / "monday-corrected.dbn", price=7_000_000_000)
    trades_file(given / "wednesday-late.dbn", first_second=5, day=days["wednesday"], price=8_000_000_000)
    mq.ingest([f"given/{name}.dbn" for name in ("monday", "other", "tuesday", "wednesday")], "written")
    mq.ingest("given/monday-corrected.dbn", "written", on_overlap="replace")
    mq.ingest("given/tuesday.dbn", "written", again=True)
    mq.ingest("given/wednesday-late.dbn", "written", on_overlap="append")
    facts = describe_table(folder / "written", folder / "expected")
    assert [entry["rows"] for entry in facts["versions"]] == [10, 20, 30, 40, 40, 50, 60]
    return facts


def parts(folder: Path) -> dict[str, Any]:
    """A source that came in two parts, by symbol and by time, and is not there as a whole."""
    given = folder / "given"
    given.mkdir()
    trades_file(given / "day.dbn", ["ESH4", "NQH4", "ZN"], count=30)
    mq.ingest("given/day.dbn", "written", symbols=["ES*"])
    mq.ingest("given/day.dbn", "written", end=nanos(DAY, 15))
    facts = describe_table(folder / "written", folder / "expected")
    assert [entry["rows"] for entry in facts["versions"]] == [10, 20]
    return facts


def compacted(folder: Path) -> dict[str, Any]:
    """Files that another engine has rewritten, so that they do not say which source their rows are of; one behind."""
    given = folder / "given"
    given.mkdir()
    for name, second in (("morning", 0), ("noon", 100), ("evening", 200)):
        if name == "evening":
            assert DeltaTable("written").optimize.compact()["numFilesRemoved"] == 2
        trades_file(given / f"{name}.dbn", first_second=second)
        mq.ingest(f"given/{name}.dbn", "written")
    return describe_table(folder / "written", folder / "expected")


def interrupted(folder: Path) -> dict[str, Any]:
    """Tables whose first, or second, ingest ended before its commit: data files and a description, and no commit."""
    given = folder / "given"
    given.mkdir()
    trades_file(given / "first.dbn")
    trades_file(given / "second.dbn", ["NQH4"])
    mq.ingest("given/first.dbn", "written/first")
    shutil.rmtree("written/first/_delta_log")
    mq.ingest(["given/first.dbn", "given/second.dbn"], "written/second")
    (folder / "written" / "second" / "_delta_log" / f"{1:020}.json").unlink()
    return {}


def ingested(folder: Path, sources: list[Path], **options: Any) -> dict[str, Any]:
    for source in sources:
        mq.ingest(f"given/{source.name}", "written", **options)
    facts = describe_table(folder / "written", folder / "expected")
    stored = by_deltalake(folder / "written")
    prices = [record.price for source in sources for record in records_of(source)]
    assert sorted(UNDEFINED_PRICE if p is None else p for p in stored["price"].to_pylist()) == sorted(prices)
    return facts


def records_of(source: Path) -> list[Any]:
    """The records of trades in a file, as databento-dbn decodes them."""
    decoder = databento_dbn.DBNDecoder(upgrade_policy=databento_dbn.VersionUpgradePolicy.AS_IS)
    decoder.write(source.read_bytes())
    return [record for record in decoder.decode() if isinstance(record, databento_dbn.TradeMsg)]
