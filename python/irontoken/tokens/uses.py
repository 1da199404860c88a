"""What the use of tokens leads to, written in batches by a thread: no request writes.

That is when it was, the later end that it gives, and the digest under today's pepper. Each process
records a token at most once in an interval. The thread writes a second after the first use, and
then every five. What is left is written by ``atexit``. Where a process ends without that, as one
that is killed does, and those of uvicorn, granian and gunicorn's UvicornWorker on SIGTERM, the
uses of the last five seconds are lost.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import Error, InterfaceError, OperationalError, connections, router, transaction
from django.utils import timezone

from irontoken import background
from irontoken.background import Worker
from irontoken.tokens import settings as conf

logger: Final = logging.getLogger("irontoken.tokens")
#: Rows that are written, or left for later, together.
_BATCH: Final = 200
#: The most uses that are remembered; what is past it is not recorded until the next writing.
_MOST: Final = 100_000
#: Seconds from a use to its writing, and between two writings.
_SOON: Final = 1.0
_PAUSE: Final = 5.0
#: Seconds that the end of a process waits for a writing that is under way.
_PATIENCE: Final = 5.0


class Place(NamedTuple):
    """Where a token is; the name of the database is that which the alias stood for."""

    model: Any
    pk: Any
    alias: str
    database: str


class Update(NamedTuple):
    """What is changed in a row, where it still is as it was."""

    conditions: dict[str, Any]
    changes: dict[str, Any]


class _Uses:
    def __init__(self) -> None:
        self.worker = Worker("irontoken-uses", _run)
        self.forked()
        background.register(self)

    def forked(self) -> None:
        """Begin anew: what the parent has recorded is the parent's to write."""
        self.worker.forked()
        #: Whether there is something to write.
        self.work = threading.Event()
        self.failure = ""
        self.recorded: dict[Place, datetime] = {}
        #: By what is changed, and where.
        self.updates: dict[tuple[str, Place], Update | Callable[[], None]] = {}
        #: By digest, which is at hand: when to record it again.
        self.next_at: dict[str, float] = {}

    def end(self) -> None:
        """Write what is left."""
        self.worker.stopping.set()
        self.work.set()
        # What holds the thread would hold the end of the process.
        if self.worker.stop(_PATIENCE) and (self.recorded or self.updates):
            flush()


def record(token: Any) -> None:
    """Record that a token has just been used, once in an interval."""
    options = conf.options()
    if not options.records_uses:
        return
    now = time.monotonic()
    if now < _uses.next_at.get(token.digest, 0.0) or len(_uses.recorded) >= _MOST:
        return
    if len(_uses.next_at) >= _MOST:
        _uses.next_at.clear()
    _uses.next_at[token.digest] = now + options.last_used_interval.total_seconds()
    place = place_of(token)
    if place is None:
        return
    if options.last_used:
        _uses.recorded[place] = timezone.now()
        _start()
    if (end := _later_end(token, options)) is not None:
        conditions = {"revoked": None, "lifetime__gt": 0, "expires__lt": end}
        _change("expires", place, Update(conditions, {"expires": end}))


def rehash(token: Any, digest: str) -> None:
    """Have the thread write ``digest`` to a token that was found under an earlier pepper's.

    Does nothing where another process has just done so.
    """
    place = place_of(token)
    if place is not None:
        _change("digest", place, Update({"digest": token.digest}, {"digest": digest}))


def bind(token: Any, session_hash: str) -> None:
    """Have the thread write ``session_hash``, what binds a token to its user's password."""
    place = place_of(token)
    if place is not None:
        conditions = {"session_hash": token.session_hash}
        _change("session_hash", place, Update(conditions, {"session_hash": session_hash}))


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


def _later_end(token: Any, options: conf.TokenOptions) -> datetime | None:
    """Return the end that a use gives a token, if it is enough later than the one it has."""
    is_renewed = token.lifetime is not None and token.lifetime > 0
    if options.renew_every is None or token.expires is None or not is_renewed:
        return None
    end: datetime = timezone.now() + timedelta(seconds=token.lifetime)
    if options.max_lifetime is not None:
        end = min(end, token.first_issue + options.max_lifetime)
    return end if end - token.expires >= options.renew_every else None


def later(what: str, place: Place, work: Callable[[], None]) -> None:
    """Do a piece of work that concerns a token, in the thread; ``what`` it is names it."""
    _change(what, place, work)


def _change(what: str, place: Place, update: Update | Callable[[], None]) -> None:
    if len(_uses.updates) < _MOST:
        _uses.updates[what, place] = update
        _start()


def flush() -> None:
    """Write what has been recorded; raises nothing of the database's.

    What a database could not do for now is tried again at the next time.
    """
    failed: dict[str, str] = {}
    for key, update in _uses.updates.copy().items():
        _, place = key
        done = _attempt(place.alias, failed, partial(_do, place, update))
        if done and _uses.updates.get(key) is update:
            _uses.updates.pop(key, None)
    by_table: dict[tuple[Any, str], list[tuple[Place, datetime]]] = {}
    for place, when in _uses.recorded.copy().items():
        by_table.setdefault((place.model, place.alias), []).append((place, when))
    for (_, alias), rows in by_table.items():
        remaining = iter(rows)
        while some := list(islice(remaining, _BATCH)):
            if _attempt(alias, failed, partial(_write, some)):
                for place, when in some:
                    if _uses.recorded.get(place) is when:
                        _uses.recorded.pop(place, None)
    _tell(failed)


def _attempt(alias: str, failed: dict[str, str], work: Callable[[], None]) -> bool:
    """Do a piece of work; return whether it is done with, for good or ill."""
    if alias in failed:
        return False
    try:
        work()
    except (OperationalError, InterfaceError) as error:
        failed[alias] = str(error)
        return False
    except Error as error:
        # It would fail the next time too.
        logger.warning("The use of a token could not be written: %s", type(error).__name__)
    return True


def _tell(failed: dict[str, str]) -> None:
    failure = "; ".join(f"{alias}: {error}" for alias, error in failed.items())
    if failure and failure != _uses.failure:
        logger.warning("The use of tokens could not be written yet: %s", failure)
    _uses.failure = failure


def _do(place: Place, update: Update | Callable[[], None]) -> None:
    """Change a row by the ORM, so that cached ones are read anew."""
    if not _is_there(place):
        return
    if isinstance(update, Update):
        rows = place.model._base_manager.using(place.alias).filter(pk=place.pk)
        rows.filter(**update.conditions).update(**update.changes)
    else:
        update()
    _keep(place.alias)


def _is_there(place: Place) -> bool:
    # A test's database gives its alias back.
    return _database(place.alias) == place.database


def _keep(alias: str) -> None:
    """Commit where Django leaves that to others."""
    connection = connections[alias]
    if not connection.in_atomic_block and not connection.get_autocommit():
        connection.commit()


def _write(rows: list[tuple[Place, datetime]]) -> None:
    """Write when tokens of one table were used.

    By the driver's own cursor. An execute wrapper sees every statement of Django's cursors and
    cannot be told to pass one over; this one would make the cached rows of each token that is used
    old, in every process, and so the cache of a busy site empty.
    """
    place, _ = rows[0]
    model, alias = place.model, place.alias
    connection = connections[alias]
    key, used = model._meta.pk, model._meta.get_field("last_used")
    quote = connection.ops.quote_name
    table, column, pk = map(quote, (model._meta.db_table, used.column, key.column))
    # Never back in time: several processes note one token.
    sql = (
        f"UPDATE {table} SET {column} = %s WHERE {pk} = %s AND ({column} IS NULL OR {column} < %s)"  # noqa: S608
    )
    is_sqlite = connection.vendor == "sqlite"
    if is_sqlite:
        sql = sql.replace("%s", "?")
    connection.ensure_connection()
    driver: Any = connection.connection
    # One by one, or whoever locks several rows in another order would wait for this, and this for
    # that. SQLite locks the whole database, and so once.
    with (
        transaction.atomic(alias) if is_sqlite else nullcontext(),
        connection.wrap_database_errors,
    ):
        cursor = driver.cursor()
        try:
            for each, when in rows:
                if _is_there(each):
                    moment = used.get_db_prep_value(when, connection)
                    value = key.get_db_prep_value(each.pk, connection)
                    cursor.execute(sql, (moment, value, moment))
                    _keep(alias)
        finally:
            cursor.close()


def _start() -> None:
    _uses.work.set()
    _uses.worker.start()


def _run() -> None:
    uses = _uses
    while uses.work.wait():
        interval = conf.options().last_used_interval.total_seconds()
        # Not at once: the request that used the token may hold SQLite's only lock.
        if uses.worker.stopping.wait(min(_SOON, interval)):
            return
        uses.work.clear()
        flush()
        connections.close_all()
        if uses.recorded or uses.updates:
            uses.work.set()  # what could not be written now
        if uses.worker.stopping.wait(min(_PAUSE - _SOON, interval)):
            return


_uses: Final = _Uses()
