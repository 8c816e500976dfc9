"""Our InferenceRunner in folders that datatrove's own has begun."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import random
import shutil
from typing import Any

import pytest
from datatrove.data import Document
from datatrove.pipeline.inference.types import InferenceError
from datatrove.pipeline.writers import JsonlWriter
from pipelines import CHUNKS, THEIRS, OurRunner, OurWriter, Run, TheirRunner, contents, documents, no_model, stops_at

import marquet as mq


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Run:
    """One of datatrove's own."""
    return Run(tmp_path, **THEIRS)


def stopped(run: Run, at: int, count: int, rollout: Any = no_model) -> None:
    with pytest.raises(Exception, match="Failed to process"):
        run(documents(count), stops_at(at, rollout))


def take_over(run: Run, input: list[Document], rollout: Any = no_model) -> list[int]:
    """Goes on with ours, and returns the documents that were asked for."""
    run.runner, run.writer = OurRunner, OurWriter
    asked: list[int] = []

    async def counts(document: Document, generate: Any) -> Any:
        asked.append(document.metadata["n"])
        return await rollout(document, generate)

    run(input, counts)
    assert run.broken() == []
    assert list((run.checkpoints / "00000").glob("chunk_*")) == [], "their logs are gone"
    before = contents(run.out)
    run(input, stops_at(0))  # there is nothing left to do
    assert contents(run.out) == before
    return asked


def file_of(run: Run, chunk: int) -> pathlib.Path:
    return run.out / f"000_00000_chunk_{chunk}.parquet"


def test_a_run_that_stopped(run: Run) -> None:
    stopped(run, 12, 20)
    finished = {file_of(run, chunk): file_of(run, chunk).read_bytes() for chunk in range(2)}
    assert contents(run.out)["000_00000_chunk_2.parquet"] == ["10", "11"], "a part, with the name of the whole"
    assert take_over(run, documents(20)) == list(range(12, 20))
    assert run.ids() == list(range(20))
    assert {path: path.read_bytes() for path in finished} == finished
    (aside,) = (run.out / "_marquet" / "retired").iterdir()
    assert aside.name.endswith("000_00000_chunk_2.parquet.retired")


def test_a_run_that_was_killed(run: Run) -> None:
    stopped(run, 12, 20)
    file_of(run, 2).write_bytes(b"")
    assert take_over(run, documents(20)) == list(range(12, 20))
    assert run.ids() == list(range(20))


def test_chunk_1_finished_before_chunk_0(run: Run) -> None:
    run.concurrent = 20

    async def first_one_last(document: Document, generate: Any) -> str:
        while document.metadata["n"] == 0 and "000_00000_chunk_1.parquet" not in run.complete():
            await asyncio.sleep(0.001)
        return await no_model(document, generate)

    with pytest.raises(Exception, match="Failed to process"):
        run(documents(10), stops_after(first_one_last, 0))
    assert take_over(run, documents(10)) == [0]
    assert run.ids() == list(range(10))


def test_the_last_document_given_out_ends_a_chunk_whose_others_were_done(run: Run) -> None:
    """Those behind it in the input are known by then, though nobody has asked for more of it."""
    run.concurrent = 20

    async def first_one_last(document: Document, generate: Any) -> str:
        if document.metadata["n"] == 0:
            log = run.checkpoints / "00000" / "chunk_00000.jsonl"
            while not log.exists() or len(log.read_bytes().splitlines()) < 4:
                await asyncio.sleep(0.001)
        return await no_model(document, generate)

    with pytest.raises(Exception, match="Failed to process"):
        run(documents(5), stops_after(first_one_last, 0))
    run.concurrent = 1
    assert take_over(run, documents(5)) == [0]
    assert run.ids() == list(range(5))


def stops_after(rollout: Any, number: int) -> Any:
    async def stopping(document: Document, generate: Any) -> Any:
        result = await rollout(document, generate)
        if document.metadata["n"] == number:
            raise ZeroDivisionError
        return result

    return stopping


def test_a_run_that_ended(run: Run) -> None:
    run(documents(8))
    assert take_over(run, documents(8)) == []
    assert run.ids() == list(range(8))


@pytest.mark.parametrize("grown", [9, 10, 11, 17])
def test_input_that_has_grown_since(run: Run, grown: int) -> None:
    run(documents(8))
    assert take_over(run, documents(grown)) == list(range(8, grown))
    assert run.ids() == list(range(grown))


def test_killed_after_the_marker_moved_and_before_the_last_file_was_closed(run: Run) -> None:
    run(documents(8))
    file_of(run, 1).write_bytes(b"")
    assert take_over(run, documents(8)) == [5, 6, 7]
    assert run.ids() == list(range(8))


def test_killed_after_the_log_was_removed_and_before_the_marker_moved(run: Run) -> None:
    stopped(run, 12, 20)
    (run.checkpoints / "last_chunk" / "00000.txt").write_text("0")
    assert take_over(run, documents(20)) == list(range(12, 20))
    assert run.ids() == list(range(20))


@pytest.mark.parametrize("stop", [3, 7, 12])
def test_an_empty_marker(run: Run, stop: int) -> None:
    stopped(run, stop, 20)
    (run.checkpoints / "last_chunk").mkdir(exist_ok=True)
    (run.checkpoints / "last_chunk" / "00000.txt").write_text("")
    assert take_over(run, documents(20)) == list(range(stop, 20))
    assert run.ids() == list(range(20))


def test_a_chunk_whose_error_was_swallowed(run: Run) -> None:
    """Its file was never finished, and the marker has moved past it."""
    stopped(run, 17, 20)
    file_of(run, 1).write_bytes(file_of(run, 1).read_bytes()[:-20])
    assert take_over(run, documents(20)) == [5, 6, 7, 8, 9, 17, 18, 19]
    assert run.ids() == list(range(20))


def test_dropped_documents(run: Run) -> None:
    async def drops(document: Document, generate: Any) -> str | None:
        return "x" if document.metadata["n"] % 2 and not 5 <= document.metadata["n"] < 10 else None

    stopped(run, 17, 20, drops)
    asked = take_over(run, documents(20), drops)
    # Chunk 1 has no file that tells that all were dropped; 4 and 14 are behind the last ones in their chunks' files.
    assert asked == [4, 5, 6, 7, 8, 9, 14, 17, 18, 19]
    assert run.ids() == [1, 3, 11, 13, 15, 17, 19]


def test_a_metadata_key_in_the_template(run: Run) -> None:
    run.template = "${lang}/${rank}_${chunk_index}.parquet"

    def input() -> list[Document]:
        made = documents(20)
        for document in made:
            document.metadata["lang"] = "en" if document.metadata["n"] % 2 else "fr"
        return made

    with pytest.raises(Exception, match="Failed to process"):
        run(input(), stops_at(12))
    assert take_over(run, input()) == list(range(12, 20))
    assert run.ids() == list(range(20))


def test_ids_that_repeat(run: Run) -> None:
    def input() -> list[Document]:
        made = documents(10)
        for document in made:
            document.id = "7"
        return made

    async def second_one_first(document: Document, generate: Any) -> str:
        while document.metadata["n"] == 0:
            await asyncio.sleep(0.001)
            log = run.checkpoints / "00000" / "chunk_00000.jsonl"
            if log.exists() and log.read_bytes().endswith(b"\n"):
                raise ZeroDivisionError
        if document.metadata["n"] > 1:
            raise ZeroDivisionError
        return "x"

    run.concurrent = 2
    with pytest.raises(Exception, match="Failed to process"):
        run(input(), second_one_first)
    run.concurrent = 1
    assert take_over(run, input()) == [0, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("size", [1, 4])
def test_a_smaller_chunk_size_is_refused(run: Run, size: int) -> None:
    stopped(run, 12, 20)
    run.records_per_chunk = size
    with pytest.raises(
        mq.InvalidInputError, match=r"chunk 0 holds .*with a larger records_per_chunk than|records_per_chunk is"
    ):
        take_over(run, documents(20))
    run.records_per_chunk = 5
    take_over(run, documents(20))
    assert run.ids() == list(range(20))


@pytest.mark.parametrize("size", [6, 7, 10, 100])
def test_a_larger_chunk_size_begins_after_what_is_finished(run: Run, size: int) -> None:
    stopped(run, 12, 20)
    run.records_per_chunk = size
    assert take_over(run, documents(20)) == list(range(12, 20))
    assert run.ids() == list(range(20))


def test_a_larger_chunk_size_is_refused_where_a_chunk_between_is_not_finished(run: Run) -> None:
    stopped(run, 17, 20)
    file_of(run, 1).write_bytes(b"")
    run.records_per_chunk = 7
    with pytest.raises(mq.InvalidInputError, match=r"'10', which chunk 2 holds, is among documents 5 to 13"):
        take_over(run, documents(20))
    run.records_per_chunk = 5
    assert take_over(run, documents(20)) == [5, 6, 7, 8, 9, 17, 18, 19]
    assert run.ids() == list(range(20))


def test_another_input_is_refused(run: Run) -> None:
    stopped(run, 12, 20)
    with pytest.raises(mq.InvalidInputError, match="chunk 0 holds '0', '1', '2', not all of which are among"):
        take_over(run, documents(20, first=50))


def test_our_writer_in_their_runner(run: Run) -> None:
    run.writer = OurWriter
    stopped(run, 12, 20)
    assert take_over(run, documents(20)) == list(range(12, 20))
    assert run.ids() == list(range(20))
    assert not (run.out / "_marquet" / "retired").exists()


def test_our_writer_in_their_runner_killed_after_the_marker_moved(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.writer = OurWriter
    with monkeypatch.context() as patch:
        patch.setattr(OurWriter, "close", OurWriter.abort)  # at the end of the block
        run(documents(8))
    assert run.ids() == list(range(5))
    assert take_over(run, documents(8)) == [5, 6, 7]
    assert run.ids() == list(range(8))


def test_other_ranks_are_left_alone(run: Run) -> None:
    for rank in (0, 1):
        with pytest.raises(Exception, match="Failed to process"):
            run(documents(20, first=rank * 20), stops_at(rank * 20 + 12), rank=rank)
    (run.out / "000_00001_chunk_2.parquet").write_bytes(b"")
    run.runner, run.writer = OurRunner, OurWriter
    run(documents(20))
    assert run.broken() == ["000_00001_chunk_2.parquet"]
    run(documents(20, first=20), rank=1)
    assert run.ids() == list(range(40))


def test_other_writers(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, runner=TheirRunner, writer=JsonlWriter, template=CHUNKS.replace("parquet", "jsonl"))
    for go_on in ("by its marker", "by its logs"):
        shutil.rmtree(tmp_path, ignore_errors=True)
        run.runner = TheirRunner
        with pytest.raises(Exception, match="Failed to process"):
            run(documents(20), stops_at(12), compression=None)
        if go_on == "by its logs":
            (run.checkpoints / "last_chunk" / "00000.txt").write_text("")
        run.runner = OurRunner
        run(documents(20), compression=None)
        counts = [len(path.read_text().splitlines()) for path in sorted(run.out.glob("*.jsonl"))]
        assert counts == [5, 5, 5, 5]


@pytest.mark.parametrize("seed", range(4))
def test_taken_over_and_stopped_again(run: Run, seed: int) -> None:
    generator = random.Random(seed)
    run.concurrent = 6
    stops = sorted(generator.sample(range(30), 4))
    for number, stop in enumerate(stops):
        with contextlib.suppress(InferenceError):  # where the document is done already
            run(documents(30), stops_at(stop))
        if number == 1:
            for path in run.out.glob("*.parquet"):
                if generator.random() < 0.3:
                    path.write_bytes(path.read_bytes()[: generator.randrange(path.stat().st_size)])
            run.runner, run.writer = OurRunner, OurWriter
    run(documents(30))
    assert run.broken() == []
    assert run.ids() == list(range(30))
