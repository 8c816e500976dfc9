"""What is open in a process, and a fork of it: an error where threads would be needed, and never a hang."""

from __future__ import annotations

import gc
import os
import pathlib
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forked import in_a_fork
from order_books import as_arrow, random_book, write_book

import marquet as mq

ROWS = 600_000
"""More than threads are started for."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> mq.Table:
    """One of several files."""
    path = tmp_path_factory.mktemp("forks") / "t"
    table = mq.create_table(path, pa.schema([("n", pa.int64()), ("text", pa.string())]))
    for begin in range(0, ROWS, ROWS // 4):
        numbers = range(begin, begin + ROWS // 4)
        table.append(pa.table({"n": numbers, "text": [str(n % 97) for n in numbers]}), row_group_size=20_000)
    return table


def refuses(call: object) -> None:
    with pytest.raises(mq.InvalidInputError, match="fork") as refused:
        call()  # type: ignore[operator]
    assert refused.value.hint is not None


class TestScans:
    @pytest.mark.parametrize("use_threads", [True, False])
    def test_a_half_read_one_is_not_read_on(self, table: mq.Table, use_threads: bool) -> None:
        batches = table.scan(batch_size=1_000, use_threads=use_threads).to_batches()
        first = next(batches)
        in_a_fork(lambda: refuses(lambda: next(batches)))
        assert first.num_rows + sum(batch.num_rows for batch in batches) == ROWS

    def test_nor_behind_arrows_interface(self, table: mq.Table) -> None:
        reader = pa.RecordBatchReader.from_stream(table.scan(batch_size=1_000))
        reader.read_next_batch()

        def work() -> None:
            with pytest.raises(pa.ArrowException, match="fork"):
                reader.read_next_batch()

        in_a_fork(work)
        assert sum(batch.num_rows for batch in reader) == ROWS - 1_000

    def test_its_end_in_the_fork_waits_for_nothing(self, table: mq.Table) -> None:
        held = [table.scan(batch_size=1_000).to_batches()]
        next(held[0])

        def work() -> None:
            held.clear()
            gc.collect()

        in_a_fork(work)
        assert sum(batch.num_rows for batch in held[0]) == ROWS - 1_000

    def test_a_new_one_is_read(self, table: mq.Table) -> None:
        batches = table.scan(batch_size=1_000).to_batches()
        next(batches)

        def work() -> None:
            assert table.scan().to_arrow().num_rows == ROWS
            assert sum(batch.num_rows for batch in table.scan(batch_size=1_000).to_batches()) == ROWS
            assert table.scan(filter="n < 10").count() == 10
            table.refresh()

        in_a_fork(work)
        assert sum(batch.num_rows for batch in batches) == ROWS - 1_000

    def test_a_process_that_ends_with_a_half_read_one(self, table: mq.Table) -> None:
        script = f"""
            import os, sys
            import marquet as mq

            batches = mq.open_table({table.path!r}).scan(batch_size=1_000).to_batches()
            next(batches)
            child = os.fork()
            if child == 0:
                sys.exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            print(sum(batch.num_rows for batch in batches))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=120
        )
        assert int(done.stdout) == ROWS - 1_000


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Samples and their book."""
    path = tmp_path_factory.mktemp("depth")
    book = write_book(path / "book", as_arrow(random_book(1_500, 1)))
    mq.depth.build_samples(
        book, path / "samples", micro_pip=0.25, hop=23, lookback=50, lookforward=60, offset=5, nbins=3,
        time_bins=70, ticks_per_bin=5,
    )  # fmt: skip
    return str(path / "samples"), book


class TestDepthBatches:
    def test_a_half_walked_epoch_is_not_walked_on(self, tables: tuple[str, str]) -> None:
        batches = mq.depth.DepthBatches(*tables, batch_size=2, threads=2)
        everything = [labels.tolist() for _, labels in batches]
        batches.set_epoch(0)
        walk = iter(batches)
        next(walk)
        in_a_fork(lambda: refuses(lambda: next(walk)))

        def walk_anew() -> None:
            batches.set_epoch(0)
            assert [labels.tolist() for _, labels in batches] == everything

        in_a_fork(walk_anew)
        assert [labels.tolist() for _, labels in walk] == everything[1:]

    def test_its_end_in_the_fork_waits_for_nothing(self, tables: tuple[str, str]) -> None:
        batches = mq.depth.DepthBatches(*tables, batch_size=2, threads=2)
        held = [iter(batches)]
        taken = [next(held[0])]

        def work() -> None:
            held.clear()
            taken.clear()
            gc.collect()

        in_a_fork(work)
        assert len([*held[0]]) == len(batches) - 1


def test_an_append_is_the_first_processs(tmp_path: pathlib.Path) -> None:
    """A fork out of the source of its rows neither commits nor removes."""
    table = mq.create_table(tmp_path / "t", pa.schema([("n", pa.int64())]))
    forks: list[int] = []

    def batches() -> object:
        for begin in range(0, 300_000, 100_000):
            yield pa.record_batch({"n": pa.array(range(begin, begin + 100_000), pa.int64())})
            if begin == 100_000:
                in_a_fork(gc.collect)
                forks.append(os.getpid())

    table.append(pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), batches()))
    assert forks == [os.getpid()]
    assert table.scan().count() == 300_000
    assert pq.read_table(tmp_path / "t").num_rows == 300_000


def test_the_working_directory_may_change(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, table: mq.Table
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(pathlib.Path(table.path).parent)
    opened = mq.open_table("t")
    scan = opened.scan(batch_size=1_000)
    batches = scan.to_batches()
    next(batches)
    os.chdir(tmp_path)
    made = mq.create_table("made", pa.schema([("n", pa.int64())]))
    os.chdir("elsewhere")
    assert sum(batch.num_rows for batch in batches) == ROWS - 1_000
    assert scan.count() == opened.refresh().scan().to_arrow().num_rows == ROWS
    assert opened.verify("footer").ok
    made.append(pa.table({"n": [1]}))
    assert mq.open_table(tmp_path / "made").scan().count() == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_samples_are_read_from_where_they_were(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_book(tmp_path / "book", as_arrow(random_book(1_500, 1)))
    mq.depth.build_samples(
        "book", "samples", micro_pip=0.25, hop=23, lookback=50, lookforward=60, offset=5, nbins=3, time_bins=70,
        ticks_per_bin=5,
    )  # fmt: skip
    batches = mq.depth.DepthBatches("samples", "book", batch_size=2)
    (tmp_path / "elsewhere").mkdir()
    os.chdir("elsewhere")
    assert len([*batches]) == len(batches) > 0
