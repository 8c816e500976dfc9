"""What all Python tests share: the real test data, the native program, and a way to run Python in a process apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
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
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is room for one, else ``tmp_path``.

    For jobs that are killed or stopped again and again: what they wrote is there for whoever comes next, synced or
    not, and no sync waits for a disk. What a power cut leaves is for other tests.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 1 << 30:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="marquet-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python source in a process of its own: ``run_python(source, *arguments)``."""

    def run(source: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", source, *map(str, arguments)], capture_output=True, text=True, timeout=300
        )

    return run
