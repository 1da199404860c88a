"""May rows be cached, and why not: of a connection, of a model, and of a connection just now."""

import sqlite3
import sys
from collections.abc import Iterator
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, router
from django.db.backends.base.base import NO_DB_ALIAS, BaseDatabaseWrapper
from django.db.models import Model

from irontoken.cache import shared_connections
from irontoken.cache.tables import kind_of, tables_of, tracked_columns
from irontoken.fleet import service as fleet
from irontoken.lookup.compiler import CompiledLookup, obstacle
from irontoken.lookup.fields import LookupFields
from irontoken.settings.cache import CacheOptions

#: What isolates less than this reads what may never be committed.
_ISOLATED: Final = frozenset({"read committed", "repeatable read", "serializable"})


def uncacheable(connection: BaseDatabaseWrapper, options: CacheOptions) -> str:
    """Return why no row of a connection's database is cached, as one sentence without its end.

    An empty text means that rows may be cached. Asks the database nothing but, on MariaDB, its
    isolation level.
    """
    return next(_reasons(connection, options), "")


def _reasons(connection: BaseDatabaseWrapper, options: CacheOptions) -> Iterator[str]:
    if connection.alias == NO_DB_ALIAS:
        yield "it is Django's own connection, to make and to drop databases"
    if connection.vendor not in {"sqlite", "postgresql", "mysql"}:
        yield "the cache is for SQLite, PostgreSQL and MariaDB"
    yield from _sharing_reasons(connection, options)
    if _is_in_memory(connection):
        yield "it is in the memory of one connection"
    if not type(connection).get_connection_params.__module__.startswith("django."):
        yield "its backend has connection parameters of its own, which may change unseen"
    if not fleet.can_carry(connection, options):
        yield "COHERENCE 'postgres' takes PostgreSQL and psycopg 3; 'redis' takes all"
    if connection.vendor == "mysql" and _isolation(connection) not in _ISOLATED:
        yield (
            "its transactions may read what is never committed: set its OPTIONS"
            "['isolation_level'] to 'read committed'"
        )


def _sharing_reasons(connection: BaseDatabaseWrapper, options: CacheOptions) -> Iterator[str]:
    if shared_connections.has_tenants(connection):
        if options.coherence == "postgres":
            yield "its triggers would be in one tenant's schema: COHERENCE 'redis' takes tenants"
        if name := shared_connections.sets_unseen():
            yield f"with {name} a connection may see more or another schema than it names"
    elif hasattr(connection, "schema_name"):
        yield "its tables depend on a schema, which is set behind Django's back"
    if shared_connections.is_older(connection):
        yield (
            "its pool was opened before its statements were seen: use no connection before the "
            "apps are ready"
        )


def uncacheable_model(
    model: type[Model],
    alias: str,
    declared: LookupFields | None,
    lookup: CompiledLookup | None,
) -> str:
    """Return why rows of ``model`` are not cached, as one sentence without its end.

    ``alias`` is the database that they are read from; ``declared`` is what the authentication
    class says of its fields, and ``lookup`` what ``compile_lookup()`` returned for them. An empty
    text means that rows may be cached.
    """
    if lookup is None:
        return obstacle(model, declared) or "Django makes more of its query than one row"
    return next(_model_reasons(model, alias, declared, lookup), "")


def _model_reasons(
    model: type[Model], alias: str, declared: LookupFields | None, lookup: CompiledLookup
) -> Iterator[str]:
    seen = tracked_columns().columns
    for part in lookup.parts:
        label, primary_key = part.model._meta.label, part.model._meta.pk
        if not part.model._meta.managed:
            yield f"{label} is unmanaged, and may be a view"
        if not all(table in seen for table in tables_of(part.model)):
            yield (
                f"{label} was defined after the first connection"
                if declared is None
                else f"other processes do not know that {label} is read: list the class in "
                "DEFAULT_AUTHENTICATION_CLASSES or in IRONTOKEN['CACHE']['CLASSES']"
            )
        if kind_of(primary_key) is None:
            yield f"{primary_key} is neither an integer, a text nor a UUID"
    if is_written_elsewhere(model, alias, lookup):
        yield written_elsewhere(alias)


def written_elsewhere(alias: str) -> str:
    """Return the reason for which no row that was read from ``alias`` is cached."""
    return (
        f"the routers write it, or what is loaded with it, to another database than {alias!r}, "
        "which may lag behind: IRONTOKEN['CACHE']['REPLICAS'] = 'primary-versioned' reads it there"
    )


def is_written_elsewhere(model: type[Model], alias: str, lookup: CompiledLookup) -> bool:
    """Tell whether the router writes what a row is of to another database, which may be ahead."""
    if not router.routers:
        return alias != DEFAULT_DB_ALIAS  # the only one that Django then has to pick
    models = {model, *(part.model for part in lookup.parts)}
    return any(router.db_for_write(each) != alias for each in models)


def lags_behind(connection: BaseDatabaseWrapper) -> bool:
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


def _is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or "cache=shared" in name:
        return False
    return not name or ":memory:" in name or "mode=memory" in name


def _isolation(connection: Any) -> str | None:
    """Return the isolation level that a connection of MySQL's or MariaDB's has been set to."""
    options = connection.settings_dict.get("OPTIONS", {})
    if "isolation" in str(options.get("init_command", "")).lower():
        return None
    level = options.get("isolation_level", "read committed")
    return level.lower() if isinstance(level, str) else None
