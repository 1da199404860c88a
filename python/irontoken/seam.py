"""The write seam: every connection tells what it writes, when it writes and when that is kept.

Signals miss ``QuerySet.update``, ``bulk_update`` and raw SQL; the connection misses none of them.
``transaction.on_commit`` would be the wrong hook: a hook that raises drops those after it.
"""

from collections.abc import Callable
from typing import Any, Final

from django.core.signals import setting_changed
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from irontoken import cache, fleet
from irontoken._core import Seam
from irontoken.watched import watched

#: What each connection tells after a method of its own, and after one that failed.
_METHODS: Final = ("_commit", "_rollback", "_close", "_set_autocommit")


def start() -> None:
    """Install the seam on every connection, those that are open already included."""
    connection_created.connect(_connected, dispatch_uid="irontoken.seam")
    # Ours comes first: a receiver before it could run statements that are not seen.
    connection_created.receivers.insert(0, connection_created.receivers.pop())
    setting_changed.connect(_begin_anew, dispatch_uid="irontoken.seam")
    _begin_anew()


def install(connection: BaseDatabaseWrapper) -> None:
    """Install the seam on a connection, once for each database that it is made to speak to."""
    options = cache.options()
    identity = cache.identity(connection) if options is not None else None
    if connection.__dict__.get("_irontoken_identity") == identity:
        return
    _remove(connection)
    connection.__dict__["_irontoken_identity"] = identity
    wanted = cache.cache_for(connection)
    if wanted is None or options is None:
        return
    # One that is open may have written before it had a seam.
    in_doubt = connection.connection is not None and (
        connection.in_atomic_block or not connection.autocommit
    )
    if options.coherence == "postgres":
        fleet.let_go_of_test_database(connection)
    seam = Seam(wanted, watched(connection.vendor == "mysql"), in_doubt, fleet.publisher(options))
    connection.__dict__["_irontoken_seam"] = seam
    connection.execute_wrappers.insert(0, seam)

    def autocommit_was_set(on: bool) -> None:  # noqa: FBT001
        if on:
            seam.ended()
        elif connection.autocommit:  # as it was before
            seam.begins()

    after: dict[str, Callable[..., None]] = {
        "_commit": seam.ended,
        "_rollback": seam.ended,
        "_close": seam.closed,
        "_set_autocommit": autocommit_was_set,
    }
    for name in _METHODS:
        told = _telling(getattr(connection, name), after[name], seam.failed)
        connection.__dict__[name] = told


def _remove(connection: BaseDatabaseWrapper) -> None:
    """Take the seam off a connection whose database is no longer the one that it was."""
    seam = connection.__dict__.pop("_irontoken_seam", None)
    if seam is None:
        return
    seam.closed()
    connection.execute_wrappers.remove(seam)
    for name in _METHODS:
        connection.__dict__.pop(name, None)
    for model, alias in list(cache.roads):
        if alias == connection.alias:
            del cache.roads[model, alias]


def _telling(
    method: Callable[..., Any], tell: Callable[..., None], tell_failure: Callable[[], None]
) -> Callable[..., Any]:
    def told(*arguments: Any) -> Any:
        try:
            result = method(*arguments)
        except BaseException:
            # A commit that failed may have reached the database, and may not.
            tell_failure()
            raise
        tell(*arguments)
        return result

    return told


def _begin_anew(**_: Any) -> None:
    for connection in connections.all(initialized_only=True):
        _remove(connection)
        connection.__dict__.pop("_irontoken_identity", None)
        install(connection)
        if connection.connection is not None:
            _note_server(connection)


def _connected(connection: BaseDatabaseWrapper, **_: Any) -> None:
    install(connection)
    _note_server(connection)
    connection.__dict__["_irontoken_references"] = cache.references(connection)


def _note_server(connection: BaseDatabaseWrapper) -> None:
    options = cache.options()
    if options is not None and options.coherence == "postgres":
        connection.__dict__["_irontoken_server"] = fleet.server_of(connection)
