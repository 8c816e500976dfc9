"""DBN files into tables from Python, counted against Databento's own decoder and read by other engines."""

from __future__ import annotations

import json
from pathlib import Path

import databento
import databento_dbn
import deltalake
import polars as pl
import pyarrow as pa
import pytest

import marquet as mq

REAL = "real-esh4-glbx-mdp3-20231224.mbo.dbn.zst"


def records_of(path: Path) -> int:
    store = databento.DBNStore.from_file(path)
    return sum(1 for _ in store)


@pytest.fixture(scope="module")
def ingested(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, mq.IngestReport]:
    target = tmp_path_factory.mktemp("ingest") / "book"
    return target, mq.ingest(data_dir / "dbn" / REAL, target)


def test_every_record_is_accounted_for(ingested, data_dir: Path):
    target, report = ingested
    assert report and report.ok
    (source,) = report.sources
    assert source.records == records_of(data_dir / "dbn" / REAL)
    assert source.records == source.rows + source.control_records + source.unknown_records
    assert (source.status, source.kind) == ("ingested", "mbo")
    assert source.version == mq.open_table(target).version
    assert report.to_dict()["sources"][0]["rows"] == report.rows
    assert json.dumps(report.to_dict())
    assert REAL in str(report)


def test_other_engines_count_the_same(ingested):
    target, report = ingested
    frame = pl.scan_delta(str(target)).collect()
    assert frame.shape == (report.rows, len(mq.open_table(target).schema))
    assert deltalake.DeltaTable(str(target)).to_pyarrow_table().num_rows == report.rows
    assert mq.open_table(target).scan().count() == report.rows


def test_values_agree_with_databento(ingested, data_dir: Path):
    target, _ = ingested
    expected = databento.DBNStore.from_file(data_dir / "dbn" / REAL).to_df(
        price_type="fixed", pretty_ts=False, map_symbols=False
    )
    expected = expected.reset_index()
    read = mq.open_table(target).scan(sort_by="source_row", stored_types=True).to_pandas(dtype_backend="pyarrow")
    for column in ("ts_event", "ts_recv", "order_id", "size", "action", "side", "sequence", "instrument_id"):
        assert read[column].astype(str).tolist() == expected[column].astype(str).tolist(), column
    undefined = databento_dbn.UNDEF_PRICE
    assert [undefined if p is None else p for p in pa.array(read["price"]).to_pylist()] == expected["price"].tolist()


def test_the_same_bytes_are_skipped_and_again_overrides(ingested, data_dir: Path, tmp_path: Path):
    target = tmp_path / "t"
    source = data_dir / "dbn" / "test_data.mbp-10.v3.dbn.zst"
    assert mq.ingest(source, target).sources[0].status == "ingested"
    copy = tmp_path / "copy.dbn.zst"
    copy.write_bytes(source.read_bytes())
    second = mq.ingest(copy, target)
    assert second.sources[0].status == "skipped" and second.sources[0].note
    assert mq.open_table(target).version == second.sources[0].version or second.sources[0].version == -1
    assert mq.open_table(target).scan().count() == 2


def test_a_dbn_store_is_the_same_as_its_file(data_dir: Path, tmp_path: Path):
    source = data_dir / "dbn" / REAL
    store = databento.DBNStore.from_file(source)
    report = mq.ingest(store, tmp_path / "t")
    assert report.rows == records_of(source)
    # The identical bytes: the file itself is then known.
    assert mq.ingest(source, tmp_path / "t").sources[0].status == "skipped"


def test_a_dry_run_writes_nothing(data_dir: Path, tmp_path: Path):
    report = mq.ingest(data_dir / "dbn" / REAL, tmp_path / "t", dry_run=True)
    assert report.sources[0].status == "would ingest"
    assert not (tmp_path / "t").exists()


def test_progress_is_told_and_its_exception_stops_the_job(data_dir: Path, tmp_path: Path):
    told: list[tuple[str, int, int, int]] = []
    mq.ingest(data_dir / "dbn" / REAL, tmp_path / "t", progress=lambda *state: told.append(state))
    if told:
        assert all(rows >= 0 and done >= 0 for _, rows, done, _ in told)


def test_a_failure_carries_the_report(data_dir: Path, tmp_path: Path):
    good = data_dir / "dbn" / "test_data.mbp-10.v3.dbn.zst"
    bad = tmp_path / "bad.dbn"
    bad.write_bytes(b"this is no DBN file at all")
    with pytest.raises(mq.MarquetError, match=r"bad\.dbn") as caught:
        mq.ingest([good, bad], tmp_path / "t")
    report = caught.value.report
    assert [source.status for source in report.sources] == ["ingested", "failed"]
    assert not report.ok and report.sources[1].error
    assert mq.open_table(tmp_path / "t").scan().count() == 2


def test_wrong_arguments_are_refused(data_dir: Path, tmp_path: Path):
    with pytest.raises(mq.NotFoundError) as caught:
        mq.ingest(tmp_path / "absent.dbn", tmp_path / "t")
    assert "absent.dbn" in str(caught.value)
    with pytest.raises(TypeError, match="a source is a path"):
        mq.ingest(3, tmp_path / "t")
    with pytest.raises(mq.InvalidInputError, match="on_overlap"):
        mq.ingest(data_dir / "dbn" / REAL, tmp_path / "t", on_overlap="merge")  # type: ignore[arg-type]
    with pytest.raises(mq.InvalidInputError, match="on_error"):
        mq.ingest(data_dir / "dbn" / REAL, tmp_path / "t", on_error="skip")  # type: ignore[arg-type]


def test_export_gives_the_identical_records_back(ingested, data_dir: Path, tmp_path: Path):
    target, report = ingested
    out = tmp_path / "back.dbn.zst"
    exported = mq.export(target, out)
    assert exported.rows == report.rows
    ours, theirs = databento.DBNStore.from_file(out), databento.DBNStore.from_file(data_dir / "dbn" / REAL)
    assert [bytes(record) for record in ours] == [bytes(record) for record in theirs]
    with pytest.raises(mq.AlreadyExistsError):
        mq.export(target, out)
    mq.export(target, out, replace=True)
    rows = mq.export(target, tmp_path / "rows.parquet", "parquet", columns=["order_id"], filter=[("side", "==", "B")])
    assert pa.parquet.read_table(tmp_path / "rows.parquet").num_rows == rows.rows
