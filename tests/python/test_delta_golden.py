"""The tables that other engines wrote as examples of the Delta protocol: each is read with the values that stand beside
it, or refused with an error that names the feature. Which is which is a list, here and in the documentation.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

REFUSED: dict[str, tuple[type[mq.MarquetError], str]] = {
    "data-reader-timestamp_ntz-name-mode": (mq.UnsupportedError, "columnMapping"),
    "data-skipping-basic-stats-all-types-columnmapping-name": (mq.UnsupportedError, "columnMapping"),
    "deltalog-invalid-protocol-version": (mq.UnsupportedError, "reader version 99"),
    "deltalog-state-reconstruction-without-protocol": (mq.CorruptDataError, "protocol"),
    "dv-with-columnmapping": (mq.UnsupportedError, "deletionVectors"),
    "log-replay-dv-key-cases": (mq.UnsupportedError, "deletionVectors"),
    "no-delta-log-folder": (mq.NotFoundError, "no-delta-log-folder"),
    "table-with-columnmapping-mode-name": (mq.UnsupportedError, "columnMapping"),
}

READ = {
    "124-decimal-decode-bug",
    "basic-decimal-table-legacy",
    "basic-with-inserts-deletes-checkpoint",
    "basic-with-inserts-overwrite-restore",
    "basic-with-vacuum-protocol-check-feature",
    "corrupted-last-checkpoint-kernel",
    "data-reader-array-complex-objects",
    "data-reader-date-types-America",
    "data-reader-date-types-Etc",
    "data-reader-date-types-Jst",
    "data-reader-date-types-utc",
    "data-reader-map",
    "data-reader-nullable-field-invalid-schema-key",
    "data-reader-primitives",
    "data-skipping-basic-stats-all-types-checkpoint",
    "data-skipping-change-stats-collected-across-versions",
    "decimal-various-scale-precision",
    "kernel-timestamp-int96",
    "kernel-timestamp-timestamp_micros",
    "log-replay-special-characters-a",
    "log-replay-special-characters",
    "parquet-all-types-legacy-format",
    "snapshot-data0",
    "snapshot-data2-deleted",
    "snapshot-data3",
    "snapshot-vacuumed",
    "time-travel-partition-changes-b",
    "time-travel-schema-changes-b",
    "time-travel-start-start20",
    "v2-checkpoint-parquet",
}

# Logs alone: there are no data files, and what they hold is looked at instead.
LOG_ONLY = {
    "canonicalized-paths-normal-b",
    "canonicalized-paths-special-b",
    "deltalog-commit-info",
    "deltalog-state-reconstruction-from-checkpoint-missing-protocol",  # the commits before it have one
    "update-deleted-directory",
}


@pytest.fixture(scope="session")
def golden(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    for archive in sorted((data_dir / "delta-golden").glob("*.tar.zst")):
        subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return folder


def names(data_dir: Path) -> set[str]:
    return {archive.name.removesuffix(".tar.zst") for archive in (data_dir / "delta-golden").glob("*.tar.zst")}


def expected_rows(folder: Path) -> pa.Table:
    files = sorted(path for path in folder.rglob("*.parquet") if not path.name.startswith("."))
    return pa.concat_tables([pq.ParquetFile(path).read() for path in files], promote_options="permissive")


def plain(value: object) -> object:
    """A value in a form that sorts and compares: NaN equals itself here, maps are pairs."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return tuple((key, plain(one)) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(plain(one) for one in value)
    return value


def as_set(table: pa.Table, columns: list[str]) -> list[str]:
    normal = table.select(columns)
    for index, field in enumerate(normal.schema):
        if pa.types.is_timestamp(field.type):  # one instant, whatever unit and zone the file holds
            column = normal.column(index).cast(pa.timestamp("us", field.type.tz), safe=False)
            normal = normal.set_column(index, field.name, column.cast(pa.int64()))
    return sorted(repr(tuple(plain(value) for value in row.values())) for row in normal.to_pylist())


def test_every_table_is_accounted_for(data_dir: Path):
    lists = [READ, LOG_ONLY, set(REFUSED)]
    assert names(data_dir) == set.union(*lists)
    assert sum(map(len, lists)) == len(names(data_dir)), "a table stands in one list only"


@pytest.mark.parametrize("name", sorted(READ))
def test_a_table_is_read_with_the_values_beside_it(golden: Path, name: str):
    expected = expected_rows(golden / name / "expected")
    scan = mq.open_table(golden / name / "delta").scan()
    read = scan.to_arrow()
    assert set(read.column_names) == set(expected.column_names)
    assert as_set(read, expected.column_names) == as_set(expected, expected.column_names)
    assert scan.count() == expected.num_rows


MAPS = ("partitionValues", "options", "configuration", "tags")


def without_nulls(action: dict[str, Any]) -> dict[str, Any]:
    """As JSON has an action: no key where there is no value, and maps as objects."""
    return {
        key: dict(value) if key in MAPS else without_nulls(value) if isinstance(value, dict) else value
        for key, value in action.items()
        if value is not None
    }


@pytest.mark.parametrize("inline", [False, True], ids=["sidecars", "without sidecars"])
def test_a_checkpoint_of_version_2_may_be_json(golden: Path, tmp_path: Path, inline: bool):
    """The same checkpoint with its first file in the protocol's other form; the commits before it are gone."""
    folder = tmp_path / "delta"
    shutil.copytree(golden / "v2-checkpoint-parquet" / "delta", folder)
    log = folder / "_delta_log"
    (checkpoint,) = log.glob("*.checkpoint.*.parquet")
    actions = pq.read_table(checkpoint).to_pylist()
    if inline:
        actions = [action for action in actions if action["sidecar"] is None]
        for sidecar in sorted((log / "_sidecars").glob("[!.]*.parquet")):
            actions += pq.read_table(sidecar).to_pylist()
        shutil.rmtree(log / "_sidecars")
    lines = [json.dumps(without_nulls(action)) for action in actions]
    checkpoint.with_suffix(".json").write_text("\n".join(lines) + "\n")
    checkpoint.unlink()
    for gone in (*log.glob("0*[0-9].json"), log / "_last_checkpoint"):
        gone.unlink()

    expected = expected_rows(golden / "v2-checkpoint-parquet" / "expected")
    assert as_set(mq.open_table(folder).scan().to_arrow(), ["id"]) == as_set(expected, ["id"])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_table_beyond_what_is_known_is_refused_by_name(golden: Path, name: str):
    kind, text = REFUSED[name]
    with pytest.raises(kind, match=text):
        mq.open_table(golden / name / "delta").scan().to_arrow()


@pytest.mark.parametrize("name", sorted(LOG_ONLY))
def test_a_log_without_data_files_is_replayed(golden: Path, name: str):
    table = mq.open_table(golden / name / "delta")
    assert table.version >= 0
    assert table.history()


def commit_file(folder: Path, version: int) -> None:
    """Commits the file part-VERSION.parquet, as other engines do."""
    path = folder / f"part-{version}.parquet"
    add = {"path": path.name, "partitionValues": {}, "size": path.stat().st_size, "modificationTime": 0}
    commit = folder / "_delta_log" / f"{version:020}.json"
    commit.write_text(json.dumps({"add": {**add, "dataChange": True}}) + "\n")


def test_times_of_twelve_bytes_in_spark_s_tables_are_the_ones_it_wrote(tmp_path: Path) -> None:
    """INT96, Spark's default, of times that nanoseconds cannot hold: years 1 and 9999."""
    times = [-62135596800_000000, 253402300799_999999, 0, None, 1_704_205_800_123_456]
    rows = pa.table(
        {
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "all": pa.array([[time, None] for time in times], pa.list_(pa.timestamp("us", "UTC"))),
        }
    )
    mq.create_table(tmp_path, rows.schema)
    pq.write_table(rows, tmp_path / "part-1.parquet", use_deprecated_int96_timestamps=True)
    commit_file(tmp_path, 1)
    table = mq.open_table(tmp_path)
    assert table.scan().to_arrow().equals(rows)
    assert table.scan(filter="at > '9999-01-01'").to_arrow()["at"].to_pylist() == [rows["at"][1].as_py()]

    # Impala's may lie between two microseconds, which are not cut off.
    between = pa.table({"at": pa.array([1_001], pa.timestamp("ns", "UTC")), "all": pa.array([None], rows["all"].type)})
    pq.write_table(between, tmp_path / "part-2.parquet", use_deprecated_int96_timestamps=True)
    commit_file(tmp_path, 2)
    with pytest.raises(mq.UnsupportedError, match="column at: INT96 times between two microseconds"):
        mq.open_table(tmp_path).scan().to_arrow()


@pytest.mark.parametrize("name", sorted(name for name in LOG_ONLY if not name.startswith("canonicalized")))
def test_where_the_set_has_no_data_files_a_scan_says_so(golden: Path, name: str) -> None:
    table = mq.open_table(golden / name / "delta")
    assert len(table.files()) > 0
    with pytest.raises(mq.NotFoundError, match="cannot open: No such file"):
        table.scan().to_arrow()
    guide = (Path(__file__).resolve().parents[2] / "docs" / "format.md").read_text()
    (told,) = [line for line in guide.splitlines() if line.startswith(f"| `{name}`")]
    assert "log read" in told and "a scan says which is not there" in told
