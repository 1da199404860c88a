"""Which database a connection speaks to.

What is cached belongs to a database, and not to an alias: a project may lead one alias to several.
The versions of all of them are in one file, so that nothing depends on how a database is named.
"""

from typing import Any, Final

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from irontoken._core import Database, TrackedTables
from irontoken.cache.shared_connections import has_tenants
from irontoken.cache.tables import tracked

#: The database that the connections of each alias were last opened to: what the Rust core looks
#: into first. Empty while the cache is off.
databases: Final[dict[str, Database]] = {}
_known: Final[dict[tuple[str, ...], list[Database]]] = {}


def open_database(connection: BaseDatabaseWrapper) -> Database:
    """Return the database that a connection has just been opened to."""
    alias, settings = connection.alias, connection.settings_dict
    if not apps.models_ready:
        # No table is known yet, and so each write is one to everything.
        return Database(settings, TrackedTables({}, [], connection.vendor), has_tenants=False)
    found = find_database(alias, settings)
    if found is None:
        found = Database(settings, tracked(connection.vendor), has_tenants(connection))
        _known.setdefault(_place(alias, settings), []).append(found)
        databases[alias] = found
    return found


def find_database(alias: str, settings: dict[str, Any]) -> Database | None:
    """Return the database that a connection with these settings would be opened to, if known.

    ``settings`` are those of one alias, as ``connection.settings_dict`` has them. Once found, the
    database is that of ``alias`` in ``databases`` too.
    """
    for database in _known.get(_place(alias, settings), ()):
        if database.matches(settings):
            databases[alias] = database
            return database
    return None


def forget() -> None:
    """Forget all databases, and what is cached of them."""
    databases.clear()
    _known.clear()


def identity(connection: BaseDatabaseWrapper) -> str:
    """Return what tells a connection's database from others of this process."""
    settings = connection.settings_dict
    options = str(settings.get("OPTIONS", {}).get("options", ""))
    return "\0".join((connection.vendor, *_place(connection.alias, settings), options))


def _place(alias: str, settings: dict[str, Any]) -> tuple[str, ...]:
    names = ("NAME", "HOST", "PORT", "USER")
    return (alias, *(str(settings.get(name) or "") for name in names))
