"""Checkpoints of inference that older releases kept: a run goes on where it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from kept import Kept, of, plain
from pipelines import Run, documents, no_model

import marquet as mq

STOPPED = of("inference")


@STOPPED
def test_a_stopped_run_goes_on(kept: Kept) -> None:
    asked: list[int] = []

    async def counts(document: Any, generate: Any) -> str:
        asked.append(document.metadata["n"])
        return await no_model(document, generate)

    run = Run(kept.written)
    before = {path: path.read_bytes() for path in run.out.glob("*.parquet")}
    assert before
    run(documents(kept.facts["documents"]), counts)
    assert asked == list(range(kept.facts["stopped_at"], kept.facts["documents"]))
    assert run.ids() == list(range(kept.facts["documents"]))
    assert all(path.read_bytes() == content for path, content in before.items())
    assert mq.verify(run.out).ok
    done = pq.read_table(run.out / kept.facts["file"]).replace_schema_metadata(None)
    assert plain(done) == plain(kept.rows("0"))


@STOPPED
def test_another_input_is_refused(kept: Kept) -> None:
    changed = documents(kept.facts["documents"])
    changed[2].text = "another"
    with pytest.raises(mq.InvalidInputError, match="chunk 0, documents 0 to 4, was made of other ones"):
        Run(kept.written)(changed)


@STOPPED
def test_a_moved_output_is_noticed(kept: Kept, tmp_path: Path) -> None:
    shutil.rmtree(kept.written / "out")
    with pytest.raises(mq.InvalidInputError, match="checkpoints are of another output"):
        Run(kept.written)(documents(kept.facts["documents"]))
