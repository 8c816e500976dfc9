"""Exports to standard output, against the files that the same command writes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import databento_dbn
import deltalake
import pytest
import zstandard
from dbn_files import DAY, metadata, nanos, trade, trades_file, tree


@pytest.fixture
def table(marquet, tmp_path: Path) -> Path:
    marquet("ingest", trades_file(tmp_path / "a.dbn", ["ESH4", "NQH4"], count=50), "--into", tmp_path / "t")
    return tmp_path / "t"


def to_standard_output(program: Path, *arguments: object, cwd: Path) -> bytes:
    done = subprocess.run([str(program), "export", *map(str, arguments), "-o", "-"], capture_output=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["dbn", "csv", "jsonl"])
def test_standard_output_gets_what_a_file_gets(marquet_program, marquet, table, tmp_path, kind):
    marquet("export", table, "--to", kind, "-o", tmp_path / "file")
    before = tree(tmp_path)
    assert to_standard_output(marquet_program, table, "--to", kind, cwd=tmp_path) == before["file"]
    assert tree(tmp_path) == before  # no file named "-"


def test_standard_output_of_dbn_is_the_source(marquet_program, marquet, table, tmp_path):
    other = trades_file(tmp_path / "b.dbn", ["YMH4"], count=7)
    marquet("ingest", other, "--into", table)
    for name in ("a.dbn", "b.dbn"):
        got = to_standard_output(marquet_program, table, "--to", "dbn", "--source", name, cwd=tmp_path)
        assert got == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("columns", ["publisher_id,date", "side,symbol", "instrument_id,sequence", "ts_event"])
def test_fields_of_records_that_partition_the_table_come_back(marquet, tmp_path, columns):
    source = trades_file(tmp_path / "a.dbn", ["ESH4", "NQH4"], count=6)
    marquet("ingest", source, "--into", tmp_path / "t", "--partition-by", columns)
    marquet("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == source.read_bytes()


def test_characters_that_are_nul_come_back_from_partitions(marquet, tmp_path):
    """The log spells an empty text as it spells null, and no character of a record is null."""
    records = b""
    for i, characters in enumerate((b"\0A", b"T\0", b"\0\0", b"TA")):
        record = trade(1, nanos(DAY, i), sequence=i)
        records += record[:28] + characters + record[30:]
    source = tmp_path / "a.dbn"
    source.write_bytes(metadata({1: "ESH4"}) + records)
    marquet("ingest", source, "--into", tmp_path / "t", "--partition-by", "action,side")
    marquet("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == source.read_bytes()


def test_standard_output_of_rows_takes_filters(marquet_program, table, tmp_path):
    arguments = [table, "--where", "symbol = 'ESH4'", "--columns", "symbol,sequence"]
    text = to_standard_output(marquet_program, *arguments, "--to", "csv", cwd=tmp_path).decode()
    assert list(csv.reader(io.StringIO(text))) == [
        ["symbol", "sequence"],
        *(["ESH4", str(sequence)] for sequence in range(0, 50, 2)),
    ]
    lines = to_standard_output(marquet_program, *arguments, "--to", "jsonl", cwd=tmp_path).splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == list(range(0, 50, 2))


def test_what_is_no_single_stream_is_refused(fails, marquet, table, tmp_path):
    text = fails("export", table, "--to", "parquet", "-o", "-", cwd=tmp_path)
    assert text.startswith("marquet: invalid input: Parquet cannot be written to a stream")
    text = fails("export", table, "--to", "csv", "-o", "-", "--json", cwd=tmp_path)
    assert text.startswith("marquet: invalid input: standard output takes the rows or the report")
    marquet("ingest", trades_file(tmp_path / "b.dbn", ["YMH4"]), "--into", table)
    text = fails("export", table, "--to", "dbn", "-o", "-", cwd=tmp_path)
    assert text.startswith("marquet: invalid input: ")
    assert "the records of 2 DBN sources" in text
    assert "--source" in text
    assert not (tmp_path / "-").exists()


def test_a_scan_goes_to_standard_output_too(marquet, table, tmp_path):
    arguments = ("scan", table, "--format", "csv")
    assert marquet(*arguments, "-o", "-", cwd=tmp_path).stdout == marquet(*arguments).stdout
    assert not (tmp_path / "-").exists()
    done = marquet("scan", table, "--format", "parquet", "-o", "-", ok=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "add -o FILE" in done.stderr


def test_a_source_with_losses_is_refused_before_anything_is_written(fails, marquet, table, tmp_path):
    cut = trades_file(tmp_path / "cut.dbn", ["YMH4"], tail=trade(1, 0)[:20])
    marquet("ingest", cut, "--into", table, "--allow-truncated")
    text = fails("export", table, "--to", "dbn", "-o", tmp_path / "back")
    assert "cut.dbn: was ingested with losses" in text
    assert not (tmp_path / "back").exists()


def test_a_source_that_is_not_there_is_told_with_those_that_are(fails, marquet, table, tmp_path):
    marquet("ingest", trades_file(tmp_path / "b.dbn", ["YMH4"]), "--into", table)
    text = fails("export", table, "--to", "dbn", "--source", "nowhere-at-all", "-o", tmp_path / "x.dbn")
    assert "there is no source 'nowhere-at-all'\nhint: its sources are a.dbn, b.dbn\n" in text


def test_several_sources_do_not_become_a_directory_with_a_files_name(fails, marquet, table, tmp_path):
    marquet("ingest", trades_file(tmp_path / "b.dbn", ["YMH4"]), "--into", table)
    for name in ("d.dbn", "d.dbn.zst"):
        text = fails("export", table, "--to", "dbn", "-o", tmp_path / name)
        assert f"{tmp_path / name}: is the name of one file; {table} holds 2 DBN sources" in text
        assert "--source (source= in Python)" in text
        assert not (tmp_path / name).exists()
    marquet("export", table, "--to", "dbn", "-o", f"{tmp_path}/d.dbn/")
    assert sorted(tree(tmp_path / "d.dbn")) == ["a.dbn", "b.dbn"]


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        (("export", "--to", "csv"), "a.csv.gz", "its name says .gz; csv is written uncompressed"),
        (("export", "--to", "jsonl"), "a.jsonl.zst", "its name says .zst; jsonl is written uncompressed"),
        (("export", "--to", "csv"), "a.parquet", "its name says parquet; csv was asked for"),
        (("export", "--to", "dbn"), "a.csv", "its name says another format than DBN"),
        (("scan", "--format", "csv"), "a.parquet", "its name says parquet; csv was asked for"),
        (("scan", "--format", "arrow"), "a.jsonl", "its name says jsonl; arrow was asked for"),
    ],
)
def test_a_name_that_says_another_format_is_refused(fails, table, tmp_path, command, name, message):
    text = fails(command[0], table, *command[1:], "-o", tmp_path / name)
    assert text.startswith(f"marquet: invalid input: {tmp_path / name}: {message}")
    assert not (tmp_path / name).exists()


def test_the_format_of_a_scan_goes_by_the_name_of_its_file(marquet, table, tmp_path):
    for kind in ("csv", "jsonl", "arrow", "parquet"):
        marquet("scan", table, "-o", tmp_path / f"a.{kind}")
        marquet("scan", table, "--format", kind, "-o", tmp_path / f"b.{kind}")
        assert (tmp_path / f"a.{kind}").stat().st_size == (tmp_path / f"b.{kind}").stat().st_size > 0
    assert (tmp_path / "a.parquet").read_bytes()[:4] == b"PAR1"


def test_standard_output_takes_one_format(fails, marquet, table):
    text = fails("scan", table, "--json", "--format", "csv")
    assert "standard output takes the rows as csv or the JSON of --json, not both" in text
    assert len(json.loads(marquet("scan", table, "--json").stdout)["rows"]) == 50


LEGLESS = ("leg_side", "leg_raw_symbol,symbol", "leg_instrument_class,date")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("columns", LEGLESS)
def test_fields_that_records_of_a_version_lack_stay_null(marquet, data_dir, tmp_path, version, columns):
    """The log spells an empty text as it spells null; definitions before version 3 have no legs at all."""
    source = data_dir / "dbn" / f"test_data.definition.v{version}.dbn.zst"
    marquet("ingest", source, "--into", tmp_path / "t", "--partition-by", columns)
    marquet("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    theirs, ours = (databento_dbn.DBNDecoder(), databento_dbn.DBNDecoder())
    theirs.write(zstandard.ZstdDecompressor().stream_reader(source.read_bytes()).read())
    ours.write((tmp_path / "back.dbn").read_bytes())
    assert [str(record) for record in ours.decode()] == [str(record) for record in theirs.decode()]


@pytest.mark.parametrize("columns", LEGLESS)
def test_a_record_without_a_field_is_known_again_after_a_replacement(marquet, fails, data_dir, tmp_path, columns):
    """It came in a second time where its digest took null for the empty text."""
    source = (data_dir / "dbn" / "test_data.definition.v2.dbn.zst").read_bytes()
    raw = zstandard.ZstdDecompressor().stream_reader(source).read()
    header, record = raw[: (body := 8 + int.from_bytes(raw[4:8], "little"))], raw[body : body + raw[body] * 4]

    def at(place: int, price: int) -> bytes:
        times = [int.from_bytes(record[begin : begin + 8], "little") + place * 10**9 for begin in (8, 16)]
        return record[:8] + b"".join(time.to_bytes(8, "little") for time in (*times, price)) + record[32:]

    def put(name: str, places: range, price: int = 10**9) -> Path:
        (tmp_path / name).write_bytes(header + b"".join(at(place, price) for place in places))
        return tmp_path / name

    table = tmp_path / "t"
    marquet("ingest", put("week.dbn", range(10)), "--into", table, "--partition-by", columns)
    marquet("ingest", put("fix.dbn", range(3, 7), 6 * 10**9), "--into", table, "--replace")
    fails("ingest", put("last.dbn", range(9, 10)), "--into", table)
    assert deltalake.DeltaTable(table).to_pyarrow_table().num_rows == 10


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "dbn"])
def test_a_folder_is_no_name_of_a_file(fails, table, tmp_path, kind):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note").write_text("kept")
    for options in ((), ("--replace",)):
        if kind != "dbn":
            text = fails("export", table, "--to", kind, "-o", tmp_path / "folder", *options)
            assert text.startswith(f"marquet: invalid input: {tmp_path / 'folder'}: is a folder"), text
    assert tree(tmp_path / "folder") == {"note": b"kept"}
    text = fails("export", table, "--to", kind, "-o", tmp_path / "rows.gz")
    assert "its name says .gz" in text
