"""The section ``CACHE``: its options, and what the cache is set to."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings

from irontoken import system
from irontoken.settings.option import Option, listed, number_problem, problems_of, read

COHERENCES: Final = ("host", "postgres", "redis")

OPTIONS: Final = (
    Option("COHERENCE", (str,), None, "how far a write is seen: one host, or a fleet", COHERENCES),
    Option(
        "MAX_ENTRIES", (int,), 100_000, "the most tokens in each process, about 800 bytes each"
    ),
    Option("MAX_AGE", (int, float), 30, "seconds after which a row is read again"),
    Option(
        "PATH",
        (str, os.PathLike, type(None)),
        None,
        "the folder of the version file; shared memory if `None`",
    ),
    Option("PROJECT", (str,), "", "a name, if several projects share a system user or a bus"),
    Option(
        "CLASSES",
        (list, tuple),
        (),
        "classes with `key_field`, `user_field` or `select_related` that no other setting lists",
    ),
    Option(
        "REPLICAS",
        (str,),
        "",
        'for routers that read replicas: `""` caches no row, '
        '`"primary-versioned"` reads the primary',
        ("", "primary-versioned"),
    ),
    Option(
        "LEASE", (int, float), 2, "seconds after which a process stops caching if the bus fails"
    ),
    Option("LISTEN", (dict,), {}, "for `postgres` behind a pool: `{alias: alias to listen on}`"),
    Option(
        "LOCATION", (str,), "", "for `redis`: the address of the server, `redis://host:6379/0`"
    ),
)
#: The options that only some coherences have.
_ONLY_FOR: Final = {
    "LEASE": ("postgres", "redis"),
    "LISTEN": ("postgres",),
    "LOCATION": ("redis",),
}
#: The forms of a Redis server's address.
_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_WHERE: Final = "IRONTOKEN['CACHE']"


class CacheOptions(NamedTuple):
    """What the cache is set to.

    ``max_age`` and ``lease`` are in seconds; ``path`` is the folder of the version file.
    ``listen`` maps a database's alias to the one whose server is listened to in its place, and
    ``location`` is the address of a Redis server, which may hold a password. ``classes`` are the
    paths of authentication classes whose fields all processes must know. ``replicas`` says whether
    a token is read from the primary where the routers read from a replica.
    """

    coherence: str
    max_entries: int
    max_age: float
    path: Path
    lease: float
    listen: dict[str, str]
    location: str
    project: str
    replicas: str
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        """Return all but the location, which may hold a password."""
        return f"CacheOptions({self.coherence!r}, {self.path!r})"


def options_of(section: dict[str, Any]) -> CacheOptions:
    """Return what a section without problems sets the cache to."""
    found = read(section, OPTIONS)
    path, classes = Path(found["path"] or system.shared_folder()), tuple(found["classes"])
    return CacheOptions(**{**found, "path": path, "classes": classes})


def problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the section, each with a hint."""
    # What is wrong with it is said below, in words of its own.
    others = {name: value for name, value in section.items() if name != "COHERENCE"}
    yield from problems_of(others, OPTIONS, _WHERE)
    for name in ("MAX_ENTRIES", "MAX_AGE", "LEASE"):
        yield from number_problem(name, section.get(name), _WHERE)
    path = section.get("PATH")
    if isinstance(path, (str, os.PathLike)) and not Path(str(path)).is_absolute():
        yield f"{_WHERE}['PATH'] is {str(path)!r}.", "It takes an absolute path."
    classes = section.get("CLASSES")
    if isinstance(classes, (list, tuple)) and not all(isinstance(each, str) for each in classes):
        yield f"{_WHERE}['CLASSES'] names no paths.", 'It takes ["app.module.Class"].'
    if section:
        yield from _coherence_problems(section)


def _coherence_problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    coherence = section.get("COHERENCE")
    if coherence not in COHERENCES:
        said = f"is {coherence!r}" if coherence else "is missing"
        yield f"{_WHERE}['COHERENCE'] {said}.", f"It takes {listed(COHERENCES)}."
        return
    for option, coherences in _ONLY_FOR.items():
        if option in section and coherence not in coherences:
            yield (
                f"{_WHERE}[{option!r}] is set, and COHERENCE is {coherence!r}.",
                f"It belongs to {listed(coherences)}.",
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
                f"{_WHERE}['LISTEN'] names the database {alias!r}.",
                f"There is {listed(settings.DATABASES)}.",
            )


def _location_problems(location: object) -> Iterator[tuple[str, str]]:
    # What was found is not quoted, nor is the error about it: it may hold a password.
    hint = "It takes 'redis://host:6379/0'."
    if not str(location).startswith(_SCHEMES):
        said = "is not the address of a Redis server" if location else "is missing"
        yield f"{_WHERE}['LOCATION'] {said}.", hint
    elif importlib.util.find_spec("redis") is not None:
        import redis

        try:
            redis.ConnectionPool.from_url(str(location)).make_connection()
        except Exception:  # noqa: BLE001 - whatever redis raises
            hint += " A password is written as in any URL, with %2F for a slash."
            yield f"{_WHERE}['LOCATION'] cannot be read.", hint
