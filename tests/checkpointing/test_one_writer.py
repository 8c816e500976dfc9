"""One mq.ParquetWriter: what it says and keeps after errors, among threads and as a copy."""

from __future__ import annotations

import copy
import os
import pathlib
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq


def numbers_of(folder: pathlib.Path) -> dict[str, list[int]]:
    return {path.name: pq.read_table(path)["n"].to_pylist() for path in sorted(folder.glob("*.parquet"))}


def failing_batches() -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": [1]})
        raise RuntimeError("the source broke")

    return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), batches())


class _Broken(dict[str, Any]):
    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([{"n": "x"}], mq.SchemaError),
        (pa.table({"z": [1]}), mq.SchemaError),
        (failing_batches, RuntimeError),
        ([_Broken(n=1)], KeyboardInterrupt),
    ],
)
def test_nothing_is_published_after_an_error(tmp_path: pathlib.Path, rows: Any, error: type[BaseException]) -> None:
    """Also when whoever wrote goes on: rows that `write` took before are not left out in silence."""
    writer = mq.ParquetWriter(tmp_path, "all.parquet")
    writer.write({"n": 0})
    with pytest.raises(error):
        writer.write(rows() if callable(rows) else rows)
        writer.flush()
    calls: list[Callable[[], Any]] = [lambda: writer.write({"n": 1}), writer.flush, writer.close, writer.resume]
    for call in calls:
        with pytest.raises(mq.InvalidInputError):
            call()
    assert writer.report is None
    writer.abort()
    assert numbers_of(tmp_path) == {}
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_holds_no_rows_does_no_harm(tmp_path: pathlib.Path) -> None:
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write({"n": 0})
        for rows in (5, "text", None, [1], [{"n": 9}, None]):
            with pytest.raises(TypeError):
                writer.write(rows)
        writer.write({"n": 1})
    assert numbers_of(tmp_path) == {"all.parquet": [0, 1]}


def test_refused_dictionaries_are_counted(tmp_path: pathlib.Path) -> None:
    writer = mq.ParquetWriter(tmp_path, "all.parquet")
    writer.write([{"n": 0}, {"n": 1}])
    writer.flush()
    writer.write([{"n": 2}, {"n": "x"}, {"n": 4}])
    assert writer.counts["accepted"] == 5
    with pytest.raises(mq.SchemaError):
        writer.flush()
    assert (writer.counts["accepted"], writer.counts["rejected"]) == (2, 3)
    writer.abort()


def test_rows_add_up_whatever_is_refused(tmp_path: pathlib.Path) -> None:
    for name, place in (("a", 2), ("b", 1_002)):  # of what no column holds none is taken, wherever it stands
        writer = mq.ParquetWriter(tmp_path, f"{name}.parquet")
        writer.write({"n": 0})
        with pytest.raises(mq.SchemaError):
            writer.write([{"n": {0} if n == place else n} for n in range(1_500)])
        for _ in range(2):
            assert (writer.counts["accepted"], writer.counts["rejected"]) == (1, 1_500)
            writer.abort()
    writer = mq.ParquetWriter(tmp_path, "c.parquet")
    with pytest.raises(mq.SchemaError):
        writer.write([{"n": "x" if n == 500 else n} for n in range(1_500)])
    assert (writer.counts["accepted"], writer.counts["rejected"]) == (0, 1_500)
    writer.abort()


def test_a_closed_writer_takes_no_dictionary(tmp_path: pathlib.Path) -> None:
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write({"n": 0})
    with pytest.raises(mq.InvalidInputError, match="closed"):
        writer.write({"n": 1})
    with pytest.raises(mq.InvalidInputError, match="closed"), writer:
        pass
    assert writer.counts["accepted"] == writer.counts["committed"] == 1
    assert writer.close() == writer.report


def test_threads_that_close_it_get_the_same_report(tmp_path: pathlib.Path) -> None:
    for n in range(20):
        writer = mq.ParquetWriter(tmp_path, f"{n}.parquet")
        writer.write([{"n": number} for number in range(500)])
        start = threading.Barrier(4)
        told: list[Any] = []

        def close(writer: mq.ParquetWriter = writer, start: threading.Barrier = start, told: list[Any] = told) -> None:
            start.wait()
            try:
                told.append(writer.close())
            except BaseException as error:
                told.append(error)

        threads = [threading.Thread(target=close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert told == [writer.report] * 4


def test_rows_of_threads_go_to_their_own_names(tmp_path: pathlib.Path) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with mq.ParquetWriter(tmp_path, "${k}.parquet") as writer:

            def write(key: int) -> None:
                for _ in range(2_000):
                    writer.write({"n": key}, values={"k": key})

            threads = [threading.Thread(target=write, args=(key,)) for key in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert numbers_of(tmp_path) == {f"{key}.parquet": [key] * 2_000 for key in range(4)}


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
def test_is_not_copied(tmp_path: pathlib.Path, make: Callable[[Any], Any]) -> None:
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        with pytest.raises(TypeError, match="ParquetWriter is neither copied nor pickled"):
            make(writer)
        writer.write({"n": 0})
    assert numbers_of(tmp_path) == {"all.parquet": [0]}


class TestForks:
    """A copy in another process can do no harm to the files of the first."""

    def test_a_fork_neither_writes_nor_publishes(self, tmp_path: pathlib.Path) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=600)
        writer.write(pa.table({"n": range(1000)}))
        writer.flush()
        child = os.fork()
        if child == 0:
            refused = 0
            for call in (lambda: writer.write({"n": 5}), writer.flush, writer.close, writer.resume):
                try:
                    call()
                except mq.InvalidInputError as error:
                    refused += "fork" in str(error)
            writer.abort()
            os._exit(0 if refused == 4 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        writer.write({"n": 1000})
        writer.close()
        assert numbers_of(tmp_path) == {"000_all.parquet": [*range(600)], "001_all.parquet": [*range(600, 1001)]}

    def test_the_end_of_a_fork_removes_nothing(self, tmp_path: pathlib.Path) -> None:
        script = f"""
            import os, sys
            import pyarrow as pa
            import marquet as mq

            writer = mq.ParquetWriter({str(tmp_path)!r}, "all.parquet", row_group_size=100)
            writer.write(pa.table({{"n": range(1000)}}))
            writer.flush()
            child = os.fork()
            if child == 0:
                sys.exit(0)
            os.waitpid(child, 0)
            print(sorted(name.rpartition(".")[2] for name in os.listdir({str(tmp_path)!r}) if name.startswith(".")))
            writer.close()
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.split("\n")[0] == "['journal', 'tmp']"
        assert numbers_of(tmp_path) == {"all.parquet": [*range(1000)]}


class TestTakeOver:
    """A writer that was overtaken leaves what the other one wrote."""

    def test_its_end_removes_no_parts_of_the_other(self, tmp_path: pathlib.Path) -> None:
        def begin(**options: Any) -> mq.ParquetWriter:
            writer = mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=10, input="i", **options)
            writer.write(pa.table({"n": range(25)}))
            return writer

        slow = begin()
        assert len(numbers_of(tmp_path)) == 2  # parts that no manifest lists yet
        begin(take_over=True).close()
        whole = {f"00{part}_all.parquet": [*range(part * 10, min(25, part * 10 + 10))] for part in range(3)}
        assert numbers_of(tmp_path) == whole
        slow.abort()
        assert numbers_of(tmp_path) == whole
        assert mq.verify(tmp_path).ok

    def test_it_publishes_no_part_more(self, tmp_path: pathlib.Path) -> None:
        slow = mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=10, input="i")
        slow.write(pa.table({"n": range(15)}))
        fast = mq.ParquetWriter(tmp_path, "all.parquet", max_rows_per_file=10, input="i", take_over=True)
        with pytest.raises(mq.ConflictError, match="taken over"):
            slow.write(pa.table({"n": range(15, 40)}))
        assert numbers_of(tmp_path) == {}
        fast.write(pa.table({"n": range(15)}))
        fast.close()
        slow.abort()
        assert numbers_of(tmp_path) == {"000_all.parquet": [*range(10)], "001_all.parquet": [*range(10, 15)]}

    def test_its_end_leaves_rows_that_the_other_compares(self, tmp_path: pathlib.Path) -> None:
        def begin(**options: Any) -> mq.ParquetWriter:
            return mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=10, input="i", **options)

        with begin() as writer:
            writer.write([{"n": n} for n in range(10)])
        slow, rows = begin(), pa.table({"n": range(9)})
        slow.write(rows)
        fast = begin(take_over=True)
        fast.write(rows)
        slow.abort()
        fast.write({"n": 9})
        assert fast.close().replayed == 10


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"compression": None}, TypeError, "compression is None; expected a string"),
        ({"row_group_size": 1.5}, TypeError, "row_group_size is 1.5; expected a whole number"),
        (
            {"max_file_size": 1 << 70},
            mq.InvalidInputError,
            "max_file_size is .* from -9223372036854775808 to 9223372036854775807",
        ),
        ({"rank": 1 << 31}, mq.InvalidInputError, "rank is .* from -2147483648 to 2147483647"),
        ({"input": 5}, TypeError, "input is 5"),
        ({"input": "\ud800"}, mq.InvalidInputError, "input .* not UTF-8"),
        ({"metadata": {"a": 1}}, TypeError, "metadata.'a'. is 1; expected a string"),
        ({"metadata": [1]}, TypeError, "expected a dictionary"),
        ({"output_filename": None}, TypeError, "output_filename is None"),
        ({"content_defined_chunking": 5}, TypeError, "content_defined_chunking is 5"),
    ],
)
def test_options_of_other_types_are_named(
    tmp_path: pathlib.Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        mq.ParquetWriter(tmp_path, **{"output_filename": "all.parquet", **options})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"chunk_index": 1.5}, TypeError, "chunk_index is 1.5"),
        ({"chunk_index": 1 << 63}, mq.InvalidInputError, "chunk_index"),
        ({"values": {1: 2}}, TypeError, "a key of values is 1"),
        ({"values": "k"}, TypeError, "expected a dictionary"),
        ({"values": {"k": "\ud800"}}, mq.InvalidInputError, "values.'k'. .* not UTF-8"),
    ],
)
def test_targets_of_other_types_are_named(
    tmp_path: pathlib.Path, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        with pytest.raises(error, match=words):
            writer.write({"n": 0}, **arguments)
        writer.write({"n": 0})
    assert numbers_of(tmp_path) == {"all.parquet": [0]}
