"""mq.datatrove.ParquetWriter as a drop-in for datatrove's own writer."""

from __future__ import annotations

import copy
import inspect
import json
import pathlib
import pickle
import random
from typing import Any

import dill
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.data import Document, Media
from datatrove.executor.base import ExecutorJSONEncoder
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.pipeline.writers import ParquetWriter as TheirWriter
from marquet.datatrove.writer import WriterStopped
from pipelines import CHUNKS, contents, documents, parquet_files, write_all

import marquet as mq

OurWriter = mq.datatrove.ParquetWriter


def test_is_imported_when_it_is_asked_for(run_python: Any) -> None:
    done = run_python(
        "import sys, marquet; assert 'datatrove' not in sys.modules; print(marquet.datatrove.ParquetWriter)"
    )
    assert "marquet.datatrove.writer.ParquetWriter" in done.stdout, done.stderr


class TestDropIn:
    def test_takes_every_argument(self) -> None:
        theirs = inspect.signature(TheirWriter).parameters
        ours = inspect.signature(OurWriter).parameters
        assert [(p.name, p.default, p.kind) for p in theirs.values()] == [
            (p.name, p.default, p.kind) for p in list(ours.values())[: len(theirs)]
        ]
        assert all(p.kind is p.KEYWORD_ONLY for p in list(ours.values())[len(theirs) :])
        for method in ("write", "close_file", "close", "_get_output_filename"):
            assert list(inspect.signature(getattr(TheirWriter, method)).parameters) == list(
                inspect.signature(getattr(OurWriter, method)).parameters
            )

    @pytest.mark.parametrize("max_file_size", [5 * 2**30, 0, -1])
    @pytest.mark.parametrize(
        "template",
        [None, "all-${rank}.parquet", CHUNKS, "$rank/${chunk_index}.parquet", "${lang}/${id}_${rank}.parquet"],
    )
    def test_writes_the_same_rows_under_the_same_names(
        self, tmp_path: pathlib.Path, template: str | None, max_file_size: int
    ) -> None:
        found = []
        for kind in (TheirWriter, OurWriter):
            folder = tmp_path / kind.__module__
            with kind(str(folder), template, max_file_size=max_file_size) as writer:
                for number, document in enumerate(documents(12, lang="en")):
                    writer.write(document, rank=number % 2, chunk_index=number // 4)
            tables = {str(path.relative_to(folder)): pq.read_table(path) for path in parquet_files(folder)}
            found.append({name: (table.to_pylist(), table.schema.names) for name, table in tables.items()})
        assert found[0] == found[1]
        assert len(found[1]) > 1

    @pytest.mark.parametrize(
        "options",
        [{"compression": codec} for codec in ("snappy", "gzip", "brotli", "lz4", "zstd", None)]
        + [
            {"batch_size": 5},
            {"expand_metadata": True},
            {"save_media_bytes": True},
            {
                "schema": pa.schema(
                    [
                        ("id", pa.string()),
                        ("text", pa.large_string()),
                        ("metadata", pa.struct([("n", pa.int16())])),
                        ("unused", pa.list_(pa.float32())),
                    ]
                )
            },
            {"write_page_index": False},
            {"use_content_defined_chunking": False},
            {"use_content_defined_chunking": {"min_chunk_size": 1024, "max_chunk_size": 4096, "norm_level": 1}},
            {"adapter": lambda writer, document: {"id": document.id, "length": len(document.text)}},
        ],
        ids=lambda options: "-".join(
            f"{name}={value}" if isinstance(value, str) else name for name, value in options.items()
        ),
    )
    def test_honours_options(self, tmp_path: pathlib.Path, options: dict[str, Any]) -> None:
        input = documents(12)
        if "schema" not in options:
            for document in input:
                document.media = [Media(id="m", type=1, url="u", media_bytes=b"bytes", metadata={"w": 1})]
        files = []
        for kind in (TheirWriter, OurWriter):
            folder = tmp_path / kind.__module__
            write_all(kind(str(folder), **options), input)
            files.append(pq.ParquetFile(folder / "000_00000.parquet"))
        theirs, ours = files
        assert ours.read().to_pylist() == theirs.read().to_pylist()
        assert ours.schema_arrow.names == theirs.schema_arrow.names
        if "schema" in options:
            assert ours.schema_arrow.equals(theirs.schema_arrow)
        assert ours.metadata.num_row_groups == theirs.metadata.num_row_groups
        chunk = [file.metadata.row_group(0).column(0) for file in files]
        assert chunk[0].compression == chunk[1].compression
        assert chunk[0].has_offset_index == chunk[1].has_offset_index

    def test_reads_back_as_it_was(self, tmp_path: pathlib.Path) -> None:
        input = [
            Document("one", "1", metadata={"a": 0, "b": "", "c": False, "d": [], "e": None}),
            Document(
                "two", "2", media=[Media("m", 1, "u")], metadata={"a": 5, "b": "x", "c": True, "d": [1], "e": 2.5}
            ),
        ]
        write_all(OurWriter(str(tmp_path)), input)
        back = list(ParquetReader(str(tmp_path), glob_pattern="*.parquet").run())
        assert [(d.text, d.id, d.media) for d in back] == [(d.text, d.id, d.media) for d in input]
        assert [{key: d.metadata[key] for key in "abcde"} for d in back] == [d.metadata for d in input]

    def test_refuses_what_their_writer_refuses(self, tmp_path: pathlib.Path) -> None:
        for kind in (TheirWriter, OurWriter):
            with pytest.raises(ValueError):
                kind(str(tmp_path), compression="zip")

    def test_is_copied_pickled_and_dumped_before_it_writes(self, tmp_path: pathlib.Path) -> None:
        writer = OurWriter(str(tmp_path / "0"), adapter=lambda writer, document: {"id": document.id})
        json.dumps(writer.__dict__, cls=ExecutorJSONEncoder)
        pickle.dumps(OurWriter(str(tmp_path / "pickled")))
        for number, copied in enumerate([writer, copy.deepcopy(writer), dill.loads(dill.dumps(writer))]):
            write_all(copied, documents(2), rank=number)
        assert len(contents(tmp_path / "0")) == 3
        json.dumps(writer.__dict__, cls=ExecutorJSONEncoder)


class TestRows:
    """Which datatrove's own writer loses."""

    def test_falsy_values_are_values(self, tmp_path: pathlib.Path) -> None:
        input = [Document("", "", metadata={}), Document("two", "2", metadata={"n": 0})]
        write_all(OurWriter(str(tmp_path)), input)
        assert pq.read_table(tmp_path / "000_00000.parquet").to_pylist() == [
            {"text": "", "id": "", "metadata": None},
            {"text": "two", "id": "2", "metadata": {"n": 0}},
        ]

    def test_no_metadata_at_all_is_no_column(self, tmp_path: pathlib.Path) -> None:
        write_all(OurWriter(str(tmp_path)), [Document("one", "1"), Document("two", "2")])
        assert pq.read_schema(tmp_path / "000_00000.parquet").names == ["text", "id"]

    def test_metadata_are_not_written_over_the_document(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(mq.InvalidInputError, match=r"document '1'.*\['text'\]"):
            write_all(
                OurWriter(str(tmp_path), expand_metadata=True), [Document("one", "1", metadata={"text": "other"})]
            )
        assert contents(tmp_path) == {}

    def test_documents_that_differ_go_to_another_part(self, tmp_path: pathlib.Path) -> None:
        input = documents(4) + documents(4, first=4, late=1) + documents(4, first=8)
        for document in input[10:]:
            document.metadata["n"] = "a text"
        write_all(OurWriter(str(tmp_path), batch_size=2), input)
        assert contents(tmp_path) == {
            "000_00000.parquet": ["0", "1", "2", "3"],
            "001_00000.parquet": ["4", "5", "6", "7", "8", "9"],
            "002_00000.parquet": ["10", "11"],
        }

    def test_or_are_an_error(self, tmp_path: pathlib.Path) -> None:
        input = documents(4) + documents(4, first=4, late=1)
        schema = pa.schema([("text", pa.string()), ("id", pa.string()), ("metadata", pa.struct([("n", pa.int64())]))])
        for options in ({"on_schema_change": "error"}, {"schema": schema}):
            with pytest.raises(mq.SchemaError, match="'metadata'"):
                write_all(OurWriter(str(tmp_path), batch_size=2, **options), input)
        assert contents(tmp_path) == {}


def test_parquet_file_split_by_size(tmp_path: pathlib.Path) -> None:
    limit, size, batch = 400_000, 20_000, 5
    generator = random.Random(1)
    writer = OurWriter(str(tmp_path), max_file_size=limit, batch_size=batch, compression=None)
    with writer:
        for number in range(100):
            writer.write(Document(generator.randbytes(size // 2).hex(), str(number)), rank=3)
            assert None not in contents(tmp_path).values()
            assert len(contents(tmp_path)) <= number * size // (limit // 2)
    found = contents(tmp_path)
    assert list(found) == [f"{part:03}_00003.parquet" for part in range(len(found))]
    assert [i for ids in found.values() for i in ids or []] == [str(i) for i in range(100)]
    sizes = [path.stat().st_size for path in parquet_files(tmp_path)]
    assert len(sizes) > 4
    assert max(sizes) < limit + batch * size + 10_000, "more than a row group too large"
    assert min(sizes[:-1]) > limit // 2


def test_diskwriter_close_file_contract(tmp_path: pathlib.Path) -> None:
    writer = OurWriter(str(tmp_path), "${rank}_${lang}_${chunk_index}.parquet", batch_size=100)
    with writer:
        for number, document in enumerate(documents(6)):
            document.metadata["lang"] = "en" if number % 2 else "fr"
            writer.write(document, rank=1, chunk_index=number // 3)
            assert contents(tmp_path) == {}, "nothing before it is complete"
        writer.close_file("never heard of")
        assert contents(tmp_path) == {}
        name = writer._get_output_filename(document, 1, chunk_index=0)
        assert name == "00001_en_0.parquet"
        writer.close_file(name)
        assert contents(tmp_path) == {"000_00001_en_0.parquet": ["1"], "000_00001_fr_0.parquet": ["0", "2"]}
        before = {path: path.read_bytes() for path in parquet_files(tmp_path)}
        for again in (name, "00001_fr_0.parquet", "000_00001_en_0.parquet"):
            writer.close_file(again)
        # The last document of a chunk may be one that was not written.
        writer.close_file(writer._get_output_filename(Document("", "", metadata={"lang": "de"}), 1, chunk_index=1))
        assert contents(tmp_path).keys() >= {"000_00001_en_1.parquet", "000_00001_fr_1.parquet"}
        # All of its documents may be.
        writer.close_file(writer._get_output_filename(Document("", "", metadata={"lang": "de"}), 1, chunk_index=2))
        assert len(contents(tmp_path)) == 4
    writer.close()
    writer.close()
    assert {path: path.read_bytes() for path in before} == before


class TestAdapters:
    def test_may_fill_one_dictionary_again(self, tmp_path: pathlib.Path) -> None:
        row: dict[str, Any] = {"ids": []}

        def adapter(_: Any, document: Document) -> dict[str, Any]:
            row["id"] = document.id
            row["ids"].append(document.id)
            return row

        write_all(OurWriter(str(tmp_path), adapter=adapter, max_file_size=0), documents(3))
        assert pq.read_table(tmp_path / "00000.parquet").to_pylist() == [
            {"ids": ["0"], "id": "0"},
            {"ids": ["0", "1"], "id": "1"},
            {"ids": ["0", "1", "2"], "id": "2"},
        ]

    @pytest.mark.parametrize("made", [None, "text", [{"id": 1}]])
    def test_what_is_no_dictionary_is_said(self, tmp_path: pathlib.Path, made: Any) -> None:
        with pytest.raises(TypeError, match=r"the adapter made .* of document '0'; expected a dictionary"):
            write_all(OurWriter(str(tmp_path), adapter=lambda _, document: made), documents(3))
        assert parquet_files(tmp_path) == []

    def test_the_key_of_the_metadata_is_named(self, tmp_path: pathlib.Path) -> None:
        mixed = [Document("text", str(i), metadata={"page": page}) for i, page in enumerate([1, 2, "3"])]
        with pytest.raises(mq.SchemaError, match=r"'metadata\.page': row 2 holds a str, row 0 a int"):
            write_all(OurWriter(str(tmp_path)), mixed)


class TestBlocks:
    def test_may_be_nested_and_follow_each_other(self, tmp_path: pathlib.Path) -> None:
        writer = OurWriter(str(tmp_path), CHUNKS)
        with writer, writer:
            writer.write(documents(1)[0], rank=0, chunk_index=0)
            with writer as same:
                assert same is writer
                writer.write(documents(2)[1], rank=0, chunk_index=0)
            assert contents(tmp_path) == {}
        assert contents(tmp_path) == {"000_00000_chunk_0.parquet": ["0", "1"]}
        with writer:
            writer.write(documents(1)[0], rank=5, chunk_index=0)
        assert len(contents(tmp_path)) == 2

    def test_an_exception_publishes_nothing_unfinished(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(ZeroDivisionError), OurWriter(str(tmp_path), CHUNKS) as writer:
            for number, document in enumerate(documents(8)):
                writer.write(document, chunk_index=number // 5)
                if number == 4:
                    writer.close_file("00000_chunk_0.parquet")
            _ = 1 / 0
        assert contents(tmp_path) == {"000_00000_chunk_0.parquet": ["0", "1", "2", "3", "4"]}

    def test_a_pipeline_that_stops_early_publishes_nothing_unfinished(self, tmp_path: pathlib.Path) -> None:
        run = OurWriter(str(tmp_path)).run(iter(documents(5)))
        next(run)
        run.close()
        assert contents(tmp_path) == {}

    def test_an_error_cannot_be_swallowed(self, tmp_path: pathlib.Path) -> None:
        def adapter(writer: Any, document: Document) -> dict[str, Any]:
            return {"n": 1 / document.metadata["n"], "id": document.id}

        writer = OurWriter(str(tmp_path), CHUNKS, adapter=adapter)
        with pytest.raises(ZeroDivisionError), writer:
            for document in documents(3):
                try:
                    writer.write(document, chunk_index=0)
                except Exception:
                    pytest.fail("went past `except Exception`")
                except WriterStopped as error:
                    assert isinstance(error.__cause__, ZeroDivisionError)
            for call in (lambda: writer.close_file("00000_chunk_0.parquet"), writer.__enter__):
                with pytest.raises(BaseException, match="division"):
                    call()
        assert contents(tmp_path) == {}
        write_all(writer, documents(2, first=1), chunk_index=0)  # a new block begins anew
        assert contents(tmp_path) == {"000_00000_chunk_0.parquet": ["1", "2"]}

    def test_an_error_outside_of_blocks_is_raised_as_it_is(self, tmp_path: pathlib.Path) -> None:
        writer = OurWriter(str(tmp_path), "${missing}.parquet")
        for _ in range(2):
            with pytest.raises(KeyError, match="missing"):
                writer.write(documents(1)[0])
        with pytest.raises(KeyError):
            writer.close()
        writer.close()

    def test_two_ranks_cannot_share_a_name(self, tmp_path: pathlib.Path) -> None:
        with (
            pytest.raises(mq.ConflictError, match=r"rank 0 is writing 'all.parquet', and so would rank 1"),
            OurWriter(str(tmp_path), "all.parquet") as writer,
        ):
            for rank in range(2):
                writer.write(documents(1)[0], rank=rank)
        with OurWriter(str(tmp_path), "all.parquet", batch_size=1) as writer:
            writer.write(documents(1)[0], rank=0)
            with pytest.raises(mq.ConflictError, match=r"The name has no \$\{rank\}"):
                write_all(OurWriter(str(tmp_path), "all.parquet", batch_size=1), documents(1), rank=1)
            writer.abort()
        write_all(OurWriter(str(tmp_path), "all.parquet"), documents(3), rank=0)
        with pytest.raises(mq.InvalidInputError, match="the rank was '0' and is '1'"):
            write_all(OurWriter(str(tmp_path), "all.parquet"), documents(3), rank=1)
        assert contents(tmp_path) == {"000_all.parquet": ["0", "1", "2"]}

    def test_metadata_do_not_stand_for_the_rank(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(mq.InvalidInputError, match="a key 'rank'"):
            write_all(OurWriter(str(tmp_path)), documents(1, rank="best"))
        assert contents(tmp_path) == {}

    @pytest.mark.parametrize("template", [None, CHUNKS])
    def test_rows_are_written_again_in_vain(self, tmp_path: pathlib.Path, template: str | None) -> None:
        for _ in range(2):
            write_all(OurWriter(str(tmp_path), template), documents(5), chunk_index=0)
        (path,) = parquet_files(tmp_path)
        before = path.read_bytes()
        other = documents(5)
        other[3].text = "another"
        with pytest.raises(mq.ConflictError, match="row 3"):
            write_all(OurWriter(str(tmp_path), template), other, chunk_index=0)
        with pytest.raises(mq.ConflictError, match="row 5"):
            write_all(OurWriter(str(tmp_path), template), documents(6), chunk_index=0)
        assert path.read_bytes() == before


def test_runs_in_a_local_executor_beside_other_writers(tmp_path: pathlib.Path) -> None:
    for shard in range(3):
        write_all(OurWriter(str(tmp_path / "in"), "${rank}.parquet"), documents(7, first=shard * 7), rank=shard)
    executor = LocalPipelineExecutor(
        [
            ParquetReader(str(tmp_path / "in"), glob_pattern="*.parquet"),
            OurWriter(str(tmp_path / "parquet"), batch_size=2),
            JsonlWriter(str(tmp_path / "jsonl"), "${rank}.jsonl", compression=None),
        ],
        tasks=3,
        workers=2,
        logging_dir=str(tmp_path / "logs"),
    )
    executor.run()
    lines = {
        path.stem: [json.loads(line)["id"] for line in path.read_text().splitlines()]
        for path in (tmp_path / "jsonl").glob("*.jsonl")
    }
    assert contents(tmp_path / "parquet") == {f"000_{rank}.parquet": ids for rank, ids in sorted(lines.items())}
    assert sum(map(len, lines.values())) == 21
    assert mq.verify(tmp_path / "parquet").ok


def test_validates_files(tmp_path: pathlib.Path) -> None:
    write_all(OurWriter(str(tmp_path)), documents(5))
    path = tmp_path / "000_00000.parquet"
    assert mq.validate_parquet_file(path)
    for broken in (b"", b"PAR1", path.read_bytes()[:-1]):
        path.write_bytes(broken)
        assert not mq.validate_parquet_file(path)
    with pytest.raises(mq.NotFoundError):
        mq.validate_parquet_file(tmp_path / "none.parquet")
