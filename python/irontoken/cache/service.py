"""The cache of this process: whether it is on, what it has done, and how to empty it.

What fills it is in `filling`, what may be in it in `eligibility`, and how it learns of writes in
`interceptor`.
"""

import hashlib
import logging
import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.db import connections

from irontoken import background, system
from irontoken._core import Cache, set_reads_primary
from irontoken.cache import databases
from irontoken.cache.databases import identity
from irontoken.cache.eligibility import uncacheable
from irontoken.fleet import service as fleet
from irontoken.runtime import Stage, forget_on_change
from irontoken.settings import setting
from irontoken.settings.cache import CacheOptions

logger: Final = logging.getLogger("irontoken")

_UNREAD: Final = object()
_options: Any = _UNREAD
_store: Cache | None = None
_has_warned = False
_failures_logged: Final[set[str]] = set()
_lock = threading.Lock()


class CacheInfo(NamedTuple):
    """What the cache of this process has done since it started.

    ``hits`` counts requests that were answered without a query, ``misses`` those whose row was not
    there, and ``stale`` those whose row was there and had been written to, or was too old.
    ``evictions`` counts rows that made room for others. ``entries`` is the number of rows there
    are, and ``bytes`` an estimate of the memory that they take. ``coherence`` says in words how
    far the cache can be trusted, or why it does not work. ``uncacheable`` counts the look-ups
    whose row could not be stored, by the reason in words.
    """

    hits: int
    misses: int
    stale: int
    evictions: int
    entries: int
    bytes: int
    coherence: str
    uncacheable: dict[str, int]


#: What is done about other users' version files.
#: Seconds: a file shows when it was last read from to a tenth of a second, and clocks are coarse.
_GRAIN: Final = 1
UNREACHABLE_HINT: Final = (
    "Their processes see what this user writes after MAX_AGE. Run everything as one system user, "
    "or commands as root. If those files belong to another project, write "
    'IRONTOKEN["CACHE"]["PROJECT"] = "a name of this project".'
)


def options() -> CacheOptions | None:
    """Return what the cache is set to, or ``None`` while it is off."""
    global _options  # noqa: PLW0603 - read once, and again when a setting changes
    if _options is _UNREAD:
        _options = setting.cache_options() if apps.is_installed("irontoken") else None
        set_reads_primary(_options is not None and bool(_options.replicas))
    found: CacheOptions | None = _options
    return found


def store() -> Cache | None:
    """Return the cache of this process, or ``None`` while it is off."""
    global _store  # noqa: PLW0603 - made once, and again when a setting changes
    found = options()
    if found is None:
        return None
    with _lock:
        if _store is None:
            _store = Cache(found.path, _suffix(found), found.max_entries, found.max_age)
        return _store


def _suffix(options: CacheOptions) -> str:
    """Return what the name of the version file ends with, where a project has one of its own."""
    if not options.project:
        return ""
    return f"-{hashlib.sha256(options.project.encode()).hexdigest()[:12]}"


def unreachable_users() -> list[str]:
    """Return the other users whose version files this one may not write to, each with its path.

    Root writes to all of them, where a container has not taken that right away. The processes of a
    fleet hear of a write by its bus, whoever they run as. What was not read from for ``MAX_AGE``
    is no file of anybody who would still answer by a row.
    """
    found, cache = options(), store()
    if found is None or cache is None or found.coherence != "host":
        return []
    since = time.time() - found.max_age - _GRAIN
    return [
        f"{system.user_name(user)} ({path})"
        for user, path in cache.other_users()
        if _modified(path) >= since and not system.may_write_as_root(path)
    ]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # it has just been removed


def warn_of_users() -> None:
    """Say in the log, once for the process, whose processes do not see what it writes."""
    global _has_warned  # noqa: PLW0603 - once
    if _has_warned:
        return
    _has_warned = True
    if users := unreachable_users():
        logger.warning(
            "Other users of the system have version files that this one may not write to: %s. %s",
            ", ".join(users),
            UNREACHABLE_HINT,
        )


def info() -> CacheInfo:
    """Return the counters of the cache of this process, over all databases.

    The counters are ``hits``, ``misses``, ``stale``, ``evictions``, ``entries`` and ``bytes``.
    ``coherence`` describes the coherence in words. ``uncacheable`` is a dict: its keys are the
    reasons for which rows were not cached, and its values the numbers of these rows. If the cache
    is off, the counters are 0 and ``coherence`` is ``"off"``. ``manage.py irontoken status`` adds
    up the processes of its system user.
    """
    found = _store.info() if _store is not None else {}
    counts = {name: found.get(name, 0) for name in CacheInfo._fields[:6]}
    reasons = _store.uncacheable() if _store is not None else {}
    return CacheInfo(**counts, coherence=coherence(), uncacheable=reasons)


def coherence() -> str:
    """Say how far the cache can be trusted."""
    found, cache = options(), store()
    if found is None or cache is None:
        return "off"
    failure = cache.failure()
    failures = [*([failure] if failure else []), *fleet.failures()]
    if failures:
        return f"not working, every request asks the database: {'; '.join(failures)}"
    here = "a write is seen at once by every process of this host and user"
    if found.coherence == "host":
        return f"host: {here}"
    return (
        f"{found.coherence}: {here}, and by those of other hosts as soon as they hear of it; "
        f"nothing older than {found.lease:g} seconds is answered from"
    )


def clear() -> None:
    """Empty the cache in every process of the host, and of the fleet if there is one.

    Raises ``OSError`` if the other processes of the host do not learn of it. With ``"postgres"``,
    raises ``django.db.Error`` if the database does not answer.
    """
    found, cache = options(), store()
    if found is None or cache is None:
        return
    if not cache.clear():
        raise OSError(f"the cache of other processes was not emptied: {cache.failure()}")
    cached = {
        identity(connections[alias]): connections[alias]
        for alias in connections
        if not uncacheable(connections[alias], found)
    }
    fleet.clear(list(cached.values()), found)


def version_file_lost() -> None:
    """Say in the log that the version file was lost and made anew."""
    logger.warning(
        "The version file of the cache was lost and has been made anew; all cached tokens were "
        "dropped. Does something clean up %s?",
        found.path if (found := options()) else "",
    )


def version_file_unavailable(failure: str) -> None:
    """Say in the log, once for each reason, that a write did not reach other processes."""
    if failure not in _failures_logged:
        _failures_logged.add(failure)
        logger.error(
            "A write to a token or a user did not reach the other processes of this host, which "
            "may serve what they have cached for up to MAX_AGE: %s",
            failure,
        )


def forget() -> None:
    """Drop every cached lookup and read the setting anew."""
    global _options, _store  # noqa: PLW0603 - as above
    databases.forget()
    fleet.forget()
    _store = None
    _options = _UNREAD


def _forked() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may hold it
    _lock = threading.Lock()
    if _store is not None:
        _store.forked()


def _ended() -> None:
    if _store is not None:
        _store.ended()


background.after_fork(_forked)
background.at_end(_ended)
# A cached lookup holds what settings said, as a compiled one does.
forget_on_change(Stage.CACHE, forget)
