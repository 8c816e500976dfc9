"""The wheel: built out of the release build, installed into an empty environment in another folder, and used there.

Nothing is downloaded: the environment gets its pyarrow and numpy as hard links to the ones that the tests run with.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = Path(os.environ.get("MARQUET_BUILD_DIR", ROOT / "build" / "release"))
SITE = Path("lib") / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def pip(python: str | Path, *arguments: str | Path) -> None:
    done = subprocess.run([python, "-m", "pip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The workers of one test run share the wheel: two builds in one build directory would get in each other's way.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "alone")
    base = tmp_path_factory.getbasetemp()
    folder = (base if run == "alone" else base.parent) / f"wheel-{run}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob("marquet-*.whl")):
            options = ["--no-deps", "--no-build-isolation", "-q", f"--config-settings=build-dir={BUILD}"]
            program = BUILD / "bin" / "marquet"
            before = program.stat().st_mtime_ns
            pip(sys.executable, "wheel", *options, "-w", folder, ROOT)
            # Other tests run this program meanwhile.
            assert program.stat().st_mtime_ns == before, "building the wheel linked the program again"
    (built,) = folder.glob("marquet-*.whl")
    return built


def link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    for package in ("pyarrow", "numpy"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.submodule_search_locations is not None
        site = Path(spec.submodule_search_locations[0]).parent
        for source in (*site.glob(package), *site.glob(f"{package}.libs"), *site.glob(f"{package}-*.dist-info")):
            shutil.copytree(source, folder / SITE / source.name, copy_function=link)
    python = folder / "bin" / "python"
    pip(sys.executable, "--python", python, "install", "-q", "--no-index", wheel)
    pip(sys.executable, "--python", python, "check")
    return folder


def run(environment: Path, program: str, *arguments: str | Path) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    done = subprocess.run(
        [environment / "bin" / program, *arguments], capture_output=True, text=True, env=clean, cwd=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_what_it_should(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("marquet/_core.") and name.endswith(".so")]
    assert {"marquet/py.typed", "marquet/_core.pyi", "marquet/__init__.py"} <= set(names)
    assert [name for name in names if name.endswith(".data/scripts/marquet")]
    assert not [name for name in names if name.endswith((".cc", ".h", ".a", "CMakeLists.txt"))]


def test_the_package_is_imported_and_used(environment: Path):
    source = """
import marquet as mq, pyarrow as pa
assert "elsewhere" in mq.__file__, mq.__file__
table = mq.create_table("from_python", pa.schema([("x", pa.int64())]))
table.append(pa.table({"x": [1, 2, 3]}))
print(mq.__version__, table.scan(filter="x > 1").count())
"""
    assert run(environment, "python", "-c", source) == "0.1.0 2\n"


def test_every_library_is_found_by_a_relative_path(environment: Path):
    (extension,) = (environment / SITE / "marquet").glob("_core.*.so")
    for file in (extension, environment / "bin" / "marquet"):
        rpath = subprocess.run(["patchelf", "--print-rpath", file], check=True, capture_output=True, text=True).stdout
        assert all(entry.startswith("$ORIGIN") for entry in rpath.strip().split(":")), rpath
        libraries = subprocess.run(["ldd", file], check=True, capture_output=True, text=True).stdout
        assert "not found" not in libraries
        own = [line for line in libraries.splitlines() if "libarrow" in line or "libparquet" in line]
        assert own and all(str(environment) in os.path.realpath(line.split()[2]) for line in own), libraries


def test_only_arrow_and_the_compilers_libraries_are_needed(environment: Path):
    (extension,) = (environment / SITE / "marquet").glob("_core.*.so")
    allowed = ("libarrow.so.", "libarrow_compute.so.", "libparquet.so.", "libstdc++.so.", "libgcc_s.so.", "libc.so.",
               "libm.so.", "libpthread.so.", "ld-linux")  # fmt: skip
    for file in (extension, environment / "bin" / "marquet"):
        needed = subprocess.run(["patchelf", "--print-needed", file], check=True, capture_output=True, text=True).stdout
        assert [name for name in needed.split() if not name.startswith(allowed)] == []


def test_the_program_is_native_and_ingests(environment: Path, data_dir: Path):
    assert (environment / "bin" / "marquet").read_bytes()[:4] == b"\x7fELF"
    assert "0.1.0" in run(environment, "marquet", "--version")
    source = data_dir / "dbn" / "real-esh4-glbx-mdp3-20231224.mbo.dbn.zst"
    run(environment, "marquet", "ingest", source, "--into", environment / "book")
    counted = run(
        environment, "python", "-c", "import sys, marquet as mq; print(mq.open_table(sys.argv[1]).scan().count())",
        environment / "book",
    )  # fmt: skip
    assert int(counted) > 0


def test_no_page_installs_from_an_index_that_does_not_have_it() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "python" / "marquet").rglob("*.py")]
    assert [str(page) for page in pages if "pip install 'marquet" in page.read_text()] == []
    readme = (ROOT / "README.md").read_text()
    assert "make wheel" in readme and "[torch,polars]" in readme
