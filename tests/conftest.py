"""What all Python tests share: the real test data, the native program, and a way to run Python in a process apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MARQUET_TEST_DATA", ROOT.parent / "shared" / "data"))

# Processes that tests start see the same package as the tests.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "python"), os.environ.get("PYTHONPATH")]))


def pytest_report_header() -> str:
    """Says which test data there is."""
    if not DATA.is_dir():
        return f"test data: none at {DATA}"
    return f"test data: {sum(path.is_file() for path in DATA.rglob('*'))} files in {DATA}"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real files. Where it is missing, tests are skipped, but fail in continuous integration."""
    if not DATA.is_dir():
        message = f"no test data at {DATA}; set MARQUET_TEST_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return DATA


@pytest.fixture(scope="session")
def marquet_program() -> Path:
    """The native program of the release build, or of MARQUET_BUILD_DIR."""
    program = Path(os.environ.get("MARQUET_BUILD_DIR", ROOT / "build" / "release")) / "bin" / "marquet"
    assert program.is_file(), f"{program} is not built: cmake --build --preset release"
    return program


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python source in a process of its own: ``run_python(source, *arguments)``."""

    def run(source: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", source, *map(str, arguments)], capture_output=True, text=True, timeout=300
        )

    return run
