"""The rows of the fleet: hits with a bus, how long news takes, and what the triggers cost."""

import mmap
import os
import socket
import statistics
import tempfile
import time
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User, update_last_login
from django.core.management import call_command
from django.core.signals import setting_changed
from django.db import connection, connections
from django.test import override_settings
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from benches.comparison import contestants
from benches.comparison.cached import cache_on
from benches.comparison.measure import Measured, measure
from tests.support.processes import fork

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
READERS = 8


def buses() -> dict[str, dict[str, Any]]:
    """Return the settings of the buses that can be measured here."""
    found: dict[str, dict[str, Any]] = {}
    if connection.vendor == "postgresql":
        found["postgres"] = {"COHERENCE": "postgres"}
    parts = urlsplit(REDIS_URL)
    try:
        socket.create_connection((parts.hostname, parts.port or 6379), timeout=2).close()
    except OSError as error:
        print(f"redis: skipped, nothing answers at {parts.hostname}:{parts.port}: {error}")
    else:
        project = f"bench {os.getpid()}"
        found["redis"] = {"COHERENCE": "redis", "LOCATION": REDIS_URL, "PROJECT": project}
    return found


@contextmanager
def bus_on(setting: dict[str, Any]) -> Any:
    """Turn the cache on with a bus, and what it needs."""
    with override_settings(IRONTOKEN={"CACHE": {"MAX_AGE": 3600, **setting}}):
        call_command("irontoken", "install", stdout=StringIO())
        yield


def answer(key: str) -> bool:
    """Authenticate; tell whether the key was accepted."""
    try:
        irontoken.TokenAuthentication().authenticate_credentials(key)
    except AuthenticationFailed:
        return False
    return True


def wait_for_hits(key: str) -> None:
    """Ask until the cache answers."""
    hits = irontoken.cache_info().hits
    while irontoken.cache_info().hits == hits:
        answer(key)
        time.sleep(0.001)


def hits(
    fixtures: contestants.Fixtures, setting: dict[str, Any], rounds: int
) -> dict[str, Measured]:
    """Measure hits with the bus and with the host cache alone, in turn."""
    requests = contestants.requests(irontoken.TokenAuthentication, fixtures.tokens)
    names = ("with the bus", "host cache alone")
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, context in zip(names, (bus_on(setting), cache_on()), strict=True):
            with context:
                wait_for_hits(fixtures.tokens[0])
                for key in fixtures.tokens:
                    answer(key)
                times[name] += measure({name: requests}, rounds=1)[name].rounds
    return {name: Measured(name, found) for name, found in times.items()}


def latency(setting: dict[str, Any], revocations: int) -> tuple[float, float]:
    """Return the median and the 99.9th percentile of the news, in seconds.

    From the return of the call that deactivates a user to the refusal of the last of eight
    processes, each of a host of its own, that ask for its token all the while.
    """
    user = User.objects.create(username=f"revoked by {setting['COHERENCE']}")
    token = Token.objects.create(user=user, key=irontoken.generate_key())
    #: The round that is asked about, and of each reader the last in which it refused, and when.
    shared = memoryview(mmap.mmap(-1, 16 * (READERS + 1))).cast("d")
    with tempfile.TemporaryDirectory(prefix="irontoken-bench-") as folder, bus_on(setting):
        connections.close_all()
        children = [
            fork(lambda number=number: _watch(shared, number, token.key, setting, folder))
            for number in range(READERS)
        ]
        try:
            found = [_revoke(shared, user.pk, number) for number in range(1, revocations + 1)]
        finally:
            shared[0] = -1
            for child in children:
                os.waitpid(child, 0)
    found.sort()
    return statistics.median(found), found[int(len(found) * 0.999)]


def _revoke(shared: Any, user: int, number: int) -> float:
    readers = range(1, READERS + 1)
    # Every reader is answered from its cache before the user is deactivated.
    shared[0] = number - 0.5
    while any(shared[2 * reader] != number - 0.5 for reader in readers):
        time.sleep(0.0005)
    shared[0] = number
    User.objects.filter(pk=user).update(is_active=False)
    returned = time.monotonic()
    while any(shared[2 * reader] != number for reader in readers):
        time.sleep(0.0005)
    last = max(shared[2 * reader + 1] for reader in readers)
    User.objects.filter(pk=user).update(is_active=True)
    return max(0.0, last - returned)


def _watch(shared: Any, number: int, key: str, setting: dict[str, Any], folder: str) -> None:
    from django.conf import settings

    own = Path(folder, str(number))
    own.mkdir()
    settings.IRONTOKEN = {"CACHE": {"MAX_AGE": 3600, **setting, "PATH": str(own)}}
    setting_changed.send(sender=None, setting="IRONTOKEN", value=None, enter=True)
    mine = 2 * (number + 1)
    while (asked := shared[0]) >= 0:
        if shared[mine] == asked:
            time.sleep(0.0002)
        elif asked % 1:
            before = irontoken.cache_info().hits
            if answer(key) and irontoken.cache_info().hits > before:
                shared[mine] = asked
        elif not answer(key):
            shared[mine + 1] = time.monotonic()
            shared[mine] = asked
        else:
            # Eight processes share two processors with the writer and the servers.
            time.sleep(0.0005)


def triggers(rounds: int) -> dict[str, tuple[Measured, Measured]]:
    """Measure writes with the triggers and without, in turn."""
    User.objects.bulk_create(
        (User(username=f"bulk {number}") for number in range(100_000)), batch_size=5000
    )
    users = list(User.objects.filter(username__startswith="bulk").order_by("pk")[:2000])

    def bulk() -> None:
        User.objects.filter(username__startswith="bulk").update(first_name="x")

    def logins() -> None:
        for user in users:
            update_last_login(None, user)

    times: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(rounds + 1):
        for place, action in enumerate(("install", "uninstall")):
            with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "postgres"}}):
                call_command("irontoken", action, stdout=StringIO())
            for name, work in (
                ("an update of 100,000 users", bulk),
                ("2,000 logins (last_login)", logins),
            ):
                started = time.perf_counter()
                work()
                spent = time.perf_counter() - started
                if number:  # the first round warms up
                    times.setdefault(name, ([], []))[place].append(spent)
    User.objects.filter(username__startswith="bulk").delete()
    return {
        name: (Measured("with the triggers", with_), Measured("without", without))
        for name, (with_, without) in times.items()
    }
