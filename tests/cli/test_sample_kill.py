"""A build of samples killed at each file operation: samples, boundaries and their copy are of one build, old or new."""

from __future__ import annotations

import bisect
import fcntl
import json
import os
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from order_books import as_arrow, random_book, write_book

import marquet as mq

OPTIONS = ["--micro-pip", 0.25, "--hop", 30, "--time-bins", 40, "--ticks-per-bin", 10]
OPTIONS += ["--lookback", 50, "--lookforward", 60, "--offset", 5]
Run = Callable[..., subprocess.CompletedProcess[str]]


def digests(samples: Path) -> Path:
    return samples / "_marquet" / "labels" / "digests"


def copy_of(samples: Path) -> list[float]:
    copy = json.loads((samples / "_marquet" / "labels" / "default.json").read_text())
    return copy["symbols"]["ESH4"]["interior"]


def classes_of(samples: Path) -> int:
    """Another engine's view: each row's class is that of the boundaries that the row names. How many these have.

    Once Marquet has opened the table, these are those of the copy, too.
    """
    rows = pl.scan_delta(str(samples)).select("label", "move", "labels_digest").collect()
    (digest,) = rows["labels_digest"].unique().to_list()
    interior = json.loads((digests(samples) / f"{digest}.json").read_text())["interior"]
    for label, move in rows.select("label", "move").iter_rows():
        assert label == (None if move is None else bisect.bisect_right(interior, move))
    mq.open_table(samples)
    assert copy_of(samples) == interior
    stored = mq.depth.load_labels(samples)["ESH4"]
    assert stored.boundaries[1:-1].tolist() == interior
    return len(interior) + 1


@pytest.fixture
def book(quick_path: Path) -> str:
    return write_book(quick_path / "book", as_arrow(random_book(1_200, 1)))


def kill_each(
    marquet: Run, prepare: Callable[[Path], Path], command: Callable[[Path], tuple[object, ...]]
) -> list[tuple[Path, bool]]:
    """What is left of the command when it is killed at its 1st, 2nd ... operation, and whether it was."""
    left = []
    for operation in range(1, 400):
        samples = prepare(Path(f"{operation}"))
        environment = {**os.environ, "MARQUET_TEST_KILL_AT_OPERATION": str(operation)}
        done = marquet(*command(samples), ok=False, env=environment)
        left.append((samples, done.returncode != 0))
        if done.returncode == 0:
            return left
        assert done.returncode == -9, done.stderr
    raise AssertionError("it never came to its end")


def test_an_overwrite_replaces_samples_and_boundaries_in_one_step(marquet: Run, quick_path: Path, book: str) -> None:
    marquet("depth", book, "--into", quick_path / "old", *OPTIONS, "--classes", 3)
    assert classes_of(quick_path / "old") == 3

    def prepare(name: Path) -> Path:
        shutil.copytree(quick_path / "old", quick_path / name)
        return quick_path / name

    left = kill_each(
        marquet, prepare, lambda s: ("depth", book, "--into", s, *OPTIONS, "--classes", 5, "--mode", "overwrite")
    )
    found = [classes_of(samples) for samples, _ in left]
    new = found.index(5)
    assert set(found[:new]) == {3} and set(found[new:]) == {5}
    assert left[new][1], "it is never killed behind its commit"
    after_and_before = [(left[new], 5), (left[new - 1], 3)]
    # Whatever it was, a build with the options that it was made with goes on from there, and sets the copy right.
    for (samples, _), classes in [*zip(left, found, strict=True)][::7] + after_and_before:
        done = marquet("depth", book, "--into", samples, *OPTIONS, "--classes", classes, "--mode", "append")
        assert "were not added again" in done.stdout
        assert len(copy_of(samples)) + 1 == classes == classes_of(samples)


def killed_before_its_copy(marquet: Run, quick_path: Path, book: str) -> Path:
    """Samples of 5 classes, committed, and beside them the copy of the boundaries of the 3 before."""
    marquet("depth", book, "--into", quick_path / "old", *OPTIONS, "--classes", 3)

    def prepare(name: Path) -> Path:
        shutil.copytree(quick_path / "old", quick_path / name)
        return quick_path / name

    left = kill_each(
        marquet, prepare, lambda s: ("depth", book, "--into", s, *OPTIONS, "--classes", 5, "--mode", "overwrite")
    )
    stale = [s for s, _ in left if (s / "_delta_log" / f"{2:020}.json").exists() and len(copy_of(s)) == 2]
    assert stale, "it was never killed between its commit and the copy"
    return stale[0]


def test_clean_says_what_it_cannot_finish(marquet_program: Path, marquet: Run, quick_path: Path, book: str) -> None:
    """On a disk that is read-only, whether something is to be removed or only listed."""
    samples = killed_before_its_copy(marquet, quick_path, book)
    there = ["unshare", "-m", "sh", "-c"]
    read_only = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
    if subprocess.run([*there, read_only, "sh", samples], capture_output=True).returncode != 0:
        pytest.skip("mounting a folder read-only needs root")
    for options in ([], ["--yes"]):
        done = subprocess.run(
            [*there, f'{read_only} && shift && exec "$@"', "sh", samples, marquet_program, "clean", samples, *options],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 1
        message, hint = done.stderr.rstrip("\n").split("\n")
        assert f"{samples}: what a killed build committed could not be finished: " in message
        assert "Read-only file system" in message
        assert hint.startswith("hint: It is no leftover")
    marquet("clean", samples, "--yes")
    assert classes_of(samples) == 5


def test_clean_finishes_what_was_committed_and_removes_what_was_not(marquet: Run, quick_path: Path, book: str) -> None:
    samples = killed_before_its_copy(marquet, quick_path, book)
    shutil.copytree(samples, quick_path / "verified")
    assert mq.verify(quick_path / "verified")  # a note is no damage, and followed by whoever opens the table
    assert len(copy_of(quick_path / "verified")) == 4

    notes = samples / "_marquet" / "follow-ups"
    (note,) = notes.iterdir()
    never = note.with_name(note.name.replace(".default.json.", ".default.json.1"))  # of a commit that did not come
    never.write_text(note.read_text().replace('"number": ', '"number": 1'))
    left = samples / "_marquet" / "labels" / never.name.replace(".journal", ".tmp")
    left.write_text("{}")
    old = time.time() - 7_200
    for path in (*notes.iterdir(), *left.parent.glob(".*.tmp")):
        os.utime(path, (old, old))
    listed = marquet("clean", samples).stdout
    assert f"{never}: " in listed and f"{left}: " in listed and f"{note}: " not in listed
    assert "a note of what was to follow a commit that never came" in listed
    marquet("clean", samples, "--yes")
    assert not list(notes.iterdir()) and not left.exists()
    assert classes_of(samples) == 5


def test_a_first_build_leaves_all_or_nothing(marquet: Run, quick_path: Path, book: str) -> None:
    command = ("depth", book, *OPTIONS, "--classes", 3, "--mode", "append", "--into")
    for samples, killed in kill_each(marquet, lambda name: quick_path / name, lambda s: (*command, s)):
        there = (samples / "_delta_log" / f"{1:020}.json").exists()  # version 0 is the empty table
        assert there or killed
        if there:
            assert classes_of(samples) == 3
        marquet(*command, samples)
        assert classes_of(samples) == 3


def test_what_killed_builds_stored_is_cleaned_and_nothing_else(marquet: Run, quick_path: Path, book: str) -> None:
    marquet("depth", book, "--into", quick_path / "s", *OPTIONS, "--classes", 3)
    overwrite = ("depth", book, "--into", quick_path / "s", *OPTIONS, "--mode", "overwrite", "--classes")
    before = set(digests(quick_path / "s").iterdir())
    for operation in range(1, 400):  # until it is killed between storing labels and its commit
        marquet(*overwrite, 5, ok=False, env={**os.environ, "MARQUET_TEST_KILL_AT_OPERATION": str(operation)})
        stale = set(digests(quick_path / "s").glob("*.json")) - before
        if stale:
            break
    assert classes_of(quick_path / "s") == 3
    (orphan,) = stale
    # The killed build's data files are there, too; they are of no version.
    assert mq.verify(quick_path / "s").orphans
    report = json.loads(marquet("clean", quick_path, "--yes", "--json").stdout)
    assert [entry["young"] for entry in report["files"] if entry["path"] == str(orphan)] == [True]
    assert orphan.exists()

    marquet(*overwrite, 7)  # so that the first boundaries are those of an older version
    old = time.time() - 7_200
    for path in digests(quick_path / "s").iterdir():
        os.utime(path, (old, old))
    assert f"{orphan}: " in (listed := marquet("clean", quick_path).stdout)
    assert "labels that no sample refers to" in listed
    marquet("clean", quick_path, "--yes")
    assert not orphan.exists()
    assert before < set(digests(quick_path / "s").glob("*.json"))
    assert classes_of(quick_path / "s") == 7
    (first,) = (
        mq.open_table(quick_path / "s", version=1).scan(columns=["labels_digest"]).to_pandas()["labels_digest"].unique()
    )
    assert (digests(quick_path / "s") / f"{first}.json").exists()


def test_labels_of_versions_that_can_be_restored_are_not_cleaned(marquet: Run, quick_path: Path, book: str) -> None:
    """The log forgets which files an overwrite took away, but nobody removed them."""
    samples = quick_path / "s"
    marquet("depth", book, "--into", samples, *OPTIONS, "--classes", 3)
    marquet("depth", book, "--into", samples, *OPTIONS, "--classes", 5, "--mode", "overwrite")
    log = samples / "_delta_log"
    commit = log / f"{2:020}.json"
    actions = list(map(json.loads, commit.read_text().splitlines()))
    for action in actions:
        if "remove" in action:
            action["remove"]["deletionTimestamp"] = 1_000  # longer ago than tombstones are kept
    commit.write_text("".join(json.dumps(action) + "\n" for action in actions))
    DeltaTable(samples).create_checkpoint()  # which leaves expired ones out
    stored = set(digests(samples).iterdir())
    old = time.time() - 7_200
    for path in stored:
        os.utime(path, (old, old))
    marquet("clean", samples, "--yes")
    assert len(stored) == 2 and set(digests(samples).iterdir()) == stored
    assert mq.open_table(samples, version=1).scan().to_arrow().num_rows > 0

    removed = [action["remove"]["path"] for action in actions if "remove" in action]
    for path in removed:
        (samples / urllib.parse.unquote(path)).unlink()  # as a vacuum does
    (samples / "other.parquet").write_bytes(b"PAR1")  # whose labels are not known
    first = log / f"{0:020}.json"
    first.rename(samples / "first")  # the log may have forgotten a version that has them
    marquet("clean", samples, "--yes")
    assert set(digests(samples).iterdir()) == stored
    (samples / "first").rename(first)
    marquet("clean", samples, "--yes")
    assert len(list(digests(samples).iterdir())) == 1
    assert classes_of(samples) == 5


def old_labels_of_nobody(samples: Path) -> Path:
    left = digests(samples) / f"{'0' * 32}.json"
    left.write_text("{}")
    old = time.time() - 7_200
    os.utime(left, (old, old))
    return left


def test_data_files_of_versions_that_the_log_forgot_keep_their_labels(
    marquet: Run, quick_path: Path, book: str
) -> None:
    samples = quick_path / "s"
    marquet("depth", book, "--into", samples, *OPTIONS, "--classes", 3)
    overwrite = ("depth", book, "--into", samples, *OPTIONS, "--mode", "overwrite", "--classes")
    before = set(digests(samples).iterdir())
    for operation in range(1, 400):
        marquet(*overwrite, 5, ok=False, env={**os.environ, "MARQUET_TEST_KILL_AT_OPERATION": str(operation)})
        stale = set(digests(samples).glob("*.json")) - before
        if stale:
            break
    (orphan,) = stale
    old = time.time() - 7_200
    os.utime(orphan, (old, old))
    DeltaTable(samples).create_checkpoint()
    first = samples / "_delta_log" / f"{0:020}.json"
    first.rename(samples / "first")
    marquet("clean", samples, "--yes")
    assert orphan.exists()
    (samples / "first").rename(first)
    marquet("clean", samples, "--yes")
    assert not orphan.exists()
    assert classes_of(samples) == 3


def test_labels_stay_while_a_build_is_about_to_commit(marquet: Run, quick_path: Path, book: str) -> None:
    samples = quick_path / "s"
    marquet("depth", book, "--into", samples, *OPTIONS, "--classes", 3)
    left = old_labels_of_nobody(samples)
    with (samples / "_marquet" / "labels" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = json.loads(marquet("clean", samples, "--yes", "--json").stdout)
        assert report["count"] == 0
        assert [(file["owner_lives"], file["removed"]) for file in report["files"]] == [(True, False)]
        assert left.exists()
        done = marquet("clean", samples, "--yes")
        assert f"{left}: " in done.stdout and "a build of samples is about to commit" in done.stdout
    marquet("clean", samples, "--yes")
    assert not left.exists()
    assert classes_of(samples) == 3


def test_a_build_waits_for_a_clean_that_is_at_the_labels(
    marquet_program: Path, marquet: Run, quick_path: Path, book: str
) -> None:
    samples = quick_path / "s"
    marquet("depth", book, "--into", samples, *OPTIONS, "--classes", 3)
    files, labels = set(samples.rglob("*.parquet")), set(digests(samples).iterdir())
    command = [marquet_program, "depth", book, "--into", samples, *OPTIONS, "--mode", "overwrite", "--classes", 5]
    with (samples / "_marquet" / "labels" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while build.poll() is None and set(samples.rglob("*.parquet")) == files:
            time.sleep(0.01)
        assert build.poll() is None, "it did not wait"
        assert not (samples / "_delta_log" / f"{2:020}.json").exists()
        assert set(digests(samples).iterdir()) == labels
    assert build.wait(timeout=120) == 0
    assert classes_of(samples) == 5


def test_boundaries_that_lie_in_the_set_alone_are_read_and_stored_by_digest(
    marquet: Run, quick_path: Path, book: str
) -> None:
    """As tables had them before there were files by digest."""
    marquet("depth", book, "--into", quick_path / "s", *OPTIONS, "--classes", 3, "--fit-end", "2023-11-14T22:13:20.8")
    labels = mq.depth.load_labels(quick_path / "s")
    shutil.rmtree(digests(quick_path / "s"))
    assert mq.depth.load_labels(quick_path / "s") == labels
    mq.open_table(book).append(as_arrow(random_book(900, 2), "NQH4"))
    marquet("depth", book, "--into", quick_path / "s", *OPTIONS, "--classes", 3, "--mode", "append")
    (quick_path / "s" / "_marquet" / "labels" / "default.json").unlink()
    assert mq.depth.load_labels(quick_path / "s")["ESH4"] == labels["ESH4"]
    assert set(mq.depth.load_labels(quick_path / "s")) == {"ESH4", "NQH4"}
    with pytest.raises(mq.NotFoundError, match=r"no sample has labels of the name 'other'; there are 'default'"):
        mq.depth.load_labels(quick_path / "s", "other")
