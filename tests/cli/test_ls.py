"""`marquet ls`: the tables in a directory and below it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from dbn_files import trades_file

import marquet as mq


@pytest.fixture
def data(marquet, tmp_path: Path) -> Path:
    """Trades, a table below a folder, and what is no table."""
    folder = tmp_path / "data"
    marquet("ingest", trades_file(tmp_path / "a.dbn", ["ESH4", "NQH4"]), "--into", folder / "trades")
    rows = pa.table({"x": [1, 2]})
    mq.create_table(folder / "deep" / "er" / "plain", rows.schema).append(rows)
    mq.create_table(folder / ".hidden" / "t", rows.schema)
    mq.create_table(folder / "_private" / "t", rows.schema)
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("no table")
    return folder


def test_each_table_is_a_line(marquet, data):
    head, *lines, last = marquet("ls", data).stdout.splitlines()
    assert head.split() == ["table", "kind", "version", "rows", "files", "size", "latest", "partitions"]
    plain, trades = lines
    assert plain.split()[:5] == [str(data / "deep" / "er" / "plain"), "table", "1", "2", "1"]
    assert plain.split()[-2:] == ["-", "-"]
    info = mq.open_table(data / "trades").info()
    assert trades.split()[:5] == [str(data / "trades"), "table", "0", f"{info['rows']}", f"{info['files']}"]
    assert trades.endswith("2 by symbol, date")
    assert last == f"{data}: 2 tables"


def test_json_says_what_info_says(marquet, data):
    told = json.loads(marquet("ls", data, "--json").stdout)
    assert told["ok"] is True and told["directory"] == str(data)
    assert [table["path"] for table in told["tables"]] == [str(data / "deep" / "er" / "plain"), str(data / "trades")]
    for table in told["tables"]:
        info = json.loads(marquet("info", table["path"], "--json").stdout)
        assert table["ok"] is True and table["kind"] == "table"
        for name in ("version", "rows", "files", "bytes", "latest_timestamp", "partition_columns", "timestamp"):
            assert table[name] == info[name]
        assert table["partitions"] == len(info["partitions"])


def test_a_table_itself_is_listed(marquet, data):
    assert marquet("ls", data / "trades").stdout.splitlines()[1].startswith(f"{data / 'trades'} ")


def test_a_directory_without_tables_has_none(marquet, fails, data):
    assert marquet("ls", data / "notes").stdout == f"{data / 'notes'}: 0 tables\n"
    assert json.loads(marquet("ls", data / "notes", "--json").stdout)["tables"] == []
    assert "not found" in fails("ls", data / "nothing")


def test_a_table_that_cannot_be_opened_hides_no_other(marquet, data):
    (data / "trades" / "_delta_log" / f"{0:020}.json").write_text("{")
    done = marquet("ls", data, ok=False)
    assert done.returncode == 1
    assert f"\ncorrupt data: {data / 'trades'}/" in done.stdout
    assert done.stdout.endswith(f"{data}: 1 table\n")
    told = json.loads(marquet("ls", data, "--json", ok=False).stdout)
    assert told["ok"] is False
    assert [table["ok"] for table in told["tables"]] == [True, False]
    assert "corrupt data" in told["tables"][1]["error"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every directory")
def test_a_directory_that_cannot_be_listed_hides_no_table(marquet, data):
    (data / "notes").chmod(0)
    try:
        done = marquet("ls", data, ok=False)
    finally:
        (data / "notes").chmod(0o755)
    assert done.returncode == 1
    assert f"{data / 'notes'}: " in done.stdout
    assert done.stdout.endswith(f"{data}: 2 tables\n")


def test_books_and_samples_are_said(marquet, data_dir, tmp_path):
    marquet("ingest", data_dir / "dbn" / "test_data.mbp-10.v3.dbn.zst", "--into", tmp_path / "book")
    sample = pa.schema([("sample_id", pa.string()), ("labels_digest", pa.string()), ("micro_pip", pa.int64())])
    mq.create_table(tmp_path / "samples", sample)
    kinds = {
        Path(table["path"]).name: table for table in json.loads(marquet("ls", tmp_path, "--json").stdout)["tables"]
    }
    assert (kinds["book"]["kind"], kinds["book"]["book_levels"]) == ("book", 10)
    assert kinds["samples"]["kind"] == "samples"
    text = marquet("ls", tmp_path).stdout
    assert "book of 10 levels" in text and "samples" in text


def test_rows_that_no_log_counts_are_counted_in_footers(marquet, tmp_path):
    rows = pa.table({"k": [1, 1, 2], "x": [1, 2, 3]})
    mq.create_table(tmp_path / "t", rows.schema, partition_by=["k"]).append(rows)
    for log in sorted((tmp_path / "t" / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for action in actions:
            if "add" in action:
                del action["add"]["stats"]
        log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    assert marquet("ls", tmp_path / "t").stdout.splitlines()[1].split()[3] == "3"
    info = json.loads(marquet("info", tmp_path / "t", "--json").stdout)
    assert info["rows"] == 3 and sorted(each["rows"] for each in info["partitions"]) == [1, 2]
    assert mq.open_table(tmp_path / "t").info()["rows"] == 3
    next((tmp_path / "t").glob("k=1/*.parquet")).unlink()
    assert marquet("ls", tmp_path / "t").stdout.splitlines()[1].split()[3] == "unknown"


def test_links_are_followed_once(marquet, data):
    """However many paths they make."""
    (data / "deep" / "loop").symlink_to("..")
    for name in "abcdef":
        (data / name).symlink_to(".")
    (data / "other").symlink_to("trades")
    told = json.loads(marquet("ls", data, "--json").stdout)
    # The names come in their order: `other` is before `trades`.
    assert [table["path"] for table in told["tables"]] == [str(data / "deep" / "er" / "plain"), str(data / "other")]
    linked = {Path(each["path"]).name: each["same_as"] for each in told["linked"]}
    assert linked == {**dict.fromkeys([*"abcdef", "loop"], str(data)), "trades": str(data / "other")}
    lines = marquet("ls", data).stdout.splitlines()
    assert f"{data / 'deep' / 'loop'}: passed over: the same as {data}" in lines
    assert len(lines) == 1 + 2 + 8 + 1
    assert "0 files" in marquet("clean", data).stdout


def test_an_empty_log_makes_no_table(marquet, data):
    (data / "killed" / "_delta_log").mkdir(parents=True)
    (data / "killed" / "_delta_log" / ".00000000000000000000.json.1-2-3.tmp").write_text("{")
    told = json.loads(marquet("ls", data, "--json").stdout)
    assert told["ok"] is True and len(told["tables"]) == 2
    assert json.loads(marquet("verify", data, "--json").stdout)["ok"] is True
    # That its commits are gone is no creation that was killed.
    (data / "killed" / "_delta_log" / "_last_checkpoint").write_text("{}")
    assert marquet("ls", data, ok=False).returncode == 1


def test_names_are_one_line_each_in_any_bytes(marquet, data):
    rows = pa.table({"x": [1]})
    mq.create_table(data / "er\nror", rows.schema)
    (data / "trades").rename(Path(os.fsdecode(os.fsencode(data) + b"/tr\xe4des")))
    text = marquet("ls", data).stdout
    assert "er\\x0aror" in text and "tr\\xe4des" in text
    assert len(text.splitlines()) == 1 + 3 + 1
    names = [Path(table["path"]).name for table in json.loads(marquet("ls", data, "--json").stdout)["tables"]]
    assert names == ["plain", "er\nror", "tr\\xe4des"]
