"""Every value of every column of every public DBN file, compared with what Databento's own decoder says."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import pyarrow as pa
import pytest

from marquet import _core

# Read here, too, so that every file is a test of its own; `data_dir` says what to do when it is missing.
DATA = Path(os.environ.get("MARQUET_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
UNDEF_PRICE = 2**63 - 1
UNDEF_TIME = 2**64 - 1
UNDEF_SIZE = 2**32 - 1
KINDS = [
    "trades", "mbo", "mbp-1", "mbp-10", "bbo", "cmbp-1", "cbbo", "ohlcv", "status", "imbalance", "statistics",
    "definition",
]  # fmt: skip
DERIVED = ["ts_out", "reserved", "symbol", "ts", "date", "source_row"]
NOT_NULLED_IN_DEFINITIONS = {"rtype", "publisher_id", "instrument_id", "raw_instrument_id"}
FILES = sorted(path.name for path in (DATA / "dbn").glob("*") if path.suffix != ".dbz") if DATA.is_dir() else []


def uncompressed(path: Path) -> bytes:
    """The file's DBN content; all zstd frames of it."""
    if path.suffix != ".zst":
        return path.read_bytes()
    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd").read()


def databento_records(path: Path) -> list[Any]:
    """The records as databento-dbn decodes them, in the file's own version."""
    fragment = ".frag" in path.name
    version = int(path.name.split(".v")[1][0]) if ".v" in path.name else 2
    options = {"has_metadata": False, "input_version": version} if fragment else {}
    decoder = dbn.DBNDecoder(upgrade_policy=dbn.VersionUpgradePolicy.AS_IS, **options)
    decoder.write(uncompressed(path))
    return [record for record in decoder.decode() if not isinstance(record, dbn.Metadata)]


def raw_value(record: Any, wire: dict[str, tuple[int, str]], name: str) -> Any:
    """A field straight out of the record's bytes: numbers as they are, characters and text without their NULs."""
    offset, kind = wire[name]
    data = bytes(record)
    if kind.startswith("S"):
        return data[offset : offset + int(kind[1:])].split(b"\0")[0].decode()
    width = int(kind[1:])
    return int.from_bytes(data[offset : offset + width], "little", signed=kind.startswith("i"))


def wire_layout(record_type: Any) -> dict[str, tuple[int, str]]:
    """Offset and type of each field, from the package's own description of the record."""
    layout: dict[str, tuple[int, str]] = {}
    offset = 0
    for name, kind in record_type._dtypes:
        layout[name] = (offset, kind)
        offset += int(kind[1:])
    return layout


def expected(record: Any, wire: dict[str, tuple[int, str]], name: str) -> Any:
    """What the table holds for a field: its value, or None for the value that stands for undefined."""
    value = raw_value(record, wire, name)
    kind = wire[name][1]
    type_name = type(record).__name__
    undefined: int | None = None
    if name in record._price_fields:
        undefined = UNDEF_PRICE
    elif name in record._timestamp_fields:
        undefined = UNDEF_TIME
    elif name == "size" or "_sz_" in name or (type_name == "ImbalanceMsg" and name.endswith("_qty")):
        undefined = UNDEF_SIZE
    elif (type_name.startswith("Stat") and name == "quantity") or (
        type_name.startswith("InstrumentDef") and name not in NOT_NULLED_IN_DEFINITIONS and kind[0] in "ui"
    ):
        bits = 8 * int(kind[1:])
        undefined = 2**bits - 1 if kind[0] == "u" else 2 ** (bits - 1) - 1
    if value == undefined:
        return None
    if name in ("order_id", "raw_instrument_id") and value >= 2**63:
        return value - 2**64
    return value


@pytest.mark.parametrize("name", FILES)
def test_every_value_agrees(data_dir: Path, name: str) -> None:
    path = data_dir / "dbn" / name
    records = databento_records(path)
    kinds, summary = _core.dbn_decode(str(path))
    assert summary["records"] == len(records)
    if not records:
        assert not kinds
        return
    ((kind, stream),) = kinds.items()
    assert kind in KINDS
    table = pa.RecordBatchReader.from_stream(stream).read_all()
    table.validate(full=True)
    assert table.num_rows == len(records)

    record_type = type(records[0])
    wire = wire_layout(record_type)
    columns = [column for column in table.column_names if column not in DERIVED]
    assert [column for column in columns if column in wire] == list(record_type._ordered_fields)
    for column in columns:
        values = table.column(column).to_pylist()
        if column in wire:
            assert values == [expected(record, wire, column) for record in records], column
        else:  # a field of another version
            assert values == [None] * len(records), column
    assert table.column("source_row").to_pylist() == list(range(len(records)))
    times = [expected(record, wire, "ts_recv") if "ts_recv" in wire else None for record in records]
    events = [expected(record, wire, "ts_event") for record in records]
    times = [event if time is None else time for time, event in zip(times, events, strict=True)]
    assert table.column("ts").cast(pa.int64()).to_pylist() == [None if t is None else t // 1000 for t in times]
    days = [None if t is None else t // 86_400_000_000_000 for t in times]
    assert table.column("date").cast(pa.int32()).to_pylist() == days


@pytest.mark.parametrize("name", FILES)
def test_symbols_agree(data_dir: Path, name: str) -> None:
    path = data_dir / "dbn" / name
    if ".frag" in name:
        pytest.skip("a fragment has no mappings")
    decoder = dbn.DBNDecoder(upgrade_policy=dbn.VersionUpgradePolicy.AS_IS)
    decoder.write(uncompressed(path))
    metadata = next(record for record in decoder.decode() if isinstance(record, dbn.Metadata))
    intervals = [
        (int(interval["symbol"]), interval["start_date"], interval["end_date"], symbol)
        for symbol, ranges in metadata.mappings.items()
        for interval in ranges
        if interval["symbol"].isdigit()
    ]
    by_instrument: dict[int, list[tuple[Any, Any, str]]] = {}
    for instrument, start, end, symbol in intervals:
        by_instrument.setdefault(instrument, []).append((start, end, symbol))
    kinds, summary = _core.dbn_decode(str(path))
    unmapped = 0
    for stream in kinds.values():
        table = pa.RecordBatchReader.from_stream(stream).read_all()
        rows = zip(*(table.column(c).to_pylist() for c in ("instrument_id", "date", "symbol")), strict=True)
        for instrument, date, symbol in rows:
            found = [s for start, end, s in by_instrument.get(instrument, []) if date and start <= date < end]
            assert symbol == (found[-1] if found else None)
            unmapped += symbol is None
    assert summary["unmapped_rows"] == unmapped


@pytest.mark.parametrize("name", FILES)
def test_round_trip_is_identical(data_dir: Path, name: str) -> None:
    path = data_dir / "dbn" / name
    assert _core.dbn_encode_back(str(path)) == uncompressed(path)


def test_first_mbo_record_is_as_published(data_dir: Path) -> None:
    kinds, summary = _core.dbn_decode(str(data_dir / "dbn" / "test_data.mbo.v3.dbn.zst"))
    row = pa.RecordBatchReader.from_stream(kinds["mbo"]).read_all().slice(0, 1).to_pylist()[0]
    assert summary["dataset"] == "GLBX.MDP3"
    assert (row["ts_event"], row["order_id"], row["price"]) == (1609160400000429831, 647784973705, 3722750000000)
    assert (row["size"], row["flags"], row["action"], row["side"]) == (1, 128, "C", "A")
    assert (row["ts_in_delta"], row["sequence"], row["symbol"]) == (22993, 1170352, "ESH1")


def test_ts_out_and_control_records_survive(tmp_path: Path) -> None:
    """A live file written by databento-dbn: metadata without a schema, a mapping, a system record, ts_out."""
    metadata = dbn.Metadata(
        dataset="GLBX.MDP3", start=0, stype_in=None, stype_out=dbn.SType.INSTRUMENT_ID, schema=None, ts_out=True
    )
    time = 1_700_000_000_000_000_000
    # With ts_out a record is 8 bytes longer, which its length says in units of 4.
    header = struct.pack("<BBHIQ", 56 // 4, 0, 1, 5482, time)
    trade = header + struct.pack("<qIccBBQiIQ", 10, 1, b"T", b"B", 0, 0, time + 1, 0, 3, time + 2)
    system = struct.pack("<BBHIQ", 328 // 4, 0x17, 0, 0, time) + b"Heartbeat".ljust(304, b"\0") + bytes(8)
    content = metadata.encode() + system + trade + system
    path = tmp_path / "live.dbn"
    path.write_bytes(content)
    kinds, summary = _core.dbn_decode(str(path))
    table = pa.RecordBatchReader.from_stream(kinds["trades"]).read_all()
    assert summary["ts_out"] is True
    assert table.column("ts_out").to_pylist() == [time + 2]
    assert table.column_names[-6:] == ["sequence", "ts_out", "symbol", "ts", "date", "source_row"]
    assert summary["control_records"] == 2
    assert [place for place, _ in summary["kept_records"]] == [0, 2]
    assert _core.dbn_encode_back(str(path)) == content
    # Databento's decoder sees the same records.
    decoder = dbn.DBNDecoder()
    decoder.write(content)
    records = [record for record in decoder.decode() if not isinstance(record, dbn.Metadata)]
    assert [type(record).__name__ for record in records] == ["SystemMsg", "TradeMsg", "SystemMsg"]
    assert records[1].ts_out == time + 2
