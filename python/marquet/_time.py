"""Times as Python has them, to nanoseconds since 1970."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias

import numpy as np

from marquet import _core
from marquet.errors import InvalidInputError

TimeLike: TypeAlias = "str | int | dt.datetime | dt.date | np.datetime64"
"""ISO-8601 text, nanoseconds since 1970, or one of Python's, pandas' or NumPy's times; UTC where there is no zone.

An int in 1970's first four months is refused: it is what seconds, milliseconds and microseconds are taken for.
"""

_LIKELY_TIME = 10**16
"""Nanoseconds below this are in 1970's first four months; what seconds and microseconds of these years are."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def to_nanos(value: TimeLike) -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z of a time; a date is its midnight.

    Raises:
        InvalidInputError: Text that is no time, a time outside what int64 nanoseconds hold, or an int that counts
            seconds, milliseconds or microseconds.
        TypeError: Something that is no time.
    """
    if isinstance(value, str):
        return int(_core.parse_time(value))
    if isinstance(value, bool):
        raise TypeError("expected a time, got a bool")
    if isinstance(value, (int, np.integer)):
        return _likely(int(value))
    if isinstance(value, (dt.datetime, dt.date)):
        return int(_core.parse_time(to_text(value)))
    if isinstance(value, np.datetime64):
        return int(_core.parse_time(to_text(value)))
    raise TypeError(f"expected a time (ISO-8601 text, datetime, date, datetime64 or int), got {type(value).__name__}")


def _likely(nanos: int) -> int:
    """The time, if it is not one that seconds, milliseconds or microseconds give when they are taken for it."""
    if not 0 < nanos < _LIKELY_TIME:
        return nanos
    meant = next((nanos * unit for unit in (10**9, 10**6, 10**3) if _LIKELY_TIME <= nanos * unit < 2**63), None)
    advice = "" if meant is None else f", here {meant}"
    raise InvalidInputError(
        f"the time {nanos} counts nanoseconds since 1970, and would be {text_of_ticks(nanos, 'ns')}",
        hint=f"Give a datetime, ISO-8601 text, or nanoseconds{advice}.",
    )


def to_text(value: dt.datetime | dt.date | np.datetime64) -> str:
    """ISO-8601 text of a time, exact to the last digit that the value has (a pandas Timestamp has nanoseconds).

    Raises:
        InvalidInputError: The value is not a time (NaT).
    """
    if is_missing_time(value):
        raise InvalidInputError("NaT is not a time")
    if not isinstance(value, np.datetime64):
        return value.isoformat()
    unit: Any = np.datetime_data(value)[0]
    if unit in "YMWD":
        return _within_years(str(np.datetime_as_string(value, unit="D")))
    return _within_years(str(np.datetime_as_string(value, unit="s" if unit in "hm" else unit)))


def _within_years(text: str) -> str:
    """The text, or one of a year that is as far away as text may say, for a year further off than any column holds."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return text if digits.index("-") <= 12 else f"{sign}{'9' * 12}-01-01"


def is_missing_time(value: Any) -> bool:
    """Whether it is the NaT of NumPy or pandas."""
    return (isinstance(value, np.datetime64) and bool(np.isnat(value))) or type(value).__name__ == "NaTType"


def text_of_ticks(ticks: int, unit: Any) -> str:
    """ISO-8601 text of so many "D", "s", "ms", "us" or "ns" since 1970."""
    return to_text(np.datetime64(ticks, unit))


def from_nanos(nanos: int) -> dt.datetime | None:
    """The datetime in UTC of nanoseconds since 1970, to the microsecond below.

    None where Python has none: outside the years 1 to 9999.
    """
    try:
        return _EPOCH + dt.timedelta(microseconds=nanos // 1000)
    except OverflowError:
        return None
