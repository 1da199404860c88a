"""Threads that work beside the requests, and what a fork and the end of a process mean for them.

No thread and no lock is taken at import. A child of a fork has none of its parent's threads, and
starts its own when it needs them.
"""

import atexit
import threading
import weakref
from collections.abc import Callable
from typing import Final, Protocol

from irontoken import system


class Service(Protocol):
    """What has a thread, or anything else that a child does not share with its parent."""

    def forked(self) -> None:
        """Begin anew: this is a child, and the thread is the parent's."""

    def end(self) -> None:
        """Finish: the process ends."""


#: In the order in which they end: what others write at their end is published after it.
_services: Final[tuple[weakref.WeakSet[Service], ...]] = (weakref.WeakSet(), weakref.WeakSet())
_after_fork: Final[list[Callable[[], None]]] = []
_at_end: Final[list[Callable[[], None]]] = []


def register(service: Service, *, ends_last: bool = False) -> None:
    """Tell a service of forks and of the end of the process, for as long as somebody holds it.

    One that ``ends_last`` ends after the others, which may still publish by it.
    """
    _services[ends_last].add(service)


def after_fork(function: Callable[[], None]) -> None:
    """Call a function in each child that is forked from now on."""
    _after_fork.append(function)


def at_end(function: Callable[[], None]) -> None:
    """Call a function when the process ends, before its services do."""
    _at_end.append(function)


class Worker:
    """A thread that is started when it is first needed, and again in a child."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        """Take the thread's name and what it does, until ``stopping`` is set."""
        self._name, self._run = name, run
        self.forked()

    def forked(self) -> None:
        """Forget the parent's thread, and the locks that it may hold."""
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread is there."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def start(self) -> str:
        """Start the thread, unless it is there or was stopped; return why that failed."""
        if self.is_alive:
            return ""
        with self._lock:
            if self.stopping.is_set() or self.is_alive:
                return ""
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # The process ends, or may have no more threads.
                return str(error)
            self._thread = thread
        return ""

    def leave(self) -> None:
        """Let another thread be started: this one, which calls it, is about to end."""
        self._thread = None

    def stop(self, seconds: float) -> bool:
        """Ask the thread to end, wait so long, and return whether it is gone."""
        self.stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)
            return not thread.is_alive()
        return True


def _forked() -> None:
    for services in _services:
        for service in list(services):
            service.forked()
    for function in _after_fork:
        function()


def _end() -> None:
    for function in _at_end:
        function()
    for services in _services:
        for service in list(services):
            service.end()


system.after_fork_in_child(_forked)
atexit.register(_end)
