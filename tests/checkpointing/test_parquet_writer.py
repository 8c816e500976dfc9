"""mq.ParquetWriter, its files read by other engines."""

from __future__ import annotations

import datetime
import decimal
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import duckdb
import hypothesis
import hypothesis.strategies as st
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

DOCUMENTS = [{"id": i, "text": f"document {i}"} for i in range(23)]


def parquet_files(folder: pathlib.Path) -> list[str]:
    """What a reader's pattern matches, none of it empty."""
    found = sorted(path for path in folder.rglob("*.parquet") if "_marquet" not in path.parts)
    assert all(path.stat().st_size > 0 for path in found)
    return [str(path.relative_to(folder)) for path in found if not path.name.startswith(".")]


def ids(folder: pathlib.Path) -> list[int]:
    return sorted(i for name in parquet_files(folder) for i in pq.read_table(folder / name)["id"].to_pylist())


def test_each_chunk_can_be_read_as_soon_as_it_is_full(tmp_path: pathlib.Path) -> None:
    with mq.ParquetWriter(tmp_path, "${rank}_chunk_${chunk_index}.parquet", rank=3, records_per_chunk=5) as writer:
        for count, document in enumerate(DOCUMENTS, start=1):
            writer.write(document)
            assert ids(tmp_path) == list(range(count - count % 5))
    assert ids(tmp_path) == list(range(23))
    assert parquet_files(tmp_path)[0] == "00003_chunk_0.parquet"


def test_an_exception_publishes_nothing_unfinished(tmp_path: pathlib.Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5) as writer,
    ):
        writer.write(DOCUMENTS[:13])
        _ = 1 / 0
    assert ids(tmp_path) == list(range(10))
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_second_run_goes_on_exactly(tmp_path: pathlib.Path) -> None:
    def run(stop_at: int) -> mq.WriteReport:
        writer = mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5, input="documents")
        with writer:
            for document in DOCUMENTS[writer.resume() : stop_at]:
                writer.write(document)
            if stop_at < len(DOCUMENTS):
                raise KeyboardInterrupt
            return writer.close()
        raise AssertionError

    for stop_at in (3, 9, 17):
        with pytest.raises(KeyboardInterrupt):
            run(stop_at)
    report = run(len(DOCUMENTS))
    assert (report.files_before, report.accepted, report.committed) == (3, 8, 8)
    assert ids(tmp_path) == list(range(23))


def test_the_whole_input_again_is_written_once(tmp_path: pathlib.Path) -> None:
    for stop_at in (9, 23, 23):
        with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5, input="documents") as writer:
            writer.write(DOCUMENTS[:stop_at])
            if stop_at < len(DOCUMENTS):
                writer.abort()
        assert ids(tmp_path) == list(range(5 if stop_at < len(DOCUMENTS) else 23))
    assert writer.report is not None and writer.close() is writer.report
    assert (writer.report.accepted, writer.report.replayed, writer.report.committed) == (23, 23, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": 65_536}, r"memory is 65536 bytes; expected at least 1048576 \(1.0 MiB\)"),
        ({"memory": 0}, "memory is 0 bytes; expected at least 1048576"),
        ({"row_group_size": 0}, "row_group_size is 0; expected 1 or more"),
        ({"compression_level": 99}, "level 99 of codec zstd; expected"),
        ({"content_defined_chunking": {"min_chunk_size": 10, "max_chunk_size": 10, "norm_level": 0}}, "pages of 10 to"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_taken(tmp_path, options, message):
    with pytest.raises(mq.InvalidInputError, match=message):
        mq.ParquetWriter(tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


LONG_TEXTS = """
import re, sys
import numpy, pyarrow, marquet

def rows(n):
    text = numpy.random.default_rng(n).integers(97, 123, 100 * 100_000, dtype=numpy.uint8)
    ends = pyarrow.py_buffer(numpy.arange(101, dtype=numpy.int64) * 100_000)
    return pyarrow.table({"text": pyarrow.LargeStringArray.from_buffers(100, ends, pyarrow.py_buffer(text))})

with marquet.ParquetWriter(
    sys.argv[1], "${chunk_index}.parquet", records_per_chunk=3_000, input="texts", memory=128 << 20
) as writer:
    for n in range(30):
        writer.write(rows(n))
(peak,) = re.findall("VmHWM: *([0-9]+) kB", open("/proc/self/status").read().replace("\\t", " "))
print(writer.report.committed, writer.report.replayed, int(peak) // 1024)
"""


@pytest.mark.skipif(
    "libclang_rt.asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer keeps memory that was given back"
)
def test_long_rows_that_are_compared_take_little_memory(run_python: Callable[..., Any], tmp_path: pathlib.Path) -> None:
    """300 MB of rows of 100 kB: two streams of them are compared in small batches."""
    once, again = (run_python(LONG_TEXTS, tmp_path / "out") for _ in range(2))
    assert once.returncode == again.returncode == 0, once.stderr + again.stderr
    committed, _, peak = map(int, once.stdout.split())
    _, replayed, peak_again = map(int, again.stdout.split())
    assert committed == replayed == 3_000
    assert peak < 2 * 128 + 200 and peak_again < peak + 4 * 128


def test_chunks_without_names_are_warned_of(tmp_path: pathlib.Path) -> None:
    with pytest.warns(UserWarning, match="all chunks go to one file"):
        mq.ParquetWriter(tmp_path, records_per_chunk=3).abort()


def test_what_differs_is_said(tmp_path: pathlib.Path) -> None:
    with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5, input="one") as writer:
        writer.write(DOCUMENTS)
    with pytest.raises(mq.InvalidInputError, match=r"the input was 'one' and is 'two'"):
        mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5, input="two")
    with pytest.raises(mq.InvalidInputError, match=r"records_per_chunk was '5' and is '6'"):
        mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=6, input="one")
    with pytest.raises(mq.AlreadyExistsError, match="fingerprint"):
        mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5)


def test_files_tell_inputs_apart(tmp_path: pathlib.Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"abc")
    two.write_bytes(b"def")
    prints = {mq.fingerprint(one), mq.fingerprint(two), mq.fingerprint(one, two), mq.fingerprint(two, one)}
    assert len(prints) == 4
    assert mq.fingerprint(one) == mq.fingerprint(one)


def test_everything_with_rows_is_taken(tmp_path: pathlib.Path) -> None:
    table = pa.table({"id": [1, 2]})
    sources: list[Any] = [
        table,
        table.to_batches()[0],
        table.to_reader(),
        polars.from_arrow(table),
        table.to_pandas(),
        duckdb.from_arrow(table),
        table.to_pylist(),
        {"id": 3},
        [],
    ]
    with mq.ParquetWriter(tmp_path) as writer:
        for rows in sources:
            writer.write(rows)
    assert ids(tmp_path) == [1] * 7 + [2] * 7 + [3]
    with mq.ParquetWriter(tmp_path / "wrong") as writer:
        for wrong in ("text", 5, ["text"], None):
            with pytest.raises(TypeError):
                writer.write(wrong)


class TestBadRows:
    """Each ends in an error that says what is wrong, with nothing published and nothing dropped."""

    @pytest.mark.parametrize(
        ("before", "rows", "error", "words"),
        [
            ([{"a": 1}], [{"a": "x"}], mq.SchemaError, "'a'"),
            ([{"a": 1}], [{"a": 1, "late": 2}], mq.SchemaError, "late"),
            ([], [{"a": 1}, {"a": "x"}], mq.SchemaError, "row 1 holds a str, row 0 a int"),
            ([], [{"a": {}}], mq.UnsupportedError, "'a'"),
            ([], [{}], mq.SchemaError, "no columns"),
            ([{"a": 1}], [{"a": 1 << 70}], mq.SchemaError, "'a'"),
            ([], pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), mq.SchemaError, "named 'a'"),
        ],
    )
    def test_is_refused(
        self, tmp_path: pathlib.Path, before: Any, rows: Any, error: type[Exception], words: str
    ) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet")
        with pytest.raises(error, match=words), writer:
            writer.write(before)
            writer.flush()
            writer.write(rows)
        assert parquet_files(tmp_path) == []

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (1, 1.5),
            (1, decimal.Decimal("1.5")),
            ([1], [1.5]),
            ({"k": 1}, {"k": 1.5}),
            ({"k": 1}, {"z": 1}),
            (datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 5)),
            (1, True),
            (1, "1"),
            (b"a", "a"),
        ],
    )
    @pytest.mark.parametrize("count", [1, 3_000])
    def test_values_are_never_cut_to_fit(self, tmp_path: pathlib.Path, before: Any, after: Any, count: int) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet")
        with pytest.raises(mq.InvalidInputError, match="'a'"), writer:
            writer.write([{"a": before}] * count)
            writer.flush()
            writer.write({"a": after})
            writer.flush()
        assert parquet_files(tmp_path) == []

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (pa.int64(), 1.5),
            (pa.int8(), 300),
            (pa.date32(), datetime.datetime(2024, 1, 1, 5)),
            (pa.timestamp("ms"), datetime.datetime(2024, 1, 1, 0, 0, 0, 123456)),
            (pa.decimal128(9, 1), decimal.Decimal("1.25")),
            (pa.struct([("k", pa.int64())]), {"k": 1, "late": 2}),
            (pa.struct([("k", pa.float32())]), {"k": 1, "late": 2}),
            (pa.struct([("k", pa.float32()), ("n", pa.int8())]), {"n": 1.5}),
            (pa.map_(pa.string(), pa.int8()), [("a", 1.5)]),
            (pa.list_(pa.int16(), 2), [1, 2.5]),
            (pa.large_list(pa.date32()), [datetime.datetime(2024, 1, 1, 5)]),
        ],
    )
    def test_a_schema_is_not_fitted_by_force(self, tmp_path: pathlib.Path, kind: pa.DataType, value: Any) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet", schema=pa.schema([("a", kind)]))
        with pytest.raises(mq.InvalidInputError, match="'a'"), writer:
            writer.write({"a": value})
            writer.flush()

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (pa.float64(), [1, 2.5, None]),
            (pa.int8(), [1, -128]),
            (pa.decimal128(20, 6), [decimal.Decimal("1.25"), decimal.Decimal("100")]),
            (pa.timestamp("ns", "UTC"), [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)]),
            (pa.time32("s"), [datetime.time(1, 2, 3)]),
            (pa.list_(pa.int32()), [[], [1], None]),
            (pa.struct([("k", pa.int32()), ("l", pa.string())]), [{"k": 1}, {"l": "x"}]),
            (pa.large_string(), ["a"]),
            (pa.float32(), [0.1, 1, None]),
            (pa.list_(pa.float32()), [[0.1], [], None]),
            (pa.list_(pa.float32(), 2), [[0.1, 2.0]]),
            (pa.large_list(pa.int16()), [[1, 2]]),
            (pa.dictionary(pa.int32(), pa.string()), ["a", None]),
            (pa.map_(pa.string(), pa.int8()), [[("a", 1)], {"b": 2}, []]),
            (pa.struct([("k", pa.float32()), ("t", pa.timestamp("ms"))]), [{"t": datetime.datetime(2024, 1, 1)}]),
        ],
    )
    def test_what_fits_without_loss_is_taken(self, tmp_path: pathlib.Path, kind: pa.DataType, values: Any) -> None:
        with mq.ParquetWriter(tmp_path, "all.parquet", schema=pa.schema([("a", kind)])) as writer:
            for value in values:
                writer.write({"a": value})
                writer.flush()
        expected = pa.array(values, type=kind).to_pylist()
        assert pq.read_table(tmp_path / "all.parquet")["a"].to_pylist() == expected

    def test_times_with_and_without_a_zone_do_not_mix(self, tmp_path: pathlib.Path) -> None:
        zoned = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
        writer = mq.ParquetWriter(tmp_path, "all.parquet")
        with pytest.raises(mq.SchemaError, match="times with a zone and times without"), writer:
            writer.write([{"a": zoned}, {"a": zoned.replace(tzinfo=None)}])

    def test_late_keys_within_a_batch_are_columns(self, tmp_path: pathlib.Path) -> None:
        with mq.ParquetWriter(tmp_path, "all.parquet") as writer:
            writer.write([{"a": 1}, {"b": "x"}, {"a": None, "b": None}])
        assert pq.read_table(tmp_path / "all.parquet").to_pylist() == [
            {"a": 1, "b": None},
            {"a": None, "b": "x"},
            {"a": None, "b": None},
        ]

    def test_a_column_of_nulls_takes_the_type_that_comes_later(self, tmp_path: pathlib.Path) -> None:
        with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=2) as writer:
            writer.write([{"a": None}, {"a": None}, {"a": 5}, {"a": None}])
        assert pq.read_table(tmp_path / "1.parquet")["a"].to_pylist() == [5, None]

    def test_a_poisoned_writer_says_so_again(self, tmp_path: pathlib.Path) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet")
        with pytest.raises(mq.SchemaError), writer:
            writer.write(pa.table({"a": [1]}))
            for _ in range(2):
                with pytest.raises(mq.SchemaError):
                    writer.write(pa.table({"b": [1]}))
        assert parquet_files(tmp_path) == []

    def test_counts_what_it_refused(self, tmp_path: pathlib.Path) -> None:
        writer = mq.ParquetWriter(tmp_path, "all.parquet")
        writer.write(pa.table({"a": [1, 2]}))
        with pytest.raises(mq.SchemaError):
            writer.write(pa.table({"b": [1, 2, 3]}))
        assert writer.counts == {"accepted": 2, "committed": 0, "replayed": 0, "dropped": 0, "rejected": 3}
        writer.abort()


class TestBadOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"output_filename": "../${rank}.parquet"}, "out of the output folder"),
            ({"output_filename": "a.csv"}, "must end in .parquet"),
            ({"compression": "zip"}, "zip"),
            ({"max_file_size": -1}, "max_file_size"),
            ({"output_filename": "${chunk_index}.parquet", "records_per_chunk": 5, "max_rows_per_file": 6}, "max_rows"),
            ({"on_schema_change": "drop"}, "on_schema_change"),
            ({"empty": "maybe"}, "empty"),
            ({"verify": "none"}, "none"),
            ({"row_group_size": -1}, "row_group_size is -1"),
        ],
    )
    def test_are_refused(self, tmp_path: pathlib.Path, options: dict[str, Any], words: str) -> None:
        with pytest.raises(mq.InvalidInputError, match=words):
            mq.ParquetWriter(tmp_path / "out", **options)

    def test_values_stay_in_the_folder(self, tmp_path: pathlib.Path) -> None:
        writer = mq.ParquetWriter(tmp_path / "out", "${key}.parquet")
        with pytest.raises(mq.InvalidInputError, match="out of the output folder"), writer:
            writer.write({"a": 1}, values={"key": "../outside"})
            writer.flush()
        assert parquet_files(tmp_path) == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
    def test_a_read_only_folder_is_named(self, tmp_path: pathlib.Path) -> None:
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(mq.StorageError, match="Permission denied"):
                mq.ParquetWriter(tmp_path / "out")
        finally:
            tmp_path.chmod(0o700)


def test_a_killed_writer_leaves_what_was_published(tmp_path: pathlib.Path) -> None:
    program = """
import os, signal, sys
import marquet as mq
with mq.ParquetWriter(sys.argv[1], "${chunk_index}.parquet", records_per_chunk=5, input="documents") as writer:
    for i in range(writer.resume(), 23):
        if i == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        writer.write({"id": i})
"""
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", program, tmp_path]).returncode == -9
        assert ids(tmp_path) == list(range(10))
    with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=5, input="documents") as writer:
        for i in range(writer.resume(), 23):
            writer.write({"id": i})
    assert ids(tmp_path) == list(range(23))


def test_threads_take_turns(tmp_path: pathlib.Path) -> None:
    with mq.ParquetWriter(tmp_path, "${chunk_index}.parquet") as writer:

        def work(chunk: int) -> None:
            for i in range(20):
                writer.write(pa.table({"id": [chunk * 20 + i]}), chunk_index=chunk)
            writer.close_chunk(chunk)

        threads = [threading.Thread(target=work, args=(chunk,)) for chunk in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ids(tmp_path) == list(range(160))


LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    *[
        (kind, st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
        for kind, bits in ((pa.int8(), 8), (pa.int16(), 16), (pa.int32(), 32), (pa.int64(), 64))
    ],
    *[
        (kind, st.integers(0, (1 << bits) - 1))
        for kind, bits in ((pa.uint8(), 8), (pa.uint16(), 16), (pa.uint32(), 32), (pa.uint64(), 64))
    ],
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.string(), st.text(max_size=9)),
    (pa.large_string(), st.text(max_size=9)),
    (pa.binary(), st.binary(max_size=9)),
    (pa.binary(4), st.binary(min_size=4, max_size=4)),
    (pa.date32(), st.dates()),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(datetime.UTC))),
    (pa.timestamp("ns"), st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))),
    (pa.time64("us"), st.times()),
    (
        pa.decimal128(9, 2),
        st.decimals(-9_999_999, 9_999_999, places=2).map(lambda d: d.quantize(decimal.Decimal("1.00"))),
    ),
]


@st.composite
def columns(draw: st.DrawFn) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    kind, values = draw(st.sampled_from(LEAVES))
    nesting = draw(st.sampled_from(["leaf", "leaf", "list", "struct", "map"]))
    values = st.none() | values
    if nesting == "list":
        return pa.list_(kind), st.none() | st.lists(values, max_size=3)
    if nesting == "struct":
        return pa.struct([("x", kind)]), st.none() | st.fixed_dictionaries({"x": values})
    if nesting == "map":
        return pa.map_(pa.string(), kind), st.none() | st.lists(
            st.tuples(st.text(max_size=3), values), max_size=3, unique_by=lambda pair: pair[0]
        )
    return kind, values


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    drawn = draw(st.lists(columns(), min_size=1, max_size=4))
    all_null = draw(st.booleans())
    arrays = []
    for kind, values in drawn:
        items = [None] * rows if all_null else draw(st.lists(values, min_size=rows, max_size=rows))
        arrays.append(pa.array(items, type=kind))
    return pa.table(arrays, names=[f"c{i}" for i in range(len(arrays))])


def comparable(value: Any) -> Any:
    """NaN equal to NaN, and maps equal to lists of pairs, whatever engine gave them."""
    if isinstance(value, float):
        return "nan" if value != value else repr(value)
    if isinstance(value, dict):
        if set(value) == {"key", "value"}:
            return (comparable(value["key"]), comparable(value["value"]))
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(comparable(item) for item in value)
    return value


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True, database=None)
@hypothesis.given(table=tables())
def test_other_engines_read_every_type(tmp_path_factory: pytest.TempPathFactory, table: pa.Table) -> None:
    folder = tmp_path_factory.mktemp("types")
    with mq.ParquetWriter(folder, "all.parquet", schema=table.schema, empty="file") as writer:
        writer.write(table)
    if table.num_rows == 0:
        return
    path = folder / "all.parquet"
    expected = comparable(table.to_pydict())
    read = pq.read_table(path)
    read.validate(full=True)
    assert comparable(read.to_pydict()) == expected
    assert comparable(polars.read_parquet(path).to_arrow().to_pydict()) == expected
    assert comparable(duckdb.sql(f"select * from '{path}'").to_arrow_table().to_pydict()) == expected


def test_rows_for_what_this_writer_closed_are_refused(tmp_path):
    """They would be taken for the ones that are published, come again, and be gone."""
    with mq.ParquetWriter(tmp_path / "names", "${k}.parquet") as writer:
        writer.write([{"v": 1}], values={"k": "a"})
        writer.close_file("a.parquet")
        with pytest.raises(mq.InvalidInputError, match=r"'a\.parquet' was published by this writer"):
            writer.write([{"v": 1}], values={"k": "a"})
            writer.flush()
        writer.abort()
    with mq.ParquetWriter(tmp_path / "chunks", "${chunk_index}.parquet") as writer:
        writer.write([{"v": 1}], chunk_index=3)
        writer.close_chunk(3)
        with pytest.raises(mq.InvalidInputError, match=r"'3\.parquet' was published by this writer"):
            writer.write([{"v": 1}], chunk_index=3)
            writer.flush()
        writer.abort()
    assert pq.read_table(tmp_path / "chunks" / "3.parquet")["v"].to_pylist() == [1]


@pytest.mark.parametrize("count", [1, 3])
def test_resume_comes_too_late_for_rows_that_wait(tmp_path: pathlib.Path, count: int) -> None:
    def writer() -> mq.ParquetWriter:
        return mq.ParquetWriter(tmp_path, "${chunk_index}.parquet", records_per_chunk=2, input="v1")

    with pytest.raises(KeyboardInterrupt), writer() as first:
        first.write([{"n": n} for n in range(3)])
        raise KeyboardInterrupt
    assert pq.read_table(tmp_path / "0.parquet")["n"].to_pylist() == [0, 1]
    with pytest.raises(mq.InvalidInputError, match="before the first record"), writer() as again:
        for n in range(count):
            again.write({"n": n})
        again.resume()
    assert not (tmp_path / "1.parquet").exists()


def test_a_folder_that_a_table_owns_is_refused(tmp_path: pathlib.Path) -> None:
    rows = pa.table({"id": [1, 2]})
    mq.create_table(tmp_path / "book", rows.schema).append(rows)
    before = sorted(tmp_path.rglob("*"))
    for folder in (tmp_path / "book", tmp_path / "book" / "sub", tmp_path / "book" / "a" / "b"):
        with pytest.raises(mq.InvalidInputError, match="vacuum removes"):
            mq.ParquetWriter(folder)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("published", [True, False])
def test_a_folder_of_its_files_becomes_no_table(tmp_path: pathlib.Path, published: bool) -> None:
    writer = mq.ParquetWriter(tmp_path / "out")
    if published:
        writer.write(DOCUMENTS[0])
        writer.close()
    files = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")}
    assert bool(files) == published
    with pytest.raises(mq.InvalidInputError, match="holds other things"):
        mq.create_table(tmp_path / "out", pa.schema([("id", pa.int64())]))
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")} == files
    assert not (tmp_path / "out" / "_delta_log").exists()
