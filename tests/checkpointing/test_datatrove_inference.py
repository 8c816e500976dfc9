"""InferenceRunner with our writer: files while it runs, several ranks, and runs that go on where others stopped."""

from __future__ import annotations

import errno
import inspect
import json
import os
import pathlib
import random
import socket
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from datatrove.data import Document
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.inference.run_inference import InferenceConfig
from datatrove.pipeline.inference.run_inference import InferenceRunner as TheirRunner
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from pipelines import CHUNKS, OurRunner, OurWriter, Run, answer, contents, documents, no_model, stops_at

import marquet as mq

RUNNERS = pytest.mark.parametrize("runner", [TheirRunner, OurRunner], ids=["their runner", "our runner"])


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Run:
    return Run(tmp_path)


@RUNNERS
def test_parquet_corruption_with_chunking(tmp_path: pathlib.Path, model_url: str, runner: Any) -> None:
    run = Run(tmp_path, runner=runner, url=model_url)
    seen: list[dict[str, Any]] = []

    async def looks(document: Document, generate: Any) -> Any:
        seen.append(contents(run.out))
        return await answer(document, generate)

    run(documents(15), looks, compression="snappy")
    assert len(seen) == 15
    for number, files in enumerate(seen):  # one document after the other
        assert files == {
            f"000_00000_chunk_{chunk}.parquet": [str(i) for i in range(chunk * 5, chunk * 5 + 5)]
            for chunk in range(number // 5)
        }
    assert run.ids() == list(range(15))
    assert len(run.complete()) == 3
    assert run.broken() == []
    first = pq.ParquetFile(run.out / "000_00000_chunk_0.parquet")
    assert first.metadata.row_group(0).column(0).compression == "SNAPPY"
    row = first.read().to_pylist()[0]
    assert row["metadata"]["rollout_results"][0]["text"] == "0 txet"


@RUNNERS
def test_parquet_corruption_during_execution(tmp_path: pathlib.Path, model_url: str, runner: Any) -> None:
    run = Run(tmp_path, runner=runner, url=model_url, concurrent=8)
    seen: list[dict[str, Any]] = []

    async def looks(document: Document, generate: Any) -> Any:
        result = await answer(document, generate)
        seen.append(contents(run.out))
        return result

    run(documents(20), looks)
    for files in seen:
        assert None not in files.values(), files
        assert all(len(ids or []) == 5 for ids in files.values()), files
    assert any(files for files in seen), "none was there while it ran"
    assert [sorted(map(int, ids)) for ids in run.complete().values()] == [list(range(i, i + 5)) for i in (0, 5, 10, 15)]
    assert run.broken() == []


def test_takes_every_argument() -> None:
    theirs, ours = (inspect.signature(runner).parameters for runner in (TheirRunner, OurRunner))
    assert [(p.name, p.default, p.kind) for p in theirs.values()] == [
        (p.name, p.default, p.kind) for p in ours.values()
    ]
    for method in ("run", "run_async", "_save_document", "_async_data_gen"):
        assert list(inspect.signature(getattr(TheirRunner, method)).parameters) == list(
            inspect.signature(getattr(OurRunner, method)).parameters
        )


@RUNNERS
def test_runs_in_a_local_executor(tmp_path: pathlib.Path, model_url: str, runner: Any) -> None:
    (tmp_path / "in").mkdir()
    for shard in range(4):
        lines = [{"text": d.text, "id": d.id} for d in documents(7, first=shard * 7)]
        (tmp_path / "in" / f"{shard}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    config = InferenceConfig("endpoint", "model", endpoint_url=model_url, metric_interval=3600)
    for _ in range(2):  # the second has nothing to do
        LocalPipelineExecutor(
            [
                JsonlReader(str(tmp_path / "in")),
                runner(
                    answer,
                    config,
                    OurWriter(str(tmp_path / "out"), CHUNKS),
                    checkpoints_local_dir=str(tmp_path / "checkpoints"),
                    records_per_chunk=5,
                ),
            ],
            tasks=4,
            workers=2,
            logging_dir=str(tmp_path / "logs"),
        ).run()
    found = contents(tmp_path / "out")
    assert list(found) == [f"000_0000{rank}_chunk_{chunk}.parquet" for rank in range(4) for chunk in range(2)]
    assert sorted(int(i) for ids in found.values() for i in ids or []) == list(range(28))
    assert mq.verify(tmp_path / "out").ok


class TestGoingOn:
    @pytest.mark.parametrize("seed", range(3))
    def test_every_document_is_asked_and_written_once(self, run: Run, seed: int) -> None:
        """Stopped again and again, with many documents in flight."""
        generator = random.Random(seed)
        run.concurrent = 7
        asked: list[int] = []
        stops = sorted(generator.sample(range(40), 4))

        async def rollout(document: Document, generate: Any) -> Any:
            number = document.metadata["n"]
            if stops and number == stops[0]:
                stops.pop(0)
                raise ZeroDivisionError
            result = await no_model(document, generate)
            asked.append(number)
            return result

        while stops:
            with pytest.raises(Exception, match="Failed to process"):
                run(documents(40), rollout)
            assert run.broken() == []
        run(documents(40), rollout)
        assert run.ids() == list(range(40))
        assert all(len(ids) == 5 for ids in run.complete().values())
        run(documents(40), stops_at(0))  # nothing is left to do
        assert len(asked) < 40 + 4 * run.concurrent

    def test_done_documents_are_not_asked_again(self, run: Run) -> None:
        asked: list[int] = []

        async def counts(document: Document, generate: Any) -> str:
            asked.append(document.metadata["n"])
            return "x"

        for stop in (3, 8, 9):
            with pytest.raises(Exception, match="Failed to process"):
                run(documents(12), stops_at(stop, counts))
        run(documents(12), counts)
        assert asked == list(range(12))
        assert run.ids() == list(range(12))

    def test_values_come_out_of_the_checkpoints_as_they_were(self, tmp_path: pathlib.Path) -> None:
        import datetime
        import decimal

        import numpy as np

        values = {
            "bytes": b"\x00\xff",
            "when": datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
            "day": datetime.date(2024, 1, 2),
            "time": datetime.time(1, 2, 3),
            "price": decimal.Decimal("1.50"),
            "nan": float("nan"),
            "infinite": float("inf"),
            "vector": np.arange(3, dtype=np.float32),
            "number": np.int16(5),
            "nested": {"list": [{"a": b"x"}, {"a": None}]},
            "text": "\u0000 \U0001f600 \u2028",
        }
        tables = []
        for folder, stops in (("once", []), ("twice", [4])):
            run = Run(tmp_path / folder)
            for stop in stops:
                with pytest.raises(Exception, match="Failed to process"):
                    run(documents(5, **values), stops_at(stop))
            run(documents(5, **values))
            tables.append(pq.read_table(run.out / "000_00000_chunk_0.parquet").replace_schema_metadata(None))
        assert tables[0].schema.equals(tables[1].schema)
        assert repr(tables[0].to_pylist()) == repr(tables[1].to_pylist())

    def test_what_cannot_be_kept_is_named(self, run: Run) -> None:
        with pytest.raises(Exception, match="a set in a document's metadata cannot be kept"):
            run(documents(5, tags={1}), adapter=lambda writer, document: {"id": document.id})

    def test_dropped_documents_stay_dropped(self, run: Run) -> None:
        async def drops_odd(document: Document, generate: Any) -> str | None:
            return "x" if document.metadata["n"] % 2 == 0 else None

        with pytest.raises(Exception, match="Failed to process"):
            run(documents(20), stops_at(13, drops_odd))
        run(documents(20), drops_odd)
        assert run.ids() == list(range(0, 20, 2))

    @pytest.mark.parametrize("grown", [8, 9, 10, 11, 23])
    def test_input_that_has_grown(self, run: Run, grown: int) -> None:
        run(documents(8))
        before = {path: path.read_bytes() for path in run.out.glob("*.parquet")}
        for count in (grown, grown, 30):
            run(documents(count))
            assert run.ids() == list(range(count))
        assert {path: path.read_bytes() for path in before} == before

    def test_more_chunk_sizes_than_one(self, run: Run) -> None:
        run.concurrent = 6  # fewer than lie between the stops, which must not have been reached before
        for size, stop in ((5, 18), (2, 25), (7, 33), (1, 41)):
            run.records_per_chunk = size
            with pytest.raises(Exception, match="Failed to process"):
                run(documents(50), stops_at(stop))
        run(documents(50))
        assert run.ids() == list(range(50))

    def test_an_object_may_come_many_times(self, run: Run) -> None:
        run.concurrent = 4
        (document,) = documents(1)
        run([document] * 12)
        assert run.ids() == [0] * 12

    def test_an_adapter_may_change_its_document(self, run: Run) -> None:
        def adapter(writer: Any, document: Document) -> dict[str, Any]:
            return {"id": document.id, "n": document.metadata.pop("n")}

        with pytest.raises(Exception, match="Failed to process"):
            run(documents(12), stops_at(8), adapter=adapter)
        run(documents(12), adapter=adapter)
        assert run.ids() == list(range(12))

    def test_without_checkpoints(self, run: Run) -> None:
        run(documents(12), checkpoints=False)
        assert list(map(len, run.complete().values())) == [5, 5, 2]
        run.template = "${rank}.parquet"
        run(documents(12), checkpoints=False)
        assert len(run.complete()["000_00000.parquet"]) == 12

    def test_ranks_have_checkpoints_of_their_own(self, run: Run) -> None:
        for rank in range(3):
            with pytest.raises(Exception, match="Failed to process"):
                run(documents(9, first=rank * 9), stops_at(rank * 9 + 6), rank=rank)
        for rank in range(3):
            run(documents(9, first=rank * 9), rank=rank)
        assert run.ids() == list(range(27))

    def test_in_a_remote_folder(self, run: Run, request: pytest.FixtureRequest) -> None:
        folder, filesystem = f"/{request.node.name}", fsspec.filesystem("memory")

        def go(rollout: Any, count: int = 13) -> None:
            OurRunner(
                rollout,
                InferenceConfig(
                    "endpoint", "m", endpoint_url=run.url, metric_interval=3600, max_concurrent_documents=1
                ),
                OurWriter((folder, filesystem), CHUNKS),
                checkpoints_local_dir=str(run.checkpoints),
                records_per_chunk=5,
            ).run(iter(documents(count)))

        for stop in (3, 8):
            with pytest.raises(Exception, match="Failed to process"):
                go(stops_at(stop))
        go(no_model)
        go(no_model, 14)
        found = [pq.read_table(name, filesystem=filesystem)["id"].to_pylist() for name in filesystem.find(folder)]
        assert [list(map(int, ids)) for ids in found] == [[*range(5)], [*range(5, 10)], [10, 11, 12], [13]]

    def test_other_writers(self, run: Run) -> None:
        run.writer, run.template = JsonlWriter, CHUNKS.replace("parquet", "jsonl")
        for stop in (3, 8):
            with pytest.raises(Exception, match="Failed to process"):
                run(documents(12), stops_at(stop), compression=None)
        run(documents(12), compression=None)
        run(documents(14), compression=None)
        lines = [path.read_text().splitlines() for path in sorted(run.out.glob("*.jsonl"))]
        assert [[int(json.loads(line)["id"]) for line in file] for file in lines] == [
            [*range(5)],
            [*range(5, 10)],
            [10, 11],
            [12, 13],
        ]


class TestRefusals:
    """Each says what differs, and leaves what is published as it was."""

    def refuses(self, run: Run, input: list[Document], words: str) -> None:
        before = contents(run.out)
        with pytest.raises(mq.InvalidInputError, match=words):
            run(input)
        assert contents(run.out) == before

    @pytest.fixture
    def stopped(self, run: Run) -> Run:
        """Chunk 0 is finished; documents 5 to 7 are done."""
        with pytest.raises(Exception, match="Failed to process"):
            run(documents(20), stops_at(8))
        return run

    def test_another_input(self, stopped: Run) -> None:
        changed = documents(20)
        changed[2].text = "another"
        self.refuses(stopped, changed, "chunk 0, documents 0 to 4, was made of other ones")

    def test_other_metadata(self, stopped: Run) -> None:
        changed = documents(20)
        changed[2].metadata["prompt"] = "another"
        self.refuses(stopped, changed, "chunk 0, documents 0 to 4, was made of other ones")

    def test_another_document_in_a_chunk_that_is_begun(self, stopped: Run) -> None:
        changed = documents(20)
        changed[6].id = "another"
        self.refuses(stopped, changed, "document 6 is another one: its id is 'another'")

    def test_another_order(self, stopped: Run) -> None:
        self.refuses(stopped, documents(20)[::-1], "chunk 0, documents 0 to 4, was made of other ones")

    def test_input_that_has_shrunk(self, stopped: Run) -> None:
        self.refuses(stopped, documents(7), "it ends after 7 documents; document 7 was processed")
        self.refuses(stopped, documents(3), "it ends after 3 documents; chunk 0, documents 0 to 4, was finished")
        self.refuses(stopped, documents(5), "it ends after 5 documents; document 7 was processed")

    def test_another_output(self, stopped: Run) -> None:
        stopped.template = "other_" + CHUNKS
        self.refuses(stopped, documents(20), "the template was '.*' and is 'other_")

    def test_the_output_is_gone(self, stopped: Run) -> None:
        stopped.out.rename(stopped.folder / "moved away")
        with pytest.raises(mq.InvalidInputError, match="checkpoints are of another output: the run was"):
            stopped(documents(20))

    def test_before_a_chunk_is_finished_the_output_may_be_another(self, run: Run) -> None:
        with pytest.raises(Exception, match="Failed to process"):
            run(documents(8), stops_at(3))
        run.out.rename(run.folder / "moved away")
        run.template = "other_" + CHUNKS
        run(documents(8))
        assert run.ids() == list(range(8))

    def test_another_process_is_at_work(self, stopped: Run) -> None:
        from marquet.datatrove.ledger import Ledger

        ledger = Ledger(stopped.checkpoints, 0)
        with pytest.raises(mq.ConflictError, match="another run is at work on rank 0") as refused:
            stopped(documents(20))
        assert f"process {os.getpid()} on {socket.gethostname()} since 20" in str(refused.value)
        assert refused.value.hint is not None
        ledger.release()
        stopped(documents(20))

    def test_a_damaged_journal(self, stopped: Run) -> None:
        journal = stopped.checkpoints / "marquet" / "00000" / "journal.log"
        whole = journal.read_bytes()
        journal.write_bytes(whole.replace(b'"records":5', b'"records":4'))
        with pytest.raises(mq.CorruptDataError, match="line 2, at byte"):
            stopped(documents(20))
        journal.write_bytes(whole + b"cut sh")  # by a crash
        stopped(documents(20))
        assert stopped.ids() == list(range(20))

    @pytest.mark.parametrize("written", [0, 1, 8, 9, 30])
    def test_a_line_whose_write_failed_spoils_no_other(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, written: int
    ) -> None:
        from marquet.datatrove.journal import Journal, line_of

        journal = Journal(tmp_path / "journal.log")
        lines = [line_of({"chunk": n, "text": "x" * 20}) for n in range(4)]
        journal.append(lines[0], durable=True)
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", _raises)
            with pytest.raises(OSError, match="no space"):
                journal.append(lines[1][:written], durable=True)
        for line in lines[2:]:
            journal.append(line, durable=True)
        again = Journal(tmp_path / "journal.log")
        assert [entry["chunk"] for entry in again.read(every_entry_was_durable=True)] == [0, 2, 3]
        assert again.torn == (written > 0)
        # A process that finds such an end does as much.
        again.path.write_bytes(again.path.read_bytes() + lines[1][:written])
        third = Journal(tmp_path / "journal.log")
        third.append(lines[1], durable=True)
        assert [entry["chunk"] for entry in third.read(every_entry_was_durable=False)] == [0, 2, 3, 1]

    def test_a_damaged_log_costs_documents_their_work_only(self, stopped: Run) -> None:
        log = stopped.checkpoints / "marquet" / "00000" / "chunk_00001.log"
        log.write_bytes(log.read_bytes().replace(b"text 6", b"text ?"))
        asked: list[int] = []

        async def counts(document: Document, generate: Any) -> str:
            asked.append(document.metadata["n"])
            return "x"

        stopped(documents(20), counts)
        assert asked == list(range(6, 20))
        assert stopped.ids() == list(range(20))


def _raises(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "no space")


def test_the_working_directory_may_change(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from marquet.datatrove.ledger import Ledger

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    ledger = Ledger(pathlib.Path("checkpoints"), 0)
    os.chdir("elsewhere")
    ledger.bind({"writer": "x"})
    ledger.begin(0, 0, 5).keep(b"", durable=True)
    ledger.release()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "checkpoints" / "marquet" / "00000" / "journal.log").stat().st_size > 0
