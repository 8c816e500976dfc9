"""Paths, and text, as the core takes them: UTF-8; paths absolute where something stays open."""

from __future__ import annotations

import os
import re
from pathlib import Path

from marquet.errors import InvalidInputError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL_OF_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""As a ``Path`` spells it: with one stroke of two."""


def absolute(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """Where a path leads now: whoever changes the working directory later changes nothing of what is open by then.

    Raises:
        InvalidInputError: As of :func:`path_text`.
        TypeError: It is no path.
    """
    text = path_text(path)
    return text if not text or text.startswith("/") else str(Path(text).absolute())


def path_text(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """The text of a path.

    Raises:
        InvalidInputError: It is not UTF-8, or holds a NUL, behind which the operating system would not look; it is a
            URL, which would be a folder of that name.
        TypeError: It is no path.
    """
    text = os.fsdecode(path)
    url = _URL if isinstance(path, (str, bytes)) else _URL_OF_PATH
    if url.match(text) is not None:
        raise InvalidInputError(
            f"'{escaped(text)}' is a URL; tables and files are local: expected a path of this machine",
            hint="Leave file:// out. What lies elsewhere is copied here first, or mounted as a folder.",
        )
    if is_utf8(text) and "\0" not in text:
        return text
    what = "holds a NUL" if "\0" in text else "is not UTF-8"
    raise InvalidInputError(
        f"the path '{escaped(text)}' {what}", hint="files of such names are not taken: rename it, or choose another"
    )


def is_utf8(text: str) -> bool:
    """Whether a text is characters alone, without the bytes of another encoding that ``os.fsdecode`` leaves in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(text: str) -> str:
    r"""A text with NUL, and what is not UTF-8 in it, as ``\xNN``."""
    try:
        shown = os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, which no bytes stand for
        shown = text.encode("utf-8", "backslashreplace").decode()
    return shown.replace("\0", "\\x00")
