"""`--log-format json`: one JSON object a line on standard error, whatever is said there."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from dbn_files import trades_file


def lines_of(text: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert list(line)[:3] == ["time", "level", "message"]
        assert dt.datetime.fromisoformat(str(line["time"])).utcoffset() == dt.timedelta(0)
    return lines


def test_log_and_progress_are_json(marquet, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    done = marquet("ingest", source, "--into", tmp_path / "t", "-v", "--log-format", "json")
    lines = lines_of(done.stderr)
    messages = [line["message"] for line in lines if line["level"] == "info"]
    assert f"{source}: reading it" in messages
    assert f"{tmp_path / 't'}: version 0 adds 10 rows in 1 file" in messages
    assert "10 rows" in done.stdout.replace("\n", " ")  # the result stays what it was

    lines = lines_of(marquet("verify", tmp_path / "t", "--log-format", "json").stderr)
    assert {line["level"] for line in lines} <= {"progress"}
    for line in lines:
        assert {"rows", "bytes"} <= set(line)
    assert marquet("verify", tmp_path / "t", "--log-format", "json", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("info", "nothing"), "not found", 1),
        (("scan", "t", "--limt", "3"), "invalid input", 2),
        (("scn",), "invalid input", 2),
        (("scan", "t", "--where", "price >"), "invalid input", 2),
    ],
)
def test_an_error_is_one_object(marquet, tmp_path, arguments, kind, code):
    for words in ((*arguments, "--log-format", "json"), ("--log-format=json", *arguments)):
        done = marquet(*words, ok=False, cwd=tmp_path)
        assert done.returncode == code
        (line,) = lines_of(done.stderr)
        assert (line["level"], line["kind"]) == ("error", kind)
        plain = marquet(*arguments, ok=False, cwd=tmp_path).stderr
        assert plain.startswith(f"marquet: {line['message']}\n")
        assert not line["hint"] or plain.endswith(f"hint: {line['hint']}\n")
    done = marquet(*arguments, "--json", "--log-format", "json", ok=False, cwd=tmp_path)
    told = json.loads(done.stdout)
    (line,) = lines_of(done.stderr)
    assert (told["error"], told["kind"], told["hint"]) == (line["message"], line["kind"], line["hint"])


def test_bytes_that_are_no_text_stay_one_object(marquet, tmp_path):
    done = marquet(
        "info", b"caf\xe9".decode("utf-8", "surrogateescape"), "--log-format", "json", ok=False, cwd=tmp_path
    )
    (line,) = lines_of(done.stderr)
    assert (line["kind"], line["message"]) == ("invalid input", r"invalid input: the argument 'caf\xe9' is not UTF-8")
