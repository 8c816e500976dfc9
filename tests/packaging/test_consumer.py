"""The library as it is installed: its files, and a program outside the source tree that is built against it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

ROOT = Path(__file__).parents[2]
BUILD = Path(os.environ.get("MARQUET_BUILD_DIR", ROOT / "build" / "release"))


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", folder], check=True, capture_output=True)
    return folder


def test_public_headers_are_installed_and_internal_ones_are_not(prefix: Path):
    headers = {str(path.relative_to(prefix / "include")) for path in (prefix / "include").rglob("*")}
    assert {"marquet/base/error.h", "marquet/table/table.h", "marquet/jobs/ingest/ingest.h"} <= headers
    assert [header for header in headers if header.endswith("_internal.h")] == []


def test_no_installed_text_holds_an_absolute_path(prefix: Path):
    for file in (prefix / "lib" / "cmake").rglob("*.cmake"):
        assert str(ROOT) not in file.read_text(), file
        assert sys.prefix not in file.read_text(), file


def test_the_installed_program_finds_arrow_by_a_relative_path(prefix: Path):
    program = prefix / "bin" / "marquet"
    rpath = subprocess.run(["patchelf", "--print-rpath", program], check=True, capture_output=True, text=True).stdout
    assert all(entry.startswith("$ORIGIN") for entry in rpath.strip().split(":")), rpath
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    assert "0.1.0" in version


def test_a_program_is_built_against_the_installed_library(prefix: Path, tmp_path: Path):
    source = shutil.copytree(Path(__file__).parent / "consumer", tmp_path / "consumer")
    configure = ["cmake", "-S", source, "-B", tmp_path / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(
        [*configure, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DPython_EXECUTABLE={sys.executable}"],
        check=True,
        capture_output=True,
    )
    subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, capture_output=True)
    ran = subprocess.run([tmp_path / "build" / "consumer", tmp_path / "table"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "version 1, 1000 rows in, 50 rows out\n"


def test_the_program_of_the_readme_is_built_and_runs(prefix: Path, tmp_path: Path):
    readme = (ROOT / "README.md").read_text()
    for language, name in (("cmake", "CMakeLists.txt"), ("cpp", "main.cc")):
        (block,) = re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL)
        (tmp_path / name).write_text(block)
    (command,) = re.findall(r"^cmake -B build .*$", readme, re.MULTILINE)
    command = command.replace("/opt/marquet", str(prefix)).replace("$(which python)", sys.executable)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    mq.create_table(tmp_path / "book", pa.schema([("size", pa.int64())])).append(pa.table({"size": [1, 2, 3]}))
    ran = subprocess.run([tmp_path / "build" / "mine"], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "3 rows\n", "")
