"""What the use of tokens leads to, written in batches by a thread: no request writes, none waits.

That is when it was, the later end that it gives, and the digest under the newest pepper. Each
process notes a token at most once in an interval; what a process that is killed had not written is
lost, and is at most one interval of uses.
"""

import atexit
import logging
import os
import threading
import time
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import Error, connections, router, transaction
from django.utils import timezone

from irontoken.tokens import conf

logger: Final = logging.getLogger("irontoken.tokens")
#: Rows in one transaction of the thread.
_BATCH: Final = 200
#: The most uses that are remembered; what is past it is not noted until the next writing.
_MOST: Final = 100_000
#: Seconds that the end of a process waits for a writing that is under way.
_PATIENCE: Final = 5.0


class Place(NamedTuple):
    """Where a token is; the name of the database is that which the alias stood for."""

    model: Any
    pk: Any
    alias: str
    database: str


class _Uses:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.stop = threading.Event()
        self.failure = ""
        self.noted: dict[Place, datetime] = {}
        self.renewed: dict[Place, datetime] = {}
        self.rehashed: dict[Place, tuple[str, str]] = {}
        #: By digest, which is at hand: when to note it again.
        self.next_at: dict[str, float] = {}


_uses = _Uses()


def note(token: Any) -> None:
    """Note that a token has just been used."""
    options = conf.options()
    if not options.notes_uses:
        return
    now = time.monotonic()
    if now < _uses.next_at.get(token.digest, 0.0) or len(_uses.noted) >= _MOST:
        return
    if len(_uses.next_at) >= _MOST:
        _uses.next_at.clear()
    _uses.next_at[token.digest] = now + options.last_used_interval.total_seconds()
    place = place_of(token)
    if place is None:
        return
    if options.last_used:
        _uses.noted[place] = timezone.now()
    if (end := _later_end(token, options)) is not None:
        _uses.renewed[place] = end
    _start()


def rehash(token: Any, digest: str) -> None:
    """Give a token that was found under an older digest this one."""
    place = place_of(token)
    if place is not None and len(_uses.rehashed) < _MOST:
        _uses.rehashed[place] = (token.digest, digest)
        _start()


def place_of(token: Any) -> Place | None:
    """Return where a token is; ``None`` where no other thread will ever see its row."""
    model = type(token)
    alias = router.db_for_write(model, instance=token)
    if _is_rolled_back(alias):
        return None
    return Place(model, token.pk, alias, _database(alias))


def _is_rolled_back(alias: str) -> bool:
    """Tell whether a test's transaction surrounds all."""
    blocks = connections[alias].atomic_blocks
    return any(getattr(block, "_from_testcase", False) for block in blocks)


def _database(alias: str) -> str:
    return str(connections[alias].settings_dict["NAME"])


def flush() -> None:
    """Write what has been noted; raises nothing of the database's, and tries again later."""
    try:
        for place, end in _uses.renewed.copy().items():
            if _is_there(place):
                # By the ORM, so that cached rows are read anew: they end later now.
                tokens = place.model._base_manager.using(place.alias).filter(pk=place.pk)
                live = tokens.filter(revoked=None, lifetime__gt=0, expires__lt=end)
                live.update(expires=end)
            _uses.renewed.pop(place, None)
        for place, (old, new) in _uses.rehashed.copy().items():
            if _is_there(place):
                tokens = place.model._base_manager.using(place.alias).filter(pk=place.pk)
                # Unless another process has just done so.
                tokens.filter(digest=old).update(digest=new)
            _uses.rehashed.pop(place, None)
        while noted := list(_uses.noted.copy().items())[:_BATCH]:
            _write_all(noted)
            for place, when in noted:
                if _uses.noted.get(place) is when:
                    _uses.noted.pop(place, None)
        _uses.failure = ""
    except Error as error:
        if _uses.failure != str(error):
            _uses.failure = str(error)
            logger.warning("The use of tokens could not be written: %s", _uses.failure)


def _is_there(place: Place) -> bool:
    # A test's database gives its alias back.
    return _database(place.alias) == place.database


def _later_end(token: Any, options: conf.TokenOptions) -> datetime | None:
    """Return the end that a use gives a token, if it is enough later than the one it has."""
    if options.renew_every is None or token.expires is None or not token.lifetime:
        return None
    end: datetime = timezone.now() + timedelta(seconds=token.lifetime)
    if options.max_lifetime is not None:
        end = min(end, token.created + options.max_lifetime)
    return end if end - token.expires >= options.renew_every else None


def _write_all(noted: list[tuple[Place, datetime]]) -> None:
    by_table: dict[tuple[Any, str], list[tuple[Any, datetime]]] = {}
    for place, when in noted:
        if _is_there(place):
            by_table.setdefault((place.model, place.alias), []).append((place.pk, when))
    for (model, alias), rows in by_table.items():
        # In one order, so that two processes do not wait for each other.
        _write(model, alias, sorted(rows, key=lambda row: str(row[0])))


def _write(model: Any, alias: str, rows: list[tuple[Any, datetime]]) -> None:
    """Write by the driver's own cursor: the seam would take it for a change of the tokens."""
    connection = connections[alias]
    key, used = model._meta.pk, model._meta.get_field("last_used")
    quote = connection.ops.quote_name
    table, column, pk = map(quote, (model._meta.db_table, used.column, key.column))
    # Never back in time: several processes note one token.
    sql = (
        f"UPDATE {table} SET {column} = %s WHERE {pk} = %s AND ({column} IS NULL OR {column} < %s)"  # noqa: S608
    )
    sets = [
        (moment, key.get_db_prep_value(value, connection), moment)
        for value, when in rows
        for moment in [used.get_db_prep_value(when, connection)]
    ]
    if connection.vendor == "sqlite":
        sql = sql.replace("%s", "?")
    with transaction.atomic(alias), connection.wrap_database_errors:
        driver: Any = connection.connection
        cursor = driver.cursor()
        try:
            cursor.executemany(sql, sets)
        finally:
            cursor.close()
    if not connection.in_atomic_block and not connection.get_autocommit():
        connection.commit()


def _start() -> None:
    if _uses.thread is not None and _uses.thread.is_alive():
        return
    with _uses.lock:
        if _uses.thread is None or not _uses.thread.is_alive():
            _uses.thread = threading.Thread(target=_run, name="irontoken-uses", daemon=True)
            _uses.thread.start()


def _run() -> None:
    while not _uses.stop.wait(min(5.0, conf.options().last_used_interval.total_seconds())):
        flush()
        connections.close_all()


def _forked() -> None:
    global _uses  # noqa: PLW0603 - what the parent has noted is the parent's to write
    _uses = _Uses()


def _end() -> None:
    _uses.stop.set()
    if _uses.thread is not None:
        _uses.thread.join(_PATIENCE)
    if _uses.noted or _uses.renewed or _uses.rehashed:
        flush()


os.register_at_fork(after_in_child=_forked)
atexit.register(_end)
