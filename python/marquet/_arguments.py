"""Arguments that do not fit, told by their names."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from marquet.errors import InvalidInputError

P = ParamSpec("P")
T = TypeVar("T")


def whole(name: str, value: Any, bits: int = 64, *, least: int | None = None) -> int:
    """The number that `value` is.

    Args:
        name: The argument's name, for errors.
        value: An int, or what stands for one (NumPy's integers).
        bits: How many the core has for it, its sign among them.
        least: The smallest that means something; where it is 0 or more and `bits` are 65, all of 64 bits are
            numbers.

    Raises:
        InvalidInputError: Another number.
        TypeError: No whole number.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; expected a whole number") from None
    most = (1 << (bits - 1)) - 1
    smallest = -most - 1 if least is None else least
    if smallest <= number <= most:
        return number
    if number > most or least is None:
        raise InvalidInputError(f"{name} is {number}; expected a number from {smallest} to {most}")
    raise InvalidInputError(f"{name} is {number}; expected {least} or more")


@overload
def whole_or_none(name: str, value: None, bits: int = 64, *, least: int | None = None) -> None: ...
@overload
def whole_or_none(name: str, value: Any, bits: int = 64, *, least: int | None = None) -> int | None: ...
def whole_or_none(name: str, value: Any, bits: int = 64, *, least: int | None = None) -> int | None:
    """The same of an argument that may be left out."""
    return None if value is None else whole(name, value, bits, least=least)


def seed(value: Any, name: str = "seed") -> int:
    """A number of 64 bits without a sign."""
    return whole(name, value, 65, least=0)


def call(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What a function of the core gives; where an argument does not fit, the error names it.

    The binding's own error lists all types that it takes, and not which of the arguments is of another one.

    Raises:
        TypeError: An argument of another type.
    """
    try:
        return function(*arguments, **named)
    except TypeError as error:
        misfit = _misfit(str(error), arguments, named)
        if misfit is None:
            raise
        name, value, expected = misfit
        shown = repr(value)
        raise TypeError(
            f"{name} is {shown if len(shown) <= _LONGEST else type(value).__name__}; expected {expected}"
        ) from None


_LONGEST = 80
_FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("a string", lambda value: isinstance(value, str)),
    "bool": ("True or False", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: hasattr(value, "__index__")),
    "float": ("a number", lambda value: hasattr(value, "__float__") or hasattr(value, "__index__")),
    "collections.abc.Sequence[str]": (
        "a list of strings",
        lambda value: isinstance(value, Sequence) and all(isinstance(one, str) for one in value),
    ),
    "collections.abc.Sequence[float]": (
        "a list of numbers",
        lambda value: isinstance(value, Sequence) and all(isinstance(one, (int, float)) for one in value),
    ),
    "collections.abc.Mapping[str, str]": (
        "a dictionary of strings",
        lambda value: all(isinstance(one, str) for item in value.items() for one in item),
    ),
}
"""Types as the binding spells them: in words, and whether a value is of one."""


def _misfit(message: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[str, Any, str] | None:
    """The first argument that is of another type than the binding's message says; None where none is known to be."""
    signature = re.search(r"incompatible function arguments.*?\n    1\. \w+\((.*?)\) ?(->|\n|$)", message, re.DOTALL)
    if signature is None:
        return None
    parameters = re.findall(r"(\w+)(?:: ((?:[^,\[]|\[[^\]]*\])+?))?(?: = [^,]+)?(?:, |$)", signature[1])
    parameters = [parameter for parameter in parameters if parameter[0] != "self"]
    values = dict(zip((name for name, _ in parameters), arguments, strict=False)) | named
    for name, kind in parameters:
        optional = kind.endswith(" | None")
        form = _FORMS.get(kind.removesuffix(" | None"))
        if form is None or name not in values or (optional and values[name] is None):
            continue
        if not form[1](values[name]):
            return name, values[name], form[0] + (" or None" if optional else "")
    return None
