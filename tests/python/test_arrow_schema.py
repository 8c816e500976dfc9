"""Files whose Arrow schema (in the footer, beside Parquet's own) is damaged, and text that is none."""

from __future__ import annotations

import pathlib

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marquet as mq

ROWS = pa.table({"id": range(100), "s": ["abc"] * 100})


def write(path: pathlib.Path, writer: str) -> None:
    if writer == "pyarrow":
        pq.write_table(ROWS, path)
        return
    with mq.ParquetWriter(path.parent / "by-marquet", "x.parquet") as writing:
        writing.write(ROWS)
    (path.parent / "by-marquet" / "x.parquet").rename(path)


def damage_schema(path: pathlib.Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(b"ARROW:schema") + 50
    data[at] = ord("!")  # no digit of base64
    path.write_bytes(data)


def name_of(damage: mq.Damage) -> str:
    return pathlib.Path(damage.file).name


@pytest.mark.parametrize("writer", ["pyarrow", "marquet"])
def test_one_that_cannot_be_read_is_damage(tmp_path: pathlib.Path, writer: str) -> None:
    path = tmp_path / "f.parquet"
    write(path, writer)
    assert mq.verify(path, strict=True).ok
    damage_schema(path)
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(path)
    for level in ("footer", "crc", "full"):
        verdict = mq.verify(path, level)
        assert not verdict.ok
        assert [damage.region for damage in verdict.damage] == ["schema"]
        assert "ARROW:schema" in verdict.damage[0].message
    report = mq.rescue(path, tmp_path / "out.parquet")
    assert not report.intact and report.rows == 100 and report.rows_lost == 0
    assert any("ARROW:schema" in note for note in report.notes)
    assert pq.read_table(tmp_path / "out.parquet").equals(ROWS)
    assert pl.read_parquet(tmp_path / "out.parquet").height == 100


def test_a_table_with_such_a_file_gets_a_verdict(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.parquet", "pyarrow")
    deltalake.convert_to_deltalake(str(tmp_path))
    damage_schema(tmp_path / "a.parquet")
    (tmp_path / "c.parquet").unlink()
    for level in ("footer", "crc", "full"):
        verdict = mq.open_table(tmp_path).verify(level)
        assert not verdict.ok and verdict.files == 3 and verdict.rows == 300
        assert [(name_of(damage), damage.region) for damage in verdict.damage] == [("a.parquet", "schema")]
        assert verdict.missing == ["c.parquet"]


def test_a_file_that_cannot_be_looked_at_hides_no_other(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.parquet", "pyarrow")
    deltalake.convert_to_deltalake(str(tmp_path))
    encrypted = bytearray((tmp_path / "a.parquet").read_bytes())
    encrypted[-4:] = b"PARE"
    (tmp_path / "a.parquet").write_bytes(encrypted)
    (tmp_path / "b.parquet").unlink()
    (tmp_path / "b.parquet").mkdir()
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    verdict = mq.open_table(tmp_path).verify()
    assert not verdict.ok and verdict.files == 3
    regions = {(name_of(damage), damage.region) for damage in verdict.damage}
    assert {("a.parquet", "unchecked"), ("b.parquet", "unchecked"), ("c.parquet", "footer")} <= regions


@pytest.mark.parametrize("dictionary", [False, True])
def test_text_that_is_no_utf8_is_odd(tmp_path: pathlib.Path, dictionary: bool) -> None:
    path = tmp_path / "f.parquet"
    rows = pa.table({"s": ["abcdefgh", "caf\u00e9"], "y": [b"\xff", b"\x80"]})
    pq.write_table(rows, path, use_dictionary=dictionary, compression="none", write_statistics=False)
    assert mq.verify(path, strict=True).ok
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"abcdefgh", b"\xff\xfecdefgh"))
    with pytest.raises(UnicodeDecodeError):
        pq.read_table(path)["s"].to_pylist()
    verdict = mq.verify(path)
    assert verdict.ok and [odd.column for odd in verdict.odd] == ["s"]
    assert "1 of 2 values are no UTF-8" in verdict.odd[0].message
    assert not mq.verify(path, strict=True).ok
