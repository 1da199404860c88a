"""The fleet: what other hosts write is heard over a bus that is there already.

PostgreSQL's NOTIFY or Redis carries the messages; one thread of each process listens, and a lease
that only proof renews says how long the process may rely on what it has heard.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from irontoken import background
from irontoken._core import Lease
from irontoken.fleet.bus import ANSWER, Bus, channel_of
from irontoken.fleet.listener import Listener
from irontoken.settings.cache import CacheOptions

if TYPE_CHECKING:
    from irontoken.fleet.redis import Publisher

#: By the database that a listener is for; one for all where Redis is the bus.
_listeners: Final[dict[str, Listener]] = {}
_lock = threading.Lock()
#: Seconds between two questions which server a connection is to.
_ASK_AGAIN: Final = 1.0
_LONGEST_ANSWER: Final = 200
_publisher: Any = None


def can_carry(connection: BaseDatabaseWrapper, options: CacheOptions) -> bool:
    """Tell whether the bus that ``COHERENCE`` names can carry the writes of a database.

    Redis takes those of any database; PostgreSQL takes its own, by psycopg 3.
    """
    if options.coherence != "postgres":
        return True
    wrapper: Any = connection
    # psycopg 3 has one, psycopg2 has none.
    return connection.vendor == "postgresql" and hasattr(wrapper.Database, "AsyncConnection")


def lease_for(
    connection: BaseDatabaseWrapper, identity: str, options: CacheOptions
) -> Lease | None:
    """Return the lease under which the rows of a database are kept; ``None`` without a fleet."""
    if options.coherence == "host":
        return None
    name = identity if options.coherence == "postgres" else ""
    with _lock:
        if name not in _listeners:
            alias = connection.alias
            _listeners[name] = Listener(
                _title(alias, options),
                Lease(options.lease),
                lambda: connect(alias, options),
                _more,
            )
        return _listeners[name].lease


def connect(alias: str, options: CacheOptions, *, needs_triggers: bool = True) -> Bus:
    """Return a connection to the bus of the database ``alias``, which is not open yet.

    ``needs_triggers`` tells whether ``open()`` raises ``BusUnavailable`` on PostgreSQL without
    irontoken's triggers. Raises ``ImportError`` where redis-py or psycopg is not installed.
    """
    channel = channel_of(options.project)
    if options.coherence == "postgres":
        from irontoken.fleet.postgres import Postgres

        listened = options.listen.get(alias, alias)
        return Postgres(listened, channel, options.lease, needs_triggers=needs_triggers)
    from irontoken.fleet.redis import Redis

    return Redis(channel, options.location, options.lease)


def may_store(
    connection: BaseDatabaseWrapper, identity: str, tables: list[str], options: CacheOptions
) -> bool:
    """Tell whether a row of ``tables`` may be kept that ``connection`` is about to read.

    Starts to listen, where nobody does. A standby may lag behind what has been heard of its
    primary, and a server that is not listened to sends no messages; neither's rows are stored.
    """
    listener = _listeners.get("" if options.coherence == "redis" else identity)
    if listener is None:
        return False  # the setting has just changed
    listener.ensure()
    if options.coherence == "redis":
        return True
    bus: Any = listener.bus
    return (
        bus is not None
        and bus.server is not None
        and _comes_from(connection, bus.server)
        and all(table in bus.state.tables for table in tables)
    )


def _comes_from(connection: BaseDatabaseWrapper, server: str) -> bool:
    """Tell whether a connection's rows are those of a server, whose messages are received."""
    noted = connection.__dict__
    if noted.get("_irontoken_server") == server:
        return True
    # Behind a pool the server may be another by now, and the connection still the same.
    now = time.monotonic()
    if now - noted.get("_irontoken_asked", -_ASK_AGAIN) < _ASK_AGAIN:
        return False
    noted["_irontoken_asked"] = now
    noted["_irontoken_server"] = server_of(connection)
    return bool(noted["_irontoken_server"] == server)


def server_of(connection: BaseDatabaseWrapper) -> str | None:
    """Return which server a connection has been opened to, if it is one of PostgreSQL's.

    ``None`` within a transaction, which is not this module's to begin or to end.
    """
    wrapper: Any = connection
    driver = wrapper.connection
    # Idle is the only state that is falsy.
    if connection.vendor != "postgresql" or driver is None or driver.info.transaction_status:
        return None
    from irontoken.fleet.postgres import SERVER

    try:
        with driver.cursor() as cursor:
            server: str = cursor.execute(SERVER).fetchone()[0]
        if not driver.autocommit:
            driver.rollback()
    except wrapper.Database.Error:
        return None  # its rows are not kept
    return server


def let_go_of_test_database(connection: BaseDatabaseWrapper) -> None:
    """Stop to listen before a test runner drops its database, which nobody may be connected to.

    Django sends no signal before it drops one, and closes its own connections alone; the one that
    listens is the driver's. While it is there, ``DROP DATABASE`` fails.
    """
    creation: Any = connection.creation
    destroy = creation.destroy_test_db

    def stop_and_destroy(*arguments: Any, **named: Any) -> None:
        forget()
        destroy(*arguments, **named)

    if not hasattr(destroy, "_irontoken"):
        stop_and_destroy._irontoken = True  # type: ignore[attr-defined]
        creation.destroy_test_db = stop_and_destroy


def publisher(options: CacheOptions) -> Callable[[str], None] | None:
    """Return what publishes a write, where its database does not do so by itself."""
    if options.coherence != "redis":
        return None
    return _publisher_of(options).publish


def clear(cached: list[BaseDatabaseWrapper], options: CacheOptions) -> None:
    """Make every process of the fleet forget what it holds of these databases."""
    if options.coherence == "redis":
        _publisher_of(options).publish("*")
    elif options.coherence == "postgres":
        for connection in cached:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '*')", [channel_of(options.project)])


def list_processes(alias: str, options: CacheOptions, seconds: float) -> Iterator[str]:
    """Ask every process of the fleet how it is, and yield the answers of ``seconds``.

    Raises what the bus raises where it cannot be reached.
    """
    bus = connect(alias, options, needs_triggers=False)
    try:
        bus.open()
        asked = time.monotonic()
        bus.send(None, f"?{bus.name}")
        while (left := asked + seconds - time.monotonic()) > 0:
            for is_own, text in bus.wait(left):
                if is_own and text.startswith(ANSWER):
                    after = (time.monotonic() - asked) * 1000
                    # Anybody may answer, and a terminal obeys what is not printable.
                    said = text.removeprefix(ANSWER)[:_LONGEST_ANSWER]
                    said = "".join(each if each.isprintable() else "?" for each in said)
                    yield f"{said}, answered after {after:.1f} ms"
    finally:
        bus.close()


def failures() -> list[str]:
    """Return why nothing is heard, of each bus of which nothing is."""
    return [f"{each.title}: {each.failure}" for each in _listeners.values() if each.failure]


def forget() -> None:
    """Stop to listen, and read the setting anew."""
    global _publisher
    with _lock:
        listeners = list(_listeners.values())
        _listeners.clear()
        stopped, _publisher = _publisher, None
    for listener in listeners:
        listener.end()
    if stopped is not None:
        stopped.end()


def _forked() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may hold it
    _lock = threading.Lock()


def _publisher_of(options: CacheOptions) -> "Publisher":
    global _publisher  # noqa: PLW0603 - as above
    from irontoken.fleet.redis import Publisher

    with _lock:
        if _publisher is None:
            _publisher = Publisher(channel_of(options.project), options.location)
        found: Publisher = _publisher
        return found


def _more() -> str:
    unsent = _publisher.unsent() if _publisher is not None else 0
    return f", {unsent} messages unsent" if unsent else ""


def _title(alias: str, options: CacheOptions) -> str:
    if options.coherence == "redis":
        return "Redis"
    listened = options.listen.get(alias, alias)
    database = connections.settings[listened]
    place = f"{database.get('HOST') or 'the local socket'}:{database.get('PORT') or 5432}"
    return f"PostgreSQL at {place} (database {alias!r})"


background.after_fork(_forked)
