"""Redis' pub/sub as a bus: a connection that listens, and one on which all of a process publish.

What is published while nobody listens is lost, and so is what was on its way when a connection
ended: after each connection nothing is assumed.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from irontoken import background
from irontoken.background import Worker
from irontoken.fleet.bus import BusUnavailable, new_name

logger: Final = logging.getLogger("irontoken")

#: Seconds that a write waits for Redis before its message is left to the background.
PATIENCE: Final = 0.5
#: Seconds between two tries of the background.
_DELAY: Final = 0.1
#: Past so many words a message says everything.
_MANY: Final = 4096


def client_of(location: str) -> Any:
    """Return a client that fails soon and does not try again by itself.

    Raises whatever redis raises for an address that it cannot read.
    """
    pool = redis.ConnectionPool.from_url(location)
    # What is written into the address must not undo this.
    pool.connection_kwargs.update(
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=PATIENCE,
        socket_timeout=PATIENCE,
        client_name="irontoken",
        decode_responses=False,
    )
    pool.make_connection()
    return redis.Redis(connection_pool=pool)


def publish(client: Any, channel: str, text: str) -> None:
    """Publish to those who listen to the server that all publish to; raise where that is not it.

    A replica passes on what its master is told and tells its master nothing.
    """
    with client.pipeline(transaction=False) as pipe:
        pipe.publish(channel, text)
        pipe.role()
        published, role = pipe.execute(raise_on_error=False)
    for answer in (published, role):
        if isinstance(answer, Exception):
            raise answer
    if role[0] != b"master":
        # The address may lead to another server by now.
        client.connection_pool.disconnect()
        raise BusUnavailable("the server is a replica: others publish elsewhere")


class Redis:
    """A connection that listens, and the publisher through which it sends."""

    def __init__(self, channel: str, location: str, lease: float) -> None:
        """Take the length of the lease in seconds: nothing is waited for longer."""
        self.name = new_name()
        self._channel = channel
        self._own = f"{channel}:{self.name}"
        self._lease = lease
        # Two, since the one that listens must not be handed to another thread.
        self._client = client_of(location)
        self._listening = self._client.pubsub()

    def open(self) -> None:
        """Connect and subscribe; see ``Bus``."""
        self._listening.subscribe(self._channel, self._own)
        deadline = time.monotonic() + self._lease
        confirmed = 0
        while confirmed < 2:  # noqa: PLR2004 - two channels
            left = deadline - time.monotonic()
            if left <= 0:
                raise BusUnavailable("the server does not answer")
            message = self._listening.get_message(timeout=left)
            confirmed += message is not None and message["type"] == "subscribe"

    def probe(self, secret: str) -> None:
        """Send a secret to this connection itself; see ``Bus``."""
        publish(self._client, self._own, secret)

    def send(self, name: str | None, text: str) -> None:
        """Send a message; see ``Bus``."""
        self._client.publish(f"{self._channel}:{name}" if name else self._channel, text)

    def wait(self, seconds: float) -> Iterator[tuple[bool, str]]:
        """Yield what is heard; see ``Bus``."""
        own = self._own.encode()
        message = self._listening.get_message(timeout=seconds)
        while message is not None:
            if message["type"] == "message":
                yield message["channel"] == own, message["data"].decode(errors="replace")
            message = self._listening.get_message(timeout=0)

    def interrupt(self) -> None:
        """Make ``wait`` return; see ``Bus``."""
        with contextlib.suppress(Exception):
            self._listening.connection.disconnect()

    def abandon(self) -> None:
        """Let go of the parent's connection; see ``Bus``. The client does so by itself."""

    def close(self) -> None:
        """Disconnect; see ``Bus``."""
        for each in (self._listening, self._client):
            with contextlib.suppress(Exception):
                each.close()


class Publisher:
    """Publishes what a process has written, at once or, where that fails, in the background."""

    def __init__(self, channel: str, location: str) -> None:
        """Take the channel and the address."""
        self._channel = channel
        self._location = location
        self._worker = Worker("irontoken-publisher", self._retry)
        self._start_anew()
        background.register(self, ends_last=True)

    def publish(self, message: str) -> None:
        """Send a message, or see to it that it is sent; raises nothing of Redis's."""
        if self._is_behind:
            self._keep(message, "")
            return
        reason = "interrupted"
        try:
            publish(self._client, self._channel, message)
            reason = ""
        except Exception as error:  # noqa: BLE001 - whatever it is, the write is done
            # As text: a record with the error would keep the writer's cursor from being freed.
            reason = " ".join(str(error).split()) or type(error).__name__
        finally:
            if reason:
                self._keep(message, reason)

    def unsent(self) -> int:
        """Return how many messages have not been sent yet."""
        return len(self._unsent | self._under_way)

    def end(self) -> None:
        """Try a last time, and end the thread."""
        # It may be about to find out that what it sends does not arrive.
        self._worker.stop(2 * PATIENCE)
        with contextlib.suppress(Exception):
            self._send()

    def forked(self) -> None:
        """Leave to the parent what is the parent's to send."""
        self._worker.forked()
        self._start_anew()

    def _start_anew(self) -> None:
        self._client = client_of(self._location)
        self._lock = threading.Lock()
        self._unsent: set[str] = set()
        self._under_way: set[str] = set()
        #: Something is left to the thread, and what is written now waits behind it.
        self._is_behind = False

    def _keep(self, message: str, reason: str) -> None:
        with self._lock:
            self._add(set(message.split(" ")))
            was_behind, self._is_behind = self._is_behind, True
            if was_behind and self._worker.is_alive:
                return
            if reason:
                logger.warning(
                    "Redis takes no messages of writes, which are sent as soon as it does: %s",
                    reason,
                )
            # Where there can be no more threads, the next write tries again, or the process's end.
            self._worker.start()

    def _add(self, words: set[str]) -> None:
        words = self._unsent | words
        self._unsent = {"*"} if "*" in words or len(words) > _MANY else words

    def _retry(self) -> None:
        while not self._worker.stopping.wait(_DELAY):
            try:
                self._send()
            except Exception:  # noqa: BLE001, S112 - it is tried until it works
                continue
            with self._lock:
                if not self._unsent:
                    self._is_behind = False
                    self._worker.leave()
                    break
        else:
            return
        logger.warning("Redis takes the messages of writes again; all have been sent.")

    def _send(self) -> None:
        # Taken out first: what is written to while they are under way must be told again.
        with self._lock:
            words = self._under_way = self._unsent
            self._unsent = set()
        sent = not words
        try:
            if words:
                publish(self._client, self._channel, " ".join(sorted(words)))
                sent = True
        finally:
            with self._lock:
                self._under_way = set()
                if not sent:
                    self._add(words)
