"""The registry of write paths."""

from collections.abc import Callable
from typing import NamedTuple

SQLITE = ("sqlite",)
POSTGRESQL = ("postgresql",)
MARIADB = ("mysql",)
EVERY = ("sqlite", "postgresql", "mysql")
SERVERS = ("postgresql", "mysql")

#: What docs/cache.md says of each kind of write that cannot be seen, with its bound.
OTHER_PROGRAMS = "another program: MAX_AGE"
AROUND_DJANGO = "SQL around Django's execute(): MAX_AGE"
IN_THE_DATABASE = "a function, trigger or view of the database: MAX_AGE"
MOVED_FILE = "a version file that is moved: 100 ms"
KILLED = "killed between the commit and its word of it: MAX_AGE"


class Path(NamedTuple):
    """One way of writing."""

    name: str
    #: Called with a row; the write has returned when it returns.
    write: Callable
    vendors: tuple[str, ...]
    #: Where the write cannot be seen by design: the bound, in words.
    documented: str
    #: The kind of row that is written, see `subjects`.
    subject: str
    #: Whether the short form runs it.
    short: bool
    #: At most so many trials, for what takes long.
    trials: int
    #: Why it cannot run here; empty where it can. A function, since it may ask the server.
    missing: Callable[[], str]
    #: A reader may end by SIGBUS, as docs/cache.md says of a file that is cut short.
    may_end_readers: bool


PATHS: dict[str, Path] = {}


def path(  # noqa: PLR0913 - what a path needs, by name
    name,
    vendors=EVERY,
    *,
    documented="",
    subject="token",
    short=False,
    trials=1000,
    missing=lambda: "",
    may_end_readers=False,
):
    """Register the decorated function as a write path."""

    def register(write):
        if name in PATHS:
            raise ValueError(f"two paths are called {name!r}")
        PATHS[name] = Path(
            name, write, vendors, documented, subject, short, trials, missing, may_end_readers
        )
        return write

    return register


def paths_of(vendor):
    """Return the paths that concern a vendor, in the order of their registration."""
    return [each for each in PATHS.values() if vendor in each.vendors]
