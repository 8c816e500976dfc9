"""Checking files and tables byte by byte."""

from __future__ import annotations

from typing import Literal, TypeAlias

VerifyLevel: TypeAlias = Literal["footer", "crc", "full"]
