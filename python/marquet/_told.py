"""Calls whose work lasts, and what is told of them when Ctrl-C comes at their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def told(
    call: Callable[[Callable[[Any], None]], Any],
    report: Callable[[Any], T],
    remark: Callable[[T], None] = lambda report: None,
    given: list[Any] | None = None,
) -> T:
    """``report`` of what the core gives to ``call``'s argument when its work is done.

    From then on the work stands, and whatever is raised (KeyboardInterrupt, for one, at any instruction of Python)
    carries the report in its attribute ``report``. To be the last that a function does: ``return told(...)``.

    ``remark`` may warn of what is in the report. ``given`` keeps what the core gives for calls that find the work
    done by another one.
    """
    given = [] if given is None else given
    try:
        call(given.append)
        result = report(given[0])
        remark(result)
        return result
    except BaseException as raised:
        if given:
            raised.__dict__["report"] = report(given[0])
            raised.add_note("What was done before it stands; this exception's attribute `report` tells of it.")
        raise
