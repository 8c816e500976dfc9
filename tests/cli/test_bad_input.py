"""Bad input: a clear error that says where, and nothing changed."""

from __future__ import annotations

import os
import random
import resource
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from dbn_files import DAY, metadata, nanos, trade, trades_file, tree


def valid() -> bytes:
    return metadata({1: "ESH4"}) + b"".join(trade(1, nanos(DAY, i)) for i in range(3))


def zstd(content: bytes) -> bytes:
    done = subprocess.run(["zstd", "-qc", "--check"], input=content, capture_output=True, check=True)
    return done.stdout


def with_length(length: int) -> bytes:
    return valid() + bytes([length]) + trade(1, nanos(DAY, 9))[1:]


def flipped_checksum() -> bytes:
    compressed = bytearray(zstd(valid()))
    compressed[-1] ^= 0xFF
    return bytes(compressed)


HEADER = len(metadata({1: "ESH4"}))
FOURTH = f"{HEADER + 3 * 48:,}"

CASES = {
    "empty": (b"", ["corrupt data", "is empty"]),
    "not_dbn": (b"hello, this is a text file", ["corrupt data", "is not DBN", "hello"]),
    "version_4": (b"DBN\x04" + valid()[4:], ["unsupported", "DBN version 4"]),
    "header_cut_short": (valid()[:60], ["corrupt data", "metadata header is cut short", "60"]),
    "record_length_0": (with_length(0), ["corrupt data", "record 3 at byte " + FOURTH, "has length 0"]),
    "record_length_1": (with_length(1), ["corrupt data", "record 3 at byte " + FOURTH, "length 4"]),
    "record_too_short_for_its_type": (
        valid() + bytes([8]) + trade(1, nanos(DAY))[1:32],
        ["corrupt data", "record 3 at byte " + FOURTH, "too short for its type"],
    ),
    "record_past_the_end": (valid()[:-20], ["corrupt data", "record 2 at byte", "is cut short", "--allow-truncated"]),
    "zstd_frame_cut_short": (zstd(valid())[:-20], ["corrupt data"]),
    "zstd_checksum_broken": (flipped_checksum(), ["corrupt data"]),
    "time_beyond_int64": (
        metadata({1: "ESH4"}) + trade(1, 2**63 + 5),
        ["invalid input", "record 0 at byte", "--on-error null"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_new_table_is_not_made(fails, tmp_path, name):
    content, words = CASES[name]
    source = tmp_path / f"{name}.dbn"
    source.write_bytes(content)
    text = fails("ingest", source, "--into", tmp_path / "t")
    for word in [*words, source.name]:
        assert word in text, text
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name]


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_left_as_it_was(marquet, fails, tmp_path, name):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "good.dbn", ["NQH4"]), "--into", table)
    before = tree(table)
    source = tmp_path / f"{name}.dbn"
    source.write_bytes(CASES[name][0])
    fails("ingest", source, "--into", table)
    assert tree(table) == before


def test_what_came_before_the_bad_file_stays(marquet, tmp_path):
    good = trades_file(tmp_path / "a.dbn")
    bad = tmp_path / "b.dbn"
    bad.write_bytes(valid()[:-20])
    unseen = trades_file(tmp_path / "c.dbn", ["NQH4"])
    done = marquet("ingest", good, bad, unseen, "--into", tmp_path / "t", ok=False)
    assert done.returncode == 1
    assert "a.dbn: ingested" in done.stdout and "c.dbn" not in done.stdout
    assert done.stdout.endswith(
        "1 source after it not tried: run the same command again once it is mended or left out\n"
    )
    assert "10 rows" in marquet("scan", tmp_path / "t").stdout


def test_legacy_dbz(fails, data_dir, tmp_path):
    text = fails("ingest", data_dir / "dbn" / "test_data.mbo.dbz", "--into", tmp_path / "t")
    assert "unsupported" in text and "DBZ" in text


def test_truncation_is_allowed_on_request_and_counted(marquet, fails, tmp_path):
    source = tmp_path / "a.dbn"
    source.write_bytes(valid()[:-20])
    text = marquet("ingest", source, "--into", tmp_path / "t", "--allow-truncated", "--json").stdout
    assert '"truncated_bytes": 28' in text and '"truncated_records": 1' in text and '"rows": 2' in text
    text = fails("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert "unsupported" in text and "28 bytes" in text
    assert not (tmp_path / "back.dbn").exists()


def test_unknown_records_are_counted_and_kept_on_request(marquet, fails, tmp_path):
    source = tmp_path / "a.dbn"
    unknown = struct.pack("<BBHIQ", 5, 0xEE, 1, 1, nanos(DAY)) + b"what"
    source.write_bytes(valid() + unknown + trade(1, nanos(DAY, 5)))
    text = marquet("ingest", source, "--into", tmp_path / "t", "--json").stdout
    assert '"unknown_records": 1' in text and '"rows": 4' in text and '"records": 5' in text
    told = marquet("ingest", source, "--into", tmp_path / "told").stdout
    assert (
        "  1 record of unknown type (0xEE: 1), not kept, so that an export to DBN will refuse; --again --replace "
        in told
    )
    assert "not kept" in fails("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    marquet("ingest", source, "--into", tmp_path / "kept", "--keep-unknown")
    marquet("export", tmp_path / "kept", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == source.read_bytes()
    skipped = marquet("ingest", source, "--into", tmp_path / "told", "--keep-unknown").stdout
    assert "without its 1 record of unknown type; --again --replace " in skipped
    marquet("ingest", source, "--into", tmp_path / "told", "--again", "--replace", "--keep-unknown")
    marquet("export", tmp_path / "told", "--to", "dbn", "-o", tmp_path / "told.dbn")
    assert (tmp_path / "told.dbn").read_bytes() == source.read_bytes()


def test_a_file_cut_short_before_its_first_record_has_nothing_to_take(fails, tmp_path):
    source = tmp_path / "cut.dbn.zst"
    source.write_bytes(zstandard.ZstdCompressor().compress(valid())[:60])
    text = fails("ingest", source, "--into", tmp_path / "t", "--allow-truncated")
    assert "no record is complete" in text and "--allow-truncated" not in text


def test_times_beyond_int64_are_null_on_request(marquet, tmp_path):
    source = tmp_path / "a.dbn"
    source.write_bytes(metadata({1: "ESH4"}) + trade(1, nanos(DAY)) + trade(1, 2**63 + 5))
    text = marquet("ingest", source, "--into", tmp_path / "t", "--on-error", "null", "--json").stdout
    assert '"nulled_times": 2' in text and '"rows": 2' in text


def test_a_missing_source(fails, tmp_path):
    text = fails("ingest", tmp_path / "nowhere.dbn", "--into", tmp_path / "t")
    assert text.startswith("marquet: not found: ") and "nowhere.dbn" in text


def test_a_folder_without_dbn_files(fails, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no DBN files" in fails("ingest", tmp_path / "empty", "--into", tmp_path / "t")


def test_a_target_that_is_no_table(fails, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "me.jpg").write_bytes(b"x")
    assert "me.jpg" in fails("ingest", source, "--into", folder)
    assert [path.name for path in folder.iterdir()] == ["me.jpg"]
    file = tmp_path / "notes.txt"
    file.write_text("x")
    assert "notes.txt: is a file; a table is a directory" in fails("ingest", source, "--into", file)
    assert file.read_text() == "x"


def test_a_table_that_is_not_there(fails, tmp_path):
    for command in ("info", "history", "scan"):
        assert fails(command, tmp_path / "t").startswith("marquet: not found: ")


def test_no_permission(fails, marquet_program):
    folder = Path(tempfile.mkdtemp(prefix="marquet-permission-"))
    try:
        folder.chmod(0o755)
        source = trades_file(folder / "a.dbn")
        closed = folder / "closed"
        closed.mkdir(mode=0o755)
        who = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        try:
            subprocess.run([str(marquet_program), "--version"], capture_output=True, check=True, cwd="/", **who)
        except (PermissionError, subprocess.CalledProcessError):
            pytest.skip("another user cannot run the program, and root may read and write everything")
        source.chmod(0)
        assert "Permission denied" in fails("ingest", source, "--into", folder / "t", cwd="/", **who)
        source.chmod(0o644)
        closed.chmod(0o555)
        text = fails("ingest", source, "--into", closed / "t", cwd="/", **who)
        assert "Permission denied" in text and list(closed.iterdir()) == []
    finally:
        shutil.rmtree(folder)


def test_a_file_is_no_table(fails, tmp_path):
    source = trades_file(tmp_path / "a.dbn")
    for command in (("scan", source), ("info", source), ("export", source, "--to", "csv", "-o", tmp_path / "x.csv")):
        text = fails(*command)
        assert text.startswith(f"marquet: invalid input: {source}: is a file; a table is a directory\nhint: ingest the")


def test_a_folder_of_tables_is_told_with_what_is_in_it(marquet, fails, tmp_path):
    for name in ("b", "a"):
        marquet("ingest", trades_file(tmp_path / f"{name}.dbn"), "--into", tmp_path / "folder" / name)
    folder = tmp_path / "folder"
    text = fails("info", folder)
    assert text == (
        f"marquet: not found: {folder}: not a table, but a folder of tables\n"
        f"hint: name one of them: {folder}/a, {folder}/b\n"
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_a_dbn_file_is_not_called_a_damaged_parquet_file(fails, tmp_path, compressed):
    source = trades_file(tmp_path / "a.dbn")
    if compressed:
        source.write_bytes(zstd(source.read_bytes()))
    text = fails("verify", source)
    assert text.startswith(f"marquet: invalid input: {source}: is ") and "not a Parquet file" in text


def test_a_folder_that_is_not_there_is_named(marquet, fails, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    for command, name in (
        (("scan", table, "--format", "csv"), "x.csv"),
        (("scan", table), "x.parquet"),
        (("export", table, "--to", "jsonl"), "x.jsonl"),
        (("export", table, "--to", "dbn"), "x.dbn"),
    ):
        output = tmp_path / "nowhere" / name
        text = fails(*command, "-o", output)
        assert text.startswith(f"marquet: not found: {output}: there is no folder {tmp_path}/nowhere\nhint: ")


def test_an_unknown_column_in_a_filter(marquet, fails, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    text = fails("scan", table, "--where", "pirce > 5")
    assert "pirce" in text and "did you mean 'price'?" in text
    assert "Color" in fails("scan", table, "--columns", "Color")


def test_a_table_with_features_we_lack(marquet, fails, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn"), "--into", table)
    commit = next((table / "_delta_log").glob("*.json"))
    text = commit.read_text().replace('"minReaderVersion":1', '"minReaderVersion":3')
    features = '"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]'
    text = text.replace('"minWriterVersion":2', f'"minWriterVersion":7,{features}')
    assert "deletionVectors" in text
    commit.write_text(text)
    for arguments in (("scan", table), ("ingest", trades_file(tmp_path / "b.dbn", ["NQH4"]), "--into", table)):
        said = fails(*arguments)
        assert "unsupported" in said and "deletionVectors" in said


def test_a_limit_on_the_size_of_files(fails, tmp_path):
    source = trades_file(tmp_path / "many.dbn", count=20_000)
    limit = (4096, 4096)
    text = fails(
        "ingest", source, "--into", tmp_path / "t", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    assert "File too large" in text
    assert not (tmp_path / "t").exists()


def test_a_disk_that_fills(marquet, fails, tmp_path):
    """A tiny file system of its own: the commit that does not fit leaves the table as it was."""
    mount = tmp_path / "mount"
    mount.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(mount)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("cannot mount here")
    try:
        table = mount / "t"
        marquet("ingest", trades_file(tmp_path / "small.dbn"), "--into", table)
        before = tree(table)
        big = tmp_path / "big.dbn"
        rng = random.Random(7)
        noisy = b"".join(
            trade(1, nanos(DAY, 100 + i), price=rng.getrandbits(62), size=rng.getrandbits(31)) for i in range(60_000)
        )
        big.write_bytes(metadata({1: "ESH4"}) + noisy)
        text = fails("ingest", big, "--into", table)
        assert "No space left on device" in text and "nothing of it was committed" in text and "hint: " in text
        assert tree(table) == before
        assert "10 rows" in marquet("scan", table).stdout
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_damage_is_found_and_named(marquet, tmp_path):
    table = tmp_path / "t"
    marquet("ingest", trades_file(tmp_path / "a.dbn", count=5_000), "--into", table)
    file: Path = next(table.rglob("*.parquet"))
    content = bytearray(file.read_bytes())
    footer = pq.ParquetFile(file).metadata.row_group(0)
    columns = {footer.column(i).path_in_schema: footer.column(i) for i in range(footer.num_columns)}
    prices = columns["price"]
    content[prices.data_page_offset + prices.total_compressed_size - 1] ^= 0x10
    file.write_bytes(bytes(content))
    for path in (table, file):
        done = marquet("verify", path, ok=False)
        assert done.returncode == 1
        assert "DAMAGED" in done.stdout and file.name in done.stdout and "column price" in done.stdout


def test_a_description_that_another_attempt_wrote_stays(marquet, tmp_path):
    """Either may be the one that commits; its commit names the description of its own."""
    source = tmp_path / "a.dbn"
    unknown = struct.pack("<BBHIQ", 5, 0xEE, 1, 1, nanos(DAY)) + b"what"
    source.write_bytes(valid() + unknown)
    marquet("ingest", source, "--into", tmp_path / "lossy")
    (theirs,) = (tmp_path / "lossy" / "_marquet" / "sources").glob("*.json")
    ours = tmp_path / "t" / "_marquet" / "sources" / theirs.name
    ours.parent.mkdir(parents=True)
    shutil.copy(theirs, ours)
    marquet("ingest", source, "--into", tmp_path / "t", "--keep-unknown")
    assert ours.read_bytes() == theirs.read_bytes()
    marquet("export", tmp_path / "t", "--to", "dbn", "-o", tmp_path / "back.dbn")
    assert (tmp_path / "back.dbn").read_bytes() == source.read_bytes()
    marquet("verify", tmp_path / "t")
    (attempt,) = (ours.parent / "attempts").glob("*.json")
    attempt.write_bytes(attempt.read_bytes().replace(b'"rows":', b'"rowz":', 1))
    assert f"attempts/{attempt.name}" in marquet("verify", tmp_path / "t", ok=False).stdout


def test_a_damaged_name_of_a_column_is_no_column_of_nulls(marquet, fails, tmp_path):
    marquet("ingest", trades_file(tmp_path / "a.dbn", ["ESH4"]), "--into", tmp_path / "t")
    (file,) = (tmp_path / "t").rglob("*.parquet")
    content = file.read_bytes()
    schema_comes_first = content.replace(b"\x18\x05price", b"\x18\x05qrice", 1)
    assert pq.read_schema(pa.BufferReader(schema_comes_first)).get_field_index("qrice") >= 0
    file.write_bytes(schema_comes_first)
    for command in ("scan", tmp_path / "t"), ("export", tmp_path / "t", "--to", "csv", "-o", tmp_path / "x.csv"):
        assert "has no column 'price', and one named 'qrice'" in fails(*command)


def test_pages_of_checkpoints_have_checksums(marquet, tmp_path):
    table = tmp_path / "t"
    for day in range(11):
        marquet("ingest", trades_file(tmp_path / f"{day}.dbn", [f"S{day}"]), "--into", table)
    (checkpoint,) = (table / "_delta_log").glob("*.checkpoint.parquet")
    pq.read_table(checkpoint, page_checksum_verification=True)
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 4] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(OSError, match=r"CRC|checksum|crc"):
        pq.read_table(checkpoint, page_checksum_verification=True)


URLS = ["s3://bucket/book", "file:///data/book", "gs://bucket/x.parquet"]
PATHS = [
    ["ingest", "URL", "--into", "t"],
    ["ingest", "day.dbn", "--into", "URL"],
    ["scan", "URL"],
    ["scan", "t", "-o", "URL"],
    ["info", "URL"],
    ["history", "URL"],
    ["export", "URL", "--to", "dbn", "-o", "day.dbn"],
    ["export", "t", "--to", "dbn", "-o", "URL"],
    ["verify", "t", "URL"],
    ["rescue", "URL", "-o", "out.parquet"],
    ["rescue", "a.parquet", "-o", "URL"],
    ["clean", "URL"],
    ["check", "URL"],
    ["ls", "URL"],
    ["depth", "URL", "--into", "samples"],
    ["depth", "t", "--into", "URL"],
]


@pytest.mark.parametrize("words", PATHS, ids=" ".join)
def test_a_url_is_refused_wherever_a_path_is_taken_and_makes_no_folder(fails, tmp_path, words):
    (tmp_path / "day.dbn").write_bytes(valid())
    for url in URLS:
        text = fails(*(url if word == "URL" else word for word in words), code=2, cwd=tmp_path)
        assert f"'{url}' is a URL; tables and files are local" in text
    assert [path.name for path in tmp_path.iterdir()] == ["day.dbn"]
