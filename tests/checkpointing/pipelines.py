"""Documents, runs of datatrove's InferenceRunner over them, and what lies in folders then."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig
from datatrove.pipeline.inference.run_inference import InferenceRunner as TheirRunner
from datatrove.pipeline.writers import ParquetWriter as TheirWriter
from marquet.datatrove import InferenceRunner as OurRunner
from marquet.datatrove import ParquetWriter as OurWriter

CHUNKS = "${rank}_chunk_${chunk_index}.parquet"

Rollout = Callable[..., Awaitable[Any]]


def documents(count: int, first: int = 0, **metadata: Any) -> list[Document]:
    """Numbered ones."""
    return [Document(text=f"text {i}", id=str(i), metadata={"n": i, **metadata}) for i in range(first, first + count)]


def write_all(writer: Any, input: list[Document], rank: int = 0, **keys: Any) -> None:
    """In one block."""
    with writer:
        for document in input:
            writer.write(document, rank=rank, **keys)


async def answer(document: Document, generate: Any) -> Any:
    """A rollout that asks the model."""
    result = await generate({"messages": [{"role": "user", "content": document.text}]})
    assert result.text == document.text[::-1]
    return result


async def no_model(document: Document, generate: Any) -> str:
    """A rollout that does without."""
    await asyncio.sleep(0)
    return document.text.upper()


@dataclasses.dataclass
class Run:
    """One of datatrove's runs, which can be repeated in the same folders."""

    folder: pathlib.Path
    runner: Any = OurRunner
    writer: Any = OurWriter
    records_per_chunk: int = 5
    template: str = CHUNKS
    url: str = "http://127.0.0.1:9"
    """Of the model; nobody answers at the discard port, which rollouts without a model do not notice."""
    concurrent: int = 1

    @property
    def out(self) -> pathlib.Path:
        return self.folder / "out"

    @property
    def checkpoints(self) -> pathlib.Path:
        return self.folder / "checkpoints"

    def __call__(
        self,
        input: Iterable[Document],
        rollout: Rollout = no_model,
        *,
        rank: int = 0,
        shared_context: Any = None,
        checkpoints: bool = True,
        **options: Any,
    ) -> None:
        """Runs over an input. `options` are the writer's."""
        writer = self.writer(str(self.out), self.template, **options)
        self.runner(
            rollout,
            InferenceConfig(
                "endpoint",
                "model",
                endpoint_url=self.url,
                metric_interval=3600,
                max_concurrent_documents=self.concurrent,
            ),
            writer,
            shared_context=shared_context,
            checkpoints_local_dir=str(self.checkpoints) if checkpoints else None,
            records_per_chunk=self.records_per_chunk,
        ).run(iter(input), rank=rank)

    def complete(self) -> dict[str, list[str]]:
        """The ids in each complete file."""
        return {name: ids for name, ids in contents(self.out).items() if ids is not None}

    def broken(self) -> list[str]:
        """The files that are not complete."""
        return [name for name, ids in contents(self.out).items() if ids is None]

    def ids(self) -> list[int]:
        """Of all rows, sorted."""
        return sorted(int(i) for ids in self.complete().values() for i in ids)


THEIRS = {"runner": TheirRunner, "writer": TheirWriter}


def parquet_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """What a reader's pattern finds, in hidden folders and in the manifest's, too."""
    return sorted(folder.rglob("*.parquet"))


def contents(folder: pathlib.Path) -> dict[str, list[str] | None]:
    """The ids in each file that a reader's pattern finds, None for one that is not complete."""
    found: dict[str, list[str] | None] = {}
    for path in parquet_files(folder):
        try:
            found[str(path.relative_to(folder))] = pq.read_table(path)["id"].to_pylist()
        except (pa.ArrowInvalid, OSError):
            found[str(path.relative_to(folder))] = None
    return found


def stops_at(number: int, rollout: Rollout = no_model) -> Rollout:
    """A rollout that fails at a document, by its number in the metadata."""

    async def stopping(document: Document, generate: Any) -> Any:
        if document.metadata["n"] == number:
            raise ZeroDivisionError
        return await rollout(document, generate)

    return stopping


def watched(run: Run, input: Iterable[Document], seen: list[dict[str, list[str] | None]]) -> Iterator[Document]:
    """The input, with a look at the folder before every document."""
    for document in input:
        seen.append(contents(run.out))
        yield document
