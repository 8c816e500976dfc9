"""Errors: their classes, what they carry, and that they cross processes."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

import marquet as mq

BUILT_IN = {
    mq.InvalidInputError: ValueError,
    mq.SchemaError: ValueError,
    mq.NotFoundError: FileNotFoundError,
    mq.AlreadyExistsError: FileExistsError,
    mq.ConflictError: Exception,
    mq.CommitUnknownError: Exception,
    mq.CorruptDataError: Exception,
    mq.StorageError: OSError,
    mq.UnsupportedError: NotImplementedError,
}


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.__name__)
def test_each_kind_is_a_marquet_error_and_its_built_in(kind):
    assert issubclass(kind, mq.MarquetError)
    assert issubclass(kind, BUILT_IN[kind])


def test_schema_error_is_an_invalid_input():
    assert issubclass(mq.SchemaError, mq.InvalidInputError)


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.__name__)
def test_text_and_attributes_survive_pickling(kind):
    error = kind("day.dbn: broken", hint="Fetch it again.", errno=errno.ENOSPC, filename="day.dbn")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error) == "day.dbn: broken\nhint: Fetch it again."
    assert (back.hint, back.errno, back.filename) == ("Fetch it again.", errno.ENOSPC, "day.dbn")


def test_a_missing_table_names_itself(tmp_path: Path):
    with pytest.raises(mq.NotFoundError) as caught:
        mq.open_table(tmp_path / "absent")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "absent")
    assert str(tmp_path / "absent") in str(caught.value)
    with pytest.raises(FileNotFoundError):
        mq.open_table(tmp_path / "absent")


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_name_that_no_directory_has_is_refused(name: str):
    for call in (mq.open_table, lambda path: mq.create_table(path, pa.schema([("x", pa.int64())]))):
        with pytest.raises(mq.InvalidInputError, match="name"):
            call(name)


@pytest.mark.parametrize("names", [("a", "a"), ("price", "Price")])
def test_columns_that_delta_cannot_tell_apart_are_refused(tmp_path: Path, names: tuple[str, str]):
    with pytest.raises(mq.SchemaError, match="more than case"):
        mq.create_table(tmp_path / "t", pa.schema([(name, pa.int64()) for name in names]))
    assert not (tmp_path / "t").exists()


def test_a_missing_file_names_itself(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        mq.verify(tmp_path / "absent.parquet")
    assert caught.value.filename == str(tmp_path / "absent.parquet")
    assert caught.value.errno == errno.ENOENT


def test_a_taken_table_is_a_file_that_exists(tmp_path: Path):
    import pyarrow as pa

    schema = pa.schema([("x", pa.int64())])
    mq.create_table(tmp_path / "t", schema)
    with pytest.raises(mq.AlreadyExistsError) as caught:
        mq.create_table(tmp_path / "t", schema)
    assert isinstance(caught.value, FileExistsError)
    assert caught.value.errno == errno.EEXIST


def test_a_type_that_delta_lacks_is_a_schema_error(tmp_path: Path):
    import pyarrow as pa

    with pytest.raises(mq.SchemaError, match="seen_at"):
        mq.create_table(tmp_path / "t", pa.schema([("seen_at", pa.timestamp("ns", "UTC"))]))


def test_a_directory_without_permission_is_a_storage_error_with_errno(tmp_path: Path):
    (tmp_path / "file").write_text("no directory")
    import pyarrow as pa

    with pytest.raises(mq.MarquetError) as caught:
        mq.create_table(tmp_path / "file" / "t", pa.schema([("x", pa.int64())]))
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.ENOTDIR


def test_times_are_read_or_refused():
    from marquet._time import to_nanos

    assert to_nanos("1970-01-01T00:00:01.000000001Z") == 1_000_000_001
    with pytest.raises(mq.InvalidInputError, match="'tomorrow' is not a time"):
        to_nanos("tomorrow")


def test_another_arrow_is_an_import_error_that_says_which_is_needed(run_python):
    # A pyarrow that is there but brings other libraries: stood in for by an extension that cannot be loaded.
    source = """
import importlib.abc, importlib.machinery, sys

class NoExtension(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "marquet._core":
            raise ImportError("libarrow.so.2600: cannot open shared object file")

sys.meta_path.insert(0, NoExtension())
try:
    import marquet
except ImportError as error:
    print(error)
"""
    result = run_python(source)
    assert "is installed; it needs pyarrow>=26.0,<26.1" in result.stdout, result.stderr
    assert "libarrow.so.2600" in result.stdout


def test_the_requirement_is_the_one_of_the_package():
    import tomllib

    from marquet._arrow import PYARROW_REQUIREMENT

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert PYARROW_REQUIREMENT in project["project"]["dependencies"]
    assert PYARROW_REQUIREMENT in project["build-system"]["requires"]


def test_only_what_is_for_users_is_listed():
    names = dir(mq)
    assert {*mq.__all__, "torch", "errors"} <= set(names)
    assert not {"importlib", "Any", "TYPE_CHECKING", "annotations"} & set(names)


def test_hints_name_what_python_callers_can_pass(tmp_path: Path):
    table = mq.create_table(tmp_path / "t", pa.schema([("a", pa.int64()), ("s", pa.int64())]))
    with pytest.raises(mq.SchemaError) as caught:
        table.append(pa.table({"a": [1], "s": [2], "q": [3]}))
    assert "'q'" in str(caught.value)
    assert "did you mean" not in str(caught.value)
