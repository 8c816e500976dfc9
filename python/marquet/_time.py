"""Times as Python has them, to nanoseconds since 1970."""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias

import numpy as np

from marquet import _core
from marquet.errors import InvalidInputError

TimeLike: TypeAlias = "str | int | dt.datetime | dt.date | np.datetime64"
"""ISO-8601 text, nanoseconds since 1970, or one of Python's, pandas' or NumPy's times; UTC where there is no zone."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def to_nanos(value: TimeLike) -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z of a time; a date is its midnight.

    Raises:
        InvalidInputError: Text that is no time, or a time outside what int64 nanoseconds hold.
        TypeError: Something that is no time.
    """
    if isinstance(value, str):
        return int(_core.parse_time(value))
    if isinstance(value, bool):
        raise TypeError("expected a time, got a bool")
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (dt.datetime, dt.date)):
        return int(_core.parse_time(to_text(value)))
    if isinstance(value, np.datetime64):
        return int(_core.parse_time(to_text(value)))
    raise TypeError(f"expected a time (ISO-8601 text, datetime, date, datetime64 or int), got {type(value).__name__}")


def to_text(value: dt.datetime | dt.date | np.datetime64) -> str:
    """ISO-8601 text of a time in UTC, to the nanosecond where the value has it (a pandas Timestamp does).

    Raises:
        InvalidInputError: The value is not a time (NaT).
    """
    if isinstance(value, np.datetime64):
        # In its own unit: as nanoseconds a time past 2262 would wrap around. Nanoseconds are the finest that is read.
        finer = np.datetime_data(value)[0] in ("ps", "fs", "as")
        text = str(np.datetime_as_string(value, unit="ns" if finer else "auto"))
    elif isinstance(value, dt.datetime):
        text = (value if value.tzinfo is None else value.astimezone(dt.UTC)).isoformat()
    else:
        text = value.isoformat()
    if text == "NaT":
        raise InvalidInputError("NaT is not a time")
    return text


def from_nanos(nanos: int) -> dt.datetime | None:
    """The datetime in UTC of nanoseconds since 1970, to the microsecond below.

    None where Python has none: outside the years 1 to 9999.
    """
    try:
        return _EPOCH + dt.timedelta(microseconds=nanos // 1000)
    except OverflowError:
        return None
