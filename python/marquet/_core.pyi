from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy
from numpy.typing import NDArray


version: str = '0.1.0'

arrow_version: str = '26.0.1'

def parse_time(text: str) -> int:
    """
    Nanoseconds since 1970 of an ISO-8601 text; UTC where it names no zone.
    """

class ArrowSchema:
    """A schema, by the Arrow PyCapsule protocol."""

    def __arrow_c_schema__(self) -> object: ...

class ArrowBatch:
    """A record batch, by the Arrow PyCapsule protocol."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object: ...

class ArrowStream:
    """Record batches, to be read once."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

    def next(self) -> ArrowBatch | None:
        """The next batch, or None at the end."""

class Table:
    """One version of a table; see marquet.Table."""

    @staticmethod
    def create(path: str, schema: object, partition_by: Sequence[str], name: str, description: str, configuration: Mapping[str, str]) -> Table: ...

    @staticmethod
    def open(path: str, version: int | None, as_of_ns: int | None) -> Table: ...

    @property
    def path(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def schema(self) -> ArrowSchema: ...

    @property
    def partition_columns(self) -> list[str]: ...

    def refresh(self) -> None: ...

    def append(self, rows: object, mode: str, compression: str, compression_level: int | None, row_group_size: int, max_rows_per_file: int, memory: int, verify: str, metadata: Mapping[str, str], on_file: object | None, done: object) -> None:
        """Gives `done` the report."""

    def info(self) -> dict[str, Any]: ...

    def history(self, limit: int | None) -> list[dict[str, Any]]: ...

    def files(self) -> list[dict[str, Any]]: ...

    def latest_timestamp(self, column: str) -> object:
        """Nanoseconds since 1970, or None."""

    def verify(self, level: str, jobs: int, progress: object | None) -> dict[str, Any]: ...

class Scan:
    """Which rows and columns of a table; see marquet.Scan."""

    @property
    def schema(self) -> ArrowSchema: ...

    def stream(self) -> ArrowStream:
        """The rows as they are read."""

    def table(self) -> ArrowStream:
        """All rows, read in parallel."""

    def count(self) -> int: ...

    def statistics(self) -> dict[str, Any]: ...

def scan(table: Table, columns: Sequence[str], filter: object | None, start_ns: int | None, end_ns: int | None, time_column: str, sort_by: Sequence[str], limit: int | None, batch_size: int, memory: int, price: str, stored_types: bool, use_threads: bool) -> Scan: ...

def verify_path(path: str, level: str, strict: bool) -> dict[str, Any]: ...

def check_same_rows(published: str, again: str) -> None: ...

class RollingWriter:
    @staticmethod
    def open(folder: str, name_template: str, *, rank: int, schema: object | None, compression: str, compression_level: int | None, row_group_size: int, max_file_size: int, max_rows_per_file: int, records_per_chunk: int, verify: str, on_schema_change: str, empty: str, memory: int, input: str, take_over: bool, metadata: Mapping[str, str], page_index: bool, late_columns: Sequence[str], content_pages: tuple[int, int, int] | None) -> RollingWriter: ...

    def write(self, rows: object, chunk: int | None, values: Mapping[str, str]) -> int: ...

    def drop(self, records: int, chunk: int | None, values: Mapping[str, str]) -> None: ...

    def name_of(self, chunk: int | None, values: Mapping[str, str]) -> str: ...

    def check_target(self, chunk: int | None, values: Mapping[str, str]) -> None: ...

    def room(self, chunk: int | None) -> int | None: ...

    def flush(self) -> None: ...

    def close_chunk(self, chunk: int) -> None: ...

    def close_file(self, name: str) -> None: ...

    def close(self, arg: object, /) -> None: ...

    def abort(self) -> None: ...

    def resume(self) -> int: ...

    @property
    def next_record(self) -> int: ...

    @property
    def finished(self) -> bool: ...

    @property
    def run(self) -> str: ...

    @property
    def published_chunks(self) -> list[int]: ...

    @property
    def counts(self) -> dict[str, Any]: ...

    @property
    def schema(self) -> ArrowSchema | None: ...

def ingest(sources: Sequence[str], about: Mapping[str, tuple[str, Sequence[tuple[str, int, int, int]]]], table: str, split_by_schema: bool, allow_truncated: bool, keep_unknown: bool, null_on_overflow: bool, again: bool, on_overlap: str, symbols: Sequence[str], start_ns: int | None, end_ns: int | None, partition_by: Sequence[str], compression: str, compression_level: int | None, row_group_size: int, verify: str, jobs: int, memory: int, dry_run: bool, progress: object | None, done: object) -> None:
    """
    Gives `done` the report as text and as JSON, and the first error or None.
    """

def export(table: str, format: str, output: str, source: str | None, columns: Sequence[str], filter: object | None, version: int | None, replace: bool, progress: object | None, done: object) -> None:
    """Gives `done` the report."""

def rescue(path: str, out: str, schema: str | None, table: str | None, progress: object | None, done: object) -> None:
    """Gives `done` the report."""

def clean(directory: str, yes: bool, older_than_ms: int) -> dict[str, Any]: ...

def dbn_decode(path: str, allow_truncated: bool = False, keep_unknown: bool = False, null_on_overflow: bool = False) -> tuple[dict[str, ArrowStream], dict[str, Any]]:
    """The rows of a DBN file by record kind, and a summary of what was read."""

def dbn_encode_back(path: str) -> bytes:
    """A DBN file decoded and encoded again, uncompressed."""

class FileLock:
    """Held until it is released, or its process has ended."""

    @staticmethod
    def take(path: str) -> FileLock: ...

    def release(self) -> None: ...

def depth_tensor(rows: object, features: Sequence[str], micro_pip: str | None, time_bins: int, ticks_per_bin: int, across_rolls: bool) -> NDArray[numpy.float32]:
    """See marquet.depth.tensor."""

class TensorStream:
    """See marquet.depth.TensorStream."""

    def __init__(self, rows: object, features: Sequence[str], micro_pip: str | None, time_bins: int, ticks_per_bin: int, across_rolls: bool) -> None: ...

    def compute(self, begin: int, out: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]) -> None: ...

    @property
    def rows(self) -> int: ...

    @property
    def shape(self) -> list[int]: ...

def labels_fit(rows: object | None, lookback: int, lookforward: int, offset: int, nbins: int, invalid: str, ties: str, seed: int, max_gap_ns: int, across_rolls: bool, thresholds: Sequence[float] | None, start_ns: int | None, end_ns: int | None, data_version: str) -> str:
    """Fitted labels as JSON."""

def labels_apply(rows: object, fitted: str, max_gap_ns: int, across_rolls: bool | None) -> tuple[NDArray[numpy.int64], NDArray[numpy.float64], dict[str, Any]]:
    """Labels (-1 for none), moves (NaN for none), and a report."""

def labels_load(samples: str, name: str) -> dict[str, str]:
    """The stored labels of a samples table, as JSON by symbol."""

def build_samples(book: str, samples: str, mode: str, symbols: Sequence[str], where: str, features: Sequence[str], micro_pip: str | None, definitions: str | None, time_bins: int, ticks_per_bin: int, hop: int, max_gap_ns: int, across_rolls: bool, lookback: int, lookforward: int, offset: int, nbins: int, invalid: str, ties: str, seed: int, fit_start_ns: int | None, fit_end_ns: int | None, thresholds: Sequence[float] | None, fitted: str | None, labels_name: str, memory: int, progress: object | None, done: object) -> None:
    """
    Gives `done` the report of marquet.depth.build_samples, as JSON and as text.
    """

def default_thresholds() -> list[float]:
    """Basis points; see marquet.depth.DEFAULT_THRESHOLDS."""

class SampleStore:
    """
    The bins of a samples table, in memory; see marquet.depth.DepthBatches.
    """

    @staticmethod
    def load(samples: str, book: str, features: Sequence[str], symbols: Sequence[str], unlabelled: bool, memory: int, progress: object | None) -> SampleStore: ...

    @staticmethod
    def check(samples: str, book: str, features: Sequence[str], symbols: Sequence[str], unlabelled: bool, memory: int) -> None: ...

    def __len__(self) -> int: ...

    @property
    def bytes(self) -> int: ...

    @property
    def features(self) -> list[str]: ...

    def sample_ids(self, samples: Sequence[int]) -> list[str]: ...

class DepthBatches:
    """See marquet.depth.DepthBatches."""

    def __init__(self, store: SampleStore, batch_size: int, shuffle: bool, seed: int, drop_last: bool, shard: int, shards: int, threads: int, prefetch: int) -> None: ...

    @staticmethod
    def check(batch_size: int, shard: int, shards: int, threads: int, prefetch: int) -> None: ...

    def begin(self, epoch: int, first_batch: int) -> None: ...

    def next(self) -> tuple[NDArray[numpy.float32], NDArray[numpy.int64], NDArray[numpy.int64]] | None: ...

    @property
    def batches(self) -> int: ...

    @property
    def samples(self) -> int: ...
