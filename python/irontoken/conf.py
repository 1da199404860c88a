"""The ``IRONTOKEN`` setting: read when asked for, never at import."""

import difflib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: The sections of the setting, and the options of each with the types that they take.
_OPTIONS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "CACHE": {
        "COHERENCE": (str,),
        "MAX_ENTRIES": (int,),
        "MAX_AGE": (int, float),
        "PATH": (str, os.PathLike),
        "LEASE": (int, float),
        "LISTEN": (dict,),
        "LOCATION": (str,),
        "PROJECT": (str,),
    }
}
_NAMES: Final = (*_OPTIONS, "TOKENS", "TOKEN_MODEL")
COHERENCES: Final = ("host", "postgres", "redis")
#: The options that only some coherences have.
_ONLY_FOR: Final = {
    "LEASE": ("postgres", "redis"),
    "LISTEN": ("postgres",),
    "LOCATION": ("redis",),
}
#: The forms of a Redis server's address.
_SCHEMES: Final = ("redis://", "rediss://", "unix://")


class CacheOptions(NamedTuple):
    """What the cache is set to.

    ``max_age`` and ``lease`` are in seconds; ``folder`` is where the version file of a host is.
    ``listen`` maps a database's alias to the one whose server is listened to in its place, and
    ``location`` is the address of a Redis server, which may hold a password.
    """

    coherence: str
    max_entries: int
    max_age: float
    folder: Path
    lease: float
    listen: dict[str, str]
    location: str
    project: str

    def __repr__(self) -> str:
        """Return all but the location, which may hold a password."""
        return f"CacheOptions({self.coherence!r}, {self.folder!r})"


def cache_options() -> CacheOptions | None:
    """Return what the cache is set to, or ``None`` where it is off or set up wrongly."""
    found = section("CACHE")
    if not found or any(problems()):
        return None
    return CacheOptions(
        coherence=found["COHERENCE"],
        max_entries=found.get("MAX_ENTRIES", 100_000),
        max_age=found.get("MAX_AGE", 30),
        folder=Path(found.get("PATH", default_folder())),
        lease=found.get("LEASE", 2),
        listen=found.get("LISTEN", {}),
        location=found.get("LOCATION", ""),
        project=found.get("PROJECT", ""),
    )


def default_folder() -> str:
    """Return the folder for shared memory: that of the system, or that of temporary files."""
    shared = "/dev/shm"  # noqa: S108 - each file in it is checked to be this user's alone
    return shared if os.access(shared, os.W_OK) else tempfile.gettempdir()


def require() -> None:
    """Raise ``ImproperlyConfigured`` where the setting is wrong, or lacks an app that it needs.

    Before Django is set up, no app is looked for. The message ends with the line to add. It quotes
    no secret.
    """
    for message, hint in (*problems(), *(missing_apps() if apps.apps_ready else ())):
        raise ImproperlyConfigured(f"{message} {hint}")


def missing_apps() -> Iterator[tuple[str, str]]:
    """Yield which apps the setting needs that are not installed, each with the line to add."""
    is_installed, has_tokens = (
        apps.is_installed("irontoken"),
        apps.is_installed("irontoken.tokens"),
    )
    if section("CACHE") and not is_installed:
        yield (
            "IRONTOKEN['CACHE'] is set and the app is not installed: no write would be seen.",
            'Write INSTALLED_APPS += ["irontoken"].',
        )
    if has_tokens and not is_installed:
        yield (
            "The app 'irontoken.tokens' is installed without 'irontoken', which it needs.",
            'Write INSTALLED_APPS += ["irontoken"].',
        )
    if section("TOKENS") and not has_tokens:
        yield (
            "IRONTOKEN['TOKENS'] is set and the app of issued tokens is not installed.",
            'Write INSTALLED_APPS += ["irontoken", "irontoken.tokens"].',
        )
    if token_model() and not has_tokens:
        yield (
            f"IRONTOKEN['TOKEN_MODEL'] is {token_model()!r} and its app is not installed.",
            'Write INSTALLED_APPS += ["irontoken", "irontoken.tokens"].',
        )


def problems() -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the setting, each with a hint."""
    setting = getattr(settings, "IRONTOKEN", {})
    if not isinstance(setting, dict):
        yield "IRONTOKEN is not a dict.", 'Write IRONTOKEN = {"CACHE": {"COHERENCE": "host"}}.'
        return
    for name, section in setting.items():
        if name == "TOKEN_MODEL":
            if not isinstance(section, str) or section.count(".") != 1:
                hint = "It takes 'irontoken_tokens.AccessToken', or the label of another model."
                yield f"IRONTOKEN['TOKEN_MODEL'] is {section!r}.", hint
        elif name == "TOKENS" and isinstance(section, dict):
            continue  # that app's own to check
        elif name == "TOKENS":
            yield "IRONTOKEN['TOKENS'] is not a dict.", 'Write {"EXPIRES_IN": …}: see the README.'
        elif name not in _OPTIONS:
            yield f"IRONTOKEN has no section {name!r}.", did_you_mean(name, _NAMES)
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
        if problem := misfit(where, option, value, options):
            yield problem
        elif isinstance(value, (int, float)) and not 0 < value < 2**32:
            yield f"{where} is {value}.", "It takes a number greater than 0."
        elif option == "PATH" and not Path(str(value)).is_absolute():
            yield f"{where} is {str(value)!r}.", "It takes an absolute path."
    if name == "CACHE" and section:
        yield from _coherence_problems(section)


def _coherence_problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    coherence = section.get("COHERENCE")
    if coherence not in COHERENCES:
        said = f"is {coherence!r}" if coherence else "is missing"
        yield f"IRONTOKEN['CACHE']['COHERENCE'] {said}.", f"It takes {_list(COHERENCES)}."
        return
    for option, coherences in _ONLY_FOR.items():
        if option in section and coherence not in coherences:
            yield (
                f"IRONTOKEN['CACHE'][{option!r}] is set, and COHERENCE is {coherence!r}.",
                f"It belongs to {_list(coherences)}.",
            )
    if coherence == "redis":
        yield from _location_problems(section.get("LOCATION", ""))
    package = {"postgres": "psycopg", "redis": "redis"}.get(str(coherence))
    if package and importlib.util.find_spec(package) is None:
        extra = "redis" if package == "redis" else "postgres"
        yield (
            f"COHERENCE {coherence!r} needs the package {package}, which is not installed.",
            f"Run pip install 'drf-irontoken[{extra}]'.",
        )
    listen = section.get("LISTEN")
    for alias in (*listen, *listen.values()) if isinstance(listen, dict) else ():
        if alias not in settings.DATABASES:
            yield (
                f"IRONTOKEN['CACHE']['LISTEN'] names the database {alias!r}.",
                f"There is {_list(settings.DATABASES)}.",
            )


def _location_problems(location: object) -> Iterator[tuple[str, str]]:
    # What was found is not quoted, nor is the error about it: it may hold a password.
    hint = "It takes 'redis://host:6379/0'."
    if not str(location).startswith(_SCHEMES):
        said = "is not the address of a Redis server" if location else "is missing"
        yield f"IRONTOKEN['CACHE']['LOCATION'] {said}.", hint
    elif importlib.util.find_spec("redis") is not None:
        from irontoken.fleet.redis import client_of

        try:
            client_of(str(location))
        except Exception:  # noqa: BLE001 - whatever redis raises
            hint += " A password is written as in any URL, with %2F for a slash."
            yield "IRONTOKEN['CACHE']['LOCATION'] cannot be read.", hint


def section(name: str) -> dict[str, Any]:
    """Return a section of the setting; empty where there is none, or no dict."""
    setting = getattr(settings, "IRONTOKEN", None)
    found = setting.get(name) if isinstance(setting, dict) else None
    return found if isinstance(found, dict) else {}


def token_model() -> str:
    """Return the label of the model that tokens are in, or an empty text: REST framework's."""
    setting = getattr(settings, "IRONTOKEN", None)
    found = setting.get("TOKEN_MODEL") if isinstance(setting, dict) else None
    return found if isinstance(found, str) else ""


def misfit(
    where: str, option: object, value: object, options: dict[str, tuple[type, ...]]
) -> tuple[str, str] | None:
    """Return what is wrong with an option's name or its value's type, with a hint."""
    if option not in options:
        return f"{where} is no option.", did_you_mean(option, options)
    types = options[str(option)]
    # A number is not what `True` is meant for, though it is one.
    if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
        return None
    wanted = " or ".join(each.__name__ for each in types)
    return f"{where} is of type {type(value).__name__}.", f"It takes {wanted}."


def did_you_mean(name: object, names: Any) -> str:
    """Return a hint for a mistyped name."""
    close = difflib.get_close_matches(str(name).upper(), names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There is {_list(names)}."


def _list(names: Any) -> str:
    return ", ".join(repr(name) for name in names)
