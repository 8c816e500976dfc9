"""One output and more than one process: locks and forks, who is told what, and what a writer leaves to the next."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from forked import in_a_fork

import marquet as mq


def numbers_of(folder: pathlib.Path) -> list[int]:
    return sorted(n for path in folder.glob("*.parquet") for n in pq.read_table(path)["n"].to_pylist())


def writer_of(folder: pathlib.Path, **options: Any) -> mq.ParquetWriter:
    return mq.ParquetWriter(folder, "${rank}_${chunk_index}.parquet", records_per_chunk=2, input="v1", **options)


def go_on(folder: pathlib.Path, records: int) -> None:
    with writer_of(folder) as writer:
        writer.write([{"n": n} for n in range(writer.resume(), records)])


@contextlib.contextmanager
def writing_process(folder: pathlib.Path) -> Iterator[dict[str, int]]:
    """A process with a writer at work, and a fork of it, which lives longer: what pools and DataLoaders are made of."""
    script = f"""
        import json, os, time
        import marquet as mq

        name = "${{rank}}_${{chunk_index}}.parquet"
        writer = mq.ParquetWriter({str(folder)!r}, name, records_per_chunk=2, input="v1")
        writer.write([{{"n": 0}}, {{"n": 1}}, {{"n": 2}}])
        child = os.fork()
        if child > 0:
            print(json.dumps({{"parent": os.getpid(), "child": child}}), flush=True)
        time.sleep(120)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = json.loads(process.stdout.readline())
    try:
        yield pids
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids["child"], signal.SIGKILL)
        process.kill()
        process.wait(30)
        process.stdout.close()


class TestLocks:
    def test_a_fork_does_not_keep_the_lock_of_a_killed_writer(self, tmp_path: pathlib.Path) -> None:
        with writing_process(tmp_path) as pids:
            os.kill(pids["parent"], signal.SIGKILL)
            for _ in range(3_000):  # until the system has closed its files
                with contextlib.suppress(mq.ConflictError):
                    go_on(tmp_path, 5)
                    break
                time.sleep(0.01)
            os.kill(pids["child"], 0)  # it is still there
        assert numbers_of(tmp_path) == [0, 1, 2, 3, 4]

    def test_who_holds_the_output_is_named(self, tmp_path: pathlib.Path) -> None:
        with writing_process(tmp_path) as pids, pytest.raises(mq.ConflictError) as refused:
            writer_of(tmp_path)
        assert f"process {pids['parent']} on {socket.gethostname()} since 20" in str(refused.value)
        assert refused.value.hint is not None
        assert "take_over" in refused.value.hint

    def test_a_process_is_told_of_its_own_writer(self, tmp_path: pathlib.Path) -> None:
        with writer_of(tmp_path) as writer:
            with pytest.raises(mq.ConflictError, match=rf"process {os.getpid()} .*\(this process\)"):
                writer_of(tmp_path)
            writer.write([{"n": 0}])
        assert numbers_of(tmp_path) == [0]

    def test_a_released_lock_tells_of_nobody(self, tmp_path: pathlib.Path) -> None:
        writer_of(tmp_path).close()
        (lock,) = (tmp_path / "_marquet" / "writers").glob("*.lock")
        assert lock.read_bytes() == b""

    def test_the_end_of_a_fork_lets_nobody_in(self, tmp_path: pathlib.Path) -> None:
        script = f"""
            import os, sys
            import marquet as mq

            name = "${{rank}}_${{chunk_index}}.parquet"
            writer = mq.ParquetWriter({str(tmp_path)!r}, name, records_per_chunk=2, input="v1")
            child = os.fork()
            if child == 0:
                del writer
                sys.exit(0)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            sys.stdin.read()
            writer.write({{"n": 0}})
            writer.close()
        """
        words = [sys.executable, "-c", textwrap.dedent(script)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "0\n"
            with pytest.raises(mq.ConflictError):
                writer_of(tmp_path)
            process.communicate("", timeout=60)
        assert process.returncode == 0
        assert numbers_of(tmp_path) == [0]


class TestWhatIsLeftToTheNext:
    """A writer that has failed holds nothing, whoever still refers to it."""

    @pytest.mark.parametrize("kind", ["of the core", "of Python"])
    def test_a_failed_one_gives_up_the_output(self, tmp_path: pathlib.Path, kind: str) -> None:
        failed = writer_of(tmp_path)
        failed.write([{"n": n} for n in range(3)])
        with pytest.raises(mq.SchemaError):
            failed.write(pd.DataFrame({"z": [1]}) if kind == "of the core" else {"n": "text"})
            failed.flush()
        go_on(tmp_path, 5)
        assert numbers_of(tmp_path) == [0, 1, 2, 3, 4]
        failed.abort()
        assert numbers_of(tmp_path) == [0, 1, 2, 3, 4]
        assert mq.verify(tmp_path).ok

    def test_so_does_a_closed_one(self, tmp_path: pathlib.Path) -> None:
        closed = writer_of(tmp_path)
        closed.write([{"n": 0}, {"n": 1}])
        closed.close()
        writer_of(tmp_path).abort()
        assert closed.report is not None

    def test_a_forgotten_one_warns(self, tmp_path: pathlib.Path) -> None:
        writer = writer_of(tmp_path)
        writer.write([{"n": n} for n in range(5)])
        with pytest.warns(ResourceWarning, match=r"without close\(\): 1 rows .*; 4 rows that it published stay"):
            del writer
            gc.collect()
        go_on(tmp_path, 5)
        assert numbers_of(tmp_path) == [0, 1, 2, 3, 4]

    def test_others_do_not(self, tmp_path: pathlib.Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            writer_of(tmp_path / "a").close()
            writer_of(tmp_path / "b").abort()
            failed = writer_of(tmp_path / "c")
            with pytest.raises(mq.SchemaError):
                failed.write([{"n": 0}, {"n": "x"}])
            del failed
            forked = writer_of(tmp_path / "d")
            in_a_fork(lambda: forked.__del__())
            forked.close()
            gc.collect()


class TestOneOddArgument:
    """It is refused by name, and the next write is taken."""

    @pytest.mark.parametrize(
        "value",
        [
            pd.Series([1, 2]),
            pd.DataFrame({"a": [1]}),
            (n for n in [1]),
            threading.Lock(),
            lambda: 1,
            object(),
            range(3),
            pd.array([1, None], dtype="Int64"),
            {1, 2},
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_in_a_cell(self, tmp_path: pathlib.Path, value: Any) -> None:
        with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
            writer.write([{"n": 0, "v": None}, {"n": 1, "v": None}])
            for rows in ({"n": 2, "v": value}, [{"n": 2, "v": None}, {"n": 3, "v": [value]}]):
                with pytest.raises(mq.SchemaError, match=r"'v(\[\])?': row [23]"):
                    writer.write(rows)
            writer.write({"n": 2, "v": 5})
        assert numbers_of(tmp_path) == [0, 1, 2]
        assert writer.counts["accepted"] == 3
        assert writer.counts["rejected"] == 3

    @pytest.mark.parametrize("rows", [pd.Series([1]), threading.Lock(), (row for row in [{"n": 1}]), lambda: 1, {1}])
    def test_as_rows(self, tmp_path: pathlib.Path, rows: Any) -> None:
        with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
            writer.write({"n": 0})
            with pytest.raises(TypeError, match="rows come from"):
                writer.write(rows)
            writer.write({"n": 1})
        assert numbers_of(tmp_path) == [0, 1]

    @pytest.mark.parametrize(
        "call",
        [
            lambda writer: writer.write({"n": 9}, chunk_index=-1),
            lambda writer: writer.write({"n": 9}, values={"k": "../../outside"}),
            lambda writer: writer.write({"n": 9}),
            lambda writer: writer.write(pd.DataFrame({"n": [9]}), values={"k": "a/../../b"}),
            lambda writer: writer.drop(-1),
            lambda writer: writer.close_chunk(-1),
            lambda writer: writer.filename(values={"k": "../x"}),
        ],
    )
    def test_as_target(self, tmp_path: pathlib.Path, call: Any) -> None:
        with mq.ParquetWriter(tmp_path / "out", "${k}.parquet") as writer:
            writer.write({"n": 0}, values={"k": "a"})
            with pytest.raises(mq.InvalidInputError):
                call(writer)
            writer.write({"n": 1}, values={"k": "b"})
        assert numbers_of(tmp_path / "out") == [0, 1]


def test_the_working_directory_may_change(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with mq.ParquetWriter("out", "${rank}_${chunk_index}.parquet", records_per_chunk=2) as writer:
        writer.write([{"n": 0}])
        os.chdir("elsewhere")
        writer.write([{"n": 1}, {"n": 2}])
    assert numbers_of(tmp_path / "out") == [0, 1, 2]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_more_names_than_a_process_may_have_files_open(tmp_path: pathlib.Path) -> None:
    script = f"""
        import resource
        import marquet as mq

        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        with mq.ParquetWriter({str(tmp_path)!r}, "${{symbol}}.parquet", compression="none") as writer:
            for round in range(2):
                for symbol in range(1_500):
                    writer.write({{"n": round, "text": "x" * 50}}, values={{"symbol": symbol}})
                writer.flush()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=300)
    assert numbers_of(tmp_path) == [0] * 1_500 + [1] * 1_500
    assert pq.read_table(tmp_path / "77.parquet")["n"].to_pylist() == [0, 1]


class TestLateKeys:
    """Whether a row is taken does not depend on how many were gathered before it."""

    @pytest.mark.parametrize("before", [1, 999, 1_000, 1_001, 2_500])
    def test_are_refused_wherever_they_come(self, tmp_path: pathlib.Path, before: int) -> None:
        with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
            for n in range(before):
                writer.write({"n": n})
            with pytest.raises(mq.SchemaError, match=f"row {before} has the key 'late'") as refused:
                writer.write([{"n": before}, {"n": before, "late": 1}][1:])
            assert refused.value.hint is not None
            writer.write({"n": before})
        assert numbers_of(tmp_path) == [*range(before + 1)]

    @pytest.mark.parametrize("before", [1, 999, 1_000, 1_001])
    def test_begin_a_file_where_that_is_asked_for(self, tmp_path: pathlib.Path, before: int) -> None:
        rows = [{"n": n} for n in range(before)]
        with mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=5_000, on_schema_change="new_part") as writer:
            for row in [*rows, {"n": before, "late": 1}, {"n": before + 1}]:
                writer.write(row)
        parts = [pq.read_table(path)["n"].to_pylist() for path in sorted(tmp_path.glob("*.parquet"))]
        assert parts == [[*range(before)], [before, before + 1]]

    @pytest.mark.parametrize("before", [1, 999, 1_000, 1_001])
    @pytest.mark.parametrize(
        ("first", "later", "fits"),
        [
            ({"v": 1}, {"v": 2.5}, False),
            ({"v": 1}, {"v": 2.0}, False),
            ({"v": 1.5}, {"v": 2}, True),
            ({"v": {"a": 1}}, {"v": {"a": 1, "b": 2}}, False),
            ({"v": None}, {"v": 2.5}, True),
            ({"v": []}, {"v": [{"a": 1}]}, True),
        ],
    )
    def test_nor_does_the_kind_of_a_value(
        self, tmp_path: pathlib.Path, before: int, first: Any, later: Any, fits: bool
    ) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet")
        outcome = contextlib.nullcontext() if fits else pytest.raises(mq.SchemaError)
        with outcome, writer:
            for _ in range(before):
                writer.write(first)
            writer.write(later)
            writer.write(first)
        if fits:
            assert pq.read_table(tmp_path / "all.parquet").num_rows == before + 2
        else:
            assert list(tmp_path.glob("*.parquet")) == []
