"""mq.datatrove.ParquetWriter with remote output folders: whole files appear under their names, or none."""

from __future__ import annotations

import gc
import io
import pathlib
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractBufferedFile
from pipelines import CHUNKS, documents, write_all

import marquet as mq

OurWriter = mq.datatrove.ParquetWriter


class _FilesWithoutCommit(fsspec.AbstractFileSystem):
    """A store that publishes an object when its file is closed, as the Hugging Face Hub's does."""

    protocol = "without-commit"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        return io.BytesIO(self.objects[path]) if mode == "rb" else _Upload(self, path, mode, **options)

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        names = [name for name in self.objects if name == path or name.startswith(path + "/")]
        found = [{"name": name, "size": len(self.objects[name]), "type": "file"} for name in names]
        return found if detail else names

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        pass

    def _rm(self, path: str) -> None:
        del self.objects[path]


class _Upload(AbstractBufferedFile):
    def _initiate_upload(self) -> None:
        self.parts = b""

    def _upload_chunk(self, final: bool = False) -> bool:
        self.parts += self.buffer.getvalue()
        if final:
            self.fs.objects[self.path] = self.parts
        return True


class TestRemoteFolders:
    """Any that fsspec reaches: here its memory, a folder behind its DirFileSystem, and a store that knows no commit."""

    @pytest.fixture(params=["memory", "dir", "without commit"])
    def folder(self, request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> tuple[str, Any]:
        if request.param == "dir":
            (tmp_path / "remote").mkdir()
            return "bucket", DirFileSystem(str(tmp_path / "remote"), LocalFileSystem())
        if request.param == "without commit":
            return "bucket", _FilesWithoutCommit()
        return f"/{request.node.name}", fsspec.filesystem("memory")

    def ids(self, folder: tuple[str, Any]) -> dict[str, list[str]]:
        path, filesystem = folder
        found = {}
        for name in sorted(filesystem.find(path)):
            assert filesystem.size(name) > 0
            with filesystem.open(name) as file:
                found[name.removeprefix(path + "/")] = pq.read_table(file)["id"].to_pylist()
        return found

    @pytest.fixture(autouse=True)
    def no_staging_is_left(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
        staging = tmp_path_factory.mktemp("staging")
        monkeypatch.setattr("tempfile.tempdir", str(staging))
        yield
        assert list(staging.iterdir()) == []

    def test_chunks_appear_as_they_end(self, folder: tuple[str, Any]) -> None:
        with OurWriter(folder, "${rank}/${chunk_index}.parquet") as writer:
            for number, document in enumerate(documents(12)):
                writer.write(document, rank=2, chunk_index=number // 5)
                if number % 5 == 4:
                    writer.close_file(writer._get_output_filename(document, 2, chunk_index=number // 5))
                assert sum(map(len, self.ids(folder).values())) == (number + 1) // 5 * 5
            writer.close_file("00002/0.parquet")
        assert self.ids(folder) == {
            "00002/000_0.parquet": list("01234"),
            "00002/000_1.parquet": list("56789"),
            "00002/000_2.parquet": ["10", "11"],
        }

    def test_without_chunks(self, folder: tuple[str, Any]) -> None:
        write_all(OurWriter(folder, max_file_size=0), documents(3))
        assert self.ids(folder) == {"00000.parquet": ["0", "1", "2"]}

    def test_an_exception_puts_nothing(self, folder: tuple[str, Any]) -> None:
        with pytest.raises(ZeroDivisionError), OurWriter(folder, CHUNKS) as writer:
            writer.write(documents(1)[0], chunk_index=0)
            _ = 1 / 0
        assert self.ids(folder) == {}

    def test_an_error_while_putting_leaves_nothing(
        self, folder: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def breaks(source: Any, target: Any, length: int) -> None:
            target.write(source.read(100))
            raise OSError("connection lost")

        with monkeypatch.context() as patch:
            patch.setattr("shutil.copyfileobj", breaks)
            with pytest.raises(OSError, match="connection lost"), OurWriter(folder, CHUNKS) as writer:
                writer.write(documents(1)[0], chunk_index=0)
                writer.close_file("00000_chunk_0.parquet")
        gc.collect()
        assert self.ids(folder) == {}
        write_all(OurWriter(folder, CHUNKS), documents(1), chunk_index=0)
        assert self.ids(folder) == {"000_00000_chunk_0.parquet": ["0"]}

    def test_what_is_there_is_compared(self, folder: tuple[str, Any]) -> None:
        for _ in range(2):
            write_all(OurWriter(folder, CHUNKS), documents(5), chunk_index=0)
        other = documents(5)
        other[4].text = "another"
        with pytest.raises(mq.ConflictError, match=r"with other rows.*row 4"):
            write_all(OurWriter(folder, CHUNKS), other, chunk_index=0)
        path, filesystem = folder
        filesystem.pipe_file(f"{path}/000_00000_chunk_1.parquet", b"PAR1 and no more")
        with pytest.raises(mq.ConflictError, match="no complete Parquet file"):
            write_all(OurWriter(folder, CHUNKS), documents(5), chunk_index=1)
        assert filesystem.cat_file(f"{path}/000_00000_chunk_1.parquet") == b"PAR1 and no more"

    def test_too_few_bytes_are_noticed(self, folder: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        def cuts(source: Any, target: Any, length: int) -> None:
            target.write(source.read()[:-100])

        monkeypatch.setattr("shutil.copyfileobj", cuts)
        with pytest.raises(mq.StorageError, match="bytes were there after"):
            write_all(OurWriter(folder, CHUNKS), documents(5), chunk_index=0)
