"""Every room includes only what the table in HACKING.md lets it use, and its CMake file links no more than that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path("src/marquet")
ROW = re.compile(r"^\| `([^`]+)` \| .* \| ([^|]+) \|$", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]marquet/([^">]+)[">]', re.MULTILINE)
OF_TESTS = re.compile(r"_(test|bench)\.cc$|(^|[_/])test(ing)?(_\w+)?\.h$")
CMAKE = re.compile(r"marquet_room\(\s*(\S+)([^)]*)\)")


@dataclass
class Room:
    """A row of the table, with what the rooms may use that it names."""

    uses: set[str]
    tests_use: set[str]


def read_table(text: str) -> dict[str, Room]:
    """The rooms of HACKING.md. `parquet` stands for all rooms in that folder, and a room may use what those may use
    that it names.
    """
    rows = dict(ROW.findall(text.partition("## The rooms")[2].partition("\n## ")[0]))

    def named(cell: str) -> set[str]:
        found: set[str] = set()
        for name in re.findall(r"`([^`]+)`", cell):
            rooms = {room for room in rows if room == name or room.startswith(f"{name}/")}
            assert rooms, f"HACKING.md: the table has no room {name!r}"
            found |= rooms
        return found

    direct: dict[str, set[str]] = {}
    of_tests: dict[str, set[str]] = {}
    for room, cell in rows.items():
        of_room, _, more = cell.partition("; tests:")
        direct[room], of_tests[room] = named(of_room), named(more)
        if of_room.strip().startswith("all but"):
            direct[room] = set(rows) - direct[room] - {room}

    def reached(rooms: set[str], path: tuple[str, ...]) -> set[str]:
        found = set(rooms)
        for room in rooms:
            assert room not in path, f"HACKING.md: the table lets {room} use itself, by {' -> '.join(path)}"
            found |= reached(direct[room], (*path, room))
        return found

    uses = {room: reached(direct[room], (room,)) for room in rows}
    tests_use = {room: uses[room].union(more, *(uses[each] for each in more)) for room, more in of_tests.items()}
    return {room: Room(uses[room], tests_use[room]) for room in rows}


def room_of(path: str, rooms: dict[str, Room]) -> str | None:
    """The room that a path below src/marquet lies in."""
    folder = path.rpartition("/")[0]
    return folder if folder in rooms else None


def is_internal(included: str, path: str) -> bool:
    """Whether a header is internal to another top folder than that of the path."""
    return included.endswith("_internal.h") and included.partition("/")[0] != path.partition("/")[0]


def wrong_includes(rooms: dict[str, Room], sources: dict[str, str]) -> list[str]:
    """`sources`: texts by their paths below src/marquet, and below python/ for what is there."""
    wrong = []
    for path, text in sources.items():
        room = "python/" if path.startswith("python/") else room_of(path, rooms)
        if room is None:
            wrong.append(f"{path}: lies in no room of the table")
            continue
        of_tests = OF_TESTS.search(path) is not None
        may_use = rooms[room].tests_use if of_tests else rooms[room].uses
        for included in INCLUDE.findall(text):
            other = room_of(included, rooms)
            if included not in sources:
                wrong.append(f"{path}: there is no {included}")
            elif other != room and other not in may_use:
                wrong.append(f"{path}: {room} may not use {included}")
            elif is_internal(included, path) and not of_tests and room != "python/":
                wrong.append(f"{path}: {included} is internal to {included.partition('/')[0]}")
            elif OF_TESTS.search(included) and not of_tests:
                wrong.append(f"{path}: {included} is for tests")
    return wrong


def wrong_links(rooms: dict[str, Room], cmake: dict[str, str]) -> list[str]:
    """`cmake`: the texts of CMakeLists.txt by their folders below src/marquet."""
    wrong = []
    for folder, text in cmake.items():
        for name, rest in CMAKE.findall(text):
            if name != folder or name not in rooms:
                wrong.append(f"{folder}/CMakeLists.txt: {name} is not a room in that folder")
                continue
            part = "USES"
            for word in rest.split():
                if word in ("USES", "TESTS_USE", "LINK"):
                    part = word
                elif part == "LINK":
                    continue
                elif word not in (rooms[name].uses if part == "USES" else rooms[name].tests_use):
                    wrong.append(f"{folder}/CMakeLists.txt: {part} {word}, which the table does not allow")
    return wrong


def tree_sources(root: Path) -> Iterator[tuple[str, str]]:
    for base, below in ((root / SOURCES, ""), (root / "python" / "src", "python/")):
        for path in sorted(base.rglob("*")):
            if path.suffix in (".cc", ".h"):
                yield below + path.relative_to(base).as_posix(), path.read_text()


def tree_cmake(root: Path) -> dict[str, str]:
    found = sorted((root / SOURCES).rglob("CMakeLists.txt"))
    return {path.parent.relative_to(root / SOURCES).as_posix(): path.read_text() for path in found}


def test_every_include_is_one_that_the_table_allows() -> None:
    rooms = read_table((ROOT / "HACKING.md").read_text())
    sources = dict(tree_sources(ROOT))
    assert len(rooms) > 10 and len(sources) > 300
    assert wrong_includes(rooms, sources) == []


def test_every_link_is_one_that_the_table_allows() -> None:
    rooms, cmake = read_table((ROOT / "HACKING.md").read_text()), tree_cmake(ROOT)
    assert {room for room in rooms if room != "python/"} == set(cmake)
    assert wrong_links(rooms, cmake) == []


TABLE = """## The rooms

| room | what it is | may use |
|---|---|---|
| `low` | Words with `marks` \\| and bars. | - |
| `files/read` | Reads. | `low`; tests: `files/write` |
| `files/write` | Writes. | `files/read` |
| `high` | Joins. | `files` |
| `top` | Shows. | all but `high` |

## Another part

| `strange` | is no room | `low` |
"""
HEADERS = {
    "low/a.h": "",
    "files/read/a.h": "",
    "files/write/a.h": "",
    "files/write/test_rows.h": "",
    "files/read/a_internal.h": "",
    "high/a.h": "",
}


def test_the_table_is_read_as_it_is_told() -> None:
    rooms = read_table(TABLE)
    assert {room: row.uses for room, row in rooms.items()} == {
        "low": set(),
        "files/read": {"low"},
        "files/write": {"files/read", "low"},
        "high": {"files/read", "files/write", "low"},
        "top": {"low", "files/read", "files/write"},
    }
    assert rooms["files/read"].tests_use == {"low", "files/write", "files/read"}
    with pytest.raises(AssertionError, match="use itself"):
        read_table(TABLE.replace("| - |", "| `high` |"))
    with pytest.raises(AssertionError, match="no room 'lower'"):
        read_table(TABLE.replace("`low`;", "`lower`;"))


@pytest.mark.parametrize(
    ("path", "included", "wrong"),
    [
        ("high/b.cc", "low/a.h", []),
        ("files/read/b.cc", "files/read/a.h", []),
        ("files/read/b_test.cc", "files/write/a.h", []),
        ("files/read/b_test.cc", "files/write/test_rows.h", []),
        ("files/read/b.cc", "files/write/a.h", ["files/read/b.cc: files/read may not use files/write/a.h"]),
        ("files/read/b_test.cc", "high/a.h", ["files/read/b_test.cc: files/read may not use high/a.h"]),
        ("low/b.h", "high/a.h", ["low/b.h: low may not use high/a.h"]),
        ("high/b.cc", "low/c.h", ["high/b.cc: there is no low/c.h"]),
        ("high/b.cc", "files/write/test_rows.h", ["high/b.cc: files/write/test_rows.h is for tests"]),
        ("files/write/b.cc", "files/read/a_internal.h", []),
        ("high/b_test.cc", "files/read/a_internal.h", []),
        ("high/b.cc", "files/read/a_internal.h", ["high/b.cc: files/read/a_internal.h is internal to files"]),
        ("files/b.cc", "low/a.h", ["files/b.cc: lies in no room of the table"]),
    ],
)
def test_a_wrong_include_is_seen(path: str, included: str, wrong: list[str]) -> None:
    text = f'#include <vector>\n\n  #  include "marquet/{included}"\n'
    assert wrong_includes(read_table(TABLE), {**HEADERS, path: text}) == wrong


def test_a_wrong_link_is_seen() -> None:
    right = {"files/read": "marquet_room(\n  files/read\n  USES low\n  TESTS_USE files/write\n  LINK fmt)\nmore()\n"}
    assert wrong_links(read_table(TABLE), right) == []
    moved = {"files/read": right["files/read"].replace("TESTS_USE ", "")}
    assert wrong_links(read_table(TABLE), moved) == [
        "files/read/CMakeLists.txt: USES files/write, which the table does not allow"
    ]
