"""How tables and reports show themselves in notebooks: as small HTML tables, everything in them escaped."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

MOST_ROWS = 20
"""Of a list; the rest is counted."""
_LONGEST = 200


def text(value: Any) -> str:
    """A value as HTML text."""
    if value is None:
        told = "-"
    elif isinstance(value, bool):
        told = "yes" if value else "no"
    elif isinstance(value, int):
        told = f"{value:,}"
    elif isinstance(value, dt.datetime):
        told = value.isoformat()
    elif isinstance(value, os.PathLike):
        told = os.fspath(value)
    else:
        told = str(value)
    if len(told) > _LONGEST:
        told = told[: _LONGEST - 3] + "..."
    return html.escape(told)


def titled(title: str, *parts: str) -> str:
    """HTML parts below a title."""
    return f"<div><b>{html.escape(title)}</b>{''.join(parts)}</div>"


def pairs(values: Iterable[tuple[str, Any]]) -> str:
    """A table of names and what they stand for."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{text(name)}</th><td>{_cell(value)}</td></tr>" for name, value in values
    )
    return f"<table>{rows}</table>"


def rows(names: Sequence[str], values: Sequence[Sequence[Any]], most: int = MOST_ROWS) -> str:
    """A table with a head; of long ones the first rows."""
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    shown = values[:most]
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in shown)
    left = len(values) - len(shown)
    more = f"<tr><td colspan='{len(names)}'>... and {left:,} more</td></tr>" if left else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>"


def readable(value: Any) -> Any:
    """A report of names and numbers for people: spaces in names, nanoseconds as times, without what is not known."""
    if isinstance(value, Mapping):
        return {
            name.removesuffix("_ns").replace("_", " "): _time(one) if name.endswith("_ns") else readable(one)
            for name, one in value.items()
            if one is not None and one != ""
        }
    if isinstance(value, float):
        return f"{value:.6g}"
    return [readable(one) for one in value] if isinstance(value, list) else value


def _time(nanos: Any) -> str:
    return f"{np.array(nanos).astype('M8[ns]')}Z"


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _cell(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = _fields(value)
    if isinstance(value, Mapping):
        return pairs(value.items()) if value else "-"
    if isinstance(value, (list, tuple)):
        if not value:
            return "-"
        records = [
            _fields(one) if dataclasses.is_dataclass(one) and not isinstance(one, type) else one for one in value
        ]
        if all(isinstance(one, Mapping) for one in records):
            names = list(dict.fromkeys(str(name) for one in records for name in one))
            return rows(names, [[one.get(name) for name in names] for one in records])
        left = len(records) - MOST_ROWS
        return "<br>".join(text(one) for one in records[:MOST_ROWS]) + (
            f"<br>... and {left:,} more" if left > 0 else ""
        )
    return text(value)


class Report:
    """A data class that shows its fields in notebooks."""

    def _shown(self) -> dict[str, Any]:
        return _fields(self)

    def _repr_html_(self) -> str:
        values = self._shown().items()
        return titled(type(self).__name__, pairs((name.replace("_", " "), value) for name, value in values))
