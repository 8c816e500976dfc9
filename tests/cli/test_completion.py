"""`marquet completion`: bash and fish are asked; each shell parses its script, which names what the program has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_commands import COMMANDS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_marquet
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def complete(marquet, tmp_path: Path):
    """``complete("marquet", "sc")`` gives what bash offers for the last of these words."""
    script = tmp_path / "marquet.bash"
    script.write_text(marquet("completion", "bash").stdout)

    def ask(*words: str, cwd: Path = tmp_path) -> list[str]:
        done = subprocess.run(
            ["bash", "--norc", "-u", "-c", ASK, "bash", str(script), *words], capture_output=True, text=True, cwd=cwd
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return sorted(line for line in done.stdout.splitlines() if line)

    return ask


def options_of(marquet, command: str) -> set[str]:
    return set(
        re.findall(r"(?<![\w-])--?[a-z][\w-]*(?=[ ,=]|$)", options_text(marquet(command, "--help").stdout), re.M)
    )


def options_text(text: str) -> str:
    """The left column of the help: its lines that begin with an option."""
    lines = [line for line in text.split("Examples:")[0].splitlines() if re.match(r"  -", line)]
    return "\n".join(re.split("Excludes:|Needs:", line)[0][:32] for line in lines)


def test_commands_are_completed(complete):
    assert complete("marquet", "") == sorted([*COMMANDS, "help"])
    assert complete("marquet", "he") == ["help"]
    assert complete("marquet", "help", "sc") == ["scan"]
    assert complete("marquet", "--jobs", "2", "ver") == ["verify"]
    assert complete("marquet", "nosuch") == []


def test_every_option_of_every_command_is_completed(complete, marquet):
    for command in COMMANDS:
        assert set(complete("marquet", command, "-")) == options_of(marquet, command), command
    assert "--version" in complete("marquet", "-")


def test_choices_are_completed(complete):
    assert complete("marquet", "scan", "t", "--format", "") == ["arrow", "csv", "jsonl", "parquet", "table"]
    assert complete("marquet", "scan", "--format", "=", "j") == ["jsonl"]
    assert complete("marquet", "scan", "--format", "=") == ["arrow", "csv", "jsonl", "parquet", "table"]
    assert complete("marquet", "scan", "--price", "d") == ["decimal"]
    assert complete("marquet", "export", "t", "--to", "d") == ["dbn"]
    assert complete("marquet", "--color", "a") == ["always", "auto"]
    assert complete("marquet", "info", "--color", "n") == ["never"]
    assert complete("marquet", "completion", "") == ["bash", "fish", "zsh"]
    assert complete("marquet", "verify", "--level", "") == ["crc", "footer", "full"]


def test_files_and_tables_are_completed(complete, tmp_path):
    folder = tmp_path / "data"
    (folder / "a book").mkdir(parents=True)
    (folder / "day.dbn").write_text("")
    assert complete("marquet", "ingest", "", cwd=folder) == ["a book", "day.dbn"]
    assert complete("marquet", "scan", "a", cwd=folder) == ["a book"]
    assert complete("marquet", "scan", "", cwd=folder) == ["a book"]  # a table is a directory
    assert complete("marquet", "ingest", "day.dbn", "--into", "", cwd=folder) == ["a book"]
    assert complete("marquet", "scan", "t", "-o", "d", cwd=folder) == ["day.dbn"]
    assert complete("marquet", "scan", "t", "--limit", "", cwd=folder) == []  # a number


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_all_there_is(marquet, shell):
    script = marquet("completion", shell).stdout
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", script)
        for option in options_of(marquet, command):
            assert option.lstrip("-") in script, (command, option)
    assert json.loads(marquet("completion", shell, "--json").stdout) == {"shell": shell, "script": script}


def need(shell: str) -> str:
    """The shell's path; the test is skipped where it is not installed."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed (apt-get install {shell})")
    return path


@pytest.mark.parametrize(("shell", "option"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_scripts_are_parsed_by_their_shell(marquet, shell, option, tmp_path):
    program = need(shell)
    script = tmp_path / "script"
    script.write_text(marquet("completion", shell).stdout)
    done = subprocess.run([program, option, script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def fish(marquet, tmp_path: Path):
    """``fish("marquet sc")`` gives what fish offers for the last word of this line, without descriptions."""
    program = need("fish")
    script = tmp_path / "marquet.fish"
    script.write_text(marquet("completion", "fish").stdout)
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "TERM": "dumb"}

    def ask(line: str, cwd: Path = tmp_path) -> list[str]:
        done = subprocess.run(
            [program, "-c", "source $argv[1]; complete -C $argv[2]", script, line],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environment,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return sorted(offered.split("\t")[0] for offered in done.stdout.splitlines())

    return ask


def test_fish_completes_commands(fish):
    assert fish("marquet ") == sorted([*COMMANDS, "help"])
    assert fish("marquet he") == ["help"]
    assert fish("marquet help sc") == ["scan"]
    assert fish("marquet --jobs 2 ver") == ["verify"]
    assert fish("marquet --json --memory=1GB ver") == ["verify"]
    assert fish("marquet --jobs ") == []  # a number
    assert fish("marquet nosuch") == []


def test_fish_completes_every_option_of_every_command_and_no_others(fish, marquet):
    for command in COMMANDS:
        assert set(fish(f"marquet {command} -")) == options_of(marquet, command), command
    # A table whose name is that of a command.
    assert set(fish("marquet --jobs 2 info scan --")) == {o for o in options_of(marquet, "info") if o[:2] == "--"}
    assert "--version" in fish("marquet -")


def test_fish_completes_choices_and_files(fish, tmp_path):
    assert fish("marquet scan t --format ") == ["arrow", "csv", "jsonl", "parquet", "table"]
    assert fish("marquet scan --format=j") == ["--format=jsonl"]
    assert fish("marquet --color a") == ["always", "auto"]
    assert fish("marquet completion ") == ["bash", "fish", "zsh"]
    folder = tmp_path / "data"
    (folder / "a book").mkdir(parents=True)
    (folder / "day.dbn").write_text("")
    assert fish("marquet ingest ", folder) == ["a book/", "day.dbn"]
    assert fish("marquet scan ", folder) == ["a book/"]  # a table is a directory
    assert fish("marquet ingest day.dbn --into ", folder) == ["a book/"]
    assert fish("marquet scan t -o d", folder) == ["day.dbn"]
    assert fish("marquet scan t --limit ", folder) == []


def test_another_shell_is_wrong_usage(fails):
    assert "tcsh" in fails("completion", "tcsh", code=2)
