"""A dry run says of each source what the run would say, ends with the exit code of the run, and writes nothing."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from dbn_files import DAY, bar, metadata, nanos, trades_file, tree

FORETOLD = {"would ingest": "ingested", "would replace": "replaced"}


def sources(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    a = trades_file(folder / "a.dbn")
    mixed = folder / "mixed.dbn"
    mixed.write_bytes(trades_file(mixed, day=DAY.replace(day=5)).read_bytes() + bar(1, nanos(DAY), 0x20))
    bars = folder / "bars.dbn"
    bars.write_bytes(metadata({1: "ESH4"}, schema=5) + bar(1, nanos(DAY), 0x20))
    cut = folder / "cut.dbn"
    cut.write_bytes(trades_file(cut, day=DAY.replace(day=6)).read_bytes()[:-1])
    copy = folder / "copy.dbn"
    copy.write_bytes(a.read_bytes())
    many = trades_file(folder / "many.dbn", [f"S{i:05}" for i in range(1_001)], count=1_001, day=DAY.replace(day=8))
    return {
        "a": a,
        "copy": copy,
        "b": trades_file(folder / "b.dbn", first_second=5, price=7_000_000_000),
        "later": trades_file(folder / "later.dbn", first_second=10),
        "mixed": mixed,
        "bars": bars,
        "cut": cut,
        "many": many,
    }


CASES = [
    # what the table holds before, the sources, options
    ("", "a a", ()),
    ("", "a copy later", ()),
    ("", "a b", ()),
    ("", "a b", ("--append-anyway",)),
    ("", "a b", ("--replace",)),
    ("", "a a", ("--again",)),
    ("", "a a", ("--again", "--replace")),
    ("", "a bars", ()),
    ("", "mixed", ()),
    ("", "mixed a", ("--split-by-schema",)),
    ("", "mixed bars", ("--split-by-schema",)),
    ("", "mixed mixed", ("--split-by-schema",)),
    ("", "a cut later", ()),
    ("", "many a", ()),
    ("", "a many", ()),
    ("", "a", ("--partition-by", "nothing")),
    ("a", "a later", ()),
    ("a", "b", ()),
    ("a", "b", ("--replace",)),
    ("a", "b a", ("--replace",)),
    ("a", "later b", ("--replace",)),
    ("a", "b later", ("--replace",)),
    ("a", "a", ("--again", "--replace")),
    ("a", "bars", ()),
    ("a later", "b", ("--replace",)),
]


@pytest.mark.parametrize(("held", "named", "options"), CASES)
def test_it_foretells_the_run(marquet, tmp_path, held, named, options):
    paths = sources(tmp_path / "sources")
    table = tmp_path / "t"
    if held:
        marquet("ingest", *(paths[name] for name in held.split()), "--into", table)
    before = tree(tmp_path)
    command = ("ingest", *(paths[name] for name in named.split()), "--into", table, *options, "--json")
    dry = marquet(*command, "--dry-run", ok=False)
    assert tree(tmp_path) == before
    run = marquet(*command, ok=False)
    assert dry.returncode == run.returncode
    if not run.stdout.startswith('{\n  "ok"'):  # nothing could be started
        assert json.loads(dry.stdout) == json.loads(run.stdout)
        return
    foretold, done = json.loads(dry.stdout), json.loads(run.stdout)
    assert (foretold["ok"], foretold["not_tried"]) == (done["ok"], done["not_tried"])
    told = ("kind", "records", "rows", "rows_replaced", "replaced", "error", "hint")
    for said, became in zip(foretold["sources"], done["sources"], strict=True):
        assert FORETOLD.get(said["status"], said["status"]) == became["status"]
        assert {key: said[key] for key in told} == {key: became[key] for key in told}


def test_a_place_where_no_table_can_be_made(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    for options in (("--dry-run",), ()):
        done = marquet("ingest", source, "--into", tmp_path / "taken", *options, ok=False)
        assert done.returncode == 1 and "holds other things" in done.stderr


def test_samples_without_their_log_become_no_table(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    labels = tmp_path / "samples" / "_marquet" / "labels" / "default.json"
    labels.parent.mkdir(parents=True)
    labels.write_text("{}")
    (tmp_path / "samples" / "symbol=ESH4").mkdir()
    for options in (("--dry-run",), ()):
        done = marquet("ingest", source, "--into", tmp_path / "samples", *options, ok=False)
        assert done.returncode == 1 and "holds other things ('_marquet/labels/default.json')" in done.stderr
        assert "_delta_log is gone" in done.stderr
    assert not (tmp_path / "samples" / "_delta_log").exists()


@pytest.mark.parametrize("hours", [0, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_a_table_without_its_log_becomes_no_new_one(marquet, tmp_path, count, hours):
    """But what one interrupted ingest leaves, or several that may be under way, is taken up."""
    days = [trades_file(tmp_path / f"{n}.dbn", day=DAY.replace(day=n + 1)) for n in range(3)]
    table = tmp_path / "t"
    marquet("ingest", *days[:count], "--into", table)
    shutil.rmtree(table / "_delta_log")
    for path in (table / "_marquet" / "sources").iterdir():
        os.utime(path, (time.time() - hours * 3_600,) * 2)
    before = tree(table)
    for options in (("--dry-run",), ()):
        done = marquet("ingest", days[2], "--into", table, *options, ok=False)
        if hours == 0 or count == 1:
            assert done.returncode == 0, done.stderr
            warned = f"marquet: warning: {table}: holds the description of a source and no log" in done.stderr
            assert warned == (hours > 0)
            assert warned == ("_delta_log is gone: put that back instead" in done.stderr)
            continue
        assert done.returncode == 1
        assert done.stderr.startswith(
            f"marquet: invalid input: {table}: holds the descriptions of 2 sources and no log"
        )
        assert "_delta_log is gone: put that back" in done.stderr
        assert tree(table) == before
