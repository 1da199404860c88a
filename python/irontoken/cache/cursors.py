"""Statements whose work goes on after the driver's ``execute()`` has returned.

SQLite commits what ``UPDATE … RETURNING`` has written when the last of its rows has been fetched;
MariaDB may still be at work on a procedure, or on the second of several statements, whose first
result is there. The write interceptor has to know when the work is done.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def read_to_the_end(finished: Callable[[BaseDatabaseWrapper], None], context: Any) -> bool:
    """See a statement's work through, or call ``finished`` with the connection once it is done.

    ``context`` is that of Django's ``execute_wrapper()``. Returns whether the work may go on.
    Raises what the database raises where fetching its rows fails.
    """
    connection, cursor = context["connection"], context["cursor"]
    if connection.vendor == "sqlite":
        if cursor.cursor.description is not None:
            cursor.cursor = ReadCursor(cursor, connection)
        return False

    def tell_after(method: Callable[..., Any]) -> Callable[..., Any]:
        def told(*arguments: Any) -> Any:
            try:
                return method(*arguments)
            finally:
                finished(connection)

        return told

    # `CursorWrapper` has neither: it takes both from the driver's cursor, whenever it is asked.
    for name in ("close", "nextset"):
        setattr(cursor, name, tell_after(getattr(cursor, name)))
    return True


class ReadCursor:
    """A cursor of SQLite's whose rows have all been fetched, and wait to be asked for.

    SQLite has all rows of such a statement before it gives out the first of them, so that fetching
    them at once costs no memory that they did not take.
    """

    def __init__(self, wrapper: Any, connection: BaseDatabaseWrapper) -> None:
        """Fetch the rows of ``wrapper``, which is Django's, in whose place this one stands."""
        # The wrapper refers to this one; in a cycle the driver's cursor would outlive both.
        self._wrapper = weakref.ref(wrapper)
        self._driver = wrapper.cursor
        self.arraysize = self._driver.arraysize
        with connection.wrap_database_errors:
            self._rows = deque(self._driver.fetchall())

    def __getattr__(self, name: str) -> Any:
        """Return what the driver's cursor has under ``name``."""
        return getattr(self._driver, name)

    def __iter__(self) -> Iterator[Any]:
        """Return the rows that are left, as the driver's cursor does: itself."""
        return self

    def __next__(self) -> Any:
        """Return the next row."""
        if not self._rows:
            raise StopIteration
        return self._rows.popleft()

    def execute(self, *arguments: Any) -> Any:
        """Run another statement, whose rows are the driver's."""
        return self._step_aside().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        """Run another statement with several sets of parameters."""
        return self._step_aside().executemany(*arguments)

    def fetchone(self) -> Any:
        """Return the next row, or ``None`` after the last."""
        return next(self, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next ``size`` rows, or ``arraysize``."""
        count = self.arraysize if size is None else size
        return [self._rows.popleft() for _ in range(min(count, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return [self._rows.popleft() for _ in range(len(self._rows))]

    def close(self) -> None:
        """Drop the rows that are left, and close the driver's cursor."""
        self._rows.clear()
        self._driver.close()

    def _step_aside(self) -> Any:
        """Put the driver's cursor back in its place, and return it."""
        wrapper = self._wrapper()
        if wrapper is not None:
            wrapper.cursor = self._driver
        return self._driver
