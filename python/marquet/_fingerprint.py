"""What tells one input from another: apart from the writer, which takes any text that does."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path


def fingerprint(*paths: str | os.PathLike[str], progress: Callable[[int], None] | None = None) -> str:
    """A text that tells these files from others by their bytes: for ``ParquetWriter(input=...)``.

    Args:
        paths: The input's files, in the order they are read.
        progress: Called with the bytes read so far.
    """
    digest = hashlib.blake2b(digest_size=16)
    done = 0
    for path in paths:
        digest.update(Path(path).stat().st_size.to_bytes(8, "little"))
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                done += len(block)
                if progress is not None:
                    progress(done)
    return f"blake2b:{digest.hexdigest()}"
