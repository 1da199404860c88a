"""Writers that are slow, so that readers ask between two steps of theirs.

Each statement that may write waits before it is run and after, inside of the write interceptor.
On SQLite, where a statement ends when its rows have been fetched, each fetch of it waits too.
"""

from django.conf import settings
from django.db.backends.signals import connection_created

#: The first words of statements that write nothing, or whose rows nobody waits for.
READS = ("SELECT", "PRAGMA", "SAVEPOINT", "RELEASE", "EXPLAIN", "SHOW")
#: Seconds; readers may be kept from asking, by a lock of the writer's.
LONGEST = 0.02


class Slowness:
    """Lets readers ask, by ``pause``, while ``is_on``."""

    def __init__(self, pause):
        self.pause = pause
        self.is_on = False
        self.returns_rows = False
        connection_created.connect(self._connected, dispatch_uid="write paths")
        if settings.VENDOR == "sqlite":
            self._slow_down_fetches()

    def _connected(self, connection, **_):
        # The same object each time, or there would be one more with each connection.
        if self._execute not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._execute)

    def _execute(self, execute, sql, parameters, many, context):
        words = str(sql).lstrip().upper()
        if not self.is_on or words.startswith(READS):
            self.returns_rows = False
            return execute(sql, parameters, many, context)
        self.pause(1, LONGEST)
        result = execute(sql, parameters, many, context)
        self.pause(1, LONGEST)
        self.returns_rows = "RETURNING" in words
        return result

    def _slow_down_fetches(self):
        from django.db.backends.sqlite3.base import SQLiteCursorWrapper as Cursor

        for name in ("fetchone", "fetchmany", "fetchall", "__next__"):
            setattr(Cursor, name, self._waiting(getattr(Cursor, name)))

    def _waiting(self, fetch):
        def fetched(*arguments, **options):
            if self.is_on and self.returns_rows:
                self.pause(1, LONGEST)
            return fetch(*arguments, **options)

        return fetched
