"""The write seam: every connection tells what it writes, when it writes and when that is kept.

Signals miss ``QuerySet.update``, ``bulk_update`` and raw SQL; the connection misses none of them.
``transaction.on_commit`` would be the wrong hook: a hook that raises drops those after it.
Every connection has one, whether rows of its database are cached or not: the tables that it writes
to may be cached by way of another.
"""

from collections.abc import Callable
from typing import Any, Final

from django.core.signals import setting_changed
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from irontoken import cache, fleet
from irontoken._core import Seam
from irontoken.databases import open_database, uncacheable

#: What each connection tells after a method of its own, and after one that failed.
_METHODS: Final = ("_commit", "_rollback", "_close", "_set_autocommit")


def listen() -> None:
    """Install the seam on every connection that is opened from now on."""
    connection_created.connect(_connected, dispatch_uid="irontoken.seam")
    # Ours comes first: a receiver before it could run statements that are not seen.
    connection_created.receivers.insert(0, connection_created.receivers.pop())
    store = cache.store()
    opened: list[Any] = list(connections.all(initialized_only=True))
    # `connect()` sets the second, which stays when the connection is closed.
    if store is not None and any(
        each.connection is not None or each.health_check_done for each in opened
    ):
        # What they have written was not seen.
        store.invalidate()


def start() -> None:
    """Install the seam on the connections that are open, and whenever the setting changes."""
    setting_changed.connect(_begin_anew, dispatch_uid="irontoken.seam")
    _begin_anew()


def _install(connection: BaseDatabaseWrapper, *, in_doubt: bool) -> Seam | None:
    options, store = cache.options(), cache.store()
    if options is None or store is None:
        return None
    cache.warn_of_users()
    seam = Seam(store, in_doubt, fleet.publisher(options))
    connection.__dict__["_irontoken_seam"] = seam
    connection.execute_wrappers.insert(0, seam)
    if options.coherence == "postgres":
        fleet.let_go_of_test_database(connection)

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
    return seam


def _remove(connection: BaseDatabaseWrapper) -> None:
    """Take the seam off a connection."""
    seam = connection.__dict__.pop("_irontoken_seam", None)
    if seam is None:
        return
    seam.closed()
    if seam in connection.execute_wrappers:
        connection.execute_wrappers.remove(seam)
    for name in _METHODS:
        connection.__dict__.pop(name, None)


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
        if connection.connection is not None:
            # It may have written before it had a seam.
            in_doubt = connection.in_atomic_block or not connection.autocommit
            _connect(connection, _install(connection, in_doubt=in_doubt))


def _connected(connection: BaseDatabaseWrapper, **_: Any) -> None:
    seam = connection.__dict__.get("_irontoken_seam")
    if seam is None:
        seam = _install(connection, in_doubt=False)
    else:
        # What an earlier connection of this wrapper's had done is over.
        seam.closed()
    _connect(connection, seam)
    connection.__dict__["_irontoken_references"] = cache.references(connection)


def _connect(connection: BaseDatabaseWrapper, seam: Seam | None) -> None:
    """Note what a connection is connected to."""
    options = cache.options()
    if seam is None or options is None:
        return
    seam.connected(open_database(connection), not uncacheable(connection, options))
    seam.learn(connection)
    if options.coherence == "postgres":
        connection.__dict__["_irontoken_server"] = fleet.server_of(connection)
