"""The cache: which rows it may hold, and for which database.

A row enters by a fill permit, taken before it is read, and is answered from by a cached lookup,
in the Rust core alone. Both exist only while the setting asks for the cache and the app is
installed.
"""

import hashlib
import itertools
import logging
import os
import sqlite3
import sys
import threading
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from irontoken import background
from irontoken._core import Cache, CachedLookup, FillPermit
from irontoken.cache import databases
from irontoken.cache.databases import identity, uncacheable
from irontoken.cache.tables import kind_of, sql_names_of, tables_of, tracked
from irontoken.fleet import service as fleet
from irontoken.lookup.compiler import CompiledLookup
from irontoken.lookup.strategy import strategy_of
from irontoken.runtime import Stage, forget_on_change
from irontoken.settings import setting
from irontoken.settings.cache import CacheOptions

logger: Final = logging.getLogger("irontoken")

_UNREAD: Final = object()
_options: Any = _UNREAD
_store: Cache | None = None
_has_warned = False
_failures_told: Final[set[str]] = set()
_spaces = itertools.count()
_lock: Final = threading.Lock()


class CacheInfo(NamedTuple):
    """What the cache of this process has done.

    ``stale`` counts rows that were there and had been written to since, ``bytes`` is an estimate,
    and ``coherence`` says in words how far the cache can be trusted.
    """

    hits: int
    misses: int
    stale: int
    evictions: int
    entries: int
    bytes: int
    coherence: str


#: What is done about other users' version files.
UNREACHABLE_HINT: Final = (
    "Their processes answer without what this user writes for up to MAX_AGE. Run everything as "
    "one user, or commands as root. Where those files are another project's, write "
    'IRONTOKEN["CACHE"]["PROJECT"] = "a name of this one\'s own".'
)


def options() -> CacheOptions | None:
    """Return what the cache is set to, or ``None`` while it is off."""
    global _options  # noqa: PLW0603 - read once, and again when a setting changes
    if _options is _UNREAD:
        _options = setting.cache_options() if apps.is_installed("irontoken") else None
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

    Root may write to all of them, and does.
    """
    cache = store()
    if cache is None or os.geteuid() == 0:
        return []
    return [f"{_user_name(user)} ({path})" for user, path in cache.other_users()]


def warn_of_users() -> None:
    """Say in the log, once for the process, whose processes are not told of what it writes."""
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


def _user_name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def info() -> CacheInfo:
    """Return what the cache of this process has done, over all databases."""
    found = _store.info() if _store is not None else {}
    counts = {name: found.get(name, 0) for name in CacheInfo._fields if name != "coherence"}
    return CacheInfo(**counts, coherence=coherence())


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
    """Empty the cache in every process of the host, and of the fleet where there is one.

    Raises ``OSError`` where the other processes of the host cannot be told, and
    ``django.db.Error`` where PostgreSQL is to tell those of other hosts and cannot be asked.
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


def fill_permit(
    model: type[Model], connection: BaseDatabaseWrapper, lookup: CompiledLookup
) -> FillPermit | None:
    """Return the permit to store the row that ``lookup`` is about to read, if it may be."""
    if connection.connection is None:
        connection.ensure_connection()  # which is intercepted; the query would do it next
    interceptor = connection.__dict__.get("_irontoken_interceptor")
    if interceptor is None or interceptor not in connection.execute_wrappers:
        return None
    found, database = options(), interceptor.database
    if found is None or database is None or not interceptor.is_cacheable:
        return None
    if _lags_behind(connection) or _is_written_elsewhere(model, connection.alias, lookup):
        return None
    cached_lookup = database.lookups.get(model) or _build_road(model, connection, lookup)
    if found.coherence != "host" and not _is_heard_of(connection, lookup, found):
        return None
    return cached_lookup and cached_lookup.open(interceptor, connection)


def _build_road(
    model: type[Model], connection: BaseDatabaseWrapper, lookup: CompiledLookup
) -> CachedLookup | None:
    cache, found = store(), options()
    if cache is None or found is None or uncacheable_model(model, connection.alias, lookup):
        return None
    strategy = strategy_of(model)
    (token, token_pk), (user, user_pk) = lookup.primary_keys
    cached_lookup = CachedLookup(
        cache,
        fleet.lease_for(connection, identity(connection), found),
        next(_spaces),
        lookup.decoder,
        (token, kind_of(token_pk) or ""),
        (user, kind_of(user_pk) or ""),
        lookup.key_column if lookup.key_field is None and not lookup.is_digest else None,
        strategy.limits(lookup.columns),
        *strategy.use_recorder(),
    )
    connection.__dict__["_irontoken_interceptor"].database.lookups[model] = cached_lookup
    return cached_lookup


def _is_written_elsewhere(model: type[Model], alias: str, lookup: CompiledLookup) -> bool:
    user_model = lookup.primary_keys[1][1].model
    return router.db_for_write(model) != alias or router.db_for_write(user_model) != alias


def uncacheable_model(model: type[Model], alias: str, lookup: CompiledLookup | None) -> str:
    """Say why the rows of a model are not kept; empty where they are."""
    if lookup is None:
        return "its look-up is not a plain one: see “Subclassing” in the README"
    seen = tracked(connections[alias].vendor)
    for _, primary_key in lookup.primary_keys:
        if not primary_key.model._meta.managed:
            return f"{primary_key.model._meta.label} is unmanaged, and may be a view"
        if not all(seen.has(table) for table in tables_of(primary_key.model)):
            return f"{primary_key.model._meta.label} was defined after the first connection"
        if kind_of(primary_key) is None:
            return f"{primary_key} is neither an integer, a text nor a UUID"
    if _is_written_elsewhere(model, alias, lookup):
        return f"the router writes it to another database than {alias!r}, which may lag behind"
    return ""


def _is_heard_of(
    connection: BaseDatabaseWrapper, lookup: CompiledLookup, options: CacheOptions
) -> bool:
    tables = [name for _, field in lookup.primary_keys for name in sql_names_of(field.model)]
    return fleet.may_store(connection, identity(connection), tables, options)


def _lags_behind(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection may be shown what was true before the versions were read."""
    if connection.vendor == "sqlite":
        return _has_open_cursors(connection)
    return connection.vendor == "postgresql" and _is_standby(connection)


def _is_standby(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection of PostgreSQL's is to a standby, which may lag behind."""
    driver: Any = connection.connection
    # The server says so without being asked, from PostgreSQL 14 on.
    return bool(driver.info.parameter_status("in_hot_standby") == "on")


def _has_open_cursors(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a cursor of an SQLite connection may not have been read to its end.

    Such a one keeps the connection at the state of the database that it started with, in a
    transaction that nothing else shows. Each cursor refers to its connection, which had no cursor
    when it was made and its references were counted.
    """
    expected = connection.__dict__.get("_irontoken_references")
    if expected is None or expected[1] < 0:
        return True  # what its cursors refer to is not known
    if references(connection) == expected:
        return False
    failed: Any = connection
    if getattr(failed, "rollback_exc", None) is not None and not failed.needs_rollback:
        # What failed in a transaction that is over, and with it, until it is collected, a cursor.
        failed.rollback_exc = None
    return bool(references(connection) != expected)


def references(connection: BaseDatabaseWrapper) -> tuple[int, int]:
    """Return which connection of the driver's this is, and the count of references to it."""
    driver: Any = connection.connection
    # Instrumentation stands before it, and only what it stands for do the cursors refer to.
    while hasattr(driver, "__wrapped__"):
        driver = driver.__wrapped__
    if not isinstance(driver, sqlite3.Connection):
        return id(driver), -1
    return id(driver), sys.getrefcount(driver)


def version_file_lost() -> None:
    """Say in the log that the version file was lost and made anew."""
    logger.warning(
        "The version file of the cache was lost and has been made anew; all cached tokens were "
        "dropped. Does something clean up %s?",
        found.path if (found := options()) else "",
    )


def version_file_unavailable(failure: str) -> None:
    """Say in the log, once for each reason, that other processes were not told of a write."""
    if failure not in _failures_told:
        _failures_told.add(failure)
        logger.error(
            "A write to a token or a user could not be told to the other processes of this host, "
            "which may serve what they have cached for up to MAX_AGE: %s",
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
    if _store is not None:
        _store.forked()


background.after_fork(_forked)
# A cached lookup holds what settings said, as a compiled one does.
forget_on_change(Stage.CACHE, forget)
