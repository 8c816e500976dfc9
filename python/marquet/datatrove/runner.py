"""datatrove's InferenceRunner, with checkpoints that lose nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig
from datatrove.pipeline.inference.run_inference import InferenceRunner as DatatroveInferenceRunner
from datatrove.pipeline.inference.types import RolloutFunction
from datatrove.pipeline.writers.disk_base import DiskWriter

from marquet.datatrove.checkpoints import CheckpointManager


class InferenceRunner(DatatroveInferenceRunner):
    """datatrove's, with the same arguments; see ``docs/datatrove.md``.

    - Its checkpoints are moved after the data is durable. They are bound to the input, document by document, and to the
      output; when it is run again it goes on where it was. An input that has grown goes on with new chunks, and so does
      another `records_per_chunk`; another input or output is refused, with what differs.
    - An error while a document is saved ends the run, which can be repeated, instead of being counted.
    - It takes over the folders of a run that datatrove's own runner has begun.

    Any writer of datatrove may be the output; with :class:`marquet.datatrove.ParquetWriter` the files survive, too.
    """

    def __init__(
        self,
        rollout_fn: RolloutFunction,
        config: InferenceConfig,
        output_writer: DiskWriter,
        shared_context: dict[str, Any]
        | Callable[[], dict[str, Any]]
        | contextlib.AbstractContextManager[dict[str, Any]]
        | None = None,
        checkpoints_local_dir: str | None = None,
        records_per_chunk: int = 6000,
        metadata_key: str = "rollout_results",
        skip_bad_requests: bool = False,
    ) -> None:
        super().__init__(
            rollout_fn,
            config,
            output_writer,
            shared_context,
            checkpoints_local_dir,
            records_per_chunk,
            metadata_key,
            skip_bad_requests,
        )
        self.checkpoint_manager = CheckpointManager(
            checkpoints_local_dir, records_per_chunk, request_cache=self.request_cache, metadata_key=metadata_key
        )

    async def run_async(self, data_gen: Iterable[Document], rank: int = 0) -> None:
        """Runs inference on documents, and writes them."""
        try:
            await super().run_async(data_gen, rank)
        finally:
            self.checkpoint_manager.release()

    async def _async_data_gen(self, sync_gen: Iterable[Document]) -> AsyncIterator[Document]:
        async for document in super()._async_data_gen(self.checkpoint_manager.documents(sync_gen)):
            await self.checkpoint_manager.finish_complete_chunks()
            yield document
        await self.checkpoint_manager.finish_complete_chunks()
        await self.checkpoint_manager.end_input()

    async def _save_document(
        self,
        document: Document,
        output_writer_context: DiskWriter,
        rank: int,
        chunk_index: int,
        count_processed_stat: bool = True,
    ) -> None:
        if count_processed_stat:
            self.stat_update("documents_processed", value=1, unit="document")
        await self.checkpoint_manager.write_document(document, rank, chunk_index, output_writer_context)
