"""What an ingest makes of the folders it is given: files beside the data, links, names that are not UTF-8."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from datetime import date
from pathlib import Path

import deltalake
import pytest
from dbn_files import trades_file

SIDE_FILES = [
    "1.dbn.sha256", "1.dbn.zst.md5", "2.dbn.zst.part", "2.dbn.crdownload", "3.dbn.tmp", "3.dbn.zst.partial",
    "4.dbn.bak", "5.dbn~", "README.md", "symbology.json", ".6.dbn", ".DS_Store", "_SUCCESS",
]  # fmt: skip


def report(done: subprocess.CompletedProcess[str]) -> dict:
    return json.loads(done.stdout)


def rows(table: Path) -> int:
    return deltalake.DeltaTable(str(table)).to_pyarrow_table().num_rows


def test_files_beside_the_data_are_passed_over_and_counted(marquet, tmp_path):
    days = tmp_path / "days"
    (days / "below").mkdir(parents=True)
    trades_file(days / "1.dbn", count=3)
    trades_file(days / "below" / "2.DBN", count=4, day=date(2024, 1, 3))
    for name in SIDE_FILES:
        (days / name).write_bytes((days / "1.dbn").read_bytes()[:100])
    (days / "below" / "2.dbn.sha512").write_text("00")
    (days / ".cache").mkdir()
    (days / "_old").mkdir()
    trades_file(days / ".cache" / "7.dbn")
    trades_file(days / "_old" / "8.dbn")
    done = report(marquet("ingest", days, "--into", tmp_path / "t", "--json"))
    assert [source["rows"] for source in done["sources"]] == [3, 4] and rows(tmp_path / "t") == 7
    expected = {*SIDE_FILES, "below/2.dbn.sha512", ".cache", "_old"}
    assert {str(Path(entry["path"]).relative_to(days)) for entry in done["passed_over_entries"]} == expected
    assert done["passed_over"] == len(expected) == len(done["passed_over_entries"])
    text = marquet("ingest", days, "--into", tmp_path / "t").stdout
    assert f"passed over: {len(expected)} entries\n  3 hidden: " in text
    assert f"named *.dbn or *.dbn.zst: {days}/1.dbn.sha256, " in text


def test_data_under_another_compression_is_refused_and_not_passed_over(fails, tmp_path):
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "1.dbn.gz").write_bytes(b"\x1f\x8b\x08\x00" + bytes(60))
    assert "1.dbn.gz: is not DBN" in fails("ingest", tmp_path / "days", "--into", tmp_path / "t")


def test_a_folder_of_other_files_says_what_was_passed_over(fails, tmp_path):
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "1.dbn.part").write_bytes(b"DBN")
    (tmp_path / "days" / "1.zip").write_bytes(b"PK")
    text = fails("ingest", tmp_path / "days", "--into", tmp_path / "t")
    assert "holds no DBN files; 2 entries were passed over" in text and "1.dbn.part" in text


def test_links_that_lead_back_or_nowhere_are_passed_over(marquet, tmp_path):
    days = tmp_path / "days"
    (days / "a" / "b").mkdir(parents=True)
    trades_file(days / "a" / "1.dbn", count=3)
    (days / "a" / "b" / "up").symlink_to(days)
    (days / "a" / "b" / "self.dbn").symlink_to("self.dbn")
    (days / "a" / "gone.dbn").symlink_to("absent.dbn")
    (days / "z").symlink_to("a")
    done = report(marquet("ingest", days, "--into", tmp_path / "t", "--json"))
    assert [source["rows"] for source in done["sources"]] == [3]
    why = {str(Path(entry["path"]).relative_to(days)): entry["why"] for entry in done["passed_over_entries"]}
    assert why == {
        "a/b/self.dbn": "a link that leads nowhere",
        "a/b/up": f"the same as {days}",
        "a/gone.dbn": "a link that leads nowhere",
        "z": f"the same as {days}/a",
    }


@pytest.mark.parametrize("make", ["symlink_to", "hardlink_to"])
def test_a_file_and_a_link_to_it_are_one_source(marquet, tmp_path, make):
    days = tmp_path / "days"
    days.mkdir()
    trades_file(days / "1.dbn", count=3)
    getattr(days / "latest.dbn", make)(days / "1.dbn")
    done = report(marquet("ingest", days, "--into", tmp_path / "t", "--again", "--append-anyway", "--json"))
    assert [source["source"] for source in done["sources"]] == [f"{days}/1.dbn"]
    assert done["passed_over_entries"] == [{"path": f"{days}/latest.dbn", "why": f"the same as {days}/1.dbn"}]
    assert rows(tmp_path / "t") == 3
    named = report(marquet("ingest", days / "latest.dbn", days, "--into", tmp_path / "t2", "--again", "--json"))
    assert [source["source"] for source in named["sources"]] == [f"{days}/latest.dbn"]
    assert rows(tmp_path / "t2") == 3


def test_a_file_named_twice_is_known_by_its_bytes(marquet, tmp_path):
    day = trades_file(tmp_path / "1.dbn", count=3)
    done = report(marquet("ingest", day, day, "--into", tmp_path / "t", "--json"))
    assert [source["status"] for source in done["sources"]] == ["ingested", "skipped"] and done["passed_over"] == 0


def test_a_file_that_a_manifest_does_not_list_is_told(marquet, tmp_path):
    job = tmp_path / "job"
    job.mkdir()
    listed = trades_file(job / "1.dbn", count=3)
    trades_file(job / "2.dbn", day=date(2024, 1, 3))
    digest = hashlib.sha256(listed.read_bytes()).hexdigest().upper()
    entry = {"filename": "1.dbn", "size": listed.stat().st_size, "hash": f"sha256:{digest}"}
    (job / "manifest.json").write_text(json.dumps({"files": [entry]}))
    done = report(marquet("ingest", job, "--into", tmp_path / "t", "--json"))
    assert [source["rows"] for source in done["sources"]] == [3]
    assert done["passed_over_entries"] == [{"path": f"{job}/2.dbn", "why": "not listed in manifest.json"}]


LATIN = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    "command",
    [
        ("ingest", LATIN, "--into", "t"),
        ("ingest", "a.dbn", "--into", LATIN),
        ("scan", "book", "--format", "parquet", "-o", LATIN),
        ("scan", "book", "--where", f"symbol = '{LATIN}'"),
        ("verify", LATIN),
        ("rescue", LATIN, "-o", "out.parquet"),
        ("rescue", "a.parquet", "-o", LATIN),
        ("info", LATIN),
        ("clean", LATIN),
        ("export", "book", "--to", "csv", "-o", LATIN),
    ],
    ids=lambda command: " ".join(command).encode("utf-8", "replace").decode(),
)
def test_a_name_that_is_not_utf8_is_refused_at_once(marquet_program, tmp_path, command):
    trades_file(tmp_path / LATIN)
    before = sorted(tmp_path.iterdir())
    done = subprocess.run([str(marquet_program), *command], capture_output=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert b"caf\\xe9" in done.stderr and b"is not UTF-8" in done.stderr and b"\nhint: " in done.stderr
    assert done.stdout == b"" and sorted(tmp_path.iterdir()) == before
    told = subprocess.run([str(marquet_program), *command, "--json"], capture_output=True, cwd=tmp_path, timeout=60)
    assert "caf\\xe9" in json.loads(told.stdout)["error"]


def test_names_in_a_folder_that_are_not_utf8_are_told_with_escapes(marquet, fails, tmp_path):
    days = tmp_path / "days"
    days.mkdir()
    trades_file(days / "1.dbn", count=3)
    (days / f"{LATIN}.txt").write_text("a note")
    done = report(marquet("ingest", days, "--into", tmp_path / "t", "--json"))
    assert [entry["path"] for entry in done["passed_over_entries"]] == [f"{days}/caf\\xe9.txt"]
    assert "caf\\xe9.txt" in marquet("ingest", days, "--into", tmp_path / "t").stdout
    trades_file(days / f"{LATIN}.dbn", day=date(2024, 1, 3))
    text = fails("ingest", days, "--into", tmp_path / "t")
    assert f"{days}/caf\\xe9.dbn" in text and "is not UTF-8" in text and "rename" in text
    assert rows(tmp_path / "t") == 3


def test_a_table_with_a_file_whose_name_is_not_utf8_is_verified(marquet, tmp_path):
    marquet("ingest", trades_file(tmp_path / "1.dbn", count=3), "--into", tmp_path / "t")
    data = next((tmp_path / "t").rglob("*.parquet"))
    (data.parent / f"{LATIN}.parquet").write_bytes(data.read_bytes())
    assert "caf\\xe9.parquet" in marquet("verify", tmp_path / "t").stdout
    (path,) = report(marquet("verify", tmp_path / "t", "--json"))["paths"]
    assert path["ok"] and [orphan.rsplit("/", 1)[-1] for orphan in path["orphans"]] == ["caf\\xe9.parquet"]
