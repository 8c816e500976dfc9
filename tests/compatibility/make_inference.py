"""What datatrove's inference keeps with our runner: finished chunks, a chunk that is begun, and its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kept import write_rows

DOCUMENTS = 13
STOPPED_AT = 8


def stopped(folder: Path) -> dict[str, Any]:
    """A run that stopped: one chunk is finished, of the next three documents are done."""
    import pyarrow.parquet as pq
    from pipelines import Run, contents, documents, stops_at

    run = Run(Path("written"))
    try:
        run(documents(DOCUMENTS), stops_at(STOPPED_AT))
    except Exception as error:
        assert "Failed to process" in str(error)
    else:
        raise AssertionError("the run did not stop")
    (name,) = contents(run.out)
    write_rows(folder / "expected" / "0.arrow", pq.read_table(run.out / name).replace_schema_metadata(None))
    return {"documents": DOCUMENTS, "stopped_at": STOPPED_AT, "file": name}
