"""Which symbol a row gets, compared with what Databento's own client gives it."""

from __future__ import annotations

import itertools
import json
import random
import warnings
from pathlib import Path
from typing import Any

import databento
import databento_dbn as dbn
import pyarrow as pa
import pytest
from dbn_sources import (
    Interval,
    Mapping,
    batch_folder,
    day,
    header,
    header_of_width,
    live_mapping,
    nanos,
    symbology,
    trade,
)

import marquet as mq
from marquet import _core

IDS = dbn.SType.INSTRUMENT_ID
RAW = dbn.SType.RAW_SYMBOL


def symbols_of(path: Path) -> list[str | None]:
    """Ours, of each trade."""
    kinds, _ = _core.dbn_decode(str(path))
    table = pa.RecordBatchReader.from_stream(kinds["trades"]).read_all()
    return table.sort_by("source_row").column("symbol").to_pylist()


def ingested_symbols(source: Any, table: Path) -> tuple[list[str | None], mq.SourceReport]:
    (report,) = mq.ingest(source, table).sources
    return mq.open_table(table).scan(sort_by="source_row").to_arrow().column("symbol").to_pylist(), report


def in_data_frame(store: databento.DBNStore) -> list[str | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = store.to_df(schema="trades" if store.schema is None else None)
    return [symbol if isinstance(symbol, str) else None for symbol in frame["symbol"].tolist()]


def in_json(path: Path) -> list[str | None]:
    """As Databento's transcoder writes them. Unlike the data frame it looks behind an interval that has ended."""
    out = path.with_suffix(".json")
    databento.DBNStore.from_file(path).to_json(out, map_symbols=True)
    return [json.loads(line).get("symbol") for line in out.read_text().splitlines()]


def random_mappings(rng: random.Random, keys_are_ids: bool) -> list[Mapping]:
    """Some overlap, some are of one day, some of none, some name nothing; ids and symbols come several times.

    No two symbols begin on the same day for one id: between such Databento's client chooses by chance.
    """
    symbols = ["ESH4", "NQH4", "7203", "5", "ES.c.0", "A B", "BRK.B"]
    ids = ["5", "7", "5482", "4294967295"]
    mappings: list[Mapping] = []
    begun: dict[tuple[str, int], str] = {}
    for key in rng.sample(ids if keys_are_ids else symbols, rng.randint(1, 4)):
        intervals = []
        for _ in range(rng.randint(0, 4)):
            start = rng.randint(1, 12)
            end = start + rng.choice([0, 1, 1, 2, 5, 9])
            other = rng.choice(["", *(symbols if keys_are_ids else ids)])
            if keys_are_ids or other == "" or begun.setdefault((other, start), key) == key:
                intervals.append(Interval(day(start), day(end), other))
        mappings.append(Mapping(key, intervals))
    return mappings


def all_trades() -> bytes:
    return b"".join(
        trade(instrument, nanos(day(date))) for instrument in (5, 7, 5482, 4294967295, 8) for date in range(1, 25)
    )


@pytest.mark.parametrize("seed", range(60))
def test_random_headers_agree_with_databento(tmp_path: Path, seed: int):
    rng = random.Random(seed)
    keys_are_ids = rng.random() < 0.5
    version = rng.choice([1, 2, 3])
    path = tmp_path / "day.dbn"
    stypes = (IDS, RAW) if keys_are_ids else (rng.choice([RAW, dbn.SType.CONTINUOUS, dbn.SType.PARENT, None]), IDS)
    path.write_bytes(header(random_mappings(rng, keys_are_ids), *stypes, version=version) + all_trades())
    ours = symbols_of(path)
    assert ours == in_json(path), f"seed {seed}"
    for mine, theirs in zip(ours, in_data_frame(databento.DBNStore.from_file(path)), strict=True):
        assert theirs in (None, mine), f"seed {seed}"


@pytest.mark.parametrize(
    ("stype_in", "stype_out"), itertools.product([None, *dbn.SType.variants()], dbn.SType.variants())
)
def test_every_pair_of_symbologies_agrees_with_databento(tmp_path: Path, stype_in: Any, stype_out: Any):
    path = tmp_path / "day.dbn"
    mapped = [Mapping("5", [Interval(day(1), day(9), "7")]), Mapping("7", [Interval(day(2), day(3), "5")])]
    path.write_bytes(header(mapped, stype_in, stype_out) + all_trades())
    try:
        expected = in_data_frame(databento.DBNStore.from_file(path))
    except ValueError as error:  # neither is an instrument's id
        assert "must be `instrument_id`" in str(error)
        expected = [None] * len(symbols_of(path))
    assert symbols_of(path) == expected


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("width", [1, 4, 5, 15, 16, 22, 23, 71, 72, 255, 65535])
def test_symbols_of_any_width_agree_with_databento(tmp_path: Path, width: int, version: int):
    path = tmp_path / "day.dbn"
    path.write_bytes(header_of_width(width, "ESH4"[:width], "5482"[:width], version) + all_trades())
    expected = in_data_frame(databento.DBNStore.from_file(path))
    assert symbols_of(path) == expected and len(set(expected)) == 2


@pytest.mark.parametrize("version", [2, 3])
def test_symbols_of_no_bytes_are_refused_as_databento_does(tmp_path: Path, version: int):
    path = tmp_path / "day.dbn"
    path.write_bytes(header_of_width(0, "", "", version) + all_trades())
    with pytest.raises(dbn.DBNError):
        databento.DBNStore.from_file(path)
    with pytest.raises(mq.CorruptDataError, match="1 symbols of 0 bytes"):
        mq.ingest(path, tmp_path / "t")


BATCHES = {
    "symbols": (
        symbology({"ESH4": [("5482", 1, 9)], "NQH4": [("7", 1, 9)]}, "raw_symbol", "instrument_id"),
        (RAW, IDS),
    ),
    "a roll": (
        symbology({"ES.c.0": [("5482", 1, 3), ("7", 3, 9)]}, "continuous", "instrument_id"),
        (dbn.SType.CONTINUOUS, IDS),
    ),
    "ids": (symbology({"5482": [("ESH4", 1, 9)], "7": [("NQH4", 1, 9)]}, "instrument_id", "raw_symbol"), (IDS, RAW)),
    "ids of symbols that are numbers": (
        symbology({"5482": [("7", 1, 9)], "7": [("0005", 1, 9)], "5": [("5482", 1, 4)]}, "instrument_id", "raw_symbol"),
        (IDS, RAW),
    ),
    "other spellings": (
        symbology({"5482": [("7", 1, 9)], "7": [("", 1, 9)], "8": []}, "INSTRUMENT-ID", "raw-symbol"),
        (IDS, RAW),
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_symbology_of_a_batch_says_its_direction(tmp_path: Path, name: str):
    resolved, stypes = BATCHES[name]
    folder = batch_folder(tmp_path / "job", header([], *stypes) + all_trades(), resolved)
    store = databento.DBNStore.from_file(next(folder.glob("*.dbn")))
    store.insert_symbology_json(resolved)
    symbols, report = ingested_symbols(folder, tmp_path / "t")
    assert symbols == in_data_frame(store)
    assert report.unmapped_rows == symbols.count(None) < len(symbols)


def test_a_file_of_a_batch_named_alone_tells_where_its_symbols_are(tmp_path: Path):
    resolved, stypes = BATCHES["ids"]
    folder = batch_folder(tmp_path / "job", header([], *stypes) + all_trades(), resolved)
    symbols, report = ingested_symbols(next(folder.glob("*.dbn")), tmp_path / "t")
    assert set(symbols) == {None} and report.unmapped_rows == len(symbols)
    assert f"where the folder is named: {folder}" in report.note


def test_the_header_goes_before_the_symbology_and_a_conflict_is_told(tmp_path: Path):
    resolved = symbology({"5482": [("7203", 1, 9)], "7": [("NQH4", 1, 9)]}, "instrument_id", "raw_symbol")
    mapped = [Mapping("5482", [Interval(day(1), day(3), "7203"), Interval(day(3), day(5), "ESH4")])]
    folder = batch_folder(tmp_path / "job", header(mapped, IDS, RAW) + all_trades(), resolved)
    symbols, report = ingested_symbols(folder, tmp_path / "t")
    by_row = dict(zip([(i, d) for i in (5, 7, 5482, 4294967295, 8) for d in range(1, 25)], symbols, strict=True))
    assert [by_row[5482, d] for d in range(1, 10)] == ["7203"] * 2 + ["ESH4"] * 2 + ["7203"] * 4 + [None]
    assert [by_row[7, d] for d in (1, 8, 9)] == ["NQH4", "NQH4", None]
    told = "another symbol than symbology.json for 1 instrument"
    assert told in report.note and "5482 is 'ESH4' on 2024-01-03, not '7203'" in report.note


@pytest.mark.parametrize("ids", [True, False])
def test_a_symbology_whose_ids_are_none_is_refused(tmp_path: Path, ids: bool):
    result = {"ESH4": [("NQH4", 1, 2)]}
    resolved = symbology(result, *("instrument_id", "raw_symbol") if ids else ("raw_symbol", "instrument_id"))
    folder = batch_folder(tmp_path / "job", header([]) + all_trades(), resolved)
    with pytest.raises(mq.CorruptDataError, match=r"symbology\.json.*expected an instrument id"):
        mq.ingest(folder, tmp_path / "t")


def test_a_symbology_without_ids_is_not_used_and_told(tmp_path: Path):
    resolved = symbology({"ES.FUT": [("5482", 1, 9)]}, "parent", "raw_symbol")
    mapped = [Mapping("ESH4", [Interval(day(1), day(9), "5482")])]
    folder = batch_folder(tmp_path / "job", header(mapped) + all_trades(), resolved)
    symbols, report = ingested_symbols(folder, tmp_path / "t")
    assert set(symbols) == {"ESH4", None}
    assert "symbology.json maps 'parent' to 'raw_symbol'" in report.note


def test_ids_of_a_header_that_are_none_are_told(tmp_path: Path):
    path = tmp_path / "day.dbn"
    path.write_bytes(header([Mapping("ESH4", [Interval(day(1), day(9), "ESM4")])]) + all_trades())
    symbols, report = ingested_symbols(path, tmp_path / "t")
    assert set(symbols) == {None}
    assert "'ESM4'" in report.note


@pytest.mark.parametrize(
    ("name", "change"), [("symbology.json", b" "), ("condition.json", b" "), ("symbology.json", None)]
)
def test_what_describes_a_batch_is_checked_against_its_manifest(tmp_path: Path, name: str, change: bytes | None):
    resolved = symbology({"ESH4": [("5482", 1, 9)]}, "raw_symbol", "instrument_id")
    folder = batch_folder(tmp_path / "job", header([]) + all_trades(), resolved)
    path = folder / name
    if change is None:
        path.unlink()
        with pytest.raises(mq.NotFoundError, match="lists a file that is not there"):
            mq.ingest(folder, tmp_path / "t")
        return
    content = path.read_bytes()
    path.write_bytes(content + change)
    with pytest.raises(mq.CorruptDataError, match=rf"{name}: has \d+ bytes"):
        mq.ingest(folder, tmp_path / "t")
    path.write_bytes(content.replace(b"2024-01-01", b"2023-01-01"))
    with pytest.raises(mq.CorruptDataError, match=rf"{name}: has the SHA-256"):
        mq.ingest(folder, tmp_path / "t")
    assert not (tmp_path / "t").exists()


LIVE = {
    "symbols": [live_mapping(5, "ES.c.0", "ESH4"), live_mapping(7, "NQ.FUT", "NQH4")],
    "numbers come out": [live_mapping(5, "ESH4", "5"), live_mapping(7, "7203", "7"), live_mapping(8, "5", "8.5")],
    "from day to day": [
        live_mapping(5, "ES.c.0", "ESH4", nanos(day(1), 0), nanos(day(3), 0)),
        live_mapping(5, "ES.c.0", "ESM4", nanos(day(3), 0), nanos(day(6), 0)),
        live_mapping(7, "NQ.c.0", "NQH4", nanos(day(4), 0)),
        live_mapping(8, "YM.c.0", "YMH4", dbn.UNDEF_TIMESTAMP, nanos(day(5), 0)),
    ],
    "once more": [live_mapping(5, "ES.c.0", "ESH4"), live_mapping(5, "ES.c.0", "ESM4")],
}


@pytest.mark.parametrize("name", LIVE)
def test_mappings_of_a_live_session_agree_with_databento(tmp_path: Path, name: str):
    path = tmp_path / "live.dbn"
    path.write_bytes(header([], None, IDS, schema=None) + b"".join(LIVE[name]) + all_trades())
    assert symbols_of(path) == in_data_frame(databento.DBNStore.from_file(path))


def test_a_store_is_called_by_its_file_and_brings_its_symbols(tmp_path: Path):
    resolved = symbology({"ESH4": [("5482", 1, 9)]}, "raw_symbol", "instrument_id")
    path = tmp_path / "day.dbn"
    path.write_bytes(header([]) + all_trades())
    store = databento.DBNStore.from_file(path)
    store.insert_symbology_json(resolved)
    symbols, report = ingested_symbols(store, tmp_path / "t")
    assert symbols == in_data_frame(store) and "ESH4" in symbols
    assert report.source == str(path)


def test_a_store_of_bytes_is_called_by_their_digest(tmp_path: Path):
    content = header([Mapping("ESH4", [Interval(day(1), day(9), "5482")])]) + all_trades()
    _, report = ingested_symbols(databento.DBNStore.from_bytes(content), tmp_path / "t")
    assert report.source == report.digest != ""
    (tmp_path / "other.dbn").write_bytes(content + trade(5482, nanos(day(2), 9)))
    with pytest.raises(mq.InvalidInputError) as refused:
        mq.ingest(tmp_path / "other.dbn", tmp_path / "t")
    assert report.digest in str(refused.value) and "dbnstore" not in str(refused.value)
    with pytest.raises(mq.CorruptDataError) as cut:
        mq.ingest(databento.DBNStore.from_bytes(content[:-5]), tmp_path / "t2")
    assert "dbnstore" not in str(cut.value) and "marquet-" not in str(cut.value)


def test_a_store_whose_file_was_replaced_gives_what_it_has_open(tmp_path: Path):
    path = tmp_path / "day.dbn"
    path.write_bytes(header([Mapping("ESH4", [Interval(day(1), day(9), "5482")])]) + trade(5482, nanos(day(1))))
    store = databento.DBNStore.from_file(path)
    path.rename(tmp_path / "old.dbn")
    path.write_bytes(header([]) + all_trades())
    symbols, report = ingested_symbols(store, tmp_path / "t")
    assert symbols == ["ESH4"]
    assert report.source == str(path)
