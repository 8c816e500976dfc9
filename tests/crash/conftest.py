"""Real file systems for crash tests: small ext4 images, mounted by loop, that can fill up or lose power."""

from __future__ import annotations

import fcntl
import os
import pathlib
import struct
import subprocess
from collections.abc import Callable, Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# ext4's ioctl that stops a mounted file system at once, and its flag "without flushing the journal".
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class Ext4:
    """A mounted ext4 image."""

    def __init__(self, folder: pathlib.Path, mebibytes: int, options: str) -> None:
        self.image = folder / "image"
        self.path = folder / "mounted"
        self.path.mkdir()
        self.options = options
        with self.image.open("wb") as image:
            image.truncate(mebibytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", f"loop,{self.options}", self.image, self.path], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.path], check=True)

    def cut_power(self) -> None:
        """Drops everything that did not reach the image. Processes that work on it get errors from now on."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def restart(self) -> None:
        self.unmount()
        self.mount()


@pytest.fixture
def ext4(tmp_path: pathlib.Path) -> Iterator[Callable[..., Ext4]]:
    """Makes mounted images: ext4(mebibytes=16, options="noatime")."""
    if os.geteuid() != 0:
        pytest.skip("mounting an ext4 image needs root")
    made: list[Ext4] = []

    def make(mebibytes: int, options: str = "noatime") -> Ext4:
        folder = tmp_path / f"ext4-{len(made)}"
        folder.mkdir()
        try:
            made.append(Ext4(folder, mebibytes, options))
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"cannot mount an ext4 image by loop: {error}")
        return made[-1]

    yield make
    for each in made:
        each.unmount()


@pytest.fixture(scope="session")
def marquet() -> pathlib.Path:
    """The command-line program: MARQUET_BIN, or that of the release build."""
    path = pathlib.Path(os.environ.get("MARQUET_BIN", ROOT / "build/release/bin/marquet"))
    assert path.exists(), f"{path} is missing: run `make setup`, or name the program in MARQUET_BIN"
    return path


@pytest.fixture(scope="session")
def dbn_files() -> pathlib.Path:
    """The folder of DBN test files."""
    folder = pathlib.Path(os.environ.get("MARQUET_TEST_DATA", ROOT.parent / "shared/data")) / "dbn"
    if not folder.is_dir():
        assert os.environ.get("CI") != "true", f"{folder} is missing; set MARQUET_TEST_DATA"
        pytest.skip(f"no test data in {folder}; set MARQUET_TEST_DATA")
    return folder
