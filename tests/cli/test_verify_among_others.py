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
