"""`marquet check`: one line and an exit code for schedulers, gauges for Prometheus."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
from dbn_files import trades_file

import marquet as mq

LATEST = "2024-01-02T00:00:09Z"


@pytest.fixture
def trades(marquet, tmp_path: Path) -> Path:
    """Ten rows of 2024-01-02, one a second."""
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", tmp_path / "t")
    return tmp_path / "t"


def gauges(text: str) -> dict[str, float]:
    """The values by name; each line of Prometheus' text format must be well formed."""
    values = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) marquet_table_\w+ .+", line), line
            continue
        found = re.fullmatch(r'(marquet_table_\w+)\{table="((?:[^"\\\n]|\\["\\n])*)"\} (\S+)', line)
        assert found, line
        values[found[1]] = float(found[3])
    return values


def test_a_table_as_it_should_be_is_one_line(marquet, trades):
    done = marquet("check", trades, "--min-rows", 10, "--max-age", "99999d")
    assert re.fullmatch(
        rf"ok {re.escape(str(trades))}: version 0, 10 rows, latest time {LATEST}, \d+ d \d\d h old\n", done.stdout
    )
    assert done.stderr == ""
    assert marquet("check", trades, "--min-rows", 10, "--quiet").stdout == ""


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (("--min-rows", 11), "it holds 10 rows; at least 11 were asked for"),
        (("--max-age", "1d"), f"its latest time {LATEST} is \\d+ d \\d\\d h old; at most 24 h 00 min was asked for"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_1(marquet, trades, limits, problem):
    for quiet in ((), ("--quiet",)):
        done = marquet("check", trades, *limits, *quiet, ok=False)
        assert done.returncode == 1
        assert re.match(rf"FAILED {re.escape(str(trades))}: .*{problem}", done.stdout)
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""


@pytest.mark.parametrize("form", [(), ("--json",), ("--metrics",), ("--quiet",)])
@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (("--max-age", "1d", "--column", "nosuch"), "there is no column 'nosuch' in the table"),
        (("--column", "symbol"), "column 'symbol' of type string does not hold times"),
    ],
)
def test_a_column_that_has_no_times_is_an_error_of_arguments(marquet, trades, limits, problem, form):
    """It says nothing of the table: no gauge is printed for it."""
    done = marquet("check", trades, *limits, *form, ok=False)
    assert done.returncode == 1
    assert problem in done.stderr
    assert done.stderr.startswith("marquet: invalid input: ")
    if form == ("--json",):  # the error, as of any command, and no answer about the table
        told = json.loads(done.stdout)
        assert list(told) == ["ok", "error", "kind", "hint"]
        assert (told["ok"], told["kind"]) == (False, "invalid input")
        assert problem in told["error"]
    else:
        assert done.stdout == ""


def test_all_problems_are_named(marquet, trades):
    done = marquet("check", trades, "--min-rows", 11, "--max-age", "1h", "--json", ok=False)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False and len(told["problems"]) == 2
    assert (told["rows"], told["version"], told["files"], told["latest_timestamp"]) == (10, 0, 1, LATEST)
    assert told["age_seconds"] > 86_400


def test_a_missing_table_is_a_failure_and_no_crash(marquet, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nothing", tmp_path / "empty"):
        done = marquet("check", path, "--max-age", "1d", ok=False)
        assert done.returncode == 1
        assert re.match(rf"FAILED {re.escape(str(path))}: not found: (no such|not a) table: ", done.stdout)
        assert done.stdout.count(str(path)) == 1
        assert done.stdout.count("\n") == 1
        told = json.loads(marquet("check", path, "--json", ok=False).stdout)
        assert told["ok"] is False and "version" not in told
        assert told["table"] == str(path) and told["problems"] == [done.stdout.strip().split(": ", 1)[1]]
        done = marquet("check", path, "--metrics", ok=False)
        assert done.returncode == 1
        assert gauges(done.stdout) == {"marquet_table_up": 0, "marquet_table_ok": 0}


def test_a_damaged_log_is_a_failure(marquet, trades):
    (trades / "_delta_log" / f"{0:020}.json").write_text("{")
    done = marquet("check", trades, ok=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"FAILED {trades}: corrupt data: _delta_log/")
    assert done.stdout.count(str(trades)) == 1
    assert marquet("check", f"{trades}//", ok=False).stdout == done.stdout.replace(str(trades), f"{trades}//")


def test_gauges_are_what_prometheus_reads(marquet, trades, tmp_path):
    values = gauges(marquet("check", trades, "--min-rows", 10, "--metrics").stdout)
    age = values.pop("marquet_table_age_seconds")
    seconds = dt.datetime(2024, 1, 2, 0, 0, 9, tzinfo=dt.UTC).timestamp()
    assert age > 86_400
    assert values.pop("marquet_table_bytes") == sum(file.stat().st_size for file in trades.rglob("*=*/*.parquet"))
    assert values == {
        "marquet_table_up": 1,
        "marquet_table_ok": 1,
        "marquet_table_version": 0,
        "marquet_table_rows": 10,
        "marquet_table_files": 1,
        "marquet_table_latest_timestamp_seconds": seconds,
    }
    odd = tmp_path / 'a "b"\\c'
    trades.rename(odd)
    assert r'{table="' + str(tmp_path) + r'/a \"b\"\\c"}' in marquet("check", odd, "--metrics").stdout


def test_two_forms_at_once_are_refused(fails, trades):
    assert "leave one of the two out" in fails("check", trades, "--metrics", "--json")


def test_rows_of_the_future_do_not_keep_a_table_fresh(marquet, tmp_path):
    rows = pa.table({"ts": pa.array([dt.datetime(9000, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))})
    mq.create_table(tmp_path / "t", rows.schema).append(rows)
    done = marquet("check", tmp_path / "t", "--max-age", "1d", ok=False)
    assert done.returncode == 1
    assert "its latest time 9000-01-01T00:00:00Z lies" in done.stdout and "in the future" in done.stdout
    assert " in the future\n" in marquet("check", tmp_path / "t").stdout


def test_a_table_without_times_has_no_age(marquet, tmp_path):
    rows = pa.table({"x": [1, 2]})
    mq.create_table(tmp_path / "t", rows.schema).append(rows)
    assert marquet("check", tmp_path / "t", "--min-rows", 2).stdout == f"ok {tmp_path / 't'}: version 1, 2 rows\n"
    done = marquet("check", tmp_path / "t", "--max-age", "1d", ok=False)
    assert done.stdout == f"FAILED {tmp_path / 't'}: it holds no time, so that its age is not known\n"


def test_rows_are_counted_where_the_log_does_not_say_them(marquet, tmp_path):
    rows = pa.table({"x": [1, 2, 3]})
    mq.create_table(tmp_path / "t", rows.schema).append(rows)
    log = tmp_path / "t" / "_delta_log" / f"{1:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
        action.get("commitInfo", {}).pop("xxh3", None)
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    assert json.loads(marquet("info", tmp_path / "t", "--json").stdout)["rows"] == 3
    assert json.loads(marquet("check", tmp_path / "t", "--json").stdout)["rows"] == 3
