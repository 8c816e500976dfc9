"""Rows that come as dictionaries, gathered until the core takes many of them at once.

A call of the core for each row would cost more than the row. What becomes of a row must not depend on how many were
gathered with it, so it is checked, and kept as it is, when it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from marquet import _core
from marquet._columns import column_of, rows_to_table
from marquet._first_values import FirstValues
from marquet._values import own_row

_ROWS_AT_ONCE = 1_000

Target = tuple[int | None, tuple[tuple[str, str], ...]]
"""A chunk, and values for the template's other keys."""


class Gathered:
    """Rows for one target that the core has not taken yet. Not thread safe: whoever has it calls it in turns.

    Args:
        core: Takes the rows.
        late: Columns that may begin with any row.
        refuses_changes: Refuse other keys that the rows before do not have, and floats beyond a narrow column.
        rounds: Round floats to a narrow column that was asked for.
    """

    def __init__(
        self, core: _core.RollingWriter, late: Collection[str], *, refuses_changes: bool, rounds: bool
    ) -> None:
        self._core = core
        self._refuses_changes = refuses_changes
        self._rounds = rounds
        self._first_values = FirstValues(late)
        self._rows: list[dict[str, Any]] = []
        self._most = 0  # of these rows, at which they are handed on
        self._kinds: set[type] = set()  # of values in rows so far, each of which some column holds
        self._handed_on = 0  # rows that the core has taken
        self.target: Target = (-1, ())  # which none is: the first one is looked at as the others are
        self.rejected = 0  # rows that never reached the core
        self.note_taken()

    def __len__(self) -> int:
        return len(self._rows)

    def note_taken(self) -> None:
        """Looks at how many rows the core has taken, and at their schema."""
        self._handed_on = self._core.counts["accepted"]
        self._first_values.note(schema_of(self._core))

    def own(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The rows as they are now, all of which can be taken.

        Raises:
            SchemaError: A value that no column holds, or a key that the rows before do not have.
        """
        first = self._handed_on + len(self._rows)
        own: list[dict[str, Any]] = []
        kinds: set[type] = set()
        try:
            if self._refuses_changes:
                self._first_values.check_keys(rows, first)
            for number, row in enumerate(rows, start=first):
                own.append(own_row(row, kinds, number))
                if kinds:
                    self._check_kinds(own[-1], kinds, number)
                    kinds = set()
        except Exception:
            self.rejected += len(rows)
            raise
        return own

    def _check_kinds(self, row: dict[str, Any], kinds: set[type], number: int) -> None:
        if kinds <= self._kinds:
            return
        schema = schema_of(self._core)
        for name, value in row.items():
            column_of(name, [value], schema, number, kinds=kinds, rounds=self._rounds, bounded=self._refuses_changes)
        self._kinds |= kinds

    def add(self, rows: list[dict[str, Any]], target: Target) -> None:
        """Takes rows that ``own`` returned.

        Those that tell more of their columns than the rows before are handed on by themselves, as they were given. So
        what becomes of them, and of others after them, does not depend on how many were gathered.
        """
        taken = 0
        try:
            decides = self._first_values.have_more(rows)
            if decides or target != self.target:
                self.hand_on()
                self.target = target
            if decides:
                self._rows, taken = rows, len(rows)
                self.hand_on()
                return
            while taken < len(rows):
                if not self._rows:
                    self._most = self._most_at_once()
                some = rows[taken : taken + max(1, self._most - len(self._rows))]
                taken_then = taken + len(some)
                self._rows += some  # no Ctrl-C comes between this and the next line, which calls nothing
                taken = taken_then
                if len(self._rows) >= self._most:
                    self.hand_on()
        except BaseException:
            self.rejected += len(rows) - taken
            raise

    def _most_at_once(self) -> int:
        """No more than the chunk has room for, which nothing but rows and records that the core takes changes."""
        room = self._core.room(self.target[0])
        return _ROWS_AT_ONCE if room is None else min(room, _ROWS_AT_ONCE)

    def hand_on(self) -> None:
        """Gives the rows to the core. Before anything else is asked of it."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            table = rows_to_table(
                rows,
                schema_of(self._core),
                self._handed_on,
                kinds=self._kinds,
                rounds=self._rounds,
                bounded=self._refuses_changes,
            )
        except BaseException:
            self.rejected += len(rows)
            raise
        self._core.write(table, self.target[0], dict(self.target[1]))
        self.note_taken()

    def forget(self) -> int:
        """Lets the rows go; how many they were."""
        rows, self._rows = self._rows, []
        return len(rows)


def schema_of(core: _core.RollingWriter) -> pa.Schema | None:
    """The schema of the rows that the core has taken, None before the first ones."""
    known = core.schema
    return None if known is None else pa.schema(known)
