"""Faults of datatrove 0.10's ParquetWriter and InferenceRunner, and the same situations with ours.

Tests marked ``datatrove_fails`` assert that datatrove still loses something. When one of them fails, datatrove has been
mended, and the test can go.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest
from datatrove.data import Document
from datatrove.pipeline.writers import ParquetWriter as TheirWriter
from pipelines import THEIRS, Run, contents, documents, no_model, parquet_files, stops_at

import marquet as mq

OurWriter = mq.datatrove.ParquetWriter
datatrove_fails = pytest.mark.datatrove_fails


@pytest.fixture
def ours(tmp_path: pathlib.Path) -> Run:
    return Run(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: pathlib.Path) -> Run:
    return Run(tmp_path / "theirs", **THEIRS)


def run_until(run: Run, number: int, count: int, **options: Any) -> None:
    """A run over `count` documents that a fault ends at one of them."""
    with pytest.raises(Exception, match="Failed to process document"):
        run(documents(count), stops_at(number), **options)


class TestChunk1FinishedBeforeChunk0ThenACrash:
    def seen_while_going_on(self, run: Run) -> list[dict[str, Any]]:
        """What lies in the folder whenever a document is written in a second run."""
        chunk_1 = "000_00000_chunk_1.parquet"

        async def first_document_last(document: Document, generate: Any) -> str:
            while document.metadata["n"] == 0 and chunk_1 not in run.complete():
                await asyncio.sleep(0.001)
            if document.metadata["n"] == 0:
                raise ZeroDivisionError
            return await no_model(document, generate)

        run.concurrent = 20
        with pytest.raises(Exception, match="Failed to process"):
            run(documents(10), first_document_last)
        assert sorted(run.complete()[chunk_1]) == list("56789")
        seen: list[dict[str, Any]] = []

        def adapter(writer: Any, document: Document) -> dict[str, Any]:
            seen.append(contents(run.out))
            return writer._default_adapter(document)

        run.concurrent = 1
        run(documents(10), adapter=adapter)
        assert run.ids() == list(range(10))
        return seen

    @datatrove_fails
    def test_datatrove_truncates_the_finished_file(self, theirs: Run) -> None:
        assert any(names["000_00000_chunk_1.parquet"] is None for names in self.seen_while_going_on(theirs))

    def test_ours_does_not_touch_it(self, ours: Run) -> None:
        for names in self.seen_while_going_on(ours):
            assert sorted(names["000_00000_chunk_1.parquet"]) == list("56789")


class TestAllDocumentsOfAChunkDropped:
    def run(self, run: Run) -> None:
        async def drops(document: Document, generate: Any) -> str | None:
            return None if 5 <= document.metadata["n"] < 10 else "kept"

        run(documents(15), drops)
        assert run.complete() == {
            "000_00000_chunk_0.parquet": list("01234"),
            "000_00000_chunk_2.parquet": [str(i) for i in range(10, 15)],
        }

    @datatrove_fails
    def test_datatrove_leaves_an_empty_file(self, theirs: Run) -> None:
        self.run(theirs)
        (name,) = theirs.broken()
        assert (theirs.out / name).stat().st_size == 0

    def test_ours_leaves_none(self, ours: Run) -> None:
        self.run(ours)
        assert ours.broken() == []
        (manifest,) = (ours.out / "_marquet" / "writers").glob("*.json")
        units = json.loads(manifest.read_text().rsplit("\n", 2)[0])["units"]
        assert [(unit["records"], unit.get("dropped", 0)) for unit in units] == [(5, 0), (5, 5), (5, 0)]

    def test_our_runner_leaves_none_with_other_writers(self, tmp_path: pathlib.Path) -> None:
        run = Run(tmp_path, writer=TheirWriter)
        self.run(run)
        assert run.broken() == []


class TestASchemaThatDiffersBetweenBatches:
    def run(self, run: Run) -> None:
        input = documents(10)
        for document in input[5:]:
            document.metadata["n"] = str(document.metadata["n"])
        run.records_per_chunk = 10
        run(input, batch_size=5)  # and reports success

    @datatrove_fails
    def test_datatrove_loses_the_batch(self, theirs: Run) -> None:
        self.run(theirs)
        assert theirs.ids() == list(range(5))

    def test_ours_begins_another_part(self, ours: Run) -> None:
        self.run(ours)
        assert ours.complete() == {
            "000_00000_chunk_0.parquet": list("01234"),
            "001_00000_chunk_0.parquet": list("56789"),
        }


class TestANewKeyInsideABatch:
    def columns(self, run: Run) -> list[str]:
        input = documents(5)
        input[3].metadata["late"] = 1
        run(input, expand_metadata=True)
        (path,) = parquet_files(run.out)
        return pq.read_schema(path).names

    @datatrove_fails
    def test_datatrove_drops_the_column(self, theirs: Run) -> None:
        assert "late" not in self.columns(theirs)

    def test_ours_keeps_it(self, ours: Run) -> None:
        assert "late" in self.columns(ours)


class TestTheDiskFullAtTheEndOfAChunk:
    """A limit on file sizes stands for the disk: a chunk is larger than it, the checkpoints are not."""

    PROGRAM = """
import random, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pipelines import *
run = Run(Path(sys.argv[2]), **(THEIRS if sys.argv[3] == "theirs" else {}))
def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def adapter(writer, document):
    return {"id": document.id, "blob": random.Random(document.id).randbytes(20_000)}
async def until_space_is_freed(document, generate):
    if document.metadata["n"] == 5:
        limit_files(resource.RLIM_INFINITY)
    return document.text
limit_files(50_000)
run(documents(15), until_space_is_freed, adapter=adapter, compression=None)
"""

    def program(self, which: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
        here = pathlib.Path(__file__).parent
        return subprocess.run(
            [sys.executable, "-c", self.PROGRAM, here, folder, which], capture_output=True, text=True, timeout=60
        )

    @datatrove_fails
    def test_datatrove_reports_success(self, theirs: Run) -> None:
        done = self.program("theirs", theirs.folder)
        assert done.returncode == 0, done.stderr
        assert theirs.broken() == ["000_00000_chunk_0.parquet"]
        assert theirs.ids() == list(range(5, 15))

    def test_ours_ends_the_run_with_the_error(self, ours: Run) -> None:
        done = self.program("ours", ours.folder)
        assert done.returncode == 1
        assert "StorageError" in done.stderr
        assert "File too large" in done.stderr
        assert contents(ours.out) == {}
        assert not (ours.checkpoints / "last_chunk").exists()
        ours(documents(15), adapter=lambda writer, document: {"id": document.id, "n": document.metadata["n"]})
        assert ours.ids() == list(range(15))


class TestAMetadataKeyInTheTemplate:
    def after_chunk_0(self, run: Run) -> tuple[list[str], bool]:
        """Files that are not complete, and whether the log of chunk 0 is there, at the first document of chunk 1."""
        run.template = "${rank}_${lang}_${chunk_index}.parquet"
        found: list[tuple[list[str], bool]] = []

        async def looks(document: Document, generate: Any) -> str:
            if document.metadata["n"] == 5:
                log = "00000/chunk_00000.jsonl" if run.writer is TheirWriter else "marquet/00000/chunk_00000.log"
                found.append((run.broken(), (run.checkpoints / log).exists()))
            return document.text

        input = documents(10)
        for document in input:
            document.metadata["lang"] = "en" if document.metadata["n"] % 2 else "fr"
        run(input, looks)
        return found[0]

    @datatrove_fails
    def test_datatrove_closes_one_file_and_deletes_the_log(self, theirs: Run) -> None:
        assert self.after_chunk_0(theirs) == (["000_00000_en_0.parquet"], False)

    def test_ours_closes_all(self, ours: Run) -> None:
        assert self.after_chunk_0(ours) == ([], False)
        assert ours.complete()["000_00000_en_0.parquet"] == ["1", "3"]

    def test_our_runner_closes_all_of_other_writers(self, tmp_path: pathlib.Path) -> None:
        run = Run(tmp_path, writer=TheirWriter)
        assert self.after_chunk_0(run) == ([], False)


class TestDuplicateIdsAndASecondRun:
    def run(self, run: Run) -> list[Any]:
        def input() -> list[Document]:
            made = documents(5)
            for document, id in zip(made, ["7", "7", "8", "8", "9"], strict=True):
                document.id = id
            return made

        with pytest.raises(Exception, match="Failed to process"):
            run(input(), stops_at(3))
        run(input())
        (path,) = parquet_files(run.out)
        return sorted(row["n"] for row in pq.read_table(path)["metadata"].to_pylist())

    @datatrove_fails
    def test_datatrove_destroys_rows(self, theirs: Run) -> None:
        assert self.run(theirs) == [4]

    def test_ours_keeps_all(self, ours: Run) -> None:
        assert self.run(ours) == [0, 1, 2, 3, 4]


class TestInputThatHasGrown:
    @datatrove_fails
    def test_datatrove_skips_documents(self, theirs: Run) -> None:
        theirs(documents(8))
        theirs(documents(12))
        assert theirs.ids() == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11]

    def test_ours_goes_on_in_new_chunks(self, ours: Run) -> None:
        ours(documents(8))
        ours(documents(12))
        assert list(map(len, ours.complete().values())) == [5, 3, 4]
        assert ours.ids() == list(range(12))


class TestAnotherChunkSize:
    @datatrove_fails
    def test_datatrove_skips_documents(self, theirs: Run) -> None:
        run_until(theirs, 12, 20)
        theirs.records_per_chunk = 10
        theirs(documents(20))
        assert theirs.ids() == list(range(12))

    @pytest.mark.parametrize("size", [1, 3, 10, 100])
    def test_ours_goes_on_with_it(self, ours: Run, size: int) -> None:
        run_until(ours, 12, 20)
        ours.records_per_chunk = size
        ours(documents(20))
        assert ours.ids() == list(range(20))
        assert [len(ids) for ids in ours.complete().values()][:2] == [5, 5]


class TestAnEmptyMarker:
    def go_on(self, run: Run) -> None:
        run_until(run, 12, 20)
        (run.checkpoints / "last_chunk" / "00000.txt").write_text("")
        run(documents(20))

    @datatrove_fails
    def test_datatrove_cannot_go_on(self, theirs: Run) -> None:
        with pytest.raises(ValueError, match="invalid literal for int"):
            self.go_on(theirs)

    def test_ours_does_not_need_it(self, ours: Run) -> None:
        self.go_on(ours)
        assert ours.ids() == list(range(20))


class TestTwoRanksWithOneName:
    def write(self, kind: Any, folder: pathlib.Path) -> None:
        for rank in range(2):
            with kind(str(folder), "all.parquet") as writer:
                for document in documents(3, first=rank * 3):
                    writer.write(document, rank=rank)

    @datatrove_fails
    def test_datatrove_keeps_the_last(self, tmp_path: pathlib.Path) -> None:
        self.write(TheirWriter, tmp_path)
        assert contents(tmp_path) == {"000_all.parquet": list("345")}

    def test_ours_refuses_the_second(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(mq.InvalidInputError, match="the rank was '0' and is '1'"):
            self.write(OurWriter, tmp_path)
        assert contents(tmp_path) == {"000_all.parquet": list("012")}


class TestAFirstDocumentWithoutText:
    def texts(self, kind: Any, folder: pathlib.Path) -> list[Any]:
        with kind(str(folder)) as writer:
            for document in [Document("", "0"), Document("one", "1"), Document("two", "2")]:
                writer.write(document)
        return [row.get("text") for row in pq.read_table(folder / "000_00000.parquet").to_pylist()]

    @datatrove_fails
    def test_datatrove_loses_the_column(self, tmp_path: pathlib.Path) -> None:
        assert self.texts(TheirWriter, tmp_path) == [None, None, None]

    def test_ours_keeps_it(self, tmp_path: pathlib.Path) -> None:
        assert self.texts(OurWriter, tmp_path) == ["", "one", "two"]


class TestAnExceptionInAPipeline:
    def run(self, kind: Any, folder: pathlib.Path) -> None:
        def fails() -> Iterator[Document]:
            yield from documents(3)
            raise ZeroDivisionError

        with contextlib.suppress(ZeroDivisionError):
            for _ in kind(str(folder)).run(fails()):
                pass

    @datatrove_fails
    def test_datatrove_publishes_a_part(self, tmp_path: pathlib.Path) -> None:
        self.run(TheirWriter, tmp_path)
        assert contents(tmp_path) == {"000_00000.parquet": list("012")}

    def test_ours_publishes_nothing(self, tmp_path: pathlib.Path) -> None:
        self.run(OurWriter, tmp_path)
        assert contents(tmp_path) == {}


class TestAFileClosedTwice:
    def close_twice(self, kind: Any, folder: pathlib.Path) -> dict[str, Any]:
        with kind(str(folder)) as writer:
            for document in documents(3):
                writer.write(document)
            writer.close_file("00000.parquet")
            assert contents(folder) == {"000_00000.parquet": list("012")}
            writer.close_file("00000.parquet")
        return contents(folder)

    @datatrove_fails
    def test_datatrove_truncates_it(self, tmp_path: pathlib.Path) -> None:
        assert None in self.close_twice(TheirWriter, tmp_path).values()

    def test_ours_leaves_it(self, tmp_path: pathlib.Path) -> None:
        assert self.close_twice(OurWriter, tmp_path) == {"000_00000.parquet": list("012")}


class TestAKillAfterTheMarkerHasMoved:
    """Looked at when the runner has ended its work and the writer is not closed."""

    def before_the_writer_closes(self, run: Run) -> tuple[str, dict[str, Any]]:
        found: list[tuple[str, dict[str, Any]]] = []

        @contextlib.contextmanager
        def shared_context() -> Iterator[dict[str, Any]]:
            yield {}
            found.append(((run.checkpoints / "last_chunk" / "00000.txt").read_text(), contents(run.out)))

        run(documents(8), shared_context=shared_context)
        return found[0]

    @datatrove_fails
    def test_datatrove_has_lost_the_last_chunk(self, theirs: Run) -> None:
        marker, files = self.before_the_writer_closes(theirs)
        assert marker == "1"
        assert files["000_00000_chunk_1.parquet"] is None
        assert not (theirs.checkpoints / "00000").exists()

    def test_ours_has_published_it(self, ours: Run) -> None:
        assert self.before_the_writer_closes(ours) == (
            "1",
            {"000_00000_chunk_0.parquet": list("01234"), "000_00000_chunk_1.parquet": list("567")},
        )


class TestAnErrorWhileADocumentIsSaved:
    def run(self, run: Run) -> None:
        def adapter(writer: Any, document: Document) -> dict[str, Any]:
            return {"id": document.id, "n": 1 / (document.metadata["n"] - 3)}

        run(documents(10), adapter=adapter)

    @datatrove_fails
    def test_datatrove_loses_it_and_reports_success(self, theirs: Run) -> None:
        self.run(theirs)
        assert theirs.ids() == [0, 1, 2, 4, 5, 6, 7, 8, 9]

    @pytest.mark.parametrize("runner", ["ours", "theirs"])
    def test_ours_ends_the_run(self, tmp_path: pathlib.Path, runner: str) -> None:
        run = Run(tmp_path, **({"runner": THEIRS["runner"]} if runner == "theirs" else {}))
        with pytest.raises(Exception, match="division"):
            self.run(run)
        assert run.ids() == []
        run(documents(10), adapter=lambda writer, document: {"id": document.id, "n": 1.0})
        assert run.ids() == list(range(10))
