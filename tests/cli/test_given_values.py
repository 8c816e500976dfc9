"""An option that needs a value does not take the next option for it."""

from __future__ import annotations

import json
import re

import pytest
from dbn_files import trades_file
from test_commands import COMMANDS

DECOY = "--quiet"


def options_with_values(text: str) -> list[str]:
    """The names, as the help lists them, of options that take a value: a word in capitals stands behind them."""
    options = text.split("Examples:")[0]
    found = re.findall(r"^  (-\S+) (?!Excludes|Needs)[A-Z]", options, re.MULTILINE)
    return [name for names in found for name in names.split(",")]


def places(command: str) -> tuple[str, ...]:
    return {"depth": ("t", "--micro-pip", "1"), "completion": ("bash",)}.get(command, ("t",))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_wants_its_value(marquet, command, tmp_path):
    names = options_with_values(marquet(command, "--help").stdout)
    assert {"--jobs", "--memory", "--color", "--log-format"} <= set(names)
    for name in names:
        done = marquet(command, *places(command), name, DECOY, ok=False, cwd=tmp_path)
        assert done.returncode == 2, (name, done.stderr)
        first, hint = done.stderr.splitlines()
        assert first.startswith(f"marquet: invalid input: {name} needs a value ("), first
        assert first.endswith(f"; '{DECOY}', which follows it, looks like an option")
        assert re.fullmatch(rf".*if '{DECOY}' is meant to be the value, write '--[a-z-]+={DECOY}'", hint)
        assert name in hint or len(name) == 2
        done = marquet(command, *places(command), name, ok=False, cwd=tmp_path)
        assert done.returncode == 2 and f"{name} needs a value (" in done.stderr, (name, done.stderr)
        assert "nothing follows it" in done.stderr
        if len(name) > 2:
            done = marquet(command, name + "=", *places(command), ok=False, cwd=tmp_path)
            assert done.returncode == 2 and "nothing stands behind its '='" in done.stderr, (name, done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("decoy", ["--quiet", "-q", "--", "--no-such-option", "--json"])
def test_no_table_is_named_like_an_option(marquet, tmp_path, decoy):
    source = trades_file(tmp_path / "a.dbn")
    before = sorted(tmp_path.iterdir())
    done = marquet("ingest", source, "--into", decoy, ok=False, cwd=tmp_path)
    assert done.returncode == 2 and f"'{decoy}', which follows it" in done.stderr
    assert sorted(tmp_path.iterdir()) == before
    marquet("ingest", source, f"--into={decoy}", cwd=tmp_path)
    assert (tmp_path / decoy / "_delta_log").is_dir()


def test_options_before_the_command_and_among_flags_of_one_letter(marquet, fails, tmp_path):
    assert "--jobs needs a value (N); '--json'" in fails("--jobs", "--json", "info", "t", code=2)
    assert "--color needs a value (WHEN)" in fails("--jobs", "2", "--color", "-v", "info", "t", code=2)
    assert "-o needs a value (FILE); '--replace'" in fails("scan", "t", "-qvo", "--replace", code=2)
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", tmp_path / "t")
    marquet("scan", tmp_path / "t", "--format", "csv", "-qo", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().count("\n") == 11


def test_what_begins_with_a_hyphen_and_is_no_option_stays_a_value(marquet, fails, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    assert marquet("scan", table, "--format", "csv", "--limit", "1", "-o", "-").stdout.count("\n") == 2
    assert marquet("scan", table, "--format", "csv", "--where", "-5 < size").stdout.count("\n") == 11
    assert "--limit" in fails("scan", table, "--limit", "-1", code=2)  # told of as a number
    assert "expected a whole number" in fails("scan", table, "--limit", "-1", code=2)
    # Behind "--" stand names alone.
    assert "--into: no such table" in fails("info", "--", "--into")


def test_it_is_told_as_json_where_json_is_asked_for(marquet, tmp_path):
    done = marquet("ingest", "x.dbn", "--into", "--quiet", "--json", ok=False, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["kind"]) == (2, False, "invalid input")
    assert told["error"].startswith("invalid input: --into needs a value (TABLE)")
    assert "--into=--quiet" in told["hint"]
