"""`build_samples` with ``mode="append"``: every sample once, all of them made in one way."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import shutil

import deltalake
import numpy as np
import pyarrow as pa
import pytest
from order_books import START, as_arrow, random_book, write_book

import marquet as mq

HOUR = 3_600_000_000_000
BUILD = {
    "micro_pip": 0.25, "hop": 30, "time_bins": 40, "ticks_per_bin": 10, "lookback": 50, "lookforward": 60,
    "offset": 5, "nbins": 3,
}  # fmt: skip


def build(book: str, samples: pathlib.Path, **options: object) -> mq.depth.BuildReport:
    return mq.depth.build_samples(book, samples, **{"mode": "append", **BUILD, **options})


def rows_of(samples: pathlib.Path, symbol: str | None = None) -> list[dict[str, object]]:
    where = None if symbol is None else [("symbol", "==", symbol)]
    return mq.open_table(samples).scan(filter=where, sort_by=["symbol", "end_ts_event"]).to_arrow().to_pylist()


def drawn(samples: pathlib.Path, book: pathlib.Path, **options: object) -> dict[str, tuple[np.ndarray, int]]:
    """Tensor and label by sample, in the order of symbols and rows."""
    batches = mq.depth.DepthBatches(samples, book, shuffle=False, unlabelled=True, **options)
    return {
        sample: (tensor.copy(), int(label))
        for tensors, labels, samples_of in batches.with_ids()
        for tensor, label, sample in zip(tensors, labels, samples_of, strict=True)
    }


def two_days(path: pathlib.Path, gap: int, *, second: bool) -> str:
    """A book of 1,200 rows and, after a gap, 900 more."""
    whole = as_arrow(random_book(2_100, 5, gaps={1_200: gap}))
    if not path.exists():
        write_book(path, whole.slice(0, 1_200))
    if second:
        mq.open_table(path).append(whole.slice(1_200))
    return str(path)


def test_the_same_build_twice_adds_nothing(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)), as_arrow(random_book(900, 2), "NQH4"))
    for name, options in (
        ("plain", {}),
        ("range", {"fit_end": START + 700 * 1_000_000}),
        ("thresholds", {"thresholds": [1.0]}),
        ("rank", {"ties": "rank", "seed": 4}),
        ("close", {"hop": 1}),  # two rows share a sequence, so that ids repeat
    ):
        samples = tmp_path / name
        first = build(book, samples, **options)
        rows = rows_of(samples)
        labels = (samples / "_marquet" / "labels" / "default.json").read_bytes()
        again = build(book, samples, **options)
        assert first.rows == len(rows) > 0
        assert (again.rows, again.version) == (0, first.version)
        assert [symbol["held"] for symbol in again.values["symbols"]] == [
            symbol["samples"] for symbol in first.values["symbols"]
        ]
        assert "are in the table already, and were not added again" in str(again)
        assert rows_of(samples) == rows
        assert len({row["sample_id"] for row in rows}) == len(rows)
        assert (samples / "_marquet" / "labels" / "default.json").read_bytes() == labels


@pytest.mark.parametrize("hop", [1, 30])
def test_new_days_are_added_with_the_labels_that_are_there(tmp_path: pathlib.Path, hop: int) -> None:
    book = two_days(tmp_path / "book", 2 * HOUR, second=False)
    first = build(book, tmp_path / "samples", hop=hop)
    labels = mq.depth.load_labels(tmp_path / "samples")
    before = rows_of(tmp_path / "samples")
    book = two_days(tmp_path / "book", 2 * HOUR, second=True)
    second = build(book, tmp_path / "samples", hop=hop)
    assert mq.depth.load_labels(tmp_path / "samples") == labels
    (entry,) = second.values["symbols"]
    assert (entry["held"], entry["held_late"]) == (first.rows, 0)
    assert entry["candidates"] == entry["samples"] + entry["held"]
    assert sum(entry["counts"]) + entry["unlabelled"]["total"] == second.rows > 0

    build(book, tmp_path / "at-once", labels=labels, hop=hop)
    appended, at_once = rows_of(tmp_path / "samples"), rows_of(tmp_path / "at-once")
    assert [row for row in appended if row["book_version"] == before[0]["book_version"]] == before
    for row in appended + at_once:
        del row["book_version"]
    assert appended == at_once
    assert sum(len(y) for _, y in mq.depth.DepthBatches(tmp_path / "samples", book)) == sum(
        row["label"] is not None for row in appended
    )


def test_samples_that_would_get_a_label_now_are_counted(tmp_path: pathlib.Path) -> None:
    book = two_days(tmp_path / "book", 1_000_000, second=False)
    first = build(book, tmp_path / "samples")
    book = two_days(tmp_path / "book", 1_000_000, second=True)
    report = build(book, tmp_path / "samples")
    (entry,) = report.values["symbols"]
    assert entry["held_late"] == first.values["symbols"][0]["unlabelled"]["past_end"] > 0
    assert "would get one now: --mode overwrite builds all anew" in str(report)


def test_a_further_symbol_is_fitted_as_the_others_were(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)), as_arrow(random_book(900, 2), "NQH4"))
    build(book, tmp_path / "samples", symbols="ESH4")
    build(book, tmp_path / "samples", symbols=["NQH4"], micro_pip=0.5)  # each symbol has its own
    build(book, tmp_path / "alone", symbols=["NQH4"], micro_pip=0.5)
    assert set(mq.depth.load_labels(tmp_path / "samples")) == {"ESH4", "NQH4"}
    both, alone = (rows_of(tmp_path / name, "NQH4") for name in ("samples", "alone"))
    assert both == alone
    for options, said in (({"nbins": 5}, r"classes 5 \(there: 3\)"), ({"hop": 60}, r"hop 60 \(there: 30\)")):
        build(book, tmp_path / f"es-{options}", symbols="ESH4")
        with pytest.raises(mq.InvalidInputError, match=said):
            build(book, tmp_path / f"es-{options}", symbols="NQH4", **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hop": 60}, r"hop 60 \(there: 30\)"),
        ({"nbins": 5}, r"classes 5 \(there: 3\)"),
        ({"micro_pip": 0.5}, r"micro-pip 0\.5 \(there: 0\.25\)"),
        ({"time_bins": 20}, r"time bins 20 \(there: 40\)"),
        ({"ticks_per_bin": 5, "time_bins": 80}, r"time bins 80 \(there: 40\), ticks per bin 5 \(there: 10\)"),
        ({"features": ["volume", "variance"]}, r"features volume,variance \(there: volume\)"),
        ({"where": "bid_sz_00 > 3"}, r"row filter 'bid_sz_00 > 3' \(there: ''\)"),
        ({"labels_name": "other"}, r"labels name 'other' \(there: 'default'\)"),
        ({"lookback": 40}, r"lookback 40 \(there: 50\)"),
        ({"lookforward": 70, "offset": 6}, r"lookforward 70 \(there: 60\), offset 6 \(there: 5\)"),
        ({"invalid": "skip"}, r"invalid rows skip \(there: null\)"),
        ({"ties": "rank"}, r"ties rank \(there: boundary\)"),
        ({"thresholds": [1.0]}, r"labels by fixed thresholds \(there: fitted boundaries\)"),
        (
            {"fit_end": START + 700 * 1_000_000},
            r"append: last time fitted on \(--fit-end\) 2.* \(there: 2.*\), moves fitted on 584 \(there: ",
        ),
        ({"max_gap": 60}, r"11 of its 37 samples of 'ESH4' end at rows of .* at which none would end now"),
    ],
)
def test_what_was_made_otherwise_is_refused(tmp_path: pathlib.Path, options: dict[str, object], said: str) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_500, 1, gaps={1_180: HOUR // 2})))
    build(book, tmp_path / "samples")
    before = {path: path.read_bytes() for path in (tmp_path / "samples").rglob("*") if path.is_file()}
    with pytest.raises(mq.InvalidInputError, match=said):
        build(book, tmp_path / "samples", **options)
    assert {path: path.read_bytes() for path in (tmp_path / "samples").rglob("*") if path.is_file()} == before


def test_samples_of_another_book_are_refused(tmp_path: pathlib.Path) -> None:
    january = write_book(tmp_path / "january", as_arrow(random_book(900, 1)))
    february = write_book(tmp_path / "february", as_arrow(random_book(900, 2), "NQH4"))
    build(january, tmp_path / "samples")
    with pytest.raises(
        mq.InvalidInputError, match=r"samples of 'ESH4' are made of rows of the source .* does not hold"
    ):
        build(february, tmp_path / "samples")
    build(february, tmp_path / "samples", mode="overwrite")
    assert {row["symbol"] for row in rows_of(tmp_path / "samples")} == {"NQH4"}
    assert set(mq.depth.load_labels(tmp_path / "samples")) == {"NQH4"}


def test_labels_that_are_given_must_be_those_that_are_there(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_500, 1)))
    build(book, tmp_path / "samples", fit_end=START + 700 * 1_000_000)
    build(book, tmp_path / "other")
    mine, other = (mq.depth.load_labels(tmp_path / name) for name in ("samples", "other"))
    assert build(book, tmp_path / "samples", labels=mine).rows == 0
    assert build(book, tmp_path / "samples", labels=mine["ESH4"]).rows == 0
    with pytest.raises(mq.InvalidInputError, match=r"\(--fit-end\) .* moves fitted on 1385 \(there: 584\)"):
        build(book, tmp_path / "samples", labels=other)


def test_rows_that_came_in_front_are_noticed(tmp_path: pathlib.Path) -> None:
    whole = as_arrow(random_book(1_500, 1))
    book = write_book(tmp_path / "book", whole.slice(200))
    build(book, tmp_path / "samples")
    mq.open_table(book).append(whole.slice(0, 200))
    with pytest.raises(mq.InvalidInputError, match="at which none would end now"):
        build(book, tmp_path / "samples")


def test_labels_that_are_not_those_of_the_samples_are_noticed(tmp_path: pathlib.Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_200, 1)))
    build(book, tmp_path / "samples")
    (path,) = (tmp_path / "samples" / "_marquet" / "labels" / "digests").iterdir()
    labels = json.loads(path.read_text())
    labels["interior"][0] *= 2
    path.write_text(json.dumps(labels))
    for call in (lambda: build(book, tmp_path / "samples"), lambda: mq.depth.load_labels(tmp_path / "samples")):
        with pytest.raises(mq.CorruptDataError, match=f"{path.name}: holds labels with the digest"):
            call()
    build(book, tmp_path / "samples", mode="overwrite")
    assert build(book, tmp_path / "samples").rows == 0


def test_a_copy_of_labels_that_cannot_be_written_takes_nothing_back(tmp_path: pathlib.Path) -> None:
    book = two_days(tmp_path / "book", 2 * HOUR, second=False)
    before = build(book, tmp_path / "samples").rows
    book = two_days(tmp_path / "book", 2 * HOUR, second=True)
    build(book, tmp_path / "expected", mode="overwrite")
    shutil.rmtree(tmp_path / "samples" / "_marquet" / "labels")
    (tmp_path / "samples" / "_marquet" / "labels" / "default.json").mkdir(parents=True)
    report = build(book, tmp_path / "samples", mode="overwrite")
    assert report.rows == len(rows_of(tmp_path / "samples")) > before > 0
    assert rows_of(tmp_path / "samples") == rows_of(tmp_path / "expected")
    assert report.values["warning"].startswith(
        "the samples are there, but not the copy of their labels as default.json"
    )
    assert f"warning: {report.values['warning']}" in str(report)
    assert set(mq.depth.load_labels(tmp_path / "samples")) == {"ESH4"}
    (tmp_path / "samples" / "_marquet" / "labels" / "default.json").rmdir()
    again = build(book, tmp_path / "samples")
    assert (again.rows, again.values["warning"]) == (0, None)
    assert (tmp_path / "samples" / "_marquet" / "labels" / "default.json").is_file()


def test_of_builds_side_by_side_one_counts(tmp_path: pathlib.Path) -> None:
    book = two_days(tmp_path / "book", 2 * HOUR, second=False)
    build(book, tmp_path / "samples")
    book = two_days(tmp_path / "book", 2 * HOUR, second=True)
    shutil.copytree(tmp_path / "samples", tmp_path / "alone")
    expected = build(book, tmp_path / "alone").rows

    barrier = []

    def second_build(phase: str, *_: int) -> None:
        if phase.startswith("build samples") and not barrier:
            barrier.append(build(book, tmp_path / "samples").rows)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        late = pool.submit(build, book, tmp_path / "samples", progress=second_build)
        with pytest.raises(mq.ConflictError, match="another build of samples was committed meanwhile"):
            late.result()
    assert barrier == [expected]
    assert build(book, tmp_path / "samples").rows == 0
    ids = [row["sample_id"] for row in rows_of(tmp_path / "samples")]
    assert len(set(ids)) == len(ids) == len(rows_of(tmp_path / "alone"))
    assert np.isfinite([row["feature_mean"] for row in rows_of(tmp_path / "samples")]).all()


@pytest.mark.parametrize("where", [None, "side = 'x'"])
def test_files_that_criss_cross_are_put_in_the_order_of_each_symbols_rows(
    tmp_path: pathlib.Path, where: str | None
) -> None:
    """The file that begins first holds the later rows of one symbol and the earlier ones of the other."""
    first, second = as_arrow(random_book(1_500, 1)), as_arrow(random_book(1_500, 2), "NQH4")
    if where is not None:  # the same of rows that a filter chooses
        names = {"ESH4": "x", "NQH4": "y"}
        first, second = (
            table.append_column("side", [names[table["symbol"][0].as_py()]] * table.num_rows).set_column(
                table.schema.get_field_index("symbol"), "symbol", [["ESH4"] * table.num_rows]
            )
            for table in (first, second)
        )
        second = second.set_column(
            second.schema.get_field_index("source_row"),
            "source_row",
            pa.array(np.arange(1_500) * 3 + 10_000, pa.int64()),
        )
    files = [
        pa.concat_tables([first.slice(900), second.slice(0, 600)]),
        pa.concat_tables([first.slice(1, 899), second.slice(600)]),
    ]
    partition_by = ("date",) if where is None else ("symbol", "date")
    book = write_book(tmp_path / "book", *files, partition_by=partition_by)
    apart = write_book(tmp_path / "apart", first.slice(1), second)
    options = {"symbols": "ESH4", **({} if where is None else {"where": where})}
    build(book, tmp_path / "samples", **options)
    build(apart, tmp_path / "expected", **options)

    def values(name: str) -> list[dict[str, object]]:
        left_out = {"first_source", "last_source", "book_version", "sample_id"}
        return [
            {key: value for key, value in row.items() if key not in left_out and not key.startswith("labels")}
            for row in rows_of(tmp_path / name)
        ]

    assert values("samples") == values("expected") != []
    assert sum(len(y) for _, y in mq.depth.DepthBatches(tmp_path / "samples", book)) > 0


def remove_file(book: pathlib.Path, of_commit: int) -> None:
    """Takes the file that a commit added out of the book, as another engine does that replaces rows."""
    log = book / "_delta_log"
    (added,) = (
        action["add"]
        for action in map(json.loads, (log / f"{of_commit:020}.json").read_text().splitlines())
        if "add" in action
    )
    remove = {"path": added["path"], "deletionTimestamp": 1_700_000_000_000, "dataChange": True}
    version = len(list(log.glob("*.json")))
    (log / f"{version:020}.json").write_text(json.dumps({"remove": remove}) + "\n")


def test_windows_whose_rows_changed_are_not_gone_on_with(tmp_path: pathlib.Path) -> None:
    """Five rows between the ends of two windows, and nothing that any window begins or ends with."""
    whole = as_arrow(random_book(1_500, 1))
    parts = [whole.slice(0, 700), whole.slice(700, 5), whole.slice(705, 495), whole.slice(1_200)]
    other = parts[1].set_column(parts[1].schema.get_field_index("bid_sz_00"), "bid_sz_00", [[1, 2, 3, 4, 5]])
    between = as_arrow(random_book(BUILD["hop"], 3)).set_column(
        whole.schema.get_field_index("ts_recv"),
        whole.schema.field("ts_recv"),
        [[parts[1]["ts_recv"][-1].as_py() + 1 + row for row in range(BUILD["hop"])]],
    )
    for name, change, said in (
        ("replaced", other, r"row 1924 of .* has rows of the source .*, which came after version 3 "),
        ("removed", None, r"at which none would end now"),
        ("between", between, r"row 2194 of .* begins at another row than it did"),
        ("same", None, None),
    ):
        book = tmp_path / name / "book"
        book.parent.mkdir()
        write_book(book, *parts[:3])
        samples = tmp_path / name / "samples"
        labels = {"lookforward": 1, "offset": 0} if name == "between" else {}  # that look at no row between
        first = build(str(book), samples, **labels)
        if change is not None:
            mq.open_table(book).append(change)
        if name in ("replaced", "removed"):
            remove_file(book, 2)
        mq.open_table(book).append(parts[3])
        if said is None:
            more = build(str(book), samples, **labels)
            assert more.values["symbols"][0]["held"] == first.rows > 0 < more.rows
            assert len(drawn(samples, book)) == first.rows + more.rows
            continue
        with pytest.raises((mq.InvalidInputError, mq.CorruptDataError)):
            drawn(samples, book)
        before = rows_of(samples)
        with pytest.raises(mq.InvalidInputError, match=said):
            build(str(book), samples, **labels)
        assert rows_of(samples) == before
        assert build(str(book), samples, mode="overwrite", **labels).rows > 0
        assert build(str(book), samples, **labels).rows == 0
        assert len(drawn(samples, book)) == len(rows_of(samples))


def test_batches_of_windows_whose_rows_changed_are_refused(tmp_path: pathlib.Path) -> None:
    """Five rows of the second symbol are replaced by as many, with the labels of those before in the samples."""
    whole = as_arrow(random_book(1_200, 1), "NQH4")
    short = whole.slice(700, 5)
    other = short.set_column(short.schema.get_field_index("bid_sz_00"), "bid_sz_00", [[1, 2, 3, 4, 5]])
    book, samples = tmp_path / "book", tmp_path / "samples"
    write_book(book, as_arrow(random_book(1_200, 2)), whole.slice(0, 700), short, whole.slice(705))
    build(str(book), samples)
    before = drawn(samples, book)
    mq.open_table(book).append(other)
    assert len(drawn(samples, book, symbols=["ESH4"])) == len(before) // 2
    with pytest.raises(mq.CorruptDataError):  # five rows more
        drawn(samples, book)
    remove_file(book, 3)

    rows_before, rows_through = (whole["source_row"][row].as_py() for row in (700, 704))
    first = next(
        row
        for row in rows_of(samples, "NQH4")
        if row["first_source_row"] < rows_before and row["last_source_row"] > rows_through
    )
    time = first["end_ts_event"].isoformat().removesuffix("+00:00")
    with pytest.raises(mq.InvalidInputError) as refused:
        drawn(samples, book)
    text = str(refused.value)
    for said in (f"{samples}: in {book}, its sample {first['sample_id']} of 'NQH4'", time,
                 "which came after version 4 ", "--mode overwrite"):  # fmt: skip
        assert said in text
    assert len(drawn(samples, book, symbols=["ESH4"])) == len(before) // 2

    build(str(book), samples, mode="overwrite")
    after = drawn(samples, book)
    assert after.keys() == before.keys()
    changed = [sample for sample, (tensor, _) in after.items() if not np.array_equal(tensor, before[sample][0])]
    assert changed[0] == first["sample_id"]


def test_where_the_log_ends_samples_tell_themselves_what_their_book_held(tmp_path: pathlib.Path) -> None:
    """Windows that begin or end among five rows prove that these were there; others need the log."""
    whole = as_arrow(random_book(1_500, 1))
    book = tmp_path / "book"
    write_book(book, whole.slice(0, 700), whole.slice(700, 5), whole.slice(705, 495))
    for hop in (1, 30):
        build(str(book), tmp_path / str(hop), hop=hop)
    mq.open_table(book).append(whole.slice(1_200))
    deltalake.DeltaTable(str(book)).create_checkpoint()
    for version in range(4):
        (book / "_delta_log" / f"{version:020}.json").unlink()
    assert len(drawn(tmp_path / "1", book)) == len(rows_of(tmp_path / "1"))
    assert build(str(book), tmp_path / "1", hop=1).rows > 0
    for refused in (drawn, lambda samples, book: build(str(book), samples)):
        with pytest.raises(mq.InvalidInputError, match="the log no longer tells whether version 3 had them"):
            refused(tmp_path / "30", book)
