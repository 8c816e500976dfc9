"""Statistics of other writers, as they are known to be off: no filter loses a row to them, and none lets one through.

Tables come from a seeded generator: Marquet's own, deltalake's, and logs made by hand with the faults of other
writers. A plain reading of the rows in Python, row by row and in SQL's three-valued logic, says what a filter selects.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import random
import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

UTC = dt.UTC
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("n", pa.int64()),
        ("i", pa.int32()),
        ("d", pa.decimal128(38, 9)),
        ("e", pa.decimal128(10, 2)),
        ("z", pa.decimal128(38, 0)),
        ("x", pa.float64()),
        ("f", pa.float32()),
        ("s", pa.string()),
        ("day", pa.date32()),
        ("t", pa.timestamp("us", "UTC")),
    ]
)
DELTA_TYPES = {
    pa.int64(): "long",
    pa.int32(): "integer",
    pa.decimal128(38, 9): "decimal(38,9)",
    pa.decimal128(10, 2): "decimal(10,2)",
    pa.decimal128(38, 0): "decimal(38,0)",
    pa.float64(): "double",
    pa.float32(): "float",
    pa.string(): "string",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamp",
}


def as_float32(value: float) -> float:
    return pa.scalar(value, pa.float32()).as_py()


# Values on both sides of every edge at which a writer is known to lose something.
POOLS: dict[str, list[Any]] = {
    "n": [0, 1, -1, 2**53 - 1, 2**53 + 1, 2**60 + 1, -(2**60) - 127, 2**63 - 1, -(2**63), 1_704_164_645_000_000_007],
    "i": [0, 7, -7, 2**31 - 1, -(2**31)],
    "d": [
        Decimal(text)
        for text in (
            "0.000000001",
            "-0.000000001",
            "12345678901234567890.123456789",
            "12345678901234567890.123456788",
            "-12345678901234567890.123456789",
            "99999999999999999999999999999.999999999",
            "0.300000000",
            "4750.250000000",
        )
    ],
    "e": [Decimal(text) for text in ("0.10", "-0.01", "0.30", "99999999.99", "-99999999.99", "4750.25")],
    "z": [
        Decimal(text) for text in ("0", "7", "9" * 38, "-" + "9" * 38, "12345678901234567890", "9223372036854775806")
    ],
    "x": [0.0, -0.0, 0.1, 1 / 3, -1 / 3, 5e-324, 1e300, 1.7976931348623157e308, math.inf, -math.inf, math.nan],
    "f": [as_float32(v) for v in (0.0, 0.1, 1 / 3, 16777217.0, 3.4e38, -3.4e38)] + [math.inf, math.nan],
    "s": [
        "",
        "A",
        "ESH4",
        "ESH4 and what follows it, which is long enough to be cut",
        "é" * 40,
        "x" * 70,
        "x" * 70 + "y",
        "\ue000",
        "\U0001f600",
        "z\U0010ffff",
    ],
    "day": [dt.date(1, 1, 1), dt.date(1582, 10, 4), dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)],
    "t": [
        dt.datetime(1, 1, 1, tzinfo=UTC),
        dt.datetime(1883, 11, 18, 12, 3, 58, tzinfo=UTC),
        dt.datetime(1950, 6, 1, 12, 0, 0, 1, tzinfo=UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 998_001, tzinfo=UTC),
        dt.datetime(2024, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC),
        dt.datetime(2024, 1, 2, 3, 4, 5, 999_998, tzinfo=UTC),
        dt.datetime(2024, 1, 2, 3, 4, 59, tzinfo=UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
}


def draw(rng: random.Random, rows: int, first: int) -> list[dict[str, Any]]:
    """Rows whose columns take few values each, so that bounds of files are narrow."""
    pools = {name: rng.sample(pool, rng.choice([1, 1, 2, 3])) for name, pool in POOLS.items()}
    nulls = {name: rng.choice([0.0, 0.0, 0.3, 1.0]) for name in POOLS}
    return [
        {
            "id": first + i,
            **{name: None if rng.random() < nulls[name] else rng.choice(pools[name]) for name in POOLS},
        }
        for i in range(rows)
    ]


# What writers make of a file's smallest and largest value. Each takes the value, the column and whether it is the
# maximum, and gives what goes into the JSON; None for no bound.


def exact(value: Any, name: str, is_max: bool) -> Any:
    """Nothing lost: decimals and numbers with all their digits, times to the microsecond."""
    if isinstance(value, float):
        return Raw(repr(value)) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return Raw(f"{value:f}")
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def doubles(value: Any, name: str, is_max: bool) -> Any:
    """Every number through a double, in the digits of JavaScript; times cut to milliseconds."""
    if isinstance(value, int):
        number = float(value)
        return Raw(js_digits(number)) if abs(number) < 1e21 else None
    if isinstance(value, Decimal):
        return Raw(repr(float(value)))
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    return exact(value, name, is_max)


def js_digits(number: float) -> str:
    digits = repr(number)
    return str(int(Decimal(digits)))


def fifteen_digits(value: Any, name: str, is_max: bool) -> Any:
    """Floating numbers in the digits that C prints them with by default for their type; times cut to seconds."""
    if isinstance(value, float):
        return Raw(f"{value:.{7 if name == 'f' else 15}g}") if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return Raw(f"{float(value):.15g}")
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    return exact(value, name, is_max)


def cut(value: Any, name: str, is_max: bool) -> Any:
    """Text cut without rounding the maximum up; local times of a zone whose offset was cut to minutes."""
    if isinstance(value, str):
        return value[:3]
    if isinstance(value, dt.datetime):
        if value.year in (1, 9999):
            return None
        offset = dt.timedelta(minutes=44, seconds=30)  # of Monrovia until 1972
        local = (value - offset).replace(tzinfo=None)
        return local.isoformat(timespec="milliseconds") + "-00:44"
    return exact(value, name, is_max)


def lossy_text(value: Any, name: str, is_max: bool) -> Any:
    """Text cut in the middle of a character, with U+FFFD for what is left of it."""
    if isinstance(value, str):
        return value.encode()[:5].decode(errors="replace")
    return doubles(value, name, is_max)


class Raw(str):
    """JSON as it is to stand there."""


def json_of(value: Any) -> str:
    return str(value) if isinstance(value, Raw) else json.dumps(value)


def stats_of(rows: list[dict[str, Any]], writer: Callable[[Any, str, bool], Any], rng: random.Random) -> str:
    utf16 = rng.random() < 0.3
    bounds: dict[bool, list[str]] = {False: [], True: []}
    for name in POOLS:
        values = [row[name] for row in rows if row[name] is not None and row[name] == row[name]]
        if not values:
            continue
        for is_max, pick in ((False, min), (True, max)):
            key = (lambda v: v.encode("utf-16-be")) if utf16 and name == "s" else None
            bound = writer(pick(values, key=key), name, is_max)
            if bound is not None:
                bounds[is_max].append(f"{json.dumps(name)}:{json_of(bound)}")
    # Null counts that were never counted, and numbers of rows that are wrong.
    nulls = {name: rng.choice([0, len(rows), sum(row[name] is None for row in rows)]) for name in POOLS}
    count = rng.choice([len(rows), len(rows), 0, len(rows) + 5])
    return (
        f'{{"numRecords":{count},"minValues":{{{",".join(bounds[False])}}},"maxValues":{{{",".join(bounds[True])}}},'
        f'"nullCount":{json.dumps(nulls)}}}'
    )


def by_hand(path: Path, files: list[list[dict[str, Any]]], writer: Callable[[Any, str, bool], Any], seed: int) -> None:
    rng = random.Random(seed)
    (path / "_delta_log").mkdir(parents=True)
    fields = [
        {"name": field.name, "type": DELTA_TYPES[field.type], "nullable": True, "metadata": {}} for field in SCHEMA
    ]
    actions: list[dict[str, Any]] = [
        {"commitInfo": {"timestamp": 1_700_000_000_000, "engineInfo": "another"}},
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "11111111-2222-3333-4444-555555555555",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": [],
                "configuration": {},
                "createdTime": 1_700_000_000_000,
            }
        },
    ]
    for place, rows in enumerate(files):
        name = f"part-{place}.parquet"
        pq.write_table(
            pa.Table.from_pylist(rows, SCHEMA),
            path / name,
            row_group_size=max(1, len(rows) // 2),
            data_page_size=1,
            write_page_index=rng.random() < 0.5,
            use_dictionary=rng.random() < 0.5,
        )
        actions.append(
            {
                "add": {
                    "path": name,
                    "partitionValues": {},
                    "size": (path / name).stat().st_size,
                    "modificationTime": 1_700_000_000_000,
                    "dataChange": True,
                    "stats": stats_of(rows, writer, rng),
                }
            }
        )
    log = path / "_delta_log" / "00000000000000000000.json"
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))


def by_marquet(path: Path, files: list[list[dict[str, Any]]], seed: int) -> None:
    table = mq.create_table(path, SCHEMA)
    for rows in files:
        table.append(pa.Table.from_pylist(rows, SCHEMA))


def by_deltalake(path: Path, files: list[list[dict[str, Any]]], seed: int) -> None:
    for rows in files:
        deltalake.write_deltalake(str(path), pa.Table.from_pylist(rows, SCHEMA), mode="append")


def by_both(path: Path, files: list[list[dict[str, Any]]], seed: int) -> None:
    """Marquet's files and deltalake's side by side, in a checkpoint of deltalake's."""
    by_marquet(path, files[::2], seed)
    by_deltalake(path, files[1::2], seed)
    deltalake.DeltaTable(str(path)).create_checkpoint()


WRITERS: dict[str, Callable[[Path, list[list[dict[str, Any]]], int], None]] = {
    "marquet": by_marquet,
    "deltalake": by_deltalake,
    "both": by_both,
    **{
        writer.__name__: (lambda path, files, seed, writer=writer: by_hand(path, files, writer, seed))
        for writer in (exact, doubles, fifteen_digits, cut, lossy_text)
    },
}


# Filters as lists of terms, and what they mean: True, False or None for unknown.

Term = tuple[Any, ...]


def holds(term: Term, row: dict[str, Any]) -> bool | None:
    value = row[term[0]]
    op = term[1]
    if op == "is null":
        return value is None
    if op == "is not null":
        return value is not None
    if value is None:
        return None
    if op == "in":
        return value in term[2]
    if op == "not in":
        return value not in term[2]
    literal = term[2]
    return {
        "=": value == literal,
        "!=": value != literal,
        "<": value < literal,
        "<=": value <= literal,
        ">": value > literal,
        ">=": value >= literal,
    }[op]


def literals_of(name: str) -> list[Any]:
    return [value for value in POOLS[name] if not isinstance(value, float) or math.isfinite(value)]


def spelt(term: Term) -> Term:
    """The term as the scan takes it: decimals as text."""

    def text(value: Any) -> Any:
        return f"{value:f}" if isinstance(value, Decimal) else value

    if len(term) == 2:
        return term
    value = [text(item) for item in term[2]] if isinstance(term[2], list) else text(term[2])
    return (term[0], term[1], value)


def terms(rng: random.Random) -> Iterator[list[Term]]:
    for name in POOLS:
        literals = literals_of(name)
        for literal in literals:
            for op in ("=", "!=", "<", "<=", ">", ">="):
                yield [(name, op, literal)]
        yield [(name, "is null")]
        yield [(name, "is not null")]
        yield [(name, "in", rng.sample(literals, 2))]
        yield [(name, "not in", rng.sample(literals, 2))]
    for _ in range(40):  # two at once
        first, second = rng.sample(list(POOLS), 2)
        pair: list[Term] = []
        for name in (first, second):
            pair.append((name, rng.choice(["=", "!=", "<", "<=", ">", ">="]), rng.choice(literals_of(name))))
        yield pair


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("writer", WRITERS)
def test_no_filter_loses_a_row_to_statistics(tmp_path: Path, writer: str, seed: int) -> None:
    rng = random.Random(seed * 1000 + len(writer))
    files = [draw(rng, rng.randint(1, 6), first=100 * place) for place in range(8)]
    rows = [row for file in files for row in file]
    WRITERS[writer](tmp_path / "table", files, seed)
    table = mq.open_table(tmp_path / "table")

    assert table.scan().count() == len(rows)
    for conjunction in terms(rng):
        expected = {row["id"] for row in rows if all(holds(term, row) for term in conjunction)}
        scan = table.scan(columns=["id"], filter=[spelt(term) for term in conjunction])
        found = scan.to_arrow()["id"].to_pylist()
        assert sorted(found) == sorted(expected), f"{writer}, seed {seed}: {conjunction}"
        assert scan.count() == len(expected), f"{writer}, seed {seed}: {conjunction}"


@pytest.fixture(scope="session")
def real_tables(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Tables that Spark, delta-rs, DuckDB and the kernel wrote, and that can be read."""
    folder = tmp_path_factory.mktemp("real")
    for family in ("delta-golden", "delta-tables"):
        for archive in sorted((data_dir / family).glob("*.tar.zst")):
            subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    found = []
    for log in sorted(folder.rglob("_delta_log")):
        try:
            if mq.open_table(log.parent).scan().count() > 0:
                found.append(log.parent)
        except mq.MarquetError:
            continue  # refused, or a log alone: other tests say which and why
    assert len(found) > 30
    return found


def test_no_filter_loses_a_row_of_a_real_table(real_tables: list[Path]) -> None:
    asked = 0
    for path in real_tables:
        table = mq.open_table(path)
        if path.name == "kernel-parsed-stats":  # made by hand: its log tells of values of `ts_col`, which no file has
            with pytest.raises(mq.CorruptDataError, match="has no column 'ts_col', and the log tells of its values"):
                table.scan().to_arrow()
            continue
        rows = table.scan().to_arrow()
        for field in rows.schema:
            if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or pa.types.is_null(field.type):
                continue
            column = [{field.name: value} for value in rows[field.name].to_pylist()]
            values = list(
                {repr(row[field.name]): row[field.name] for row in column if row[field.name] is not None}.values()
            )
            conditions: list[Term] = [(field.name, "is null"), (field.name, "is not null")]
            for value in values[:: max(1, len(values) // 12)]:
                ops = ("=", "!=") if isinstance(value, bool) else ("=", "!=", "<", "<=", ">", ">=")
                conditions += [(field.name, op, value) for op in ops]
            for condition in conditions:
                expected = sum(bool(holds(condition, row)) for row in column)
                assert table.scan(filter=[spelt(condition)]).count() == expected, f"{path}: {condition}"
                asked += 1
    assert asked > 1000


def test_statistics_of_other_writers_still_spare_files(tmp_path: Path) -> None:
    """Doubt must not cost what statistics are for."""
    for day in range(10):
        start = dt.datetime(2024, 1, 1 + day, tzinfo=UTC)
        rows = pa.table(
            {
                "ts": pa.array([start + dt.timedelta(hours=hour) for hour in range(24)], pa.timestamp("us", "UTC")),
                "price": [4750.25 + day] * 24,
                "symbol": [f"ES{day}"] * 24,
            }
        )
        deltalake.write_deltalake(str(tmp_path / "table"), rows, mode="append")
    table = mq.open_table(tmp_path / "table")
    for condition in ("ts >= '2024-01-03T12:00' and ts < '2024-01-03T13:00'", "price = 4752.25", "symbol = 'ES2'"):
        scan = table.scan(filter=condition)
        assert len(scan.to_arrow()) == (1 if "ts" in condition else 24)
        assert scan.statistics()["files_read"] == 1, condition


@pytest.mark.parametrize(
    ("kind", "times", "latest"),
    [
        (pa.timestamp("us", "UTC"), [1, None, 1_704_164_645_999_999, None, 7], 1_704_164_645_999_999_000),
        (pa.timestamp("us"), [None, 1_704_164_645_999_999, None], 1_704_164_645_999_999_000),
        (pa.timestamp("us", "UTC"), [-315_619_200_000_001, None, -315_619_200_000_000], -315_619_200_000_000_000),
        (pa.date32(), [19_723, None, 19_724, None], 1_704_153_600_000_000_000),
        (pa.date32(), [-1, None], -86_400_000_000_000),
        (pa.timestamp("us", "UTC"), [None, None], None),
    ],
)
def test_the_latest_time_of_any_kind_is_found_between_nulls(
    tmp_path: Path, kind: pa.DataType, times: list[int | None], latest: int | None
) -> None:
    deltalake.write_deltalake(str(tmp_path / "table"), pa.table({"t": pa.array(times, kind)}))
    assert mq.open_table(tmp_path / "table").latest_timestamp("t") == latest


def test_the_latest_time_is_that_of_the_rows(tmp_path: Path) -> None:
    """deltalake cuts the maximum to milliseconds; the rows say the microsecond."""
    latest = dt.datetime(2024, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
    times = pa.array([latest - dt.timedelta(seconds=9), None, latest], pa.timestamp("us", "UTC"))
    deltalake.write_deltalake(str(tmp_path / "table"), pa.table({"ts": times}))
    table = mq.open_table(tmp_path / "table")
    assert table.info()["latest_timestamp"] == latest
    assert table.latest_timestamp() == 1_704_164_645_999_999_000
