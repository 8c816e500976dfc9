"""Fixtures of releases, those of the present code among them, as arguments of tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for kept and make_fixtures

from kept import HERE, PRESENT, Kept
from make_fixtures import make  # with which the folders of what is shared with other tests are on the path


@pytest.fixture(scope="session")
def made_at_present(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the present code makes, which must be readable just as what releases made."""
    folder = tmp_path_factory.mktemp("made") / "present"
    make(folder)
    return folder


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """A copy of one of the fixtures that `kept.of` names; the test's own."""
    release, name = request.param
    folder = request.getfixturevalue("made_at_present") if release == PRESENT else HERE / release
    return Kept(folder, name, tmp_path / "kept")
