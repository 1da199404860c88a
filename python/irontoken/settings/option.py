"""What an option is: its type, its default, what it takes and what it is for."""

import difflib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple

#: A century, after which calendars end and sums of times overflow.
LONGEST: Final = timedelta(days=36_525)
_LARGEST: Final = 2**32


class Option(NamedTuple):
    """One option of a section.

    A number is greater than 0 and less than 2³², and a ``timedelta`` greater than 0 and a century
    at most, unless the section says otherwise.
    """

    name: str
    types: tuple[type, ...]
    default: Any
    #: One line for the reference.
    help: str
    #: All that it takes, where that can be listed.
    choices: tuple[object, ...] = ()


def read(section: dict[Any, Any], options: Iterable[Option]) -> dict[str, Any]:
    """Return the values of a section by the names of options in lower case, with defaults."""
    return {each.name.lower(): section.get(each.name, each.default) for each in options}


def problems_of(
    section: dict[Any, Any], options: tuple[Option, ...], where: str
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with each option of a section by itself, with a hint.

    ``where`` names the section, as ``"IRONTOKEN['CACHE']"``.
    """
    declared = {each.name: each for each in options}
    for name, value in section.items():
        if name not in declared:
            yield f"{where}[{name!r}] is no option.", did_you_mean(name, declared)
        elif problem := _misfit(declared[name], value):
            said, hint = problem
            yield f"{where}[{name!r}] {said}.", f"It takes {hint}."


def did_you_mean(name: object, names: Any) -> str:
    """Return a hint for a mistyped name."""
    close = difflib.get_close_matches(str(name).upper(), names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There is {listed(names)}."


def listed(names: Any) -> str:
    """Return names as a text."""
    return ", ".join(map(repr, names))


def _misfit(option: Option, value: object) -> tuple[str, str] | None:
    # A number is not what `True` is meant for, though it is one.
    if not isinstance(value, option.types) or (
        isinstance(value, bool) and bool not in option.types
    ):
        return f"is of type {type(value).__name__}", " or ".join(
            each.__name__ for each in option.types
        )
    if option.choices and value not in option.choices:
        return f"is {value!r}", " or ".join(map(repr, option.choices))
    if isinstance(value, timedelta) and not timedelta(0) < value <= LONGEST:
        return f"is {value}", "a time greater than 0, and a century at most"
    return None


def number_problem(name: str, value: object, where: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a number, and a hint: it is 0 or less, or too large to store.

    ``where`` names the section. Yields nothing for what is no number, which its type tells.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and not 0 < value < _LARGEST:  # type: ignore[operator]
        yield (
            f"{where}[{name!r}] is {value}.",
            "It takes a number greater than 0 and less than 2³².",
        )
