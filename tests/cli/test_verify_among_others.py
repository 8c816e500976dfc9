"""`marquet verify`: one file that cannot be looked at hides nothing that is wrong with the others, and ends nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq


@pytest.fixture
def folder(tmp_path) -> Path:
    """A sound file, a damaged one, one that is encrypted, a pipe, and links that lead nowhere and round in circles."""
    for name in ("sound", "damaged", "encrypted"):
        pq.write_table(pa.table({"n": range(1000)}), tmp_path / f"{name}.parquet")
    damaged = bytearray((tmp_path / "damaged.parquet").read_bytes())
    damaged[-20] ^= 1
    (tmp_path / "damaged.parquet").write_bytes(damaged[:-8])
    encrypted = (tmp_path / "encrypted.parquet").read_bytes()
    (tmp_path / "encrypted.parquet").write_bytes(encrypted[:-4] + b"PARE")
    os.mkfifo(tmp_path / "pipe.parquet")
    (tmp_path / "nowhere.parquet").symlink_to("nothing")
    (tmp_path / "itself.parquet").symlink_to("itself.parquet")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "up").symlink_to("..")
    (tmp_path / "here").symlink_to(".")
    return tmp_path


def test_a_folder_is_checked_to_its_end(marquet, folder):
    done = marquet("verify", folder, ok=False)
    assert done.returncode == 1 and done.stderr == ""
    first, *rest, hint = done.stdout.splitlines()
    assert "marquet rescue" in hint
    assert first.startswith(f"{folder} (directory): 4 files, 1,000 rows") and first.endswith("DAMAGED")
    assert [line.partition(": /")[0] for line in rest] == [
        "  damaged",
        "  not checked",
        "  not checked",
        "  1,000 of 1,000 rows are in row groups without damage",
    ]
    assert "encrypted.parquet: the footer is encrypted" in rest[1]
    assert "pipe.parquet: not a regular file" in rest[2]
    verdict = mq.verify(folder)
    assert not verdict.ok and [damage.region for damage in verdict.damage] == ["footer", "unchecked", "unchecked"]


def test_what_is_sound_is_not_called_damaged(marquet, folder):
    (folder / "damaged.parquet").unlink()
    done = marquet("verify", folder, ok=False)
    assert done.returncode == 1 and done.stdout.splitlines()[0].endswith("NOT CHECKED")


def test_each_of_several_paths_has_its_verdict(marquet, folder):
    names = ["encrypted.parquet", "nosuch.parquet", "sound.parquet", "damaged.parquet"]
    done = marquet("verify", "--json", *names, ok=False, cwd=folder)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and not report["ok"]
    assert [(path["path"], path["ok"]) for path in report["paths"]] == [
        (name, name == "sound.parquet") for name in names
    ]
    regions = [[damage["region"] for damage in path["damage"]] for path in report["paths"]]
    assert regions == [["unchecked"], ["unchecked"], [], ["footer"]]


def test_a_single_path_is_an_error(fails, folder):
    assert "the footer is encrypted" in fails("verify", folder / "encrypted.parquet")
    assert "not found" in fails("verify", folder / "nosuch.parquet")
    with pytest.raises(mq.UnsupportedError):
        mq.validate_parquet_file(folder / "encrypted.parquet")


def test_what_a_writer_got_wrong_is_odd_and_fails_only_when_strict(marquet, tmp_path):
    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"n": range(40)}), path)
    file = bytearray(path.read_bytes())
    footer = len(file) - 8 - int.from_bytes(file[-8:-4], "little")
    rows = file.index(b"\x16\x50", footer)  # the third field of the footer: 40
    file[rows + 1] = 0
    path.write_bytes(file)
    done = marquet("verify", path)
    first, odd = done.stdout.splitlines()
    assert first.endswith("intact") and "40 rows" in first
    assert odd.startswith(f"  odd: {path}") and odd.endswith("footer: the footer says 0 rows; its row groups have 40")
    (verdict,) = json.loads(marquet("verify", path, "--json").stdout)["paths"]
    assert verdict["ok"] and verdict["damage"] == [] and [each["region"] for each in verdict["odd"]] == ["footer"]
    strict = marquet("verify", path, "--strict", ok=False)
    assert strict.returncode == 1 and strict.stdout.splitlines()[0].endswith("ODD")
    assert mq.verify(path).ok and not mq.verify(path, strict=True).ok
    assert mq.verify(path, strict=True).damage == [] and len(mq.verify(path).odd) == 1
    folder = mq.verify(tmp_path, strict=True)
    assert not folder.ok and [each.file for each in folder.odd] == [str(path)]


def test_a_newline_behind_a_file_is_named_and_its_rows_come_back(marquet, tmp_path):
    rows = pa.table({"n": range(1000)})
    pq.write_table(rows, tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole + b"\n")
    done = marquet("verify", tmp_path / "a.parquet", ok=False)
    assert done.returncode == 1 and "the file goes on for 1 bytes behind its footer" in done.stdout
    marquet("rescue", tmp_path / "a.parquet", "-o", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").equals(rows)
