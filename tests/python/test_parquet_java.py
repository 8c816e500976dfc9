"""Files of parquet-java, by Spark: they are cut and rescued; and Spark reads what Marquet writes.

Runs where PySpark and Java are, which `make torture` installs.
"""

from __future__ import annotations

import datetime
import decimal
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from cut_files import Whole

import marquet as mq

TORTURE = os.environ.get("MARQUET_TORTURE") == "1"
SEED = int(os.environ.get("MARQUET_SEED", "20241121"))
ROWS = 3_000
CODECS = ["uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "lz4"]
LONG = "long " * 20

OPTIONS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.log.level": "ERROR",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of one thread, on loopback, that ends with these tests."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Java is not installed; `make torture` installs it")
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed; `make torture` installs it")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    folder = tmp_path_factory.mktemp("spark")
    options = {
        **OPTIONS,
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    session = sql.SparkSession.builder.master("local[1]").config(map=options).getOrCreate()
    gateway = session.sparkContext._gateway
    yield session
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # at which the Java process ends
    assert gateway.proc.wait(timeout=60) is not None


@pytest.fixture
def settings(spark: Any) -> Iterator[Callable[[str, object], None]]:
    """Sets options of the session for one test."""
    before: dict[str, str | None] = {}

    def change(key: str, value: object) -> None:
        before.setdefault(key, spark.conf.get(key, None))
        spark.conf.set(key, str(value))

    yield change
    for key, value in before.items():
        spark.conf.unset(key) if value is None else spark.conf.set(key, value)


def some(values: list[Any], draw: random.Random) -> list[Any]:
    """With nulls in between."""
    return [None if draw.random() < 0.15 else value for value in values]


def flat(rows: int = ROWS) -> pa.Table:
    """Every plain type that Spark writes, with nulls; runs of equal values and values that are all different."""
    draw = random.Random(SEED)
    numbers = np.random.default_rng(SEED)
    start = datetime.datetime(2024, 1, 2, 14, 30)
    times = [start + datetime.timedelta(microseconds=draw.randrange(10**10)) for _ in range(rows)]
    texts = [draw.choice(["", "ä", LONG, f"text {n}"]) for n in range(rows)]
    wide = [decimal.Decimal(draw.randrange(-(10**37), 10**37)).scaleb(-10) for _ in range(rows)]
    return pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "flag": pa.array(some([draw.random() < 0.5 for _ in range(rows)], draw)),
            "tiny": pa.array(some([draw.randrange(-128, 128) for _ in range(rows)], draw), pa.int8()),
            "small": pa.array(some([draw.randrange(-(1 << 15), 1 << 15) for _ in range(rows)], draw), pa.int16()),
            "symbol": pa.array([f"S{n // 500}" for n in range(rows)]),
            "size": pa.array(some([draw.randrange(1 << 31) for _ in range(rows)], draw), pa.int32()),
            "ratio": pa.array(some([draw.random() for _ in range(rows)], draw), pa.float32()),
            "price": pa.array(numbers.normal(100, 1, rows)),
            "text": pa.array(some(texts, draw)),
            "bytes": pa.array(some([draw.randbytes(draw.randrange(12)) for _ in range(rows)], draw), pa.binary()),
            "day": pa.array(some([each.date() for each in times], draw)),
            "at": pa.array(some(times, draw), pa.timestamp("us", "UTC")),
            "local": pa.array(some(times, draw), pa.timestamp("us")),
            "cents": pa.array([decimal.Decimal(n % 997).scaleb(-2) for n in range(rows)], pa.decimal128(9, 2)),
            "nanos": pa.array([decimal.Decimal(n * 7).scaleb(-9) for n in range(rows)], pa.decimal128(18, 9)),
            "wide": pa.array(some(wide, draw), pa.decimal128(38, 10)),
            "none": pa.array([None] * rows, pa.string()),
        }
    )


def nested(rows: int = ROWS) -> pa.Table:
    draw = random.Random(SEED)
    pair = pa.struct([("x", pa.float64()), ("y", pa.string())])

    def floats() -> list[Any]:
        return some([draw.random() for _ in range(draw.randrange(4))], draw)

    def pairs() -> list[Any]:
        return [{"x": draw.random(), "y": draw.choice(["a", "b", LONG])} for _ in range(draw.randrange(3))]

    return pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "levels": pa.array(some([floats() for _ in range(rows)], draw), pa.list_(pa.float64())),
            "pair": pa.array(some([{"x": draw.random(), "y": str(n % 7)} for n in range(rows)], draw), pair),
            "pairs": pa.array(some([pairs() for _ in range(rows)], draw), pa.list_(pair)),
            "lists": pa.array([[[n, None], [], None] for n in range(rows)], pa.list_(pa.list_(pa.int32()))),
            "counts": pa.array(
                some([[(key, draw.randrange(9)) for key in "abc"[: draw.randrange(4)]] for _ in range(rows)], draw),
                pa.map_(pa.string(), pa.int64()),
            ),
        }
    )


SHAPES = {"flat": flat, "nested": nested}


def values(table: pa.Table) -> dict[str, list[str]]:
    """As text, in which NaN is NaN, -0.0 is not 0.0, and 1 is not 1.0."""
    return {name: list(map(repr, table.column(name).to_pylist())) for name in table.column_names}


def by_spark(spark: Any, table: pa.Table, folder: Path, **options: object) -> Path:
    """One file of several row groups, of several pages each."""
    many = {
        "parquet.block.size": 48 << 10,
        "parquet.block.size.row.check.min": 100,
        "parquet.page.size": 3 << 10,
        "parquet.page.size.row.check.min": 50,
        "parquet.page.row.count.limit": 400,
        **options,
    }
    frame = spark.createDataFrame(table).coalesce(1)
    frame.write.options(**{key.replace("__", "."): value for key, value in many.items()}).parquet(str(folder))
    (path,) = folder.glob("*.parquet")
    return path


def by_pages(version: int, dictionary: bool) -> dict[str, object]:
    return {"parquet.writer.version": f"PARQUET_{version}_0", "parquet.enable.dictionary": str(dictionary).lower()}


def cuts_of(whole: Whole, draw: random.Random) -> list[int]:
    """At the borders of pages and their headers, a byte before each, and anywhere."""
    borders = {at for page in whole.pages() for at in (page.begin, page.body, page.end)}
    places = sorted(borders | {at - 1 for at in borders})
    chosen = draw.sample(places, min(len(places), 400 if TORTURE else 30))
    ends = [ends[-1] for ends in whole.chunk_ends]
    anywhere = [draw.randrange(4, len(whole.bytes)) for _ in range(100 if TORTURE else 15)]
    return sorted({*chosen, *ends, *anywhere, len(whole.bytes) - 8, len(whole.bytes) - 1})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dictionary", [True, False], ids=["dictionary", "plain"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("codec", CODECS)
def test_cut_files_of_spark(
    codec: str,
    version: int,
    dictionary: bool,
    shape: str,
    spark: Any,
    tmp_path: Path,
    record_property: Callable[[str, Any], None],
) -> None:
    table = SHAPES[shape]()
    options = {"compression": codec, **by_pages(version, dictionary)}
    whole = Whole(by_spark(spark, table, tmp_path / "whole", **options))
    assert whole.rows.num_rows == ROWS and whole.metadata.num_row_groups > 1
    assert whole.metadata.created_by.startswith("parquet-mr version")
    kinds = {page.kind for page in whole.pages()}
    assert kinds == {"data" if version == 1 else "data v2", *(["dictionary"] if dictionary else [])}

    print(f"seed {SEED}")
    cuts = cuts_of(whole, random.Random(SEED))
    parts = 0
    for size in cuts:
        report = whole.check(size, tmp_path / "out.parquet")
        parts += 0 < report.rows < ROWS
    assert parts > len(whole.chunk_ends) // 2
    record_property("faults", len(cuts))

    report = whole.cut(whole.pages_end, tmp_path / "out.parquet")
    assert (report.rows, report.complete_row_groups, report.losses) == (ROWS, len(whole.chunk_ends), [])
    assert values(spark.read.parquet(str(tmp_path / "out.parquet")).toArrow()) == values(table)


ENDLESS = """
import sys
from pyspark.sql import SparkSession

options = dict(each.split("=", 1) for each in sys.argv[2:])
spark = SparkSession.builder.master("local[1]").config(map=options).getOrCreate()
rows = spark.range(1 << 40).selectExpr("id", "concat('text ', id * 7 % 1000) as text", "id / 4.0D as quarter")
rows.coalesce(1).write.option("parquet.block.size", 65536).parquet(sys.argv[1])
"""


def test_what_a_killed_spark_leaves(spark: Any, tmp_path: Path, record_property: Callable[[str, Any], None]) -> None:
    rows = spark.range(50_000).selectExpr("id", "concat('text ', id * 7 % 1000) as text", "id / 4.0D as quarter")
    rows.coalesce(1).write.option("parquet.block.size", 65536).parquet(str(tmp_path / "whole"))
    (sibling,) = (tmp_path / "whole").glob("*.parquet")
    options = [f"{key}={value}" for key, value in {**OPTIONS, "spark.local.dir": str(tmp_path / "local")}.items()]
    writer = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, tmp_path / "killed", *options],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        left: list[Path] = []
        while not left or left[0].stat().st_size < 1 << 20:
            assert writer.poll() is None
            time.sleep(0.05)
            left = list((tmp_path / "killed").rglob("part-*.parquet"))
    finally:
        os.killpg(writer.pid, signal.SIGKILL)  # Python and Java
        writer.wait()
    report = mq.rescue(left[0], tmp_path / "out.parquet", schema=sibling)
    assert report.rows > 0 and report.complete_row_groups > 1 and not report.footer
    found = pq.read_table(tmp_path / "out.parquet")
    ids = range(report.rows)
    texts = [f"text {n * 7 % 1000}" for n in ids]
    expected = {"id": list(ids), "text": texts, "quarter": [n / 4 for n in ids]}
    assert found.to_pydict() == expected
    record_property("faults", 1)


def test_times_of_twelve_bytes(spark: Any, settings: Any, tmp_path: Path) -> None:
    """INT96 is Spark's default for timestamps, and holds those that nanoseconds cannot: 9999 stands for "never"."""
    settings("spark.sql.parquet.outputTimestampType", "INT96")
    settings("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED")
    table = flat().select(["id", "at", "local", "text"])
    years = [datetime.datetime(year, 12, 31, 23, 59, 59, 999_999) for year in (9999, 1500)]
    far = pa.array([years[n % 5] if n % 5 < 2 else None for n in range(ROWS)], pa.timestamp("us", "UTC"))
    table = table.append_column("until", far)
    whole = Whole(by_spark(spark, table, tmp_path / "whole"))
    assert whole.metadata.row_group(0).column(1).physical_type == "INT96"
    for size in cuts_of(whole, random.Random(SEED)):
        whole.check(size, tmp_path / "out.parquet")
    assert whole.cut(whole.pages_end, tmp_path / "out.parquet").rows == ROWS
    settings("spark.sql.parquet.int96RebaseModeInRead", "CORRECTED")
    found = spark.read.parquet(str(tmp_path / "out.parquet")).toArrow()
    assert values(found) == values(table)


def test_types_as_old_spark_wrote_them(spark: Any, settings: Any, tmp_path: Path) -> None:
    """Decimals of fixed length, lists and maps of three levels under their old names."""
    settings("spark.sql.parquet.writeLegacyFormat", "true")
    for shape, make in SHAPES.items():
        whole = Whole(by_spark(spark, make(), tmp_path / shape))
        for size in cuts_of(whole, random.Random(SEED)):
            whole.check(size, tmp_path / "out.parquet")
        assert whole.cut(whole.pages_end, tmp_path / "out.parquet").rows == ROWS
        found = spark.read.parquet(str(tmp_path / "out.parquet"))
        assert values(found.toArrow()) == values(make())


@pytest.mark.parametrize("version", [1, 2])
def test_damaged_pages_of_spark(
    version: int, spark: Any, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """A bit is changed in a page: its CRC, which parquet-java writes, says so, and the other rows come back."""
    whole = Whole(by_spark(spark, flat(), tmp_path / "whole", **by_pages(version, dictionary=False)))
    draw = random.Random(SEED)
    pages = whole.pages()
    chosen = pages if TORTURE else draw.sample(pages, 30)
    broken, out = tmp_path / "broken.parquet", tmp_path / "out.parquet"
    for page in chosen:
        if page.body == page.end:
            continue
        damaged = bytearray(whole.bytes)
        damaged[draw.randrange(page.body, page.end)] ^= 1 << draw.randrange(8)
        broken.write_bytes(damaged)
        out.unlink(missing_ok=True)
        assert not mq.verify(broken, level="crc").ok
        report = mq.rescue(broken, out)
        (loss,) = report.losses
        assert loss.offset == page.begin and loss.reason.startswith("the CRC is"), f"page {page}, seed {SEED}"
        assert report.rows == ROWS - loss.rows
        found = pq.read_table(out)
        assert found.equals(whole.rows.filter(pc.is_in(whole.rows["id"], found["id"].combine_chunks())))
        assert found.num_rows == report.rows
    record_property("faults", len(chosen))


# What Spark makes of Arrow types that are not its own; those that it lacks are refused by it (float16, times of day,
# decimals of more than 38 digits).
OTHER_TYPES: list[tuple[pa.Array, pa.DataType]] = [
    (pa.array([0, 255, None], pa.uint8()), pa.int16()),
    (pa.array([0, 65535, None], pa.uint16()), pa.int32()),
    (pa.array([0, 2**32 - 1, None], pa.uint32()), pa.int64()),
    (pa.array([0, 2**64 - 1, None], pa.uint64()), pa.decimal128(20, 0)),
    (pa.array([b"abcde", b"\0\0\0\0\0", None], pa.binary(5)), pa.binary()),
    (pa.array(["a", "ä", None], pa.large_string()), pa.string()),
    (pa.array([b"a", b"", None], pa.large_binary()), pa.binary()),
    (pa.array(["a", "b", None], pa.string_view()), pa.string()),
    (pa.array(["a", "b", None]).dictionary_encode(), pa.string()),
    (pa.array([1, -1, None], pa.timestamp("ms")), pa.timestamp("us")),
    (pa.array([1, -1, None], pa.timestamp("ns")), pa.int64()),
    (pa.array([1, -1, None], pa.timestamp("s", "Europe/Berlin")), pa.timestamp("us", "UTC")),
    (pa.array([0, 86_400_000, None], pa.date64()), pa.date32()),
    (pa.array([1, -1, None], pa.duration("us")), pa.int64()),
    (pa.array([decimal.Decimal("1.25"), decimal.Decimal("-1.25"), None], pa.decimal32(5, 2)), pa.decimal128(5, 2)),
    (pa.array([decimal.Decimal("1.25"), decimal.Decimal("-1.25"), None], pa.decimal64(12, 2)), pa.decimal128(12, 2)),
    (pa.array([None, None, None], pa.null()), pa.int32()),
    (pa.array([[1, 2], [3, None], None], pa.list_(pa.int32(), 2)), pa.list_(pa.int32())),
    (pa.array([[1, 2], [], None], pa.large_list(pa.int8())), pa.list_(pa.int8())),
    (pa.array([float("nan"), -0.0, float("-inf")]), pa.float64()),
    (pa.array([float("nan"), -0.0, float("inf")], pa.float32()), pa.float32()),
]


@pytest.fixture(params=["vectorized", "by row"])
def reading(request: pytest.FixtureRequest, spark: Any, settings: Any) -> Callable[..., pa.Table]:
    """Reads with each of Spark's two readers: its own over parquet-java's pages, and parquet-java's. Checks CRCs."""
    settings("spark.sql.parquet.enableVectorizedReader", request.param == "vectorized")
    settings("spark.sql.parquet.enableNestedColumnVectorizedReader", request.param == "vectorized")

    def read(path: Path, where: str = "true", **options: object) -> pa.Table:
        options = {"parquet.page.verify-checksum.enabled": "true", **options}
        return spark.read.options(**options).parquet(str(path)).where(where).toArrow()

    return read


class TestWhatMarquetWrites:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "none"])
    def test_in_every_codec(self, compression: str, shape: str, reading: Any, tmp_path: Path) -> None:
        table = SHAPES[shape]()
        with mq.ParquetWriter(
            tmp_path / "out",
            "${rank}_${chunk_index}.parquet",
            records_per_chunk=1_100,
            row_group_size=400,
            compression=compression,
            input="rows",
        ) as writer:
            writer.write(table)
        found = reading(tmp_path / "out").sort_by("id")
        assert values(found) == values(table)

    @pytest.mark.parametrize("array, seen", OTHER_TYPES, ids=[str(array.type) for array, _ in OTHER_TYPES])
    def test_types_that_are_not_spark_s_own(
        self, array: pa.Array, seen: pa.DataType, reading: Any, tmp_path: Path
    ) -> None:
        with mq.ParquetWriter(tmp_path / "out") as writer:
            writer.write(pa.table({"column": array}))
        found = reading(tmp_path / "out")
        assert found.schema.field("column").type.equals(seen, check_metadata=False)
        expected = array.cast(seen.value_type if pa.types.is_dictionary(seen) else seen)
        assert values(found) == values(pa.table({"column": expected}))

    def test_filters_that_skip_pages(self, reading: Any, tmp_path: Path) -> None:
        """Spark leaves out row groups and pages by their bounds."""
        table = flat()
        with mq.ParquetWriter(tmp_path / "out", row_group_size=1_000, content_defined_chunking=True) as writer:
            writer.write(table)
        draw = random.Random(SEED)
        for low in draw.sample(range(ROWS), 5):
            for where, expected in [
                (f"id between {low} and {low + 5}", (pc.field("id") >= low) & (pc.field("id") <= low + 5)),
                (f"symbol = 'S{low // 500}'", pc.field("symbol") == f"S{low // 500}"),
                (f"text = 'text {low}'", pc.field("text") == f"text {low}"),
                ("size is null and flag", pc.field("size").is_null() & pc.field("flag")),
                (f"cents = {low % 997 / 100:.2f}", pc.field("cents") == pa.scalar(decimal.Decimal(low % 997) / 100)),
                (f"price > {100 + low / ROWS}", pc.field("price") > 100 + low / ROWS),
                ("day = date'2024-01-02'", pc.field("day") == datetime.date(2024, 1, 2)),
                (f"tiny = {low % 128}", pc.field("tiny") == low % 128),
            ]:
                assert values(reading(tmp_path / "out", where)) == values(table.filter(expected)), where

    def test_files_without_rows(self, reading: Any, tmp_path: Path) -> None:
        with mq.ParquetWriter(
            tmp_path / "out", "${chunk_index}.parquet", schema=flat(1).schema, empty="file"
        ) as writer:
            writer.close_chunk(0)
        found = reading(tmp_path / "out")
        assert found.num_rows == 0 and found.column_names == flat(1).column_names

    def test_tables(self, spark: Any, reading: Any, tmp_path: Path) -> None:
        """The files of a table's newest version, and its checkpoint."""
        rows = flat().drop_columns(["local", "none"])
        table = mq.create_table(tmp_path / "table", rows.schema, partition_by=["symbol"])
        for begin in range(0, ROWS, 250):
            table.append(rows.slice(begin, 250), row_group_size=100)
        found = reading(tmp_path / "table").sort_by("id")
        assert values(found.select(rows.column_names)) == values(rows)
        (checkpoint,) = (tmp_path / "table" / "_delta_log").glob("*.checkpoint.parquet")
        assert values(reading(checkpoint)) == values(pq.read_table(checkpoint))

    def test_ingested_tables_and_samples(self, reading: Any, tmp_path: Path, data_dir: Path) -> None:
        mq.ingest(data_dir / "dbn" / "real-futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst", tmp_path / "book")
        files = [path for path in sorted((tmp_path / "book").rglob("*.parquet")) if "_delta_log" not in path.parts]
        assert files
        for path in files:
            assert values(reading(path)) == values(pq.read_table(path, partitioning=None))
