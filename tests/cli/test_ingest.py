"""Ingest from the command line: layouts, exactly once, overlaps, batch folders, mixed files."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from dbn_files import DAY, bar, metadata, nanos, trade, trades_file, tree

import marquet as mq

ODD_SYMBOLS = ["ESH4-ESM4", "UD:1V: GN 2437", "A/B", "50%", "BRK.B", "Ünïcode", "a=b", "..", "x y"]


def report(done: subprocess.CompletedProcess[str]) -> dict:
    return json.loads(done.stdout)


def rows(table: Path) -> pl.DataFrame:
    return pl.scan_delta(str(table)).collect().sort("source_row")


def test_the_main_path(marquet, data_dir, tmp_path):
    source = data_dir / "dbn" / "real-esh4-glbx-mdp3-20231224.mbo.dbn.zst"
    table = tmp_path / "t"
    first = report(marquet("ingest", source, "--into", table, "--json"))["sources"][0]
    assert first["status"] == "ingested"
    assert first["records"] == first["rows"] + first["control_records"] + first["unknown_records"] > 0
    info = json.loads(marquet("info", table, "--json").stdout)
    assert info["rows"] == first["rows"] == rows(table).height
    assert info["partition_columns"] == ["symbol", "date"]
    assert "intact" in marquet("verify", table).stdout
    assert "5 rows" in marquet("scan", table, "--where", "price is not null and side = 'B'", "--limit", "5").stdout
    assert "ingested" not in marquet("ingest", source, "--into", table).stdout
    assert json.loads(marquet("info", table, "--json").stdout)["version"] == info["version"]
    assert marquet("history", table, "--json").stdout.count('"version"') == 1


def test_every_public_file_comes_back_identical(marquet, data_dir, tmp_path):
    """One table a file, and the exported bytes, decompressed, against the source's."""
    checked = 0
    for source in sorted((data_dir / "dbn").iterdir()):
        if source.suffix == ".dbz":
            continue
        table, back = tmp_path / source.name, tmp_path / f"back-{source.name}"
        marquet("ingest", source, "--into", table, "--keep-unknown")
        marquet("export", table, "--to", "dbn", "-o", back)
        read = ["zstd", "-dcq"] if source.suffix == ".zst" else ["cat"]
        ours, theirs = (subprocess.run([*read, str(p)], capture_output=True, check=True).stdout for p in (back, source))
        if ours != theirs:  # a header may be padded in another way; the records may not differ
            assert records_of(ours) == records_of(theirs), source.name
        checked += 1
    assert checked > 50


def records_of(content: bytes) -> bytes:
    if content[:3] != b"DBN":
        return content
    return content[8 + struct.unpack("<I", content[4:8])[0] :]


def test_odd_symbols_become_safe_directories(marquet, tmp_path):
    source = trades_file(tmp_path / "odd.dbn", ODD_SYMBOLS, count=len(ODD_SYMBOLS) * 3)
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table)
    assert sorted(rows(table)["symbol"].unique()) == sorted(ODD_SYMBOLS)
    for symbol in ODD_SYMBOLS:
        quoted = symbol.replace("'", "''")
        found = marquet("scan", table, "--where", f"symbol = '{quoted}'", "--format", "jsonl").stdout.splitlines()
        assert [json.loads(line)["symbol"] for line in found] == [symbol] * 3
    marquet("verify", table)
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == source.read_bytes()


def test_an_instrument_without_mapping_has_a_null_symbol(marquet, tmp_path):
    source = tmp_path / "a.dbn"
    source.write_bytes(metadata({1: "ESH4"}) + trade(1, nanos(DAY)) + trade(9, nanos(DAY, 1)))
    done = report(marquet("ingest", source, "--into", tmp_path / "t", "--json"))["sources"][0]
    assert done["unmapped_rows"] == 1
    assert rows(tmp_path / "t")["symbol"].to_list() == ["ESH4", None]


def test_undefined_values_are_null(marquet, tmp_path):
    source = tmp_path / "a.dbn"
    undefined = trade(1, nanos(DAY), price=2**63 - 1, size=2**32 - 1)
    undefined = undefined[:8] + struct.pack("<Q", 2**64 - 1) + undefined[16:]
    source.write_bytes(metadata({1: "ESH4"}) + undefined)
    marquet("ingest", source, "--into", tmp_path / "t")
    row = rows(tmp_path / "t").row(0, named=True)
    assert row["price"] is None and row["ts_event"] is None and row["ts_recv"] == nanos(DAY)
    marquet("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == source.read_bytes()


def test_more_than_a_thousand_symbols_are_partitioned_by_date(marquet, tmp_path):
    symbols = [f"S{i:04}" for i in range(1_001)]
    source = trades_file(tmp_path / "many.dbn", reversed(symbols), count=2_002)
    table = tmp_path / "t"
    done = report(marquet("ingest", source, "--into", table, "--json"))["sources"][0]
    assert "by date alone" in done["note"]
    assert json.loads(marquet("info", table, "--json").stdout)["partition_columns"] == ["date"]
    stored = pl.scan_delta(str(table)).collect()
    assert stored.height == 2_002
    assert stored["symbol"].is_sorted()
    # Later sources follow the table.
    next_day = trades_file(tmp_path / "few.dbn", ["S0001"], day=DAY + timedelta(days=1))
    marquet("ingest", next_day, "--into", table)
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "back")
    for path in (source, next_day):
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()


def test_a_thousand_symbols_are_still_partitioned_by_symbol(marquet, tmp_path):
    source = trades_file(tmp_path / "many.dbn", [f"S{i:04}" for i in range(1_000)], count=1_000)
    marquet("ingest", source, "--into", tmp_path / "t")
    assert json.loads(marquet("info", tmp_path / "t", "--json").stdout)["partition_columns"] == ["symbol", "date"]


def test_the_same_bytes_are_ingested_once(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    table = tmp_path / "t"
    marquet("ingest", source, "--into", table)
    before = tree(table)
    copy = tmp_path / "copy.dbn"
    copy.write_bytes(source.read_bytes())
    text = marquet("ingest", copy, "--into", table).stdout
    assert "skipped" in text and "a.dbn" in text
    with source.open("rb") as standard_input:
        text = marquet("ingest", "-", "--into", table, stdin=standard_input).stdout
    assert "skipped" in text
    assert tree(table) == before
    marquet("ingest", source, "--into", table, "--again")
    assert rows(table).height == 20
    assert "skipped" in marquet("ingest", source, "--into", table).stdout


def test_an_overlap_is_refused_with_both_named(marquet, fails, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "monday.dbn"), "--into", table)
    before = tree(table)
    corrected = trades_file(tmp_path / "corrected.dbn", first_second=5, price=7_000_000_000)
    text = fails("ingest", corrected, "--into", table)
    assert "monday.dbn" in text and "corrected.dbn" in text and "ESH4 on 2024-01-02" in text
    assert "--replace" in text and "--append-anyway" in text
    assert tree(table) == before


def test_no_overlap_between_other_symbols_days_or_hours(marquet, tmp_path):
    table = tmp_path / "t"
    for i, options in enumerate([{}, {"symbols": ["NQH4"]}, {"day": date(2024, 1, 3)}, {"first_second": 10}], start=1):
        marquet("ingest", trades_file(tmp_path / f"{i}.dbn", **options), "--into", table)
    assert rows(table).height == 40


def test_replace_takes_the_place_of_the_same_bytes_too(marquet, tmp_path):
    table = tmp_path / "t"
    source = trades_file(tmp_path / "a.dbn")
    other = trades_file(tmp_path / "b.dbn", ["NQH4"])
    marquet("ingest", source, other, "--into", table)
    for _ in range(2):
        done = report(marquet("ingest", source, "--into", table, "--again", "--replace", "--json"))["sources"][0]
        assert done["status"] == "replaced" and "replaced 10 rows of" in done["note"]
        assert rows(table).height == 20
    # Rows that are there several times all go, and what is left is a source that verify and export know.
    marquet("ingest", source, "--into", table, "--again")
    assert rows(table).height == 30
    done = report(marquet("ingest", source, "--into", table, "--again", "--replace", "--json"))["sources"][0]
    assert "replaced 20 rows of" in done["note"]
    assert rows(table).height == 20
    assert "skipped" in marquet("ingest", source, "--into", table).stdout
    marquet("verify", table)
    marquet("export", table, "--to", "dbn", "-o", tmp_path / "back")
    assert tree(tmp_path / "back") == {"a.dbn": source.read_bytes(), "b.dbn": other.read_bytes()}


def test_append_anyway_keeps_both(marquet, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    marquet("ingest", trades_file(tmp_path / "b.dbn", price=7_000_000_000), "--into", table, "--append-anyway")
    assert rows(table).height == 20


def test_directories_are_read_in_order_of_names(marquet, tmp_path):
    folder = tmp_path / "days"
    folder.mkdir()
    for i in (3, 1, 2):
        trades_file(folder / f"day{i}.dbn", day=date(2024, 1, i))
    (folder / "readme.txt").write_text("not data")
    done = report(marquet("ingest", folder, "--into", tmp_path / "t", "--json"))["sources"]
    assert [Path(source["source"]).name for source in done] == ["day1.dbn", "day2.dbn", "day3.dbn"]
    assert [source["version"] for source in done] == [0, 1, 2]


def test_a_directory_is_read_with_what_lies_below_it(marquet, tmp_path):
    days = tmp_path / "days"
    for i, folder in enumerate([days, days / "january", days / "january" / "first", days / "march"], start=1):
        folder.mkdir()
        trades_file(folder / f"{i}.dbn", day=date(2024, 1, i))
    batch_folder(days / "job")
    for hidden in (".cache", "_old"):
        (days / hidden).mkdir()
        trades_file(days / hidden / "x.dbn", day=date(2024, 1, 9))
    marquet("ingest", days / "1.dbn", "--into", days / "table")
    trades_file(days / "table" / "inside.dbn", day=date(2024, 1, 9))
    done = report(marquet("ingest", days, "--into", tmp_path / "t", "--append-anyway", "--json"))["sources"]
    expected = ["1.dbn", "january/2.dbn", "january/first/3.dbn", "job/glbx.trades.dbn", "march/4.dbn"]
    assert [str(Path(source["source"]).relative_to(days)) for source in done] == expected


def batch_folder(folder: Path) -> Path:
    folder.mkdir()
    source = trades_file(folder / "glbx.trades.dbn")
    # The file itself maps nothing: symbology.json does.
    source.write_bytes(metadata({}) + source.read_bytes()[-480:])
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    entry = {"filename": source.name, "size": source.stat().st_size, "hash": f"sha256:{digest}"}
    other = {"filename": "metadata.json", "size": 2, "hash": "sha256:00"}
    (folder / "manifest.json").write_text(json.dumps({"job_id": "X", "files": [other, entry]}))
    interval = {"d0": "2024-01-02", "d1": "2024-01-03", "s": "1"}
    (folder / "symbology.json").write_text(json.dumps({"result": {"ESH4": [interval]}}))
    conditions = [{"date": "2024-01-01", "condition": "available"}, {"date": "2024-01-02", "condition": "degraded"}]
    (folder / "condition.json").write_text(json.dumps(conditions))
    return folder


def test_a_batch_folder_is_checked_and_its_symbols_used(marquet, tmp_path):
    done = report(marquet("ingest", batch_folder(tmp_path / "job"), "--into", tmp_path / "t", "--json"))["sources"]
    assert len(done) == 1 and done[0]["unmapped_rows"] == 0
    assert "2024-01-02 is degraded" in done[0]["note"]
    assert rows(tmp_path / "t")["symbol"].unique().to_list() == ["ESH4"]


def test_a_batch_file_with_another_hash_is_refused(fails, tmp_path):
    folder = batch_folder(tmp_path / "job")
    source = folder / "glbx.trades.dbn"
    content = bytearray(source.read_bytes())
    content[-1] ^= 1
    source.write_bytes(bytes(content))
    text = fails("ingest", folder, "--into", tmp_path / "t")
    assert "corrupt data" in text and "SHA-256" in text and "glbx.trades.dbn" in text
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.json", '{"files":\n  [{"filename": 7}]}', "a batch folder's manifest: line 2, column 17: found 7"),
        ("manifest.json", '{\n"files": [', "a batch folder's manifest: line 2, column 11: found the end of the text"),
        ("symbology.json", '{"result": {"ESH4": [{"d0": "today"}]}}', "a symbology file: line 1, column 29"),
        ("condition.json", '[\n{"date": "2024-01-02"}\n]', "a condition file: line 2, column 1: found an object"),
    ],
)
def test_a_damaged_file_of_a_batch_folder_is_told_with_its_place(fails, tmp_path, name, text, message):
    folder = batch_folder(tmp_path / "job")
    (folder / name).write_text(text)
    told = fails("ingest", folder, "--into", tmp_path / "t")
    assert f"corrupt data: {folder / name}: is not {message}" in told
    assert "expected" in told
    assert "exception" not in told
    assert not (tmp_path / "t").exists()


def mixed_file(path: Path) -> Path:
    body = trades_file(path, count=3).read_bytes()
    ohlcv = struct.pack("<BBHIQqqqqQ", 14, 0x20, 1, 1, nanos(DAY), 1, 2, 0, 1, 5)
    path.write_bytes(body + ohlcv * 2)
    return path


def test_a_mixed_file_needs_split_by_schema(marquet, fails, tmp_path):
    source = mixed_file(tmp_path / "mixed.dbn")
    table = tmp_path / "t"
    text = fails("ingest", source, "--into", table)
    assert "trades" in text and "ohlcv" in text and "--split-by-schema" in text
    assert not table.exists()
    done = report(marquet("ingest", source, "--into", table, "--split-by-schema", "--json"))["sources"][0]
    assert (done["rows"], done["records"]) == (5, 5)
    assert rows(table / "trades").height == 3 and rows(table / "ohlcv").height == 2
    assert "skipped" in marquet("ingest", source, "--into", table, "--split-by-schema").stdout


def test_what_became_of_a_mixed_file_is_told_by_table(marquet, fails, tmp_path):
    source, folder = mixed_file(tmp_path / "mixed.dbn"), tmp_path / "session"
    text = marquet("ingest", source, "--into", folder, "--split-by-schema", "--dry-run").stdout
    assert f"  3 trades rows into {folder}/trades\n" in text
    done = marquet("ingest", source, "--into", folder, "--split-by-schema")
    assert (
        f"mixed.dbn: ingested 5 rows out of 5 records\n  3 trades rows into {folder}/trades, version 0\n" in done.stdout
    )
    assert f"  2 ohlcv rows into {folder}/ohlcv, version 0\n" in done.stdout
    assert "an export to DBN cannot put together again" in done.stdout
    assert "was split by record kind" in fails("export", folder / "trades", "--to", "dbn", "-o", tmp_path / "back.dbn")
    again = mq.ingest(source, folder, split_by_schema=True, again=True, on_overlap="replace")
    kinds = [(part.kind, part.table, part.version, part.rows) for part in again.sources[0].parts]
    assert kinds == [("trades", f"{folder}/trades", 1, 3), ("ohlcv", f"{folder}/ohlcv", 1, 2)]


def test_a_mixed_file_that_fails_at_one_table_is_told_with_the_others(marquet, tmp_path):
    folder, bars = tmp_path / "session", tmp_path / "bars.dbn"
    bars.write_bytes(metadata({1: "ESH4"}, schema=7) + bar(1, nanos(DAY), 0x20))
    marquet("ingest", bars, "--into", folder, "--split-by-schema")
    options = ("ingest", mixed_file(tmp_path / "mixed.dbn"), "--into", folder, "--split-by-schema")
    done = marquet(*options, ok=False)
    assert done.returncode == 1 and "is already filled" in done.stderr
    assert "mixed.dbn: 1 table already holds a part of it: " in done.stderr
    assert (
        f"mixed.dbn: failed; a part of it was committed\n  3 trades rows into {folder}/trades, version 0\n"
        in done.stdout
    )
    assert rows(folder / "trades").height == 3 and rows(folder / "ohlcv").height == 1


def test_no_table_is_made_inside_another(marquet, fails, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    before = tree(table)
    mixed = mixed_file(tmp_path / "mixed.dbn")
    text = fails("ingest", mixed, "--into", table, "--split-by-schema")
    assert f"{table}: is a table; expected a folder" in text and "hint: name a folder that is no table" in text
    for inside in (table / "sub", table / "symbol=ESH4" / "x"):
        for options in ((mixed, "--split-by-schema"), (tmp_path / "a.dbn",)):
            text = fails("ingest", *options, "--into", inside)
            assert f"{inside}: would be inside the table {table}" in text
    assert "inside the table" in fails("ingest", mixed, "--into", "sub", "--split-by-schema", cwd=table)
    assert tree(table) == before
    marquet("ingest", mixed, "--into", "../beside", "--split-by-schema", cwd=table)
    assert rows(tmp_path / "beside" / "trades").height == 3


def test_each_table_below_a_folder_is_verified_as_a_table(marquet, fails, tmp_path):
    folder = tmp_path / "session"
    marquet("ingest", mixed_file(tmp_path / "mixed.dbn"), "--into", folder, "--split-by-schema")
    text = marquet("verify", folder).stdout
    assert [line.split(" (")[0] for line in text.splitlines()] == [f"{folder}/ohlcv", f"{folder}/trades"]
    assert text.count("table, version 0") == text.count("intact") == 2
    verdict = mq.verify(folder)
    assert verdict and (verdict.files, verdict.rows) == (2, 5)
    loose = folder / "loose.parquet"
    shutil.copy(next((folder / "ohlcv").rglob("*.parquet")), loose)
    (missing,) = (folder / "trades").rglob("*.parquet")
    missing.unlink()
    done = marquet("verify", folder, "--json", ok=False)
    paths = {path["path"]: path for path in json.loads(done.stdout)["paths"]}
    assert done.returncode == 1
    assert {name: path["ok"] for name, path in paths.items()} == {
        f"{folder}/ohlcv": True,
        f"{folder}/trades": False,
        str(folder): True,
    }
    assert paths[f"{folder}/trades"]["missing"] == [str(missing.relative_to(folder / "trades"))]
    assert paths[str(folder)]["files"] == 1
    verdict = mq.verify(folder)
    assert not verdict
    assert (verdict.files, verdict.rows, verdict.rows_intact, verdict.missing) == (3, 7, 4, [str(missing)])


def test_another_kind_is_refused(marquet, fails, data_dir, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    before = tree(table)
    text = fails("ingest", data_dir / "dbn" / "test_data.mbo.v3.dbn.zst", "--into", table)
    assert "holds trades records" in text and "mbo" in text
    assert tree(table) == before


def test_a_dry_run_writes_nothing(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    done = report(marquet("ingest", source, "--into", tmp_path / "t", "--dry-run", "--json"))["sources"][0]
    assert done["status"] == "would ingest" and done["rows"] == 10
    assert not (tmp_path / "t").exists()


def test_standard_input(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    with source.open("rb") as standard_input:
        marquet("ingest", "-", "--into", tmp_path / "t", stdin=standard_input)
    assert rows(tmp_path / "t").height == 10


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_the_number_of_threads_changes_nothing(marquet, tmp_path, jobs):
    source = trades_file(tmp_path / "a.dbn", ["A", "B", "C"], count=9_000)
    marquet("ingest", source, "--into", tmp_path / "t", "--jobs", jobs, "--memory", "64MiB")
    stored = rows(tmp_path / "t")
    assert stored["source_row"].to_list() == list(range(9_000))
    assert stored["price"].to_list() == [5_000_000_000 + i * 250_000_000 for i in range(9_000)]


def test_partition_columns_on_request(marquet, fails, tmp_path):
    source = trades_file(tmp_path / "a.dbn", ["A", "B"])
    marquet("ingest", source, "--into", tmp_path / "t", "--partition-by", "publisher_id")
    assert json.loads(marquet("info", tmp_path / "t", "--json").stdout)["partition_columns"] == ["publisher_id"]
    assert rows(tmp_path / "t").height == 10
    assert "no such column" in fails("ingest", source, "--into", tmp_path / "u", "--partition-by", "publisher")


def descriptions(table: Path) -> dict[str, Path]:
    """What describes each source, by the source's name."""
    paths = (table / "_marquet" / "sources").glob("*.json")
    return {Path(json.loads(path.read_text())["name"]).name: path for path in paths}


def test_verify_looks_at_what_describes_the_sources(marquet, tmp_path):
    table = tmp_path / "t"
    empty = tmp_path / "empty.dbn"
    empty.write_bytes(metadata({}))
    marquet("ingest", trades_file(tmp_path / "a.dbn"), empty, "--into", table)
    marquet("ingest", trades_file(tmp_path / "b.dbn", ["NQH4"]), "--into", table)
    marquet("verify", table)
    of = descriptions(table)
    assert sorted(of) == ["a.dbn", "b.dbn", "empty.dbn"]
    whole = {path: path.read_bytes() for path in of.values()}

    def found(change: Callable[[], object]) -> tuple[dict[str, object], str]:
        change()
        done = marquet("verify", table, "--json", ok=False)
        text = marquet("verify", table, ok=False)
        for path, content in whole.items():
            path.write_bytes(content)
        (verdict,) = json.loads(done.stdout)["paths"]
        assert (done.returncode, text.returncode, verdict["ok"]) == (1, 1, False)
        assert verdict["rows"] == verdict["rows_intact"] == 20
        return verdict, text.stdout

    for name in of:
        relative = str(of[name].relative_to(table))
        verdict, text = found(of[name].unlink)
        assert (verdict["missing"], verdict["damage"]) == ([relative], [])
        assert f"missing: {relative}" in text

    path = of["a.dbn"]
    relative = str(path.relative_to(table))
    other_rows = whole[path].replace(b'"rows": 10', b'"rows": 11', 1)
    assert other_rows != whole[path]
    for content, message in (
        (other_rows, "its bytes have the XXH3-128 "),
        (whole[path][:-100], "is not a source's description: line "),
        (whole[path].replace(b'"bytes": ', b'"bytes": x', 1), "expected a value"),
        (
            whole[of["b.dbn"]],
            f"describes the source '{of['b.dbn'].stem}' of the digest '{of['b.dbn'].stem}'; expected {path.stem} ",
        ),
    ):
        verdict, text = found(lambda content=content: path.write_bytes(content))
        (damage,) = verdict["damage"]
        assert (damage["file"], damage["region"], verdict["missing"]) == (relative, "source description", [])
        assert message in damage["message"]
        assert f"damaged: {relative}: source description: " in text
    assert marquet("verify", table).stdout.count("intact") == 1

    # The same from Python; and what an interrupted ingest left behind is no damage.
    path.write_bytes(other_rows)
    for verdict in (mq.verify(table), mq.open_table(table).verify("footer")):
        assert not verdict
        assert [(damage.file, damage.region) for damage in verdict.damage] == [(relative, "source description")]
    path.write_bytes(whole[path])
    assert mq.verify(table)
    left = path.with_name("0" * 32 + ".json")
    text = whole[path].decode().replace(path.stem, left.stem).rsplit(",", 1)[0] + "\n}\n"
    left.write_text(text)
    assert mq.verify(table)


def test_a_description_of_another_id_is_no_way_out_of_the_table(marquet, fails, tmp_path):
    table = tmp_path / "deep" / "t"
    table.parent.mkdir()
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    corrected = trades_file(tmp_path / "b.dbn", first_second=3, count=2, price=6_000_000_000)
    (path,) = descriptions(table).values()
    written = json.loads(path.read_text())
    del written["xxh3"]
    for foreign in ("../../../../../OUTSIDE", path.stem + ".2"):
        path.write_text(json.dumps({**written, "id": foreign}))
        for options in ((), ("--replace",), ("--again", "--replace")):
            told = fails("ingest", corrected, "--into", table, "-q", *options)
            assert f"corrupt data: {path}: describes the source '{foreign}'" in told
            assert f"expected {path.stem} of the digest" in told and "hint: " in told
    assert not list(tmp_path.rglob("*OUTSIDE*"))
    assert rows(table).height == 10


def test_a_damaged_description_is_not_exported_from(marquet, fails, tmp_path):
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", tmp_path / "t")
    (path,) = descriptions(tmp_path / "t").values()
    path.write_bytes(path.read_bytes().replace(b'"ESH4"', b'"ESM4"', 1))
    told = fails("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert f"corrupt data: {path}: its bytes have the XXH3-128 " in told
    assert not (tmp_path / "back.dbn").exists()
