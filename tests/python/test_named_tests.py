"""The tests and files that the documentation names as its proof are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "HACKING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SUITES = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
INSTANCES = re.compile(r"^INSTANTIATE_TEST_SUITE_P\(\s*(\w+),\s*(\w+)", re.MULTILINE)


def cpp_tests() -> set[str]:
    """As GoogleTest names them, without the parameter."""
    tests: set[str] = set()
    for source in (ROOT / "src").rglob("*_test.cc"):
        text = source.read_text()
        found = {f"{suite}.{name}" for suite, name in SUITES.findall(text)}
        tests |= found
        for instance, of in INSTANCES.findall(text):
            tests |= {f"{instance}/{test}" for test in found if test.startswith(f"{of}.")}
    return tests


def test_programs() -> set[str]:
    """One for each room with tests: marquet_parquet_write_test of src/marquet/parquet/write."""
    rooms = {source.parent.relative_to(ROOT / "src/marquet") for source in (ROOT / "src").rglob("*_test.cc")}
    return {f"marquet_{'_'.join(room.parts)}_test" for room in rooms}


def python_tests() -> set[str]:
    sources = (ROOT / "tests").rglob("*.py")
    return {name for source in sources for name in re.findall(r"^ *def (test_\w+)", source.read_text(), re.MULTILINE)}


def missing_in(page: Path, cpp: set[str], python: set[str]) -> tuple[int, list[str]]:
    """How many tests and files a page names, and those that are not there. ``.Name`` goes on with the suite before."""
    named, missing, suite = 0, [], ""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for word in re.findall(r"`([^`\s]+)`", text):
        if re.fullmatch(r"(\w+/)?[A-Z]\w*[a-z]\w*\.([A-Z]\w*|\*)|\.[A-Z][a-z]\w+", word):
            if word.startswith("."):
                word = suite + word
            suite = word.partition(".")[0]
            there = any(test.startswith(word[:-1]) if word.endswith(".*") else test == word for test in cpp)
        elif re.fullmatch(r"test_\w+", word):
            there = word in python
        elif re.fullmatch(r"marquet_\w+_test", word):
            there = word in test_programs()
        elif re.match(r"(src|tests|tools|docs|bench|fuzz|examples|cmake)/", word) and "NAME" not in word:
            there = any(ROOT.glob(word.rstrip("/")))
        else:
            continue
        named += 1
        if not there:
            missing.append(f"{page.relative_to(ROOT)}: {word}")
    return named, missing


def test_what_the_pages_name_is_there() -> None:
    cpp, python = cpp_tests(), python_tests()
    found = {page.name: missing_in(page, cpp, python) for page in PAGES}
    assert [each for _, missing in found.values() for each in missing] == []
    assert found["durability.md"][0] > 50 and found["rescue.md"][0] > 5


def test_what_is_not_there_is_seen() -> None:
    page = ROOT / "docs" / "durability.md"
    assert missing_in(page, cpp_tests() - {"RollingWriterTest.OneWriterAtATime"}, python_tests())[1] == [
        "docs/durability.md: RollingWriterTest.OneWriterAtATime"
    ]
    assert missing_in(page, cpp_tests(), python_tests() - {"test_a_second_run_goes_on_exactly"})[1] == [
        "docs/durability.md: test_a_second_run_goes_on_exactly"
    ]
