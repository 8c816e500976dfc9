"""Values of partition columns: what is written comes back, in other engines too, or is refused at the append."""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)


def same(a: Any, b: Any) -> bool:
    """NaN is NaN, and zeros have signs."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return bool(a == b)


VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "double": (pa.float64(), [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 0.1, 1e300, None]),
    "float": (pa.float32(), [math.nan, -math.inf, -0.0, pa.scalar(0.1, pa.float32()).as_py(), 1.5, None]),
    "decimal": (
        pa.decimal128(38, 9),
        [Decimal("0.000000001"), Decimal("12345678901234567890.123456789"), Decimal("-1.000000000"), None],
    ),
    # The log spells the small ones with exponents: 0E-18, 1E-18, 1.00000000000E-7.
    "small decimal": (
        pa.decimal128(38, 18),
        [Decimal(0), Decimal("1E-18"), Decimal("0.0000001"), Decimal("0.000001"), Decimal("-7"), None],
    ),
    "boolean": (pa.bool_(), [True, False, None]),
    "long": (pa.int64(), [2**63 - 1, -(2**63), 0, None]),
    "date": (pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31), None]),
    "timestamp": (
        pa.timestamp("us", "UTC"),
        [
            dt.datetime(1, 1, 1, tzinfo=UTC),
            dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            EPOCH - dt.timedelta(microseconds=1),
            None,
        ],
    ),
    "string": (
        pa.string(),
        [
            "a b",
            "ü/..%2F",
            "a=b&c",
            "\n\t",
            "null",
            "_x",
            ".x",
            "'\"",
            "\U0001f600",
            None,
        ],
    ),
}


@pytest.mark.parametrize("kind", VALUES)
def test_every_value_comes_back(tmp_path: Path, kind: str) -> None:
    arrow_type, values = VALUES[kind]
    rows = pa.table({"p": pa.array(values, arrow_type), "id": list(range(len(values)))})
    table = mq.create_table(tmp_path / "t", rows.schema, partition_by=["p"])
    table.append(rows)

    tables = {
        "marquet": table.scan().to_arrow(),
        "polars": pl.scan_delta(str(tmp_path / "t")).collect().to_arrow(),
        "deltalake": pa.table(deltalake.DeltaTable(str(tmp_path / "t")).to_pyarrow_table()),
    }
    for engine, read in tables.items():
        assert sorted(read["id"].to_pylist()) == list(range(len(values)))
        for row in read.to_pylist():
            place, value = row["id"], row["p"]
            assert same(value, values[place]), f"{engine}: {value!r}, not {values[place]!r}"


@pytest.mark.parametrize("kind", ["double", "float"])
def test_nan_is_found_among_partitions(tmp_path: Path, kind: str) -> None:
    arrow_type, values = VALUES[kind]
    rows = pa.table({"p": pa.array(values, arrow_type), "id": list(range(len(values)))})
    table = mq.create_table(tmp_path / "t", rows.schema, partition_by=["p"])
    table.append(rows)

    def ids(condition: str) -> list[int]:
        return sorted(table.scan(filter=condition).to_arrow()["id"].to_pylist())

    numbers = {place: value for place, value in enumerate(values) if value is not None}
    assert ids("p is nan") == [place for place, value in numbers.items() if math.isnan(value)]
    assert ids("p is not nan") == [place for place, value in numbers.items() if not math.isnan(value)]
    assert ids("p = 0.0") == [place for place, value in numbers.items() if value == 0]
    assert ids("p != 0.0") == [place for place, value in numbers.items() if value != 0]
    assert ids("p > 1e30") == [place for place, value in numbers.items() if value > 1e30]
    assert ids("p < -1e30") == [place for place, value in numbers.items() if value < -1e30]
    assert ids("p in (0.0, 1.5)") == [place for place, value in numbers.items() if value in (0.0, 1.5)]
    assert ids("p is null") == [place for place, value in enumerate(values) if value is None]
    assert table.scan(filter="p is nan").count() == len(ids("p is nan"))


DAYS = {"date": [2_932_897, -719_163, 2**31 - 1, -(2**31)]}
MICROS = {"timestamp": [253_402_300_800_000_000, -62_135_596_800_000_001, 2**63 - 1, -(2**63)]}


@pytest.mark.parametrize("kind, count", [(kind, n) for kind, all_of in (DAYS | MICROS).items() for n in all_of])
def test_years_that_the_log_cannot_spell_are_refused(tmp_path: Path, kind: str, count: int) -> None:
    arrow_type, width = (pa.date32(), pa.int32()) if kind == "date" else (pa.timestamp("us", "UTC"), pa.int64())
    schema = pa.schema([("p", arrow_type), ("v", pa.int64())])
    table = mq.create_table(tmp_path / "t", schema, partition_by=["p"])
    table.append(pa.table({"p": pa.array([0], width).cast(arrow_type), "v": [0]}, schema))
    with pytest.raises(mq.InvalidInputError, match=r"column 'p', row 1 of the batch.*years 0001 to 9999"):
        table.append(pa.table({"p": pa.array([0, count], width).cast(arrow_type), "v": [1, 2]}, schema))
    assert mq.open_table(tmp_path / "t").scan().to_arrow()["v"].to_pylist() == [0]
    assert table.verify().ok


def read_by_all(path: Path) -> dict[str, dict[int, Any]]:
    """The values of ``p`` by those of ``v``, as each engine reads them."""
    tables = {
        "marquet": mq.open_table(path).scan().to_arrow(),
        "polars": pl.scan_delta(str(path)).collect().to_arrow(),
        "deltalake": pa.table(deltalake.DeltaTable(str(path)).to_pyarrow_table()),
    }
    return {name: {row["v"]: row["p"] for row in table.to_pylist()} for name, table in tables.items()}


def test_the_empty_string_becomes_null_as_it_does_for_others(tmp_path: Path) -> None:
    rows = pa.table({"p": ["", "a", None, ""], "v": [0, 1, 2, 3]})
    deltalake.write_deltalake(str(tmp_path / "theirs"), rows, partition_by=["p"])
    table = mq.create_table(tmp_path / "ours", rows.schema, partition_by=["p"])
    with pytest.warns(UserWarning, match=r"empty string became null in partition column 'p' \(2 rows\)") as warned:
        report = table.append(rows)

    assert report.empty_as_null == {"p": 2}
    assert [warning.filename for warning in warned] == [__file__]
    expected = {0: None, 1: "a", 2: None, 3: None}
    assert read_by_all(tmp_path / "ours") == dict.fromkeys(("marquet", "polars", "deltalake"), expected)
    theirs = read_by_all(tmp_path / "theirs")  # its log spells the empty string as it is, which Polars takes as it is
    assert theirs["marquet"] == theirs["deltalake"] == expected
    assert table.scan(filter="p is null").count() == 3
    assert table.scan(filter="p = ''").count() == 0
    assert table.verify().ok


def test_nothing_is_said_where_no_empty_string_became_null(tmp_path: Path) -> None:
    rows = pa.table({"p": ["a", None], "v": ["", ""]})
    table = mq.create_table(tmp_path / "t", rows.schema, partition_by=["p"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table.append(rows).empty_as_null == {}
    assert table.scan(filter="v = ''").count() == 2


def test_a_warning_that_is_an_error_carries_the_report(tmp_path: Path) -> None:
    rows = pa.table({"p": [""], "v": [0]})
    table = mq.create_table(tmp_path / "t", rows.schema, partition_by=["p"])
    with warnings.catch_warnings(), pytest.raises(UserWarning) as raised:
        warnings.simplefilter("error")
        table.append(rows)
    report = raised.value.__dict__["report"]
    assert (report.version, report.rows, report.empty_as_null) == (1, 1, {"p": 1})
    assert mq.open_table(tmp_path / "t").scan().count() == 1


def test_the_empty_string_is_refused_where_no_null_may_be(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("p", pa.string(), nullable=False), ("v", pa.int64())])
    table = mq.create_table(tmp_path / "t", schema, partition_by=["p"])
    with pytest.raises(mq.InvalidInputError, match=r"column 'p', row 1 of the batch.*takes no nulls"):
        table.append(pa.table({"p": ["a", ""], "v": [0, 1]}, schema))


def test_the_name_of_the_directory_of_null_is_refused(tmp_path: Path) -> None:
    rows = pa.table({"p": ["a", "__HIVE_DEFAULT_PARTITION__"], "v": [0, 1]})
    deltalake.write_deltalake(str(tmp_path / "theirs"), rows, partition_by=["p"])
    assert read_by_all(tmp_path / "theirs")["polars"] == {0: "a", 1: None}  # the reason
    table = mq.create_table(tmp_path / "ours", rows.schema, partition_by=["p"])
    with pytest.raises(mq.InvalidInputError, match=r"column 'p', row 1 of the batch.*Polars reads it so"):
        table.append(rows)


CENTS = ["-0.01", "-1.50", "-99999999.99", "-1.00", "-99999999.00", "0.00", "0.01", "99999999.99"]


@pytest.mark.parametrize("text", CENTS)
def test_decimals_are_accepted_where_every_engine_reads_them(tmp_path: Path, text: str) -> None:
    rows = pa.table({"p": pa.array([None, Decimal(text)], pa.decimal128(10, 2)), "v": [0, 1]})
    expected = {0: None, 1: Decimal(text)}
    try:
        deltalake.write_deltalake(str(tmp_path / "theirs"), rows, partition_by=["p"])
        readable = all(values == expected for values in read_by_all(tmp_path / "theirs").values())
    except deltalake.exceptions.DeltaError:  # it does not understand its own text
        readable = False
    table = mq.create_table(tmp_path / "ours", rows.schema, partition_by=["p"])
    if readable:
        table.append(rows)
        assert read_by_all(tmp_path / "ours") == dict.fromkeys(("marquet", "polars", "deltalake"), expected)
        return
    with pytest.raises(mq.InvalidInputError, match=rf"column 'p', row 1 of the batch: {text} is negative") as refused:
        table.append(rows)
    assert "Do not partition by this column" in str(refused.value)
    assert mq.open_table(tmp_path / "ours").scan().count() == 0


def test_binary_columns_cannot_partition(tmp_path: Path) -> None:
    schema = pa.schema([("p", pa.binary()), ("v", pa.int64())])
    with pytest.raises(mq.MarquetError, match="binary"):
        mq.create_table(tmp_path / "t", schema, partition_by=["p"])


def by_hand(path: Path, delta_type: str, values: list[str | None]) -> Path:
    """A table whose log spells these partition values, as a writer without checks does."""
    (path / "_delta_log").mkdir(parents=True)
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in (("p", delta_type), ("v", "long"))
    ]
    actions: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "11111111-2222-3333-4444-555555555555",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": ["p"],
                "configuration": {},
                "createdTime": 1_700_000_000_000,
            }
        },
    ]
    for place, value in enumerate(values):
        name = f"part-{place}.parquet"
        pq.write_table(pa.table({"v": [place]}), path / name)
        actions.append(
            {
                "add": {
                    "path": name,
                    "partitionValues": {"p": value},
                    "size": (path / name).stat().st_size,
                    "modificationTime": 1_700_000_000_000,
                    "dataChange": True,
                }
            }
        )
    log = path / "_delta_log" / "00000000000000000000.json"
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    return path


def test_years_that_a_table_holds_already_are_read_and_reported(tmp_path: Path, marquet_program: Path) -> None:
    path = by_hand(tmp_path / "t", "date", ["2024-01-02", "10000-01-01", "-001-12-31", None])
    table = mq.open_table(path)
    days = table.scan().to_arrow().sort_by("v")["p"].cast(pa.int32()).to_pylist()
    assert days == [19_724, 2_932_897, -719_529, None]
    assert table.scan(filter="p > '2024-01-02'").to_arrow()["v"].to_pylist() == [1]
    assert table.scan(filter="p = '2024-01-02'").to_arrow()["v"].to_pylist() == [0]
    assert table.latest_timestamp("p") == 2_932_897 * 86_400 * 10**9

    verdict = table.verify()
    assert not verdict.ok
    assert [(damage.file, damage.column, damage.region) for damage in verdict.damage] == [
        ("part-1.parquet", "p", "log"),
        ("part-2.parquet", "p", "log"),
    ]
    assert "10000-01-01 lies outside the years 0001 to 9999" in verdict.damage[0].message
    text = subprocess.run([marquet_program, "verify", path], capture_output=True, text=True, check=False)
    assert text.returncode != 0
    assert "10000-01-01" in text.stdout + text.stderr


def test_negative_decimals_that_a_table_holds_already_are_read(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "t", "decimal(10,2)", ["-0.01", "-1.50", "1.50"])
    table = mq.open_table(path)
    assert table.scan().to_arrow().sort_by("v")["p"].to_pylist() == [
        Decimal("-0.01"),
        Decimal("-1.50"),
        Decimal("1.50"),
    ]
    assert table.scan(filter="p < -0.01").to_arrow()["v"].to_pylist() == [1]
    assert table.scan(filter="p = -0.01").to_arrow()["v"].to_pylist() == [0]
    assert table.verify().ok
    table.append(pa.table({"p": pa.array([Decimal("2.00")], pa.decimal128(10, 2)), "v": [3]}))
    assert table.scan().count() == 4


def test_text_that_is_no_value_is_reported_by_verify(tmp_path: Path) -> None:
    table = mq.open_table(by_hand(tmp_path / "t", "date", ["2024-01-02", "yesterday"]))
    assert sorted(table.scan(columns=["v"]).to_arrow()["v"].to_pylist()) == [0, 1]
    with pytest.raises(mq.CorruptDataError, match="yesterday"):
        table.scan().to_arrow()
    verdict = table.verify()
    assert [damage.column for damage in verdict.damage] == ["p"]


def test_a_time_partition_past_2262_is_told(tmp_path: Path, marquet_program: Path) -> None:
    times = [dt.datetime(3000, 1, 2, 3, 4, 5, 6, tzinfo=UTC), dt.datetime(1500, 1, 1, tzinfo=UTC)]
    rows = pa.table({"ts": pa.array(times, pa.timestamp("us", "UTC")), "v": [0, 1]})
    for partitions in ([], ["ts"]):
        path = tmp_path / f"t{len(partitions)}"
        table = mq.create_table(path, rows.schema, partition_by=partitions)
        table.append(rows)
        assert table.info()["latest_timestamp"] == times[0]
        assert table.latest_timestamp() == ((times[0] - EPOCH) // dt.timedelta(microseconds=1)) * 1000
        for command in (["info"], ["info", "--json"], ["scan"], ["scan", "--format", "csv"], ["scan", "--json"]):
            text = subprocess.run([marquet_program, *command, path], capture_output=True, text=True, check=True).stdout
            assert "3000-01-02T03:04:05.000006Z" in text, command
            assert "2262" not in text


def test_a_time_that_python_has_no_datetime_for_is_a_number(tmp_path: Path, marquet_program: Path) -> None:
    rows = pa.table({"ts": pa.array([2**63 - 1, 0], pa.int64()).cast(pa.timestamp("us", "UTC"))})
    table = mq.create_table(tmp_path / "t", rows.schema)
    table.append(rows)
    assert table.info()["latest_timestamp"] is None
    assert table.latest_timestamp() == (2**63 - 1) * 1000
    for command in (["info"], ["scan", "--format", "csv"]):
        text = subprocess.run(
            [marquet_program, *command, tmp_path / "t"], capture_output=True, text=True, check=True
        ).stdout
        assert "294247-01-10T04:00:54.775807Z" in text
