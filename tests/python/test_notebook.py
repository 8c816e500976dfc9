"""What a notebook asks for: the first rows, and tables and reports as HTML."""

from __future__ import annotations

import html.parser
from pathlib import Path

import pyarrow as pa
import pytest
from order_books import as_arrow, random_book, write_book

import marquet as mq

NASTY = "<script>alert('x')</script>&\"'"
VOID = {"br"}


class Page(html.parser.HTMLParser):
    """Collects tags and text, and demands that each tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


@pytest.fixture
def table(tmp_path: Path) -> mq.Table:
    schema = pa.schema([(NASTY, pa.string()), ("v", pa.int64()), pa.field("px", pa.int64(), metadata={"unit": "1e-9"})])
    made = mq.create_table(tmp_path / "t<b>", schema, description=NASTY)
    for part in range(3):
        rows = {NASTY: [NASTY] * 1000, "v": list(range(part * 1000, (part + 1) * 1000)), "px": [10**9] * 1000}
        made.append(pa.table(rows, schema=schema), row_group_size=100)
    return made


def test_head_gives_the_first_rows(table: mq.Table) -> None:
    everything = table.scan(price="decimal").to_arrow()
    assert table.head().equals(everything.slice(0, 5))
    assert table.head(1234).equals(everything.slice(0, 1234))
    assert table.head(9999).equals(everything)
    assert table.head(0).equals(everything.slice(0, 0))
    assert table.head(2, ["v"]).to_pydict() == {"v": [0, 1]}
    assert table.head(1, ["px"], price="stored").to_pydict() == {"px": [10**9]}
    assert mq.create_table(f"{table.path}-empty", table.schema).head().num_rows == 0


def test_head_decodes_no_more_than_it_needs(table: mq.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    scan = mq.Table.scan
    monkeypatch.setattr(mq.Table, "scan", lambda self, *a, **k: scans.append(scan(self, *a, **k)) or scans[-1])
    assert table.head(5).num_rows == 5
    statistics = scans[0].statistics()
    assert statistics["files"] == 3
    assert (statistics["files_read"], statistics["row_groups_read"]) == (1, 1)
    assert statistics["rows_decoded"] <= 100


def test_a_table_shows_itself(table: mq.Table) -> None:
    page = Page(table._repr_html_())
    assert page.tags <= {"div", "b", "table", "thead", "tbody", "tr", "th", "td", "br"}
    for part in (table.path, NASTY, "3,000", "1e-9", "version", "string"):
        assert part in page.text
    Page(mq.create_table(f"{table.path}-empty", table.schema)._repr_html_())


def test_wide_tables_are_cut(tmp_path: Path) -> None:
    schema = pa.schema([(f"c{place:03}", pa.int64()) for place in range(150)])
    wide = mq.create_table(tmp_path / "t", schema)
    page = Page(wide._repr_html_())
    assert "c099" in page.text and "c100" not in page.text and "... and 50 more" in page.text
    wide.append(pa.table({name: [10**6 + place] for place, name in enumerate(schema.names)}, schema=schema))
    page = Page(wide._repr_html_())
    assert "1000009" in page.text and "1000010" not in page.text and "... 140 more columns" in page.text


def test_a_table_shows_its_first_rows_to_the_last_digit(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            pa.field("t", pa.int64(), metadata={"unit": "ns"}),
            pa.field("px", pa.int64(), metadata={"unit": "1e-9"}),
            ("l", pa.list_(pa.int64())),
        ]
    )
    made = mq.create_table(tmp_path / "t", schema)
    made.append(
        pa.table({"t": [1_709_562_600_000_000_001] * 9, "px": [None] + [1] * 8, "l": [[1, 2]] * 9}, schema=schema)
    )
    page = Page(made._repr_html_())
    for part in ("2024-03-04 14:30:00.000000001Z", "0.000000001", "[1, 2]"):
        assert part in page.text
    assert page.text.count("14:30:00.000000001Z") == 5
    (file,) = Path(made.path).glob("*.parquet")
    file.unlink()
    assert "No such file" in Page(mq.open_table(made.path)._repr_html_()).text


def test_samples_and_labels_show_names_and_times(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", as_arrow(random_book(1_000, 1)))
    windows = {"lookback": 50, "lookforward": 60, "offset": 5, "nbins": 3}
    report = mq.depth.build_samples(
        book, tmp_path / "samples", micro_pip=0.25, hop=30, time_bins=40, ticks_per_bin=10, **windows
    )
    page = Page(report._repr_html_())
    for part in ("apply end", "largest deviation", "2023-11-14T22:13:2", "0.25"):
        assert part in page.text
    assert "_ns" not in page.text and "apply_end" not in page.text
    assert len(repr(report)) < 200 and f"{report.rows} samples" in repr(report)
    fitted = mq.depth.load_labels(tmp_path / "samples")["ESH4"]
    assert len(repr(fitted)) < 200 and "3 classes fitted on" in repr(fitted)
    assert "5 classes at fixed" in repr(mq.depth.fit_labels(thresholds=[1.0, 2.0], nbins=5))


def test_reports_show_themselves(table: mq.Table, tmp_path: Path) -> None:
    schema = table.schema
    appended = table.append(pa.table({NASTY: [NASTY], "v": [1], "px": [1]}, schema=schema))
    writer = mq.ParquetWriter(tmp_path / NASTY.replace("/", ""))
    writer.write(pa.table({"x": [1]}))
    clean = mq.clean(table.path)
    reports = [appended, table.verify(), mq.verify(next(Path(table.path).glob("*.parquet"))), writer.close(), clean]
    for report in reports:
        page = Page(report._repr_html_())
        assert page.tags <= {"div", "b", "table", "thead", "tbody", "tr", "th", "td", "br"}
        assert type(report).__name__ in page.text
    assert "rows intact" in Page(table.verify()._repr_html_()).text


def test_damage_and_long_lists_are_shown(tmp_path: Path) -> None:
    damage = [mq.Damage(NASTY, None, None, None, None, 0, "page", f"place {place}") for place in range(30)]
    verdict = mq.TableVerdict(False, 1, 2, 3, 4, damage, [], [NASTY] * 25, [])
    page = Page(verdict._repr_html_())
    assert "script" not in page.tags
    assert "place 19" in page.text and "place 20" not in page.text and "... and 10 more" in page.text
    assert "... and 5 more" in page.text


def test_an_ingest_shows_itself(data_dir: Path, tmp_path: Path) -> None:
    report = mq.ingest(data_dir / "dbn" / "test_data.mbp-10.v3.dbn.zst", tmp_path / "book")
    assert "test_data.mbp-10.v3.dbn.zst" in Page(report._repr_html_()).text
