"""The write seam: every connection tells what it writes, when it writes and when that is kept.

Signals miss ``QuerySet.update``, ``bulk_update`` and raw SQL; the connection misses none of them.
``transaction.on_commit`` would be the wrong hook: a hook that raises drops those after it.
"""

from collections.abc import Callable
from typing import Any

from django.core.signals import setting_changed
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from irontoken import cache
from irontoken._core import Seam, Watch
from irontoken.watched import watch

_watch: Watch | None = None


def start() -> None:
    """Install the seam on every connection, those that are open already included."""
    connection_created.connect(_connected, dispatch_uid="irontoken.seam")
    # Ours comes first: a receiver before it could run statements that are not seen.
    connection_created.receivers.insert(0, connection_created.receivers.pop())
    setting_changed.connect(_begin_anew, dispatch_uid="irontoken.seam")
    _begin_anew()


def install(connection: BaseDatabaseWrapper) -> None:
    """Install the seam on a connection, once for each database that it is made to speak to."""
    global _watch  # noqa: PLW0603 - the apps do not change once they are loaded
    wanted = cache.cache_for(connection)
    identity = cache.identity(connection) if wanted is not None else None
    if connection.__dict__.get("_irontoken_identity") == identity:
        return
    _remove(connection)
    connection.__dict__["_irontoken_identity"] = identity
    if wanted is None:
        return
    if _watch is None:
        _watch = watch()
    seam = Seam(wanted, _watch, connection.in_atomic_block or not connection.autocommit)
    connection.__dict__["_irontoken_seam"] = seam
    connection.execute_wrappers.insert(0, seam)
    after = {
        "_commit": lambda *_: seam.ended(),
        "_rollback": lambda *_: seam.ended(),
        "_close": lambda *_: seam.closed(),
        "_set_autocommit": lambda on: seam.ended() if on else seam.begins(),
    }
    for name, tell in after.items():
        connection.__dict__[name] = _telling(getattr(connection, name), tell)


def _remove(connection: BaseDatabaseWrapper) -> None:
    """Take the seam off a connection whose database is no longer the one that it was."""
    seam = connection.__dict__.pop("_irontoken_seam", None)
    if seam is None:
        return
    seam.closed()
    connection.execute_wrappers.remove(seam)
    for name in ("_commit", "_rollback", "_close", "_set_autocommit"):
        connection.__dict__.pop(name, None)
    for model, alias in list(cache.roads):
        if alias == connection.alias:
            del cache.roads[model, alias]


def _telling(method: Callable[..., Any], tell: Callable[..., None]) -> Callable[..., Any]:
    def told(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        finally:
            # Also after an error: a commit that failed may have reached the database.
            tell(*arguments)

    return told


def _begin_anew(**_: Any) -> None:
    for connection in connections.all(initialized_only=True):
        _remove(connection)
        connection.__dict__.pop("_irontoken_identity", None)
        install(connection)


def _connected(connection: BaseDatabaseWrapper, **_: Any) -> None:
    connection.__dict__["_irontoken_references"] = cache.references(connection)
    install(connection)
