"""Random columns in every layout that Arrow has for their values, and the values by themselves.

A shape is a type without a layout. It makes plain Python values, and lays the same values out anew each time it is
asked: as dictionaries with nulls among the indices and the values, runs, views, large offsets, slices, lists with items
behind their null rows. What comes out of Marquet is compared with the values, never with the array.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import math
import random
import struct
from collections.abc import Callable
from typing import Any

import pyarrow as pa

UTC = datetime.UTC
EPOCH = datetime.datetime(1970, 1, 1)
INDICES = [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()]
RUN_ENDS = [pa.int16(), pa.int32(), pa.int64()]
NULLS = 0.25
"""How often a value that may be null is."""


@dataclasses.dataclass
class Shape:
    nullable: bool = True

    def type(self) -> pa.DataType:
        """The plainest type that holds the values."""
        raise NotImplementedError

    def value(self, draw: random.Random) -> Any:
        raise NotImplementedError

    def values(self, draw: random.Random, rows: int) -> list[Any]:
        return [None if self.nullable and draw.random() < NULLS else self.value(draw) for _ in range(rows)]

    def lay(self, draw: random.Random, values: list[Any], plain: bool = False) -> pa.Array:
        """The values in a layout drawn by chance: as they are, or as a slice of more."""
        if draw.random() < 0.5:
            return self._encode(draw, values, plain)
        before, after = self.values(draw, draw.randrange(5)), self.values(draw, draw.randrange(5))
        return self._encode(draw, before + values + after, plain).slice(len(before), len(values))

    def field(self, name: str, kind: pa.DataType | None = None) -> pa.Field:
        return pa.field(name, kind or self.type(), nullable=self.nullable)

    def _encode(self, draw: random.Random, values: list[Any], plain: bool) -> pa.Array:
        # pyarrow ends the process where it makes an empty dictionary of lists or maps.
        chance = draw.random() if isinstance(self, Leaf) and not plain else 0.0
        if chance < 0.5:
            return self._direct(draw, values)
        return self._dictionary(draw, values) if chance < 0.8 else self._runs(draw, values)

    def _direct(self, draw: random.Random, values: list[Any]) -> pa.Array:
        raise NotImplementedError

    def _dictionary(self, draw: random.Random, values: list[Any]) -> pa.Array:
        """Entries out of order, some twice, some never used; nulls by index and by entry."""
        entries: list[Any] = self.values(draw, draw.randrange(3))
        indices: list[int | None] = []
        for value in values:
            known = [at for at, entry in enumerate(entries) if repr(entry) == repr(value)]
            if value is None and draw.random() < 0.5:
                indices.append(None)
            elif known and draw.random() < 0.8:
                indices.append(draw.choice(known))
            else:
                indices.append(len(entries))
                entries.append(value)
        kinds = [kind for kind in INDICES if len(entries) < 2 ** (kind.bit_width - 1)]
        encoded = pa.array(indices, draw.choice(kinds))
        return pa.DictionaryArray.from_arrays(encoded, self.lay(draw, entries, plain=True))

    def _runs(self, draw: random.Random, values: list[Any]) -> pa.Array:
        ends: list[int] = []
        runs: list[Any] = []
        for at, value in enumerate(values):
            if runs and repr(runs[-1]) == repr(value) and draw.random() < 0.8:
                ends[-1] = at + 1
            else:
                ends.append(at + 1)
                runs.append(value)
        return pa.RunEndEncodedArray.from_arrays(
            pa.array(ends, draw.choice(RUN_ENDS)), self._direct(draw, runs) if runs else pa.array([], self.type())
        )


@dataclasses.dataclass
class Leaf(Shape):
    kinds: tuple[pa.DataType, ...] = ()
    """Types that hold the values as they are; the plainest first."""
    make: Callable[[random.Random], Any] = lambda draw: None

    def type(self) -> pa.DataType:
        return self.kinds[0]

    def value(self, draw: random.Random) -> Any:
        return self.make(draw)

    def _direct(self, draw: random.Random, values: list[Any]) -> pa.Array:
        return pa.array(values, draw.choice(self.kinds))


@dataclasses.dataclass
class ListOf(Shape):
    item: Shape = dataclasses.field(default_factory=Leaf)

    def type(self) -> pa.DataType:
        return pa.list_(self.item.field("item"))

    def value(self, draw: random.Random) -> Any:
        return self.item.values(draw, draw.choice([0, 0, 1, 2, 3]))

    def _direct(self, draw: random.Random, values: list[Any]) -> pa.Array:
        """Null rows may have items behind them; the rows of views lie in any order."""
        large = draw.random() < 0.5
        mask = pa.array([value is None for value in values], pa.bool_())
        hidden = [self.value(draw) if value is None else value for value in values]
        sizes = [len(value) for value in hidden]
        if draw.random() < 0.3:
            order = list(range(len(hidden)))
            draw.shuffle(order)
            offsets, items = [0] * len(hidden), []
            for at in order:
                offsets[at] = len(items)
                items += hidden[at] + self.item.values(draw, draw.randrange(2))
            width = pa.int64() if large else pa.int32()
            views = pa.LargeListViewArray if large else pa.ListViewArray
            array = self.item.lay(draw, items)
            kind = (pa.large_list_view if large else pa.list_view)(self.item.field("item", array.type))
            return views.from_arrays(pa.array(offsets, width), pa.array(sizes, width), array, kind, mask=mask)
        array = self.item.lay(draw, [item for value in hidden for item in value])
        offsets = [sum(sizes[:at]) for at in range(len(sizes) + 1)]
        lists = pa.LargeListArray if large else pa.ListArray
        kind = (pa.large_list if large else pa.list_)(self.item.field("item", array.type))
        return lists.from_arrays(pa.array(offsets, pa.int64() if large else pa.int32()), array, kind, mask=mask)


@dataclasses.dataclass
class FixedListOf(Shape):
    item: Shape = dataclasses.field(default_factory=Leaf)
    size: int = 2

    def type(self) -> pa.DataType:
        return pa.list_(self.item.field("item"))

    def value(self, draw: random.Random) -> Any:
        return self.item.values(draw, self.size)

    def _direct(self, draw: random.Random, values: list[Any]) -> pa.Array:
        mask = pa.array([value is None for value in values], pa.bool_())
        array = self.item.lay(draw, [item for value in values for item in (value or self.value(draw))])
        kind = pa.list_(self.item.field("item", array.type), self.size)
        return pa.FixedSizeListArray.from_arrays(array, type=kind, mask=mask)


@dataclasses.dataclass
class StructOf(Shape):
    parts: dict[str, Shape] = dataclasses.field(default_factory=dict)

    def type(self) -> pa.DataType:
        return pa.struct([part.field(name) for name, part in self.parts.items()])

    def value(self, draw: random.Random) -> Any:
        return {name: part.values(draw, 1)[0] for name, part in self.parts.items()}

    def _direct(self, draw: random.Random, values: list[Any]) -> pa.Array:
        hidden = [self.value(draw) if value is None else value for value in values]
        arrays = [part.lay(draw, [value[name] for value in hidden]) for name, part in self.parts.items()]
        fields = [part.field(name, array.type) for (name, part), array in zip(self.parts.items(), arrays, strict=True)]
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.StructArray.from_arrays(arrays, fields=fields, mask=mask)


@dataclasses.dataclass
class MapOf(Shape):
    item: Shape = dataclasses.field(default_factory=Leaf)

    def type(self) -> pa.DataType:
        return pa.map_(pa.string(), self.item.field("value"))

    def value(self, draw: random.Random) -> Any:
        return [(f"k{at}", item) for at, item in enumerate(self.item.values(draw, draw.randrange(3)))]

    def _direct(self, draw: random.Random, values: list[Any]) -> pa.Array:
        pairs = [pair for value in values for pair in value or []]
        keys = Leaf(False, (pa.string(), pa.string_view(), pa.large_string())).lay(draw, [key for key, _ in pairs])
        items = self.item.lay(draw, [item for _, item in pairs])
        offsets: list[int | None] = [0]
        for value in values:
            offsets.append(offsets[-1] + len(value or []))  # type: ignore[operator]
        kind = pa.map_(pa.field("key", keys.type, nullable=False), self.item.field("value", items.type))
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, items, kind, mask=mask)


def _integers(bits: int, signed: bool) -> Callable[[random.Random], int]:
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda draw: draw.choice([least, most, 0, 1, draw.randint(least, most)])


def _number(draw: random.Random) -> float:
    return draw.choice([0.0, -0.0, math.nan, math.inf, -math.inf, 1.5, -2.25, float(draw.randrange(-1000, 1000))])


def _text(draw: random.Random) -> str:
    return draw.choice(["", "a", "b", "ESH4", "a value that is longer than a view", "größer", f"n{draw.randrange(50)}"])


def _time(draw: random.Random) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=draw.randrange(-(10**15), 2 * 10**15))


def _whole_seconds(draw: random.Random) -> datetime.datetime:
    return EPOCH + datetime.timedelta(seconds=draw.randrange(-(10**9), 2 * 10**9))


def _day(draw: random.Random) -> datetime.date:
    return datetime.date(1900, 1, 1) + datetime.timedelta(days=draw.randrange(100_000))


def _of_day(draw: random.Random) -> datetime.time:
    return (EPOCH + datetime.timedelta(seconds=draw.randrange(86_400))).time()


def _price(draw: random.Random) -> decimal.Decimal:
    return decimal.Decimal(draw.randrange(-(10**8), 10**8)).scaleb(-2)


# Of types that every Delta table has.
COMMON: dict[str, Leaf] = {
    **{f"int{bits}": Leaf(True, (pa.type_for_alias(f"int{bits}"),), _integers(bits, True)) for bits in (8, 16, 32, 64)},
    "float": Leaf(True, (pa.float32(),), _number),
    "double": Leaf(True, (pa.float64(),), _number),
    "bool": Leaf(True, (pa.bool_(),), lambda draw: draw.random() < 0.5),
    "text": Leaf(True, (pa.string(), pa.large_string(), pa.string_view()), _text),
    "bytes": Leaf(
        True, (pa.binary(), pa.large_binary(), pa.binary_view()), lambda draw: draw.randbytes(draw.randrange(20))
    ),
    "day": Leaf(True, (pa.date32(),), _day),
    "time": Leaf(True, (pa.timestamp("us", "UTC"),), lambda draw: _time(draw).replace(tzinfo=UTC)),
    "price": Leaf(True, (pa.decimal128(12, 2),), _price),
    "wide price": Leaf(True, (pa.decimal128(38, 2),), _price),
}
# Of types that files have besides.
OTHERS: dict[str, Leaf] = {
    **{
        f"uint{bits}": Leaf(True, (pa.type_for_alias(f"uint{bits}"),), _integers(bits, False))
        for bits in (8, 16, 32, 64)
    },
    "half": Leaf(True, (pa.float16(),), _number),
    "fixed bytes": Leaf(True, (pa.binary(3),), lambda draw: draw.randbytes(3)),
    "seconds": Leaf(True, (pa.timestamp("s"),), _whole_seconds),
    "milliseconds": Leaf(True, (pa.timestamp("ms"),), _whole_seconds),
    "nanoseconds": Leaf(True, (pa.timestamp("ns"),), _time),
    "of day (s)": Leaf(True, (pa.time32("s"),), _of_day),
    "of day": Leaf(True, (pa.time64("us"),), _of_day),
    "duration": Leaf(True, (pa.duration("us"),), lambda draw: datetime.timedelta(microseconds=draw.randrange(10**12))),
    "nothing": Leaf(True, (pa.null(),), lambda draw: None),
}


def draw_shape(draw: random.Random, leaves: dict[str, Leaf], depth: int) -> Shape:
    """A leaf, or lists, structs and maps of shapes, at most `depth` deep; each may be declared as never null."""
    nullable = draw.random() < 0.7
    form = "leaf" if depth == 0 else draw.choice(["leaf", "list", "fixed list", "struct", "map"])
    if form == "leaf":
        name = draw.choice(list(leaves))
        return dataclasses.replace(leaves[name], nullable=nullable or name == "nothing")
    if form == "struct":
        parts = {f"p{at}": draw_shape(draw, leaves, depth - 1) for at in range(draw.randrange(1, 4))}
        return StructOf(nullable, parts)
    item = draw_shape(draw, leaves, depth - 1)
    if form == "list":
        return ListOf(nullable, item)
    return FixedListOf(nullable, item, draw.randrange(1, 4)) if form == "fixed list" else MapOf(nullable, item)


def draw_batch(draw: random.Random, shapes: dict[str, Shape], rows: int) -> tuple[pa.RecordBatch, dict[str, list]]:
    """Values of each shape, and a batch that holds them in layouts drawn by chance."""
    values = {name: shape.values(draw, rows) for name, shape in shapes.items()}
    arrays = [shape.lay(draw, values[name]) for name, shape in shapes.items()]
    fields = [shape.field(name, array.type) for (name, shape), array in zip(shapes.items(), arrays, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)), values


def plain(value: Any) -> Any:
    """A value as engines' own spellings of it compare: bits of floating numbers, times in UTC, maps as dictionaries."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, datetime.datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return (naive - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        value = dict(value)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()} or []
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
