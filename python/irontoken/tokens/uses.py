"""The use of tokens: when it was, and the later end that it gives, written in batches by a thread.

No request writes and none waits. Each process notes a token at most once in an interval; what a
process that is killed had not written is lost, and is at most one interval of uses.
"""

import atexit
import logging
import os
import threading
import time
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import Error, connections, router
from django.utils import timezone

from irontoken.tokens import conf

logger: Final = logging.getLogger("irontoken.tokens")
#: Rows in one transaction of the thread.
_BATCH: Final = 200
#: The most uses that are remembered; what is past it is not noted until the next writing.
_MOST: Final = 100_000


class _Uses:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.stop = threading.Event()
        #: By model and primary key: when it was used, and its later end.
        self.noted: dict[tuple[Any, Any], datetime] = {}
        self.renewed: dict[tuple[Any, Any], datetime] = {}
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
    if _is_rolled_back(type(token)):
        return
    place = (type(token), token.pk)
    if options.last_used:
        _uses.noted[place] = timezone.now()
    if (end := _later_end(token, options)) is not None:
        _uses.renewed[place] = end
    if _uses.thread is None or not _uses.thread.is_alive():
        _start()


def _is_rolled_back(model: Any) -> bool:
    """Tell whether a test's transaction surrounds all: no other thread will ever see its rows."""
    blocks = connections[router.db_for_write(model)].atomic_blocks
    return any(getattr(block, "_from_testcase", False) for block in blocks)


def flush() -> None:
    """Write what has been noted; raises nothing of the database's."""
    try:
        while _uses.renewed:
            (model, pk), end = _uses.renewed.popitem()
            # By the ORM, so that cached rows are read anew: they end later now.
            tokens = model._base_manager.using(router.db_for_write(model))
            tokens.filter(pk=pk, revoked=None, lifetime__gt=0, expires__lt=end).update(expires=end)
        while _uses.noted:
            _write_some()
    except Error as error:
        logger.warning("The use of tokens could not be written: %s", str(error))


def _later_end(token: Any, options: conf.TokenOptions) -> datetime | None:
    """Return the end that a use gives a token, if it is enough later than the one it has."""
    if options.renew_every is None or token.expires is None or not token.lifetime:
        return None
    end: datetime = timezone.now() + timedelta(seconds=token.lifetime)
    if options.max_lifetime is not None:
        end = min(end, token.created + options.max_lifetime)
    return end if end - token.expires >= options.renew_every else None


def _write_some() -> None:
    by_model: dict[Any, list[tuple[datetime, Any]]] = {}
    for _ in range(min(_BATCH, len(_uses.noted))):
        (model, pk), used = _uses.noted.popitem()
        by_model.setdefault(model, []).append((used, pk))
    for model, rows in by_model.items():
        # In one order, so that two processes do not wait for each other.
        _write(model, sorted(rows, key=lambda row: str(row[1])))


def _write(model: Any, rows: list[tuple[datetime, Any]]) -> None:
    """Write by the driver's own cursor: the seam would take it for a change of the tokens."""
    connection = connections[router.db_for_write(model)]
    connection.ensure_connection()
    quote = connection.ops.quote_name
    table, column, pk = (
        quote(model._meta.db_table),
        quote(model._meta.get_field("last_used").column),
        quote(model._meta.pk.column),
    )
    used = model._meta.get_field("last_used")
    key = model._meta.pk
    # Never back in time: several processes note one token.
    sql = (
        f"UPDATE {table} SET {column} = %s WHERE {pk} = %s AND ({column} IS NULL OR {column} < %s)"  # noqa: S608
    )
    sets = [
        (moment, key.get_db_prep_value(value, connection), moment)
        for when, value in rows
        for moment in [used.get_db_prep_value(when, connection)]
    ]
    if connection.vendor == "sqlite":
        sql = sql.replace("%s", "?")
    with connection.wrap_database_errors:
        driver: Any = connection.connection
        cursor = driver.cursor()
        try:
            cursor.executemany(sql, sets)
        finally:
            cursor.close()
        if not connection.get_autocommit() and not connection.in_atomic_block:
            driver.commit()


def _start() -> None:
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
    if _uses.noted or _uses.renewed:
        flush()


os.register_at_fork(after_in_child=_forked)
atexit.register(_end)
