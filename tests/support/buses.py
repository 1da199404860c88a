"""What the tests of both buses share."""

import gc
import os
import socket
import time
from urllib.parse import urlsplit

import irontoken
from tests.support.comparison import ask

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
PATIENCE = 15


def redis_is_there():
    parts = urlsplit(REDIS_URL)
    try:
        socket.create_connection((parts.hostname, parts.port or 6379), timeout=2).close()
    except OSError:
        return False
    return True


def eventually(condition, seconds=PATIENCE):
    """Return what ``condition`` answers as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} seconds; {coherence()}"
        time.sleep(0.005)
    return found


def warm(*keys):
    """Ask until the keys are answered from the cache."""
    # A cursor that an earlier test left in a cycle keeps SQLite's rows from being stored.
    gc.collect()
    for key in keys:
        eventually(lambda key=key: ask(key)[1] == 0)


def is_refused(key):
    return ask(key)[0].exception is not None


def coherence():
    return irontoken.cache_info().coherence
