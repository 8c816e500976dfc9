"""What to do where columns do not fit those of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.types as pt

from marquet.errors import SchemaError


@contextmanager
def told_what_to_do(table: pa.Schema) -> Iterator[None]:
    """Gives a hint to a SchemaError of the core that has none.

    Raises:
        SchemaError: That of the body.
    """
    try:
        yield
    except SchemaError as error:
        error.hint = error.hint or _hint(str(error), table)
        raise


def _hint(message: str, table: pa.Schema) -> str | None:
    unknown = re.fullmatch(r"there is no column '.*' in the table", message)
    if unknown is not None:
        shown = ", ".join(map(repr, table.names[:8])) + (", ..." if len(table) > 8 else "")
        return f"The table has {shown}. Leave the column out, or rename it."
    misfit = re.fullmatch(r"column '(.*)' is (.*); expected .*", message)
    if misfit is None or misfit[1] not in table.names:
        return None
    field, given = table.field(misfit[1]), misfit[2]
    unit = (field.metadata or {}).get(b"unit", b"").decode("utf-8", "backslashreplace")
    if pt.is_date(field.type):
        return "Give dates: pandas.to_datetime(column).dt.date, or in Polars column.str.to_date() or column.dt.date()."
    is_text = given in ("string", "large_string", "string_view")
    if pt.is_temporal(field.type) or unit == "ns":
        if is_text:
            return (
                "Make times of the text first: pandas.to_datetime(column, utc=True, format='ISO8601'), or in Polars "
                "column.str.to_datetime(time_zone='UTC')."
            )
        return "Give a column of timestamps: pandas.to_datetime(column, unit=..., utc=True), or in Polars from_epoch."
    if unit.startswith("1e-"):
        return (
            f"The table holds whole numbers of {unit}, which a scan gives with price='stored'. In pandas: "
            f"(column / {unit}).round().astype('Int64') of prices, column.astype('Int64') of floats that are such "
            f"numbers already."
        )
    return f"Cast the column to {field.type} first, where that keeps its values."
