"""What rolling writers of older releases left: finished, killed, and to be rescued."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kept import Kept, of, plain
from make_outputs import RECORDS, ROW_GROUP, SCHEMA, record, records, table_of, ticks

import marquet as mq

KILLED = of("output-unfinished", "output-second-attempt")


def writer_of(kept: Kept, **options: object) -> mq.ParquetWriter:
    facts = kept.facts
    return mq.ParquetWriter(
        kept.written,
        facts["template"],
        **{
            "records_per_chunk": facts["records_per_chunk"],
            "input": facts["input"],
            "row_group_size": ROW_GROUP,
            **options,
        },
    )


def rows_in(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.ParquetFile(path).read() for path in sorted(folder.glob("*.parquet")))


@of("output-finished")
def test_finished_files_are_those_of_their_manifests(kept: Kept) -> None:
    verdict = mq.verify(kept.written, level="full")
    assert isinstance(verdict, mq.TableVerdict)
    assert (verdict.ok, verdict.damage, verdict.missing, verdict.orphans) == (True, [], [], [])
    files = kept.facts["files"]
    assert (verdict.files, verdict.rows) == (len(files), sum(file["rows"] for file in files.values()))
    for name, file in files.items():
        rows = pq.ParquetFile(kept.written / name).read().replace_schema_metadata(None)
        assert plain(rows) == plain(kept.rows(file["expected"])), name
    first = next(iter(files))
    content = bytearray((kept.written / first).read_bytes())
    content[30] ^= 1
    (kept.written / first).write_bytes(content)
    assert [damage.file for damage in mq.verify(kept.written).damage] == [str(kept.written / first)]
    (kept.written / first).unlink()
    assert mq.verify(kept.written).missing == [str(kept.written / first)]


@of("output-finished")
def test_a_finished_output_is_not_begun_again(kept: Kept) -> None:
    with pytest.raises(mq.AlreadyExistsError):
        mq.ParquetWriter(kept.written, "parts.parquet", max_rows_per_file=30, schema=SCHEMA)
    for name, file in kept.facts["files"].items():
        assert hashlib.sha256((kept.written / name).read_bytes()).hexdigest() == file["sha256"]


@KILLED
def test_a_killed_run_is_taken_up_and_finishes_with_all_rows(kept: Kept) -> None:
    published = {path: path.read_bytes() for path in kept.written.glob("*.parquet")}
    with writer_of(kept) as writer:
        assert not writer.finished
        assert writer.next_record == kept.facts["next_record"] == writer.resume()
        assert len(writer.published_chunks) == kept.facts["next_record"] // kept.facts["records_per_chunk"]
        writer.write(records(writer.next_record, RECORDS))
    check_complete(kept)
    of_chunks = sorted(published)[: len(published) - 1] if kept.facts["attempt"] == 1 else sorted(published)
    assert of_chunks and all(path.read_bytes() == published[path] for path in of_chunks)
    with writer_of(kept) as writer:
        assert writer.finished


@KILLED
def test_a_killed_run_takes_the_whole_input_again(kept: Kept) -> None:
    with writer_of(kept) as writer:
        writer.write(records(0, RECORDS))
    assert writer.report is not None
    assert (writer.report.accepted, writer.report.replayed) == (RECORDS, kept.facts["next_record"])
    check_complete(kept)


@KILLED
def test_another_input_is_refused(kept: Kept) -> None:
    for options in ({"input": "blake2b:others"}, {"records_per_chunk": 20}):
        with pytest.raises(mq.InvalidInputError):
            writer_of(kept, **options)
    with pytest.raises(mq.ConflictError, match="row 0 was published with other values"), writer_of(kept) as writer:
        writer.write({**record(0), "text": "another"})
        writer.write(records(1, RECORDS))


@KILLED
def test_what_it_had_not_published_is_rescued(kept: Kept, tmp_path: Path) -> None:
    left = kept.written / kept.facts["left"]
    report = mq.rescue(left, tmp_path / "out.parquet")
    begin = kept.facts["killed_at"] // kept.facts["records_per_chunk"] * kept.facts["records_per_chunk"]
    assert report.schema_source == f"the journal {left.with_suffix('.journal')}"
    assert report.rows == kept.facts["rescued"] > 0
    assert plain(pq.read_table(tmp_path / "out.parquet")) == plain(table_of(records(begin, begin + report.rows)))


@of("output-unfinished", "output-second-attempt", "killed-append")
def test_what_a_killed_writer_left_is_listed(kept: Kept) -> None:
    listed = {Path(file.path).name: file for file in mq.clean(kept.written).files}
    left = kept.written / kept.facts["left"]
    for path, is_journal in ((left, False), (left.with_suffix(".journal"), True)):
        assert (listed[path.name].journal, listed[path.name].bytes) == (is_journal, path.stat().st_size)


@of("killed-append")
def test_rows_of_a_killed_append_are_rescued(kept: Kept, tmp_path: Path) -> None:
    given = ticks(kept.facts["given"])
    for number, options in enumerate(({}, {"table": kept.written})):
        out = tmp_path / f"{number}.parquet"
        report = mq.rescue(kept.written / kept.facts["left"], out, **options)
        assert report.rows == kept.facts["rescued"] > 0
        assert pq.read_table(out).equals(given.slice(0, report.rows))
    table = mq.open_table(kept.written)
    assert table.scan().count() == 0
    table.append(given)
    assert plain(table.scan().to_arrow()) == plain(given)


def check_complete(kept: Kept) -> None:
    names = sorted(path.name for path in kept.written.glob("*.parquet"))
    assert len(names) == -(-RECORDS // kept.facts["records_per_chunk"])
    assert plain(rows_in(kept.written)) == plain(table_of(records(0, RECORDS)))
    verdict = mq.verify(kept.written)
    assert isinstance(verdict, mq.TableVerdict)
    assert (verdict.ok, verdict.rows, verdict.missing, verdict.orphans) == (True, RECORDS, [], [])


def test_a_fingerprint_stays_what_it_was(tmp_path: Path) -> None:
    """Runs that go on give it again."""
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "b").write_bytes(bytes(range(256)) * 9)
    assert mq.fingerprint(tmp_path / "a", tmp_path / "b") == "blake2b:277f0a087faae7353ad9d473c47dce50"
