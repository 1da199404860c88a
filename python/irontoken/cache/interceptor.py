"""The write interceptor: what every connection writes, when it executes and when it commits.

Signals miss ``QuerySet.update``, ``bulk_update`` and raw SQL; the connection misses none of them.
``transaction.on_commit`` would be the wrong hook: a hook that raises drops those after it.
Every connection has one, whether rows of its database are cached or not: the tables that it writes
to may be cached by way of another.
"""

from collections.abc import Callable
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

import irontoken.hooks  # noqa: F401 - what the core calls
from irontoken._core import WriteInterceptor
from irontoken.cache import service as cache
from irontoken.cache import shared_connections
from irontoken.cache.databases import open_database
from irontoken.cache.eligibility import references, uncacheable
from irontoken.fleet import service as fleet
from irontoken.runtime import Stage, forget_on_change

#: What each connection tells after a method of its own, and after one that failed.
_METHODS: Final = ("_commit", "_rollback", "_close", "_set_autocommit")


def listen() -> None:
    """Install the interceptor on every connection that is opened from now on.

    Its receiver comes first. Django calls them in the order in which they were connected, and has
    no other way to ask for a place: one before it could run statements that are not seen.
    """
    # Apps may be loaded once more, as tests do, and only what is connected now is the last.
    connection_created.disconnect(dispatch_uid="irontoken.interceptor")
    connection_created.connect(_connected, dispatch_uid="irontoken.interceptor")
    connection_created.receivers.insert(0, connection_created.receivers.pop())
    shared_connections.note_older_pools()
    store = cache.store()
    opened: list[Any] = list(connections.all(initialized_only=True))
    # `connect()` sets the second, which stays when the connection is closed.
    if store is not None and any(
        each.connection is not None or each.health_check_done for each in opened
    ):
        # What they have written was not seen.
        store.invalidate()


def start() -> None:
    """Intercept the connections that are open, and all anew when the setting changes."""
    forget_on_change(Stage.CONNECTIONS, _begin_anew)
    _begin_anew()


def _install(connection: BaseDatabaseWrapper, *, in_doubt: bool) -> WriteInterceptor | None:
    options, store = cache.options(), cache.store()
    if options is None or store is None:
        return None
    cache.warn_of_users()
    interceptor = WriteInterceptor(store, in_doubt, fleet.publisher(options))
    connection.__dict__["_irontoken_interceptor"] = interceptor
    connection.execute_wrappers.insert(0, interceptor)
    if options.coherence == "postgres":
        fleet.let_go_of_test_database(connection)

    def autocommit_was_set(on: bool) -> None:  # noqa: FBT001
        if on:
            interceptor.ended()
        elif connection.autocommit:  # as it was before
            interceptor.begins()

    after: dict[str, Callable[..., None]] = {
        "_commit": interceptor.ended,
        "_rollback": interceptor.ended,
        "_close": interceptor.closed,
        "_set_autocommit": autocommit_was_set,
    }
    for name in _METHODS:
        method = getattr(connection, name)
        if name == "_close":
            method = shared_connections.marking(connection, interceptor, method)
        connection.__dict__[name] = _telling(method, after[name], interceptor.failed)
    return interceptor


def _remove(connection: BaseDatabaseWrapper) -> None:
    """Take the interceptor off a connection."""
    interceptor = connection.__dict__.pop("_irontoken_interceptor", None)
    if interceptor is None:
        return
    interceptor.closed()
    if interceptor in connection.execute_wrappers:
        connection.execute_wrappers.remove(interceptor)
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


def _begin_anew() -> None:
    shared_connections.note_older_pools()
    for connection in connections.all(initialized_only=True):
        _remove(connection)
        if connection.connection is not None:
            # It may have written before it was intercepted.
            in_doubt = connection.in_atomic_block or not connection.autocommit
            _connect(connection, _install(connection, in_doubt=in_doubt))


def _connected(connection: BaseDatabaseWrapper, **_: Any) -> None:
    interceptor = connection.__dict__.get("_irontoken_interceptor")
    if interceptor is None:
        interceptor = _install(connection, in_doubt=False)
    else:
        # What an earlier connection of this wrapper's had done is over.
        interceptor.closed()
    _connect(connection, interceptor)
    connection.__dict__["_irontoken_references"] = references(connection)


def _connect(connection: BaseDatabaseWrapper, interceptor: WriteInterceptor | None) -> None:
    """Note what a connection is connected to."""
    options = cache.options()
    if interceptor is None or options is None:
        return
    interceptor.connected(open_database(connection), not uncacheable(connection, options))
    shared_connections.inherit(connection, interceptor)
    interceptor.learn(connection)
    if options.coherence == "postgres":
        connection.__dict__["_irontoken_server"] = fleet.server_of(connection)
