"""Ctrl-C, and memory that runs out, at each file operation of jobs that commit: what is told is what is there.

A job that was stopped raises, and nothing of it became visible. Once its commit has begun it is not stopped: then the
exception carries the job's report.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
from dbn_files import trades_file
from order_books import as_arrow, random_book, write_book

HERE = Path(__file__).resolve().parent
INTERRUPT = "MARQUET_TEST_INTERRUPT_AT_OPERATION"
THROW = "MARQUET_TEST_THROW_AT_OPERATION"
# Within the wait the waiting thread finds the signal; without one the job may be over by then.
WAITS = ["{},120", "{}"]
JOBS = ["append", "ingest", "close", "build_samples"]
AT_ONCE = 4

Host = Callable[[str, list[Path], list[dict[str, str]]], list[dict[str, object]]]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Runs a job in children side by side: ``host(job, folders, environments)``; returns what each was told."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "interrupted_child.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    request, answer = process.stdin, process.stdout

    def run(job: str, folders: list[Path], environments: list[dict[str, str]]) -> list[dict[str, object]]:
        pairs = zip(folders, environments, strict=True)
        jobs = [{"job": job, "folder": str(folder), "environment": environment} for folder, environment in pairs]
        request.write(json.dumps(jobs) + "\n")
        request.flush()
        return json.loads(answer.readline())

    yield run
    request.close()
    assert process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each job a folder as it is before the job."""
    folder = tmp_path_factory.mktemp("starts")
    old = pa.table({"n": [1, 2]})
    mq.create_table(folder / "append" / "t", old.schema).append(old)
    (folder / "ingest").mkdir()
    trades_file(folder / "ingest" / "day.dbn", count=5)
    (folder / "close").mkdir()
    write_book(folder / "build_samples" / "book", as_arrow(random_book(400, 1)))
    return folder


def rows_of(table: Path) -> int:
    """Of all rows; none where there is no table. Every data file is read."""
    if not list(table.glob("_delta_log/*.json")):
        return 0
    opened = mq.open_table(table)
    assert opened.verify(level="full").ok
    return opened.scan().to_arrow().num_rows


def is_done(job: str, folder: Path) -> bool:
    """Whether all of the job is there; all or nothing of its last commit is."""
    if job == "close":
        writer = mq.ParquetWriter(folder / "out", "${chunk_index}.parquet", records_per_chunk=3, input="numbers")
        try:
            return writer.finished
        finally:
            writer.abort()
    rows = rows_of(folder / "t")
    old, new = {"append": (2, 5), "ingest": (0, 5), "build_samples": (0, 4)}[job]
    assert rows in (old, new), rows
    return rows == new


def each_operation(
    host: Host,
    job: str,
    start: Path,
    folder: Path,
    variable: str,
    form: str,
) -> Iterator[tuple[Path, dict[str, object]]]:
    """Runs the job again and again, each time with the next operation met, up to a run that is not."""
    returned = 0
    for first in range(1, 1_000, AT_ONCE):
        operations = range(first, first + AT_ONCE)
        folders = [folder / str(n) for n in operations]
        for here in folders:
            shutil.copytree(start, here)
        answers = host(job, folders, [{variable: form.format(n)} for n in operations])
        for n, here, answer in zip(operations, folders, answers, strict=True):
            assert answer["exit"] == 0, (n, answer)
            yield here, {**answer, "operation": n}
            if variable == INTERRUPT and answer["signals"] == 0:
                return
            # A throw that a job can do without is one of the few that come after its commit.
            returned = returned + 1 if "returned" in answer else 0
            if variable == THROW and returned == 3:
                return
    raise AssertionError("it does not end")


@pytest.mark.parametrize("form", WAITS, ids=["noticed at once", "noticed late"])
@pytest.mark.parametrize("job", JOBS)
def test_an_interrupt_is_told_with_what_was_done(
    host, starts: Path, quick_path: Path, job: str, form: str, record_property: Callable[[str, object], None]
) -> None:
    stopped = done = 0
    for folder, answer in each_operation(host, job, starts / job, quick_path, INTERRUPT, form):
        if answer["signals"] == 0:
            assert "returned" in answer, answer
            assert is_done(job, folder), answer
            break
        assert "KeyboardInterrupt" in answer["raised"], answer
        reported = "report" in answer and answer["report"] not in (["failed"], [])
        assert is_done(job, folder) == reported, answer
        if job == "append" and reported:
            assert answer["report"] == mq.open_table(folder / "t").version, answer
        stopped, done = stopped + (not reported), done + reported
        if not reported and job != "close":  # what was stopped is done by the same call again
            (again,) = host(job, [folder], [{}])
            assert "returned" in again, (answer, again)
    assert done > 0, "the end of the commit was not met"
    assert stopped > 0 or "120" not in form or job == "close"
    record_property("faults", stopped + done)


@pytest.mark.parametrize("job", JOBS)
def test_what_is_thrown_is_an_error_with_its_text(
    host, starts: Path, quick_path: Path, job: str, record_property: Callable[[str, object], None]
) -> None:
    raised = 0
    for folder, answer in each_operation(host, job, starts / job, quick_path, THROW, "{}"):
        if "returned" in answer:
            assert is_done(job, folder), answer
            continue
        raised += 1
        assert "MarquetError" in answer["raised"], answer
        assert "memory ran out" in str(answer["text"]), answer
        unknown = "CommitUnknownError" in answer["raised"]
        assert unknown or not is_done(job, folder), answer
        # Only the log's own sync leaves a doubt: about the rows, or the table that they go to.
        if unknown and job != "close":
            assert "/_delta_log/" in str(answer["text"]), answer
        (again,) = host(job, [folder], [{}])
        assert "returned" in again, (answer, again)
    assert raised > 5
    record_property("faults", raised)


@pytest.mark.parametrize(("variable", "form"), [(INTERRUPT, "{}"), (THROW, "{}")], ids=["interrupt", "exception"])
def test_the_command_ends_with_what_the_table_holds(
    marquet: Path,
    starts: Path,
    quick_path: Path,
    variable: str,
    form: str,
    record_property: Callable[[str, object], None],
) -> None:
    failed = done = 0
    # Faults are counted here: in torture the program would tell of them, too, behind its report.
    quiet = {name: value for name, value in os.environ.items() if name != "MARQUET_TORTURE"}
    for n in range(1, 1_000):
        folder = quick_path / str(n)
        shutil.copytree(starts / "ingest", folder)
        command = [marquet, "ingest", folder / "day.dbn", "--into", folder / "t", "--json"]
        run = subprocess.run(
            command, env={**quiet, variable: form.format(n)}, capture_output=True, text=True, timeout=60
        )
        report = json.loads(run.stdout)
        committed = rows_of(folder / "t") == 5
        where = (n, run.returncode, run.stdout, run.stderr)
        if run.returncode == 0:
            assert committed, where
            assert [source["status"] for source in report["sources"]] == ["ingested"], where
            done += 1
        else:
            assert run.returncode == (130 if variable == INTERRUPT else 1), where
            assert not committed or "commit unknown" in run.stderr, where
            assert "marquet: " in run.stderr, where
            failed += 1
            again = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert again.returncode == 0, (where, again.stderr)
            assert rows_of(folder / "t") == 5
        if done > 12:  # the operations after the commit, and then none any more
            break
    assert failed > 5
    record_property("faults", failed)
