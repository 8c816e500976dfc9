"""Columns of a table whose stored integers are times and prices, for tests of what filters say of them."""

from __future__ import annotations

import pyarrow as pa

NS = 1_704_205_800_000_000_000
"""2024-01-02T14:30:00Z."""

STORED = [
    pa.field("k", pa.int64()),
    pa.field("ts_event", pa.int64(), metadata={"unit": "ns"}),
    pa.field("ts", pa.timestamp("us", "UTC")),
    pa.field("date", pa.date32()),
    pa.field("price", pa.int64(), metadata={"unit": "1e-9"}),
]
