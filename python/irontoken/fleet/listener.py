"""The thread that listens to the bus, and keeps the lease while proof comes back.

It is started by the first request that asks for a token, and again in a child that was forked
after that. While it has no bus the lease does not run, and every request asks the database.
"""

import atexit
import contextlib
import logging
import os
import random
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from irontoken._core import BusSession, Lease
from irontoken.fleet.bus import ANSWER, Bus, BusUnavailable

logger: Final = logging.getLogger("irontoken")

#: Seconds between two tries to connect: the first, and the longest.
_FIRST_DELAY: Final = 0.05
_LONGEST_DELAY: Final = 5.0
#: Seconds between two answers to roll calls, which anybody may send.
_ANSWER_DELAY: Final = 0.05
#: Seconds that the end of a process waits for its thread.
_PATIENCE: Final = 1.0

_listeners: Final[weakref.WeakSet["Listener"]] = weakref.WeakSet()


class Listener:
    """Listens for one lease."""

    def __init__(
        self,
        title: str,
        lease: Lease,
        connect: Callable[[], Bus],
        more: Callable[[], str] = lambda: "",
    ) -> None:
        """Take what the log calls the bus, how to make a connection, and more for roll calls."""
        self.title = title
        self.lease = lease
        #: Why nothing is heard; empty while something is, and before anybody listens.
        self.failure = ""
        self.is_heard = False
        #: The connection, while there is one.
        self.bus: Bus | None = None
        self._connect = connect
        self._more = more
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._answered = 0.0
        _listeners.add(self)

    def ensure(self) -> None:
        """Start the thread, unless it is there."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        with self._lock:
            if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name="irontoken", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # The process ends, or may have no more threads: it goes on without a lease.
                self.failure = str(error)
                return
            self._thread = thread

    def stop(self) -> None:
        """End the thread, and with it the lease, for good."""
        self._stop.set()
        self.lease.revoke()
        if (bus := self.bus) is not None:
            bus.interrupt()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def forked(self) -> None:
        """Forget the parent's thread and connection, which this child does not have."""
        self.lease.revoke()
        self.failure, self.is_heard = "", False
        if self.bus is not None:
            self.bus.abandon()
        self.bus = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = None

    def _run(self) -> None:
        delay = _FIRST_DELAY
        while not self._stop.is_set():
            started = time.monotonic()
            reason = self._listen()
            if self._stop.is_set():
                return
            if not self.failure:
                logger.warning(
                    "%s is not heard, every request asks the database until it is: %s",
                    self.title,
                    reason,
                )
            self.failure, self.is_heard = reason, False
            if time.monotonic() - started > _LONGEST_DELAY:
                delay = _FIRST_DELAY
            # Not all processes of a fleet at once, when a server comes back.
            self._stop.wait(delay * random.uniform(0.5, 1.5))  # noqa: S311
            delay = min(2 * delay, _LONGEST_DELAY)

    def _listen(self) -> str:
        """Listen until something fails; return what it was."""
        line: BusSession | None = None
        bus = self._connect()
        try:
            self.bus = bus
            bus.open()
            line = BusSession(self.lease)
            while not self._stop.is_set():
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
                logger.info("%s is heard.", self.title)
        if line.is_dead():
            raise BusUnavailable("what was sent over it does not come back")

    def _answer(self, bus: Bus, caller: str) -> None:
        now = time.monotonic()
        if now - self._answered >= _ANSWER_DELAY:
            self._answered = now
            age = self.lease.age()
            lease = "no lease" if age is None else f"proof {age * 1000:.0f} ms old"
            said = f"{socket.gethostname()} {os.getpid()}: {lease}{self._more()}"
            bus.tell(caller, ANSWER + said)


def _forked() -> None:
    for listener in list(_listeners):
        listener.forked()


def _stop_all() -> None:
    for listener in list(_listeners):
        listener.stop()


os.register_at_fork(after_in_child=_forked)
atexit.register(_stop_all)
