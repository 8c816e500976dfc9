"""Columns of every kind: what a file holds opens in other engines with the same values, or is refused by name."""

from __future__ import annotations

import datetime
import functools
import pathlib
import random
import zoneinfo
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import marquet as mq

NOON = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
NOT_UTF8 = pa.array([b"fine", b"\xff\xfe"]).view(pa.string())


def written(folder: pathlib.Path, rows: Any, **options: Any) -> pathlib.Path:
    with mq.ParquetWriter(folder, "all.parquet", verify="full", **options) as writer:
        writer.write(rows)
    return folder / "all.parquet"


@pytest.mark.parametrize(
    "kind", [polars.Categorical, polars.Enum(["a value of some length", "b"]), polars.String, polars.Binary]
)
def test_text_of_polars(tmp_path: pathlib.Path, kind: Any) -> None:
    values = ["a value of some length", None, "b", "b"]
    column = polars.Series(values, dtype=polars.String).cast(kind)
    path = written(tmp_path, polars.DataFrame({"a": column}))
    expected = polars.Series(values, dtype=polars.String)
    assert polars.read_parquet(path)["a"].cast(polars.String).to_list() == expected.to_list()
    assert [row[0] for row in duckdb.sql(f"select a::varchar from '{path}'").fetchall()] == values


def test_text_of_polars_in_a_table(tmp_path: pathlib.Path) -> None:
    table = mq.create_table(tmp_path / "table", pa.schema([("a", pa.string())]))
    table.append(polars.DataFrame({"a": polars.Series(["x", None, "y"], dtype=polars.Categorical)}))
    assert table.scan().to_arrow()["a"].to_pylist() == ["x", None, "y"]


@pytest.mark.parametrize("kind", [pa.list_view(pa.int64()), pa.large_list_view(pa.int64())])
def test_list_views_open_in_polars(tmp_path: pathlib.Path, kind: pa.DataType) -> None:
    values = [[1], None, [], [2, None]]
    path = written(tmp_path, pa.table({"a": pa.array(values, type=kind)}))
    assert polars.read_parquet(path)["a"].to_list() == values
    assert pq.read_table(path)["a"].to_pylist() == values


def test_lists_of_no_items_and_no_list(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, pa.table({"a": pa.array([[], None], type=pa.list_(pa.int64(), 0))}))
    assert pq.read_table(path)["a"].to_pylist() == [[], None]
    assert polars.read_parquet(path)["a"].to_list() == [[], None]


@pytest.mark.parametrize("content_defined_chunking", [False, True])
def test_text_deep_inside_frames_of_polars(tmp_path: pathlib.Path, content_defined_chunking: bool) -> None:
    values = [[{"k": "a text of some length", "v": ["x", None]}], None, [], [{"k": None, "v": None}]]
    frame = polars.DataFrame({"a": values})
    path = written(tmp_path, frame, content_defined_chunking=content_defined_chunking)
    assert polars.read_parquet(path)["a"].to_list() == values
    assert pq.read_table(path)["a"].to_pylist() == values
    assert duckdb.sql(f"select a from '{path}'").fetchall() == [(value,) for value in values]


def test_dictionaries_of_whole_structs(tmp_path: pathlib.Path) -> None:
    entries = pa.array([{"k": "x"}, None, {"k": None}])
    column = pa.DictionaryArray.from_arrays(pa.array([2, 0, None, 1, 0]), entries)
    path = written(tmp_path, pa.table({"a": column}))
    assert pq.read_table(path)["a"].to_pylist() == [{"k": None}, {"k": "x"}, None, None, {"k": "x"}]


def test_a_dictionary_whose_texts_are_long_is_written_in_parts(tmp_path: pathlib.Path) -> None:
    texts = ["a" * 1_000_000, None, "b" * 1_000_000]
    column = pa.DictionaryArray.from_arrays(pa.array([0, 2, 1, 0] * 200, pa.int8()), pa.array(texts))
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        writer.write(pa.table({"a": column}))
    found = pq.read_table(tmp_path / "all.parquet", read_dictionary=["a"])["a"]
    assert found.length() == 800
    assert found.slice(0, 4).to_pylist() == [texts[0], texts[2], None, texts[0]]


def test_nan_in_a_dictionary_is_known(tmp_path: pathlib.Path) -> None:
    table = mq.create_table(tmp_path / "table", pa.schema([("a", pa.float64())]))
    table.append(pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([1.0, float("nan")]))}))
    assert table.scan(filter="a is nan").to_arrow().num_rows == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.timestamp("us", "+05:30"), [NOON, None]),
        (pa.list_(pa.timestamp("us", "-01:00")), [[NOON], None, []]),
        (pa.struct([("x", pa.list_view(pa.int64()))]), [{"x": [1, 2]}, {"x": None}]),
        (pa.map_(pa.string(), pa.list_view(pa.int64())), [[("k", [1])], None, []]),
    ],
    ids=str,
)
def test_parts_of_a_schema_that_polars_does_not_know(tmp_path: pathlib.Path, kind: pa.DataType, values: list) -> None:
    path = written(tmp_path, pa.table({"a": pa.array(values, type=kind)}))
    frame = polars.read_parquet(path)
    assert frame.height == len(values)
    if not pa.types.is_map(kind):
        assert frame["a"].to_list() == values
    assert pq.read_table(path)["a"].to_pylist() == values


def test_types_beside_lists_of_a_fixed_size(tmp_path: pathlib.Path) -> None:
    pair = pa.list_(pa.int8(), 2)
    table = pa.table(
        {
            "pair": pa.array([[1, 2], None], type=pair),
            "duration": pa.array([1, None], type=pa.duration("us")),
            "zoned": pa.array([1, None], type=pa.timestamp("us", "Europe/Zurich")),
            "large": pa.array(["x", None], type=pa.large_string()),
            "struct": pa.array(
                [{"d": 5, "pair": [1, 2]}, None], type=pa.struct([("d", pa.duration("ms")), ("pair", pair)])
            ),
            "map": pa.array([[("k", [1, 2])], None], type=pa.map_(pa.string(), pair)),
        }
    )
    path = written(tmp_path, table)
    read = pq.read_table(path)
    for name in ("duration", "zoned", "large"):
        assert read.schema.field(name).type == table.schema.field(name).type
    assert read.to_pylist() == table.to_pylist()
    durations = polars.read_parquet(path)["duration"]
    assert durations.to_list() == [datetime.timedelta(microseconds=1), None]


@pytest.mark.parametrize(
    "column",
    [
        NOT_UTF8,
        NOT_UTF8.cast(pa.large_string()),
        pa.DictionaryArray.from_arrays(pa.array([0, 1]), NOT_UTF8),
        pa.ListArray.from_arrays([0, 1, 2], NOT_UTF8),
        pa.StructArray.from_arrays([NOT_UTF8], ["text"]),
        pa.MapArray.from_arrays([0, 1, 2], NOT_UTF8, NOT_UTF8),
        pa.FixedSizeListArray.from_arrays(NOT_UTF8, 1),
    ],
)
def test_text_that_is_not_utf8_is_refused(tmp_path: pathlib.Path, column: pa.Array) -> None:
    with pytest.raises(mq.InvalidInputError, match=r"column 'a': row .* not UTF-8"):
        written(tmp_path, pa.table({"a": column}))
    assert not list(tmp_path.glob("*.parquet"))


def test_the_row_of_text_that_is_not_utf8(tmp_path: pathlib.Path) -> None:
    writer = mq.ParquetWriter(tmp_path, "all.parquet")
    writer.write(pa.table({"a": ["x"] * 10}))
    with pytest.raises(mq.InvalidInputError, match="row 11 holds text"):
        writer.write(pa.table({"a": NOT_UTF8}))
    writer.abort()


def test_text_that_is_sliced_away_does_not_matter(tmp_path: pathlib.Path) -> None:
    table = pa.table({"a": NOT_UTF8, "list": pa.ListArray.from_arrays([0, 1, 2], NOT_UTF8)})
    path = written(tmp_path, table.slice(0, 1))
    assert duckdb.sql(f"select * from '{path}'").fetchall() == [("fine", ["fine"])]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([pa.MonthDayNano([1, 2, 3])]), "interval"),
        (
            functools.reduce(lambda items, _: pa.ListArray.from_arrays([0, 1], items), range(55), pa.array([1])),
            "levels",
        ),
    ],
)
def test_a_column_that_no_file_holds_is_named(tmp_path: pathlib.Path, column: pa.Array, words: str) -> None:
    with pytest.raises(mq.UnsupportedError, match=f"column 'a'.*{words}"):
        written(tmp_path, pa.table({"fine": [1], "a": column}))
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize("key", ["ARROW:schema", "marquet.writer"])
def test_keys_that_mean_something_to_readers_are_refused(tmp_path: pathlib.Path, key: str) -> None:
    with pytest.raises(mq.InvalidInputError, match=key):
        written(tmp_path, {"a": 1}, metadata={key: "x"})
    assert not list(tmp_path.glob("*.parquet"))


def test_a_folder_with_a_nul_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(mq.InvalidInputError, match="NUL"):
        mq.ParquetWriter(f"{tmp_path}/a\0b", "all.parquet")
    assert not list(tmp_path.iterdir())


def test_two_chunks_of_one_name_are_refused(tmp_path: pathlib.Path) -> None:
    with (
        pytest.raises(mq.InvalidInputError, match=r"'x11\.parquet' is that of chunk 1; chunk 11"),
        mq.ParquetWriter(tmp_path, "${k}${chunk_index}.parquet") as writer,
    ):
        writer.write(pa.table({"a": [1]}), chunk_index=1, values={"k": "x1"})
        writer.write(pa.table({"a": [1]}), chunk_index=11, values={"k": "x"})
    assert not list(tmp_path.glob("*.parquet"))


def test_an_output_without_rows_is_a_file_where_asked_for(tmp_path: pathlib.Path) -> None:
    schema = pa.schema([("a", pa.int64())])
    for _ in range(2):
        with mq.ParquetWriter(tmp_path, "all.parquet", schema=schema, empty="file", input="i") as writer:
            writer.write(schema.empty_table())
    assert pq.read_table(tmp_path / "all.parquet").schema.equals(schema)
    with (
        pytest.raises(mq.InvalidInputError, match="no rows, and no schema"),
        mq.ParquetWriter(tmp_path / "unknown", "all.parquet", empty="file"),
    ):
        pass


BERN = zoneinfo.ZoneInfo("Europe/Zurich")
FORMS: dict[str, Callable[[Any], Any]] = {
    "dictionaries": lambda time: [{"t": time}],
    "pandas": lambda time: pandas.DataFrame({"t": [time]}),
    "Polars": lambda time: polars.DataFrame({"t": [time]}),
    "Arrow": lambda time: pa.table({"t": pa.array([time])}),
    "lists": lambda time: pa.table({"t": pa.array([[time]])}),
}


@pytest.mark.parametrize("on_schema_change", ["error", "new_part"])
@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", FORMS)
def test_times_with_a_zone_and_times_without_do_not_mix(
    tmp_path: pathlib.Path, first: str, second: str, on_schema_change: Any
) -> None:
    naive = datetime.datetime(2024, 7, 1, 9, 30)
    for place, (a, b) in enumerate([(naive, naive.replace(tzinfo=BERN)), (naive.replace(tzinfo=BERN), naive)]):
        folder = tmp_path / str(place)
        writer = mq.ParquetWriter(folder, "all.parquet", on_schema_change=on_schema_change)
        writer.write(FORMS[first](a))
        writer.flush()
        if on_schema_change == "error":
            with pytest.raises(mq.SchemaError, match="column 't'"):
                writer.write(FORMS[second](b))
                writer.flush()  # dictionaries are gathered
            writer.abort()
            continue
        writer.write(FORMS[second](b))
        assert writer.close().schema_changes == ["001_all.parquet"]
        for name, time in (("all.parquet", a), ("001_all.parquet", b)):
            kind = pq.read_schema(folder / name).field("t").type
            kind = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
            assert (kind.tz is None) == (time.tzinfo is None)


@pytest.mark.parametrize("form", FORMS)
def test_a_schema_says_whether_times_have_a_zone(tmp_path: pathlib.Path, form: str) -> None:
    naive = datetime.datetime(2024, 7, 1, 9, 30)
    for place, (zone, time) in enumerate([("UTC", naive), (None, naive.replace(tzinfo=BERN))]):
        kind: Any = pa.timestamp("us", zone)
        schema = pa.schema([("t", pa.list_(kind) if form == "lists" else kind)])
        with pytest.raises(mq.SchemaError, match="column 't'"):
            written(tmp_path / str(place), FORMS[form](time), schema=schema)


def test_other_zones_keep_the_instant(tmp_path: pathlib.Path) -> None:
    with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
        for zone in ("Europe/Zurich", "UTC", "+05:30"):
            writer.write(pa.table({"t": pa.array([NOON]).cast(pa.timestamp("us", zone))}))
    assert pq.read_table(tmp_path / "all.parquet")["t"].to_pylist() == [NOON] * 3


@pytest.mark.parametrize("form", ["pandas", "Polars", "Arrow"])
def test_in_a_table_a_time_without_a_zone_is_utc(tmp_path: pathlib.Path, form: str) -> None:
    table = mq.create_table(tmp_path / "table", pa.schema([("t", pa.timestamp("us", "UTC"))]))
    for time in (NOON.replace(tzinfo=None), NOON.astimezone(BERN)):
        table.append(FORMS[form](time))
    assert table.scan().to_arrow()["t"].to_pylist() == [NOON, NOON]


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: pa.ListArray.from_arrays([0, *range(1, len(a) + 1)], a)])
def test_seconds_beyond_32_bits_of_milliseconds_are_refused(tmp_path: pathlib.Path, wrap: Any) -> None:
    """Arrow's cast counts them around."""
    seconds = pa.array([0] * 50 + [3_000_000] + [0] * 49, pa.int32()).view(pa.time32("s"))
    writer = mq.ParquetWriter(tmp_path, "a.parquet")
    writer.write(pa.table({"t": wrap(pa.array([1], pa.time32("ms")))}))
    with pytest.raises(mq.InvalidInputError, match="column 't'"):
        writer.write(pa.table({"t": wrap(seconds)}))
    writer.abort()
    with mq.ParquetWriter(tmp_path, "b.parquet") as writer:
        writer.write(pa.table({"t": wrap(pa.array([1], pa.time32("ms")))}))
        writer.write(pa.table({"t": wrap(pa.array([86_399, None], pa.time32("s")))}))
    last = pq.read_table(tmp_path / "b.parquet")["t"].to_pylist()[1]
    assert last in (datetime.time(23, 59, 59), [datetime.time(23, 59, 59)])


def test_another_schema_than_the_one_asked_for_is_reported(tmp_path: pathlib.Path) -> None:
    schema = pa.schema([("a", pa.float32())])
    for name, rows in (("first", [{"a": "text"}]), ("gathered", [{"a": 0.5}, {"a": 1e300}])):
        with mq.ParquetWriter(tmp_path / name, "a.parquet", schema=schema, on_schema_change="new_part") as writer:
            writer.write(rows)
        assert writer.report is not None and writer.report.schema_changes == ["a.parquet"]
    with mq.ParquetWriter(tmp_path / "none", "a.parquet", schema=schema, on_schema_change="new_part") as writer:
        writer.write({"a": 0.5})
    assert writer.report is not None and writer.report.schema_changes == []


def as_decimal(value: Decimal, kind: pa.DataType) -> bool:
    """Whether a decimal type holds a value."""
    digits = value.scaleb(kind.scale, WIDE)
    return digits == digits.to_integral_value(context=WIDE) and abs(digits) < Decimal(10) ** kind.precision


WIDE = Context(prec=200)
DECIMALS = {pa.decimal32: 9, pa.decimal64: 18, pa.decimal128: 38, pa.decimal256: 76}


@pytest.mark.parametrize("seed", range(4))
def test_decimals_keep_their_value_in_another_type_or_are_refused(tmp_path: pathlib.Path, seed: int) -> None:
    """Python's own decimals tell which."""
    draw = random.Random(seed)
    outcomes = {True: 0, False: 0}
    for place in range(150):
        kinds = []
        for _ in range(2):
            make = draw.choice(list(DECIMALS))
            precision = draw.randint(1, DECIMALS[make])
            kinds.append(make(precision, draw.randint(0, precision)))
        given, wanted = kinds
        count = draw.randint(1, min(given.precision, wanted.precision + 2))
        values = [Decimal(draw.randint(-(10**count) + 1, 10**count - 1)).scaleb(-given.scale, WIDE) for _ in range(3)]
        if draw.random() < 0.5:  # trailing zeros, which a smaller scale does not lose
            values = [v.scaleb(1, WIDE).to_integral_value(context=WIDE).scaleb(-1, WIDE) for v in values]
        values = [value for value in values if as_decimal(value, given)]
        rows = pa.table({"v": pa.array([*values, None], given)})
        fits = all(as_decimal(value, wanted) for value in values)
        outcomes[fits] += 1
        writer = mq.ParquetWriter(tmp_path / str(place), "a.parquet", schema=pa.schema([("v", wanted)]))
        if fits:
            writer.write(rows)
            writer.close()
            found = pq.read_table(tmp_path / str(place) / "a.parquet")["v"].to_pylist()
            assert found == [*values, None], f"{given} to {wanted}, seed {seed}"
        else:
            with pytest.raises(mq.InvalidInputError):
                writer.write(rows)
            writer.abort()
    assert min(outcomes.values()) > 20


@pytest.mark.parametrize("kind", [pa.decimal32(5, 2), pa.decimal64(12, 3), pa.decimal128(38, 18), pa.decimal256(50, 4)])
def test_integers_keep_their_value_in_a_decimal_or_are_refused(tmp_path: pathlib.Path, kind: pa.DataType) -> None:
    for place, value in enumerate((0, 999, -999, 1_000, 2**32 + 1, 2**63 - 1, -(2**63), 2**64 - 1)):
        numbers = pa.array([value], pa.uint64() if value >= 2**63 else pa.int64())
        writer = mq.ParquetWriter(tmp_path / str(place), "a.parquet", schema=pa.schema([("v", kind)]))
        if as_decimal(Decimal(value), kind):
            writer.write(pa.table({"v": numbers}))
            writer.close()
            assert pq.read_table(tmp_path / str(place) / "a.parquet")["v"].to_pylist() == [Decimal(value)]
        else:
            with pytest.raises(mq.InvalidInputError, match="column 'v'"):
                writer.write(pa.table({"v": numbers}))
            writer.abort()


@pytest.mark.parametrize("verify", ["footer", "full"])
def test_decimals_of_more_digits_than_their_type_are_refused(tmp_path: pathlib.Path, verify: Any) -> None:
    """Arrow makes such arrays without a word, and encoders store their low bytes."""
    good = pa.array([Decimal("0.01")] * 5_000, pa.decimal128(5, 2))
    long = pa.array([Decimal("100000000.07")], pa.decimal128(11, 2)).cast(pa.decimal128(5, 2), safe=False)
    writer = mq.ParquetWriter(tmp_path, "a.parquet", verify=verify)
    with pytest.raises(mq.InvalidInputError, match="column 'v': row 5000 holds a date, time or decimal"):
        writer.write(pa.table({"v": pa.concat_arrays([good, long, good])}))
        writer.close()
    writer.abort()


def test_naive_times_are_told_from_zoned_ones_in_runs_too(tmp_path: pathlib.Path) -> None:
    naive = pa.array([datetime.datetime(2024, 1, 1)], pa.timestamp("us"))
    zoned = naive.cast(pa.timestamp("us", "UTC"))
    for place, (first, second) in enumerate(((zoned, naive), (naive, zoned))):
        writer = mq.ParquetWriter(tmp_path / str(place), "a.parquet")
        writer.write(pa.table({"t": first}))
        with pytest.raises(mq.SchemaError, match="column 't'"):
            writer.write(pa.table({"t": pc.run_end_encode(second)}))
        writer.abort()
