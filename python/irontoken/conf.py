"""The ``IRONTOKEN`` setting: read when asked for, never at import."""

import difflib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings

#: The sections of the setting, and the options of each with the types that they take.
_OPTIONS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "CACHE": {
        "COHERENCE": (str,),
        "MAX_ENTRIES": (int,),
        "MAX_AGE": (int, float),
        "PATH": (str, os.PathLike),
    }
}
COHERENCES: Final = ("host",)


class CacheOptions(NamedTuple):
    """What the cache is set to.

    ``max_age`` is in seconds; ``folder`` is where the stamps of a host are kept.
    """

    coherence: str
    max_entries: int
    max_age: float
    folder: Path


def cache_options() -> CacheOptions | None:
    """Return what the cache is set to, or ``None`` where it is off or set up wrongly."""
    section = _section("CACHE")
    if not section or any(problems()):
        return None
    return CacheOptions(
        coherence=section["COHERENCE"],
        max_entries=section.get("MAX_ENTRIES", 100_000),
        max_age=section.get("MAX_AGE", 30),
        folder=Path(section.get("PATH", default_folder())),
    )


def default_folder() -> str:
    """Return the folder for shared memory: that of the system, or that of temporary files."""
    shared = "/dev/shm"  # noqa: S108 - each file in it is checked to be this user's alone
    return shared if os.access(shared, os.W_OK) else tempfile.gettempdir()


def problems() -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the setting, each with a hint."""
    setting = getattr(settings, "IRONTOKEN", {})
    if not isinstance(setting, dict):
        yield "IRONTOKEN is not a dict.", 'Write IRONTOKEN = {"CACHE": {"COHERENCE": "host"}}.'
        return
    for name, section in setting.items():
        if name not in _OPTIONS:
            yield f"IRONTOKEN has no section {name!r}.", _did_you_mean(name, _OPTIONS)
        elif not isinstance(section, dict):
            yield (
                f"IRONTOKEN[{name!r}] is not a dict.",
                f"Its options are {_list(_OPTIONS[name])}.",
            )
        else:
            yield from _section_problems(name, section)


def _section_problems(name: str, section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    options = _OPTIONS[name]
    for option, value in section.items():
        where = f"IRONTOKEN[{name!r}][{option!r}]"
        if option not in options:
            yield f"{where} is no option.", _did_you_mean(option, options)
        elif not isinstance(value, options[option]) or isinstance(value, bool):
            wanted = " or ".join(each.__name__ for each in options[option])
            yield f"{where} is of type {type(value).__name__}.", f"It takes {wanted}."
        elif isinstance(value, (int, float)) and not 0 < value < 2**32:
            yield f"{where} is {value}.", "It takes a number greater than 0."
        elif option == "PATH" and not Path(str(value)).is_absolute():
            yield f"{where} is {str(value)!r}.", "It takes an absolute path."
    if name == "CACHE" and section and section.get("COHERENCE") not in COHERENCES:
        found = section.get("COHERENCE")
        said = f"is {found!r}" if found else "is missing"
        yield f"IRONTOKEN['CACHE']['COHERENCE'] {said}.", f"It takes {_list(COHERENCES)}."


def _section(name: str) -> dict[str, Any]:
    setting = getattr(settings, "IRONTOKEN", None)
    section = setting.get(name) if isinstance(setting, dict) else None
    return section if isinstance(section, dict) else {}


def _did_you_mean(name: object, names: Any) -> str:
    close = difflib.get_close_matches(str(name).upper(), names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There is {_list(names)}."


def _list(names: Any) -> str:
    return ", ".join(repr(name) for name in names)
