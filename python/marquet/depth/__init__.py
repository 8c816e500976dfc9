"""Market-depth tensors, labels of price moves, tables of labelled samples, and batches out of them.

Definitions, with formulas and the golden case, are in docs/depth.md. Rows are those of Databento's ``mbp-10`` schema:
``{bid,ask}_{px,sz,ct}_00`` to ``_09``, one row per book update, of one symbol, in the order of their source. They come
from anything with ``__arrow_c_stream__`` (pyarrow, Polars, DuckDB, a Marquet scan) or a pandas frame; prices as int64
in units of 1e-9, as float64 or as decimals. Rows whose time (``ts_recv``, without that column ``ts_event``) steps back
are refused: a scan gives them so, file by file, without ``sort_by``.

Tensors read rows where they lie. Arrow's memory never changes; that of a NumPy array which an Arrow array or a frame
was made of can, and must not be written to as long as a :class:`TensorStream` over it is used.
"""

from marquet.depth._batches import DepthBatches
from marquet.depth._labels import (
    DEFAULT_THRESHOLDS,
    FittedLabels,
    Labels,
    apply_labels,
    fit_labels,
    load_labels,
)
from marquet.depth._samples import BuildReport, build_samples
from marquet.depth._tensors import TensorStream, tensor

__all__ = [
    "DEFAULT_THRESHOLDS",
    "BuildReport",
    "DepthBatches",
    "FittedLabels",
    "Labels",
    "TensorStream",
    "apply_labels",
    "build_samples",
    "fit_labels",
    "load_labels",
    "tensor",
]
