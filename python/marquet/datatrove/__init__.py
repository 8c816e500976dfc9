"""datatrove's ParquetWriter and InferenceRunner, with files that survive; the wheel's extra ``datatrove`` brings it.

One import line changes; ``docs/datatrove.md`` says what else does.
"""

from __future__ import annotations

from marquet.datatrove.runner import InferenceRunner
from marquet.datatrove.writer import ParquetWriter

__all__ = ["InferenceRunner", "ParquetWriter"]
