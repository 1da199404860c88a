"""What a bus is: how the listener, and the command that asks who is there, see either of them."""

import hashlib
import secrets
from collections.abc import Iterator
from typing import Final, Protocol


class BusUnavailable(Exception):
    """The bus is there and cannot carry messages; the text says why, and what to do."""


class Bus(Protocol):
    """One connection to a bus; all of it is used by one thread, except ``interrupt``."""

    #: What others answer to; no two connections have the same.
    name: str

    def open(self) -> None:
        """Connect, and hear all that is sent from the moment that this returns.

        Raises ``BusUnavailable``, or whatever the driver raises.
        """

    def probe(self, secret: str) -> None:
        """Send a secret to this connection itself, by the way that messages take."""

    def send(self, name: str | None, text: str) -> None:
        """Send a message to the connection called ``name``, or to all if that is ``None``.

        Raises whatever the driver raises.
        """

    def wait(self, seconds: float) -> Iterator[tuple[bool, str]]:
        """Yield the messages that come within ``seconds``, returning as soon as some have.

        Each is whether it was sent to this connection alone, and its text.
        """

    def interrupt(self) -> None:
        """Make ``wait`` return soon; another thread calls this."""

    def abandon(self) -> None:
        """Let go of a connection that is the parent's, in a child that was forked."""

    def close(self) -> None:
        """Disconnect; raises nothing."""


def channel_of(project: str) -> str:
    """Return the channel of a project: the same in all its processes, and no secret."""
    digest = hashlib.sha256(f"irontoken\0{project}".encode()).hexdigest()
    return f"irontoken_{digest[:12]}"


def new_name() -> str:
    """Return a name for a connection."""
    return secrets.token_hex(16)


#: What a message to one connection begins with where it is no secret come back.
ANSWER: Final = "="
