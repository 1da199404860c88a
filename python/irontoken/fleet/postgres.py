"""PostgreSQL's NOTIFY as a bus: one connection of the process's own that listens.

The driver is used without waiting for its answers, so that a server that says nothing, or a
network that swallows what is sent, holds nobody up for longer than a lease.
"""

import contextlib
import json
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from django.db import connections
from psycopg.pq import ExecStatus

from irontoken.fleet.bus import ANSWER, BusUnavailable, new_name
from irontoken.fleet.triggers import State, Triggers

#: What tells a database from any other, the same one on a standby included: when its server was
#: started, and its number there.
SERVER: Final = """
    SELECT extract(epoch FROM pg_postmaster_start_time())::text || ' ' || oid::text
    FROM pg_catalog.pg_database WHERE datname = current_database()
"""
_FIT: Final = "SELECT pg_backend_pid(), pg_is_in_recovery()"
#: Which triggers there are, on which tables, and whether any has been altered: what switches one
#: off and on again leaves another version of its row.
_INSTALLED: Final = """
    SELECT md5(string_agg(concat_ws(' ', name, to_regclass(name)::oid, t.oid, t.xmin), ','
        ORDER BY name, t.oid))
    FROM jsonb_array_elements_text($1::jsonb) AS wanted (name)
    JOIN pg_catalog.pg_trigger AS t
    ON t.tgrelid = to_regclass(name) AND t.tgfoid = $2::oid AND t.tgenabled = 'A'
"""
#: Sent only while the triggers are there: messages come by them.
_PROBE: Final = f"""
    SELECT pg_notify($3, $4) WHERE NOT pg_is_in_recovery() AND pg_backend_pid() = $5::int
    AND ({_INSTALLED}) = $6
"""
_SEND: Final = "SELECT pg_notify($1, $2)"

POOLED: Final = (
    "a pool stands between this process and PostgreSQL, and may hand its notifications to others: "
    "name an alias that connects directly, IRONTOKEN['CACHE']['LISTEN'] = {'default': alias}"
)


class Postgres:
    """A connection to the server of ``alias``, or to that of the alias that ``LISTEN`` names."""

    def __init__(self, alias: str, channel: str, lease: float, *, needs_triggers: bool) -> None:
        """Take the length of the lease in seconds: no answer is waited for longer."""
        self.alias = alias
        self.name = new_name()
        self.triggers = Triggers(channel)
        self.lease = lease
        self.needs_triggers = needs_triggers
        self.state = State([], 0, [], [])
        self.server: str | None = None
        self._connection: Any = None
        self._pg: Any = None
        self._pid = 0
        self._installed = ""
        self._unsent: deque[tuple[str, list[str]]] = deque()
        #: The statement that the server has not answered yet.
        self._asked = ""
        self._woken, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)

    def open(self) -> None:
        """Connect and listen; see ``Bus``."""
        parameters = connections[self.alias].get_connection_params()
        parameters.setdefault("connect_timeout", max(2, round(self.lease)))
        parameters["application_name"] = "irontoken"
        # Django's own adapters and cursors are not needed here.
        for name in ("context", "cursor_factory", "prepare_threshold", "pool"):
            parameters.pop(name, None)
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._pg = self._connection.pgconn
        self._selector.register(self._pg.socket, selectors.EVENT_READ)
        if role := connections[self.alias].settings_dict["OPTIONS"].get("assume_role"):
            self._ask('SET ROLE "{}"'.format(role.replace('"', '""')))
        [[pid, is_standby]] = self._ask(_FIT)
        self._pid = int(pid)
        if self._pid != self._pg.backend_pid:
            raise BusUnavailable(POOLED)
        if is_standby == "t":
            raise BusUnavailable("the server is a standby, which cannot be listened to")
        if self.needs_triggers:
            self.state = self.triggers.state(self._ask(*self.triggers.state_query()))
            if self.state.problem:
                raise BusUnavailable(f"{self.state.problem}: run manage.py irontoken install")
            [[self._installed]] = self._ask(_INSTALLED, self._triggers())
        [[self.server]] = self._ask(SERVER)
        # What is sent here is no message that must outlive a crash of the server.
        self._ask("SET synchronous_commit TO off")
        self._ask(f'LISTEN "{self.triggers.channel}"')
        self._ask(f'LISTEN "{self._channel(self.name)}"')

    def probe(self, secret: str) -> None:
        """Send a secret to this connection itself; see ``Bus``."""
        sent = [self._channel(self.name), secret, str(self._pid), self._installed]
        self._send(_PROBE, [*self._triggers(), *sent])

    def send(self, name: str | None, text: str) -> None:
        """Send a message; see ``Bus``."""
        self._send(_SEND, [self._channel(name), text])

    def wait(self, seconds: float) -> Iterator[tuple[bool, str]]:
        """Yield what is heard; see ``Bus``."""
        own = self._channel(self.name)
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(64)
            else:
                self._pg.consume_input()
                self._take_answers()
        while (notify := self._pg.notifies()) is not None:
            text = notify.extra.decode(errors="replace")
            is_own = notify.relname.decode() == own
            # A secret counts that this very session of the server has sent.
            if not is_own or notify.be_pid == self._pid or text.startswith(ANSWER):
                yield is_own, text

    def interrupt(self) -> None:
        """Make ``wait`` return; see ``Bus``."""
        with contextlib.suppress(OSError):
            self._wake.send(b".")

    def abandon(self) -> None:
        """Let go of the parent's connection; see ``Bus``."""
        if self._pg is not None:
            # The server would keep the session for as long as any process has its socket. Its
            # number stays taken, since the driver knows it.
            with contextlib.suppress(OSError), Path(os.devnull).open() as nothing:
                os.dup2(nothing.fileno(), self._pg.socket)

    def close(self) -> None:
        """Disconnect; see ``Bus``."""
        self._selector.close()
        self._woken.close()
        self._wake.close()
        if self._connection is not None:
            self._connection.close()

    def _triggers(self) -> list[str]:
        return [json.dumps(self.state.tables), str(self.state.function)]

    def _channel(self, name: str | None) -> str:
        return f"{self.triggers.channel}_{name}" if name else self.triggers.channel

    def _send(self, sql: str, parameters: list[str]) -> None:
        self._unsent.append((sql, parameters))
        self._send_next()

    def _send_next(self) -> None:
        if self._asked or not self._unsent:
            return
        sql, parameters = self._unsent.popleft()
        self._asked = sql
        self._pg.send_query_params(sql.encode(), [each.encode() for each in parameters])
        deadline = time.monotonic() + self.lease
        while self._pg.flush():
            if time.monotonic() > deadline:
                raise BusUnavailable("the server takes nothing")
            time.sleep(0.001)

    def _take_answers(self) -> list[list[Any]]:
        rows: list[list[Any]] = []
        while self._asked and not self._pg.is_busy():
            result = self._pg.get_result()
            if result is None:
                self._asked = ""
                self._send_next()
                continue
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                raise BusUnavailable(result.error_message.decode(errors="replace").strip())
            if self._asked is _PROBE and not result.ntuples:
                raise BusUnavailable(
                    "the triggers are not what they were: run manage.py irontoken install"
                )
            rows += [
                [
                    value if value is None else value.decode()
                    for value in (
                        result.get_value(row, column) for column in range(result.nfields)
                    )
                ]
                for row in range(result.ntuples)
            ]
        return rows

    def _ask(self, sql: str, parameters: list[str] | None = None) -> list[list[Any]]:
        """Return the rows of a query, within the length of a lease."""
        deadline = time.monotonic() + self.lease
        self._send(sql, parameters or [])
        rows: list[list[Any]] = []
        while self._asked:
            left = deadline - time.monotonic()
            if left <= 0:
                raise BusUnavailable("the server does not answer")
            for key, _ in self._selector.select(left):
                if key.fileobj is self._woken:
                    raise BusUnavailable("interrupted")
                self._pg.consume_input()
                rows += self._take_answers()
        return rows
