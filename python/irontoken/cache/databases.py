"""Which database a connection speaks to, and why the rows of some are not cached.

What is cached belongs to a database, and not to an alias: a project may lead one alias to several.
The versions of all of them are in one file, so that nothing depends on how a database is named.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db.backends.base.base import NO_DB_ALIAS, BaseDatabaseWrapper

from irontoken._core import Database, TrackedTables
from irontoken.cache.tables import tracked
from irontoken.fleet import service as fleet
from irontoken.settings.cache import CacheOptions

#: The database that the connections of each alias were last opened to: what the Rust core looks
#: into first. Empty while the cache is off.
databases: Final[dict[str, Database]] = {}
_known: Final[dict[tuple[str, ...], list[Database]]] = {}

#: What isolates less than this reads what may never be committed.
_ISOLATED: Final = frozenset({"read committed", "repeatable read", "serializable"})


def open_database(connection: BaseDatabaseWrapper) -> Database:
    """Return the database that a connection has just been opened to."""
    alias, settings = connection.alias, connection.settings_dict
    if not apps.models_ready:
        # No table is known yet, and so each write is one to everything.
        return Database(settings, TrackedTables({}, [], connection.vendor))
    found = find_database(alias, settings)
    if found is None:
        found = Database(settings, tracked(connection.vendor))
        _known.setdefault(_place(alias, settings), []).append(found)
        databases[alias] = found
    return found


def find_database(alias: str, settings: dict[str, Any]) -> Database | None:
    """Return the database that a connection with these settings would be opened to, if known."""
    for database in _known.get(_place(alias, settings), ()):
        if database.matches(settings):
            databases[alias] = database
            return database
    return None


def forget() -> None:
    """Forget all databases, and what is cached of them."""
    databases.clear()
    _known.clear()


def uncacheable(connection: BaseDatabaseWrapper, options: CacheOptions) -> str:
    """Say why no row of a connection's database is cached; empty where rows may be."""
    return next(_reasons(connection, options), "")


def _reasons(connection: BaseDatabaseWrapper, options: CacheOptions) -> Iterator[str]:
    if connection.alias == NO_DB_ALIAS:
        yield "it is Django's own connection, to make and to drop databases"
    if connection.vendor not in {"sqlite", "postgresql", "mysql"}:
        yield "the cache is for SQLite, PostgreSQL and MariaDB"
    if hasattr(connection, "schema_name"):
        yield "its tables depend on a tenant's schema, which is set behind Django's back"
    if connection.settings_dict.get("OPTIONS", {}).get("pool"):
        yield "what one thread sets on a connection of its pool, another may find"
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


def identity(connection: BaseDatabaseWrapper) -> str:
    """Return what tells a connection's database from others of this process."""
    settings = connection.settings_dict
    options = str(settings.get("OPTIONS", {}).get("options", ""))
    return "\0".join((connection.vendor, *_place(connection.alias, settings), options))


def _place(alias: str, settings: dict[str, Any]) -> tuple[str, ...]:
    names = ("NAME", "HOST", "PORT", "USER")
    return (alias, *(str(settings.get(name) or "") for name in names))


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
