"""Values out of Python, NumPy, pandas, Arrow and Polars, as literals of a filter that keep every digit."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import numbers
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from marquet._time import is_missing_time, text_of_ticks, to_text
from marquet.errors import InvalidInputError

Literal: TypeAlias = "bool | int | float | str | bytes | decimal.Decimal | None"
"""What the core takes. Times are ISO-8601 text."""

_DIGITS = 800
"""More than a double has; a fraction that needs further ones is told from its neighbours by these."""

_BEYOND_EVERYTHING = 10**400
"""Larger than every double and every decimal of 38 digits."""

_STORED_AS_MEANT = {"arrow.uuid", "arrow.json", "arrow.bool8"}
"""Extension types whose storage is their value. A pandas period is stored as a count, which compares with no column."""


def literal(value: Any) -> Literal:
    """The value as the core takes it: exact, null for what is missing.

    Raises:
        InvalidInputError: A value of a type that no column is compared with.
    """
    if isinstance(value, pa.Scalar):
        return _of_arrow(value)
    if isinstance(value, enum.Enum):
        return literal(value.value)
    if _is_missing(value):
        return None
    if isinstance(value, (dt.datetime, dt.date, np.datetime64)):
        return to_text(value)
    if isinstance(value, np.generic) and not isinstance(value, (np.longdouble, np.timedelta64)):
        value = value.item()
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (float, np.longdouble)):
        if float(value) == value or value != value:
            return float(value)
        numerator, denominator = value.as_integer_ratio()
        return _of_fraction(int(numerator), int(denominator))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, int):
        return int(max(-_BEYOND_EVERYTHING, min(value, _BEYOND_EVERYTHING)))
    if isinstance(value, decimal.Decimal):
        return value if value.is_finite() else float("nan") if value.is_nan() else float(value)
    if isinstance(value, numbers.Rational) and not isinstance(value, np.timedelta64):
        return _of_fraction(int(value.numerator), int(value.denominator))
    if type(value).__module__.startswith("polars.expr"):
        return _of_expression(value)
    raise InvalidInputError(f"a filter cannot compare with {value!r} of type {type(value).__name__}")


def _is_missing(value: Any) -> bool:
    """None, pandas' NA and the NaT of pandas and NumPy; NaN is a number."""
    return value is None or type(value).__name__ == "NAType" or is_missing_time(value)


def _of_arrow(value: Any) -> Literal:
    if not value.is_valid:
        return None
    if isinstance(value, pa.DictionaryScalar):
        return _of_arrow(value.value if value.index.is_valid else pa.scalar(None))
    if isinstance(value, pa.ExtensionScalar) and value.type.extension_name not in _STORED_AS_MEANT:
        raise InvalidInputError(f"a filter cannot compare with {value!r} of type {value.type}")
    if isinstance(value, (pa.ExtensionScalar, pa.RunEndEncodedScalar)):
        return _of_arrow(value.value) if isinstance(value.value, pa.Scalar) else literal(value.as_py())
    if isinstance(value, pa.TimestampScalar):
        return text_of_ticks(value.value, value.type.unit)
    if isinstance(value, pa.Date32Scalar):
        return text_of_ticks(value.value, "D")
    if isinstance(value, pa.Date64Scalar):
        return text_of_ticks(value.value, "ms")
    if isinstance(value, (pa.DurationScalar, pa.MonthDayNanoIntervalScalar, pa.Time32Scalar, pa.Time64Scalar)):
        raise InvalidInputError(f"a filter cannot compare with {value!r} of type {value.type}")
    return literal(value.as_py())


def _of_fraction(numerator: int, denominator: int) -> decimal.Decimal:
    """A fraction as a decimal, cut behind so many digits that a 1 in place of the rest orders it rightly."""
    if denominator == 1:
        return decimal.Decimal(max(-_BEYOND_EVERYTHING, min(numerator, _BEYOND_EVERYTHING)))
    magnitude = int((abs(numerator).bit_length() - denominator.bit_length()) * math.log10(2))
    places = max(_DIGITS - magnitude, 0)
    if places == 0:
        return decimal.Decimal(_BEYOND_EVERYTHING if numerator > 0 else -_BEYOND_EVERYTHING)
    digits, rest = divmod(abs(numerator) * 10**places, denominator)
    sign = "-" if numerator < 0 else ""
    return decimal.Decimal(f"{sign}{digits}{'1' if rest else '0'}e-{places + 1}")


def _of_expression(expression: Any) -> Literal:
    """The value of a Polars expression that names no column, such as ``pl.lit``."""
    import polars as pl

    if isinstance(expression, pl.Expr) and not expression.meta.root_names():
        values = pl.select(expression).to_series()
        if len(values) == 1:
            return literal(pa.chunked_array(values)[0])
    raise InvalidInputError(f"a filter cannot compare with the expression {expression}; it is not one value")
