"""Makes the compatibility fixtures of a release: what it writes to disk, kept for every later version to read.

Run it once for a release, with the build that is released, and commit what it makes:

    .venv/bin/python tests/compatibility/make_fixtures.py 0.1

It makes `tests/compatibility/0.1/`. A fixture is two files: `NAME.tar.gz`, and `NAME.json` with facts of it. In the
archive, `written/` is what Marquet wrote, `given/` what it was given (DBN files, made here), and `expected/` what must
come out of it, as Arrow files: read by deltalake or pyarrow, or the rows that were given, never what Marquet says.
A folder that is there is never made again: what a release wrote does not change any more. Where a later release
writes something new, a maker is added to MAKERS; the tests find fixtures by their names in each release's folder, and
pass over those that a release did not have yet.

The inputs are made from fixed seeds. Times of commits, UUIDs and names of data files are not the same twice.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
for folder in (TESTS / "compatibility", TESTS / "cli", TESTS / "python", TESTS / "checkpointing"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

import make_inference  # noqa: E402
import make_ingested  # noqa: E402
import make_outputs  # noqa: E402
import make_samples  # noqa: E402
import make_tables  # noqa: E402
from kept import HERE, pack  # noqa: E402

import marquet as mq  # noqa: E402

Maker = Callable[[Path], dict[str, Any]]
"""Fills an empty folder, which is the working directory meanwhile; returns the facts."""

MAKERS: dict[str, Maker] = {
    "trades": make_ingested.trades,
    "by-date": make_ingested.by_date,
    "split": make_ingested.split,
    "corrected": make_ingested.corrected,
    "parts": make_ingested.parts,
    "compacted": make_ingested.compacted,
    "interrupted": make_ingested.interrupted,
    "types": make_tables.types,
    "partitions": make_tables.partitions,
    "samples": make_samples.samples,
    "output-finished": make_outputs.finished,
    "output-unfinished": make_outputs.unfinished,
    "output-second-attempt": make_outputs.second_attempt,
    "killed-append": make_outputs.killed_append,
    "inference": make_inference.stopped,
}


def make(release: Path) -> None:
    """Makes every fixture in a folder that is not there yet."""
    release.mkdir()
    before = Path.cwd()
    for name, maker in MAKERS.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # so that paths in what is written are relative
            try:
                facts = maker(Path(folder))
            finally:
                os.chdir(before)
            pack(Path(folder), release / f"{name}.tar.gz")
        (release / f"{name}.json").write_text(json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", help="such as 0.1; the build must be of it")
    release = parser.parse_args().release
    if not f"{mq.__version__}.".startswith(f"{release}."):
        parser.error(f"this is a build of {mq.__version__}, not of {release}")
    if (HERE / release).exists():
        parser.error(f"{HERE / release} is there already, and what a release wrote does not change any more")
    make(HERE / release)
    size = sum(path.stat().st_size for path in (HERE / release).iterdir())
    print(f"{HERE / release}: {len(MAKERS)} fixtures, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
