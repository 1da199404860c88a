"""The thread that listens to the bus, and keeps the lease while proof comes back.

It is started by the first request that asks for a token, and again in a child that was forked
after that. While it has no bus the lease does not run, and every request asks the database.
"""

import contextlib
import logging
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Final

from irontoken import background
from irontoken._core import BusSession, Lease
from irontoken.background import Worker
from irontoken.fleet.bus import ANSWER, Bus, BusUnavailable

logger: Final = logging.getLogger("irontoken")

#: Seconds between two tries to connect: the first, and the longest.
_FIRST_DELAY: Final = 0.05
_LONGEST_DELAY: Final = 5.0
#: Seconds between two answers to those who list processes, which anybody may send.
_ANSWER_DELAY: Final = 0.05
#: Seconds that the end of a process waits for its thread.
_PATIENCE: Final = 1.0


class Listener:
    """Listens for one lease."""

    def __init__(
        self,
        title: str,
        lease: Lease,
        connect: Callable[[], Bus],
        more: Callable[[], str] = lambda: "",
    ) -> None:
        """Take what the log calls the bus, how to connect, and what else a reply says."""
        self.title = title
        self.lease = lease
        #: Why nothing is heard; empty while something is, and before anybody listens.
        self.failure = ""
        self.is_heard = False
        #: The connection, while there is one.
        self.bus: Bus | None = None
        self._connect = connect
        self._more = more
        self._worker = Worker("irontoken", self._run)
        self._answered = 0.0
        background.register(self)

    def ensure(self) -> None:
        """Start the thread, unless it is there."""
        if failure := self._worker.start():
            # The process goes on without a lease.
            self.failure = failure

    def end(self) -> None:
        """End the thread, and with it the lease, for good."""
        self._worker.stopping.set()
        self.lease.revoke()
        if (bus := self.bus) is not None:
            bus.interrupt()
        self._worker.stop(_PATIENCE)

    def forked(self) -> None:
        """Forget the parent's thread and connection, which this child does not have."""
        self.lease.revoke()
        self.failure, self.is_heard = "", False
        if self.bus is not None:
            self.bus.abandon()
        self.bus = None
        self._worker.forked()

    def _run(self) -> None:
        delay, stopping = _FIRST_DELAY, self._worker.stopping
        while not stopping.is_set():
            started = time.monotonic()
            reason = self._listen()
            if stopping.is_set():
                return
            if not self.failure:
                logger.warning(
                    "%s does not answer. Every request asks the database until it does: %s",
                    self.title,
                    reason,
                )
            self.failure, self.is_heard = reason, False
            if time.monotonic() - started > _LONGEST_DELAY:
                delay = _FIRST_DELAY
            # Not all processes of a fleet at once, when a server comes back.
            stopping.wait(delay * random.uniform(0.5, 1.5))  # noqa: S311
            delay = min(2 * delay, _LONGEST_DELAY)

    def _listen(self) -> str:
        """Listen until something fails; return what it was."""
        line: BusSession | None = None
        bus = self._connect()
        try:
            self.bus = bus
            bus.open()
            line = BusSession(self.lease)
            while not self._worker.stopping.is_set():
                self._turn(bus, line)
        except Exception as error:  # noqa: BLE001 - whatever it is, requests go on
            text = " ".join(str(error).split())
            return text if isinstance(error, BusUnavailable) else f"{type(error).__name__}: {text}"
        finally:
            if line is not None:
                line.lost()
            self.bus = None
            with contextlib.suppress(Exception):
                bus.close()
        return "stopped"

    def _turn(self, bus: Bus, line: BusSession) -> None:
        if (secret := line.probe()) is not None:
            bus.probe(secret)
        for is_own, text in bus.wait(line.due_in()):
            if not is_own:
                caller = line.receive(text)
                if caller is not None:
                    self._answer(bus, caller)
            elif line.confirm(text) and not self.is_heard:
                self.failure, self.is_heard = "", True
                logger.info("%s answers.", self.title)
        if line.is_dead():
            raise BusUnavailable("what was sent over it does not come back")

    def _answer(self, bus: Bus, caller: str) -> None:
        now = time.monotonic()
        if now - self._answered >= _ANSWER_DELAY:
            self._answered = now
            age = self.lease.age()
            lease = "no lease" if age is None else f"proof {age * 1000:.0f} ms old"
            said = f"{socket.gethostname()} {os.getpid()}: {lease}{self._more()}"
            bus.send(caller, ANSWER + said)
