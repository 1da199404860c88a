"""Many live tokens: hits whose rows are not in the processor's cache, and memory."""

import gc
import random
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.contrib.auth.models import User
from django.test import override_settings
from rest_framework.authtoken.models import Token

import irontoken
from benches.comparison.measure import Measured, Prepare, measure


class Memory(NamedTuple):
    """What one entry takes in bytes, and what ``cache_info()`` takes in seconds."""

    real: float
    told: float
    seconds: float


def make(entries: int) -> list[str]:
    """Make so many users, each with a token; return the keys."""
    keys = irontoken.generate_keys(entries)
    for start in range(0, entries, 10_000):
        part = keys[start : start + 10_000]
        users = User.objects.bulk_create(
            (
                User(username=key[:20], email=f"{key[:20]}@example.com", password="!" * 88)
                for key in part
            ),
            batch_size=500,
        )
        Token.objects.bulk_create(
            (Token(user=user, key=key) for user, key in zip(users, part, strict=True)),
            batch_size=500,
        )
    return keys


def hits(entries: int, rounds: int) -> tuple[dict[str, Measured], Memory]:
    """Measure hits of a random one of so many live tokens, beside those of one."""
    keys = make(entries)
    setting = {"COHERENCE": "host", "MAX_AGE": 3600, "MAX_ENTRIES": 2 * entries}
    with override_settings(IRONTOKEN={"CACHE": setting}):
        authenticate = irontoken.TokenAuthentication().authenticate_credentials
        authenticate(keys[0])
        gc.collect()
        before = _resident()
        for key in keys:
            authenticate(key)
        gc.collect()
        info = irontoken.cache_info()
        memory = Memory(
            (_resident() - before) / info.entries, info.bytes / info.entries, _time_of_info()
        )
        measured = measure(
            {"one key": _asking([keys[0]]), f"one of {entries}": _asking(keys)}, rounds=rounds
        )
    return measured, memory


def _asking(keys: list[str]) -> Prepare:
    random_keys = random.Random(1)

    def prepare(calls: int) -> Callable[[], None]:
        # Copies, since the keys of requests have just been read from a socket.
        asked = ["".join(random_keys.choice(keys)) for _ in range(calls)]
        cls = irontoken.TokenAuthentication

        def run() -> None:
            for key in asked:
                cls().authenticate_credentials(key)

        return run

    return prepare


def _time_of_info() -> float:
    times = []
    for _ in range(25):
        started = time.perf_counter()
        irontoken.cache_info()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _resident() -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) * 1024
