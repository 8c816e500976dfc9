"""Paths of what stays open."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: str | os.PathLike[str]) -> str:
    """Where a path leads now: whoever changes the working directory later changes nothing of what is open by then."""
    text = os.fsdecode(path)
    return text if not text or text.startswith("/") else str(Path(text).absolute())
