"""Values of rows that come as Python objects: kept as they are, held whole by an Arrow type or not, named in errors."""

from __future__ import annotations

import copy
import datetime
import decimal
import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from marquet._paths import is_utf8
from marquet.errors import SchemaError

_MOST_LEVELS = 64
"""That Arrow passes on from one library to another."""

_UNCHANGING = frozenset(
    {type(None), bool, int, float, str, bytes, datetime.datetime, datetime.date, datetime.time, datetime.timedelta}
    | {decimal.Decimal, uuid.UUID}
)
_TEXT = frozenset({str})
_LISTS = frozenset({list})
_DICTIONARIES = frozenset({dict})


TIMES = (datetime.datetime, np.datetime64)
DURATIONS = (datetime.timedelta, np.timedelta64)

_NUMPY_UNITS = frozenset({"s", "ms", "us", "ns"})
"""Of NumPy's times, those that Arrow has, too."""


def own_row(row: Mapping[str, Any], kinds: set[type], number: int | None = None) -> dict[str, Any]:
    """The row as it is now: whoever gave it may fill the same dictionary and lists again for the next one.

    Args:
        row: Of any values.
        kinds: Gets the types of values, at any depth, that are neither Python's own nor plain lists and dictionaries.
        number: What errors call the row.

    Raises:
        SchemaError: A key that names no column, or values that are nested too deeply or in themselves.
    """
    if not _TEXT.issuperset(map(type, row)):
        for key in row:
            if not isinstance(key, str):
                raise SchemaError(f"a row has the key {key!r} ({type(key).__name__}); columns are named by strings")
    if _UNCHANGING.issuperset(map(type, row.values())):
        return dict(row)
    at = "" if number is None else f": row {number}"
    return {
        key: value if type(value) in _UNCHANGING else own_value(value, f"{key!r}{at}", kinds)
        for key, value in row.items()
    }


def own_value(value: Any, where: str, kinds: set[type], level: int = 1) -> Any:
    """The value as it is now, with None for what NumPy masks. `where`: the column, as errors name it.

    Raises:
        SchemaError: It is nested too deeply or in itself, or of a kind that a column would hold as another.
    """
    kind = type(value)
    if kind in _UNCHANGING:
        return value
    if level > _MOST_LEVELS:
        raise SchemaError(
            f"column {where}: its values are nested in more than {_MOST_LEVELS} levels, or hold themselves"
        )
    if kind is list:
        if _UNCHANGING.issuperset(map(type, value)):
            return value[:]
        if (  # pairs of price and size
            level < _MOST_LEVELS
            and _LISTS.issuperset(map(type, value))
            and _UNCHANGING.issuperset(map(type, itertools.chain.from_iterable(value)))
        ):
            return [item[:] for item in value]
        return [own_value(item, where, kinds, level + 1) for item in value]
    if kind is dict and _TEXT.issuperset(map(type, value)):
        if _UNCHANGING.issuperset(map(type, value.values())):
            return value.copy()
        return {key: own_value(item, where, kinds, level + 1) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        raise SchemaError(f"column {where}: a list would lose the names of {kind.__name__}", hint="Give its _asdict().")
    if isinstance(value, (list, tuple)):
        whole = tuple if isinstance(value, tuple) else list
        if _UNCHANGING.issuperset(map(type, value)):
            return whole(value)
        return whole([own_value(item, where, kinds, level + 1) for item in value])
    if isinstance(value, Mapping) and not isinstance(value, pa.Scalar):
        for key in value:
            if isinstance(key, bytes):  # pyarrow would leave out one of two keys that differ in being text or bytes
                raise SchemaError(f"column {where} holds a dictionary with keys that are bytes", hint="Give text.")
        return {key: own_value(item, where, kinds, level + 1) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        raise SchemaError(f"column {where}: a {kind.__name__} has no order, and a list has", hint="Give a sorted list.")
    kinds.add(kind)
    try:
        if isinstance(value, np.ma.MaskedArray):
            value = _unmasked(value)
        if isinstance(value, np.ndarray) and value.ndim > 1:
            raise SchemaError(
                f"column {where}: an array of {value.ndim} dimensions", hint="Give it as a list of lists."
            )
        if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
            value = value.tolist()
        return own_value(value, where, kinds, level) if type(value) is list else copy.deepcopy(value)
    except SchemaError:
        raise
    except Exception as error:  # a memoryview, an open file; or what a class of somebody's raises
        raise SchemaError(f"column {where}: a {kind.__name__} cannot be kept as it is now: {error}") from error


def _unmasked(array: np.ma.MaskedArray[Any, Any]) -> Any:
    """None for what is masked, since pyarrow takes the values behind the mask."""
    if array is np.ma.masked:
        return None
    mask = np.ma.getmaskarray(array)
    if not mask.any():
        return array.data
    if array.ndim == 0:
        return None
    if array.ndim > 1:
        return [_unmasked(part) for part in array]
    return [None if hidden else value for value, hidden in zip(array.data, mask, strict=True)]


def first_cut(kind: pa.DataType, values: Sequence[Any]) -> int | None:
    """Which of `values` a type that pyarrow found for them does not hold as it is; None where it holds all.

    pyarrow makes days of times, microseconds of pandas' nanoseconds, bytes of text and the reverse, numbers of
    booleans and UUIDs, whole ones of float16, and leaves out a zone, where the values beside them have such, without a
    word. Of a zone's offset it leaves out the parts of a second.

    Args:
        kind: What pyarrow found.
        values: For which it did.
    """
    found = set(map(type, values)) - {type(None)}
    if found <= _harmless(kind) or _are_harmless(kind, values):
        return None
    if len(found) == 1 and found <= _UNCHANGING and not pt.is_time(kind) and not pt.is_timestamp(kind):
        return None
    holds = _test_of(kind)
    if holds is None:
        return None
    return next((place for place, value in enumerate(values) if value is not None and not holds(value)), None)


_Test = Callable[[Any], bool]


def _test_of(kind: pa.DataType) -> _Test | None:
    """Whether a value (no null) is held as it is; None where all that pyarrow takes for the type are."""
    if pt.is_struct(kind):
        tests = ((field.name, _test_of(field.type)) for field in kind)
        return _test_of_fields({name: test for name, test in tests if test is not None})
    if pt.is_list(kind):
        return _test_of_items(_test_of(kind.value_type), _harmless(kind.value_type))
    if pt.is_integer(kind):
        return lambda value: is_whole(value) or isinstance(value, pa.Scalar)
    if pt.is_floating(kind):
        return lambda value: is_number(value) or isinstance(value, pa.Scalar)
    if isinstance(kind, pa.UuidType):
        return lambda value: isinstance(value, uuid.UUID)
    if pt.is_binary(kind):
        return lambda value: not isinstance(value, str)
    if pt.is_string(kind):
        return lambda value: isinstance(value, str)
    if pt.is_time(kind):
        return lambda value: isinstance(value, datetime.time) and value.tzinfo is None
    if pt.is_date(kind):
        return lambda value: isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    if pt.is_timestamp(kind):
        zoned, unit = kind.tz is not None, kind.unit
        return lambda value: (
            isinstance(value, TIMES)
            and (getattr(value, "tzinfo", None) is not None) == zoned
            and not (zoned and _has_split_offset(value))
            and _is_no_finer(value, unit)
        )
    if pt.is_duration(kind):
        unit = kind.unit
        return lambda value: isinstance(value, DURATIONS) and _is_no_finer(value, unit)
    return None


def _test_of_fields(tests: dict[str, _Test]) -> _Test | None:
    if not tests:
        return None
    return lambda value: all(item is None or key not in tests or tests[key](item) for key, item in dict(value).items())


def _test_of_items(test: _Test | None, harmless: frozenset[type]) -> _Test | None:
    if test is None:
        return None

    def holds(value: Any) -> bool:
        if isinstance(value, np.ndarray) and value.dtype != object:
            return len(value) == 0 or (test(value[0]) and (value.dtype.kind != "u" or test(value.max())))
        return harmless.issuperset(map(type, value)) or all(item is None or test(item) for item in value)

    return holds


def _are_harmless(kind: pa.DataType, values: Sequence[Any]) -> bool:
    """Whether a type holds plain dictionaries and lists without a look at any value in them, but at their types."""
    if pt.is_struct(kind):
        structs = [value for value in values if value is not None]
        return _DICTIONARIES.issuperset(map(type, structs)) and all(
            _are_harmless(field.type, [struct.get(field.name) for struct in structs]) for field in kind
        )
    if pt.is_list(kind):
        lists = [value for value in values if value is not None]
        return _LISTS.issuperset(map(type, lists)) and _are_harmless(
            kind.value_type, list(itertools.chain.from_iterable(lists))
        )
    return _harmless(kind).issuperset(map(type, values))


def _harmless(kind: pa.DataType) -> frozenset[type]:
    """Types whose values a type holds without a look at them."""
    if pt.is_string(kind):
        return frozenset({str, type(None)})
    if pt.is_integer(kind) or pt.is_floating(kind):
        return frozenset({int, float, type(None)})
    return frozenset({type(None)})


def is_whole(value: Any) -> bool:
    """Whether it is an integer of Python or NumPy, and nothing that is only made of one."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))


def is_number(value: Any) -> bool:
    """Whether it is an integer, or a float that a column of doubles holds whole.

    Of a large unsigned integer of NumPy pyarrow takes the bits for a signed one: of the largest it makes -1.0.
    """
    if isinstance(value, np.unsignedinteger):
        return int(value) < 2**63
    return isinstance(value, (float, np.float16, np.float32)) or is_whole(value)


def _has_split_offset(time: Any) -> bool:
    """Whether the offset of a time's zone has a part of a second, which pyarrow leaves out."""
    offset = time.utcoffset()
    return offset is not None and offset.microseconds != 0


def _is_no_finer(value: Any, unit: str) -> bool:
    """Whether a time has no nanoseconds, as pandas' have and Python's do not, or the unit keeps them."""
    return unit == "ns" or not (getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0))


def what_to_give(kind: pa.DataType, value: Any) -> str:
    """Instead of a value that a type, found by pyarrow, does not hold as it is."""
    if "[us" in str(kind) and any(not _is_no_finer(item, "us") for _, item in walk(value, "")):
        return "Give a schema with nanoseconds, such as timestamp('ns') or duration('ns')."
    return "Give values of one kind, or a schema with a type that holds them all."


def check_numpy(values: Sequence[Any]) -> None:
    """Refuses values of NumPy that pyarrow must not see.

    Raises:
        TypeError: NumPy's times and numbers stand in one place, where pyarrow crashes, or times count other units than
            pyarrow knows: of 25 seconds it makes one.
    """
    kinds: dict[str, set[type]] = {}
    for value in values:
        _note_numpy_kinds(value, "", kinds)
    if any(np.datetime64 in found and len(found) > 1 for found in kinds.values()):
        raise TypeError("NumPy's times and numbers have no common type")


def _check_unit(kind: np.dtype[Any]) -> None:
    if kind.kind not in "mM":
        return
    unit, count = np.datetime_data(kind)
    if count != 1 or unit not in _NUMPY_UNITS:
        raise TypeError(f"{kind} is no kind of time that Arrow has; give it as {kind.type.__name__}[s], ms, us or ns")


def _note_numpy_kinds(value: Any, where: str, kinds: dict[str, set[type]]) -> None:
    kind = type(value)
    if kind is np.ndarray:
        if value.dtype != object:
            _check_unit(value.dtype)
            kinds.setdefault(f"{where}[]", set()).add(value.dtype.type)
            return
        value, kind = value.tolist(), list
    if kind is list or kind is tuple:
        if not _UNCHANGING.issuperset(map(type, value)):
            for item in value:
                _note_numpy_kinds(item, f"{where}[]", kinds)
    elif isinstance(value, Mapping):
        if not _UNCHANGING.issuperset(map(type, value.values())):
            for key, item in value.items():
                _note_numpy_kinds(item, f"{where}.{key}", kinds)
    elif isinstance(value, np.generic):
        _check_unit(value.dtype)
        kinds.setdefault(where, set()).add(kind)


def first_misfit(values: Sequence[Any], first_row: int) -> tuple[str, str]:
    """Why values have no common type: where within them (".key", "" for the values themselves), and what is there."""
    first: dict[str, tuple[int, type]] = {}
    for row, value in enumerate(values, start=first_row):
        for where, item in walk(value, ""):
            if isinstance(item, int) and not -(2**63) <= item < 2**63:
                return where, f"row {row} holds {told_as(item)}; {_BITS}"
            if isinstance(item, str) and not is_utf8(item):
                return where, f"row {row} holds text that is not UTF-8, {_shortened(ascii(item))}"
            if isinstance(item, decimal.Decimal) and not item.is_finite():
                return where, f"row {row} holds {item!r}, and decimals are finite"
            before, kind = first.setdefault(where, (row, type(item)))
            if kind is not type(item) and {kind, type(item)} != {int, float}:
                return where, f"row {row} holds a {type(item).__name__}, row {before} a {kind.__name__}"
    for where, (row, kind) in first.items():
        if kind not in _UNCHANGING and not issubclass(kind, (dict, list, tuple)):
            return where, f"row {row} holds a {kind.__name__}"
    return "", "its values have no common type"


def hint_of_misfit(why: str) -> str | None:
    """What to do about what ``first_misfit`` says."""
    if why.endswith(_BITS):
        return "A schema with uint64 holds them up to 2**64 - 1; give larger ones as Decimals or as text."
    return None


_BITS = "integers have 64 bits"


def walk(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """A value and all that it holds, each with where it is in it (".key", "[]", "" for itself)."""
    if value is None:
        return
    yield where, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, f"{where}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, f"{where}[]")
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for item in value.ravel().tolist():
            yield from walk(item, f"{where}[]")
    elif isinstance(value, tuple):  # a pair of a map has a key and a value
        for place, item in enumerate(value):
            yield from walk(item, f"{where}[{place}]")


def check_names(schema: pa.Schema) -> None:
    """Refuses names that Arrow would cut when it passes them on.

    Raises:
        SchemaError: A column or a field in one has such a name.
    """
    for field in schema:
        _check_name(field, field.name)


def check_name(name: str) -> None:
    """Refuses a name that a file cannot hold.

    Raises:
        SchemaError: It is not UTF-8, or holds a NUL.
    """
    if "\0" in name:
        raise SchemaError(f"the name {_shortened(repr(name))} of a column holds a NUL")
    if not is_utf8(name):
        raise SchemaError(f"the name {_shortened(ascii(name))} of a column is not UTF-8")


def _check_name(field: pa.Field, column: str) -> None:
    try:
        check_name(field.name)
    except SchemaError as error:
        raise SchemaError(f"{error}; it is in column {_shortened(ascii(column))}") from None
    for i in range(field.type.num_fields):
        _check_name(field.type.field(i), column)


def told_as(value: Any) -> str:
    """A value in a message."""
    try:
        return _shortened(repr(value))
    except ValueError:  # of integers Python writes no more digits than it was told to
        return f"a {type(value).__name__} of more digits than can be written"


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
