"""Tables of labelled samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from marquet import _core
from marquet._arguments import call, whole
from marquet._arguments import seed as seed_of
from marquet._html import Report, readable
from marquet._paths import path_text
from marquet._time import TimeLike, to_nanos
from marquet._told import told
from marquet.depth._inputs import (
    DEFAULT_MEMORY,
    Gap,
    MicroPip,
    PathLike,
    gap_nanos,
    names_of,
    pip_text,
)
from marquet.depth._labels import FittedLabels


@dataclass(frozen=True, repr=False)
class BuildReport(Report):
    """What :func:`build_samples` did; printed, a summary by symbol."""

    json: str
    text: str

    @property
    def values(self) -> dict[str, Any]:
        """All counts, by symbol: ``candidates`` = ``samples`` + ``held`` (there already) + what was skipped."""
        result: dict[str, Any] = json.loads(self.json)
        return result

    @property
    def rows(self) -> int:
        """Samples written."""
        return int(self.values["rows"])

    @property
    def version(self) -> int:
        """Of the samples' table, after the commit."""
        return int(self.values["version"])

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<marquet.depth.BuildReport: {self.rows:,} samples, version {self.version} of {self.values['samples']}>"

    def _shown(self) -> dict[str, Any]:
        values = self.values
        for symbol in values["symbols"]:
            symbol["micro_pip"] /= 1e9
        shown: dict[str, Any] = readable(values)
        return shown


def _fitted_json(labels: FittedLabels | Mapping[str, FittedLabels] | None) -> str | None:
    if labels is None:
        return None
    if isinstance(labels, FittedLabels):
        return labels.json
    return json.dumps({"symbols": {symbol: json.loads(fitted.json) for symbol, fitted in labels.items()}})


def build_samples(
    book: PathLike,
    samples: PathLike,
    *,
    features: str | Sequence[str] = ("volume",),
    micro_pip: MicroPip | None = None,
    definitions: PathLike | None = None,
    time_bins: int = 500,
    ticks_per_bin: int = 100,
    hop: int = 500,
    symbols: str | Sequence[str] | None = None,
    where: str = "",
    labels: FittedLabels | Mapping[str, FittedLabels] | None = None,
    lookback: int = 5000,
    lookforward: int = 5000,
    offset: int = 500,
    nbins: int = 13,
    ties: Literal["boundary", "rank"] = "boundary",
    invalid: Literal["null", "skip", "error"] = "null",
    seed: int = 0,
    fit_start: TimeLike | None = None,
    fit_end: TimeLike | None = None,
    thresholds: Sequence[float] | None = None,
    max_gap: Gap = 3600,
    across_rolls: bool = False,
    mode: Literal["append", "overwrite", "error_if_exists"] = "error_if_exists",
    labels_name: str = "default",
    memory: int = DEFAULT_MEMORY,
    progress: Callable[[str, int, int, int], None] | None = None,
) -> BuildReport:
    """Makes a table of labelled depth samples out of a table of order-book rows, in one commit.

    A sample holds where its rows are (source and row), its label, times, prices and the statistics of its tensor; the
    tensor is computed again when it is read. A run of rows ends at a gap, and where the symbol's rows change their
    ``instrument_id`` or ``publisher_id``; the report counts these rolls. The first sample of a run ends at the first
    row that has ``time_bins * ticks_per_bin`` rows before it and a full label range; then there is one every `hop`
    rows, those near the end of the run without a label.

    Args:
        book: The table of rows, as ``marquet.ingest`` makes it.
        samples: The table to make or, with another `mode`, to extend or replace.
        features: As for :func:`tensor`.
        micro_pip: As for :func:`tensor`; None also looks into `definitions`.
        definitions: A table of Databento definition records, for tick sizes.
        time_bins: As for :func:`tensor`.
        ticks_per_bin: As for :func:`tensor`.
        hop: Rows between samples. Multiples of `ticks_per_bin` are the quick ones.
        symbols: Only these; None for all.
        where: A SQL predicate: only the rows for which it is true, which then follow each other. A bare number beside
            a price is as stored, in units of 1e-9; text ('4750.25') is a price. Kept with the
            samples, so that readers see the same rows.
        labels: Boundaries fitted before, for every symbol or by symbol. Without them they are fitted here, for each
            symbol on its own rows.
        lookback: As for :func:`fit_labels`.
        lookforward: As for :func:`fit_labels`.
        offset: As for :func:`fit_labels`.
        nbins: As for :func:`fit_labels`.
        ties: As for :func:`fit_labels`.
        invalid: As for :func:`fit_labels`.
        seed: Of ``ties="rank"``.
        fit_start: Fit on the moves of rows from this time on.
        fit_end: Fit on prices before this time alone; see :func:`fit_labels`.
        thresholds: Fixed boundaries instead, in basis points.
        max_gap: As for :func:`fit_labels`; no sample crosses a gap either.
        across_rolls: As for :func:`fit_labels`; samples cross rolls, too, where it is set.
        mode: ``error_if_exists``; ``append`` adds the samples that are not there yet, labelled with the boundaries
            that are stored, and refuses any that would be made otherwise; ``overwrite`` replaces all.
        labels_name: The boundaries are stored under this name in the samples' table: :func:`load_labels` has them.
        memory: Bytes that the prices of one symbol may take (40 a row).
        progress: Called with (phase, rows, bytes, total bytes).

    Raises:
        AlreadyExistsError: There is a samples table and `mode` is ``error_if_exists``.
        InvalidInputError: A micro-pip that is not known; nothing to fit on; prices stored as floats that can only be
            units of 1e-9; samples that are there were made
            otherwise or of another book, and the message says what differs.
        ConflictError: Another build was committed to the table meanwhile: run this one again.
    """
    return told(
        lambda done: call(
            _core.build_samples,
            path_text(book),
            path_text(samples),
            mode,
            names_of(symbols),
            where,
            names_of(features),
            pip_text(micro_pip),
            None if definitions is None else path_text(definitions),
            whole("time_bins", time_bins, 32),
            whole("ticks_per_bin", ticks_per_bin, 32),
            whole("hop", hop),
            gap_nanos(max_gap),
            across_rolls,
            whole("lookback", lookback),
            whole("lookforward", lookforward),
            whole("offset", offset),
            whole("nbins", nbins, 32),
            invalid,
            ties,
            seed_of(seed),
            None if fit_start is None else to_nanos(fit_start),
            None if fit_end is None else to_nanos(fit_end),
            None if thresholds is None else list(thresholds),
            _fitted_json(labels),
            labels_name,
            whole("memory", memory),
            progress,
            done,
        ),
        lambda report: BuildReport(*report),
    )
