"""The rows of the host cache: hits beside peers, the interceptor, a flood, memory, a server."""

import gc
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rest_framework_simplejwt.authentication as simplejwt
from django.contrib.auth.models import User, update_last_login
from django.db import connection
from django.test import override_settings
from durin.auth import CachedTokenAuthentication
from durin.models import AuthToken, Client
from rest_framework.authentication import TokenAuthentication as DRFTokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from benches.comparison import contestants
from benches.comparison.measure import Measured, measure

TUTORIAL = Path(__file__).resolve().parents[2] / "examples" / "tutorial"


def cache_on() -> Any:
    """Return the context in which the cache is on."""
    return override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "MAX_AGE": 3600}})


def hits(fixtures: contestants.Fixtures, rounds: int) -> dict[str, Measured]:
    """Measure a fresh request whose token is cached, beside those who make no query either."""
    client = Client.objects.create(name="client")
    durin = [
        AuthToken.objects.create(user=user, client=client).token
        for user in User.objects.all()[: contestants.USERS]
    ]
    user, token = User.objects.first(), Token.objects.first()
    rows = [
        (type(each), names, [getattr(each, name) for name in names])
        for each in (token, user)
        for names in [[field.attname for field in each._meta.concrete_fields]]
    ]

    def from_db(calls: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(calls):
                for cls, names, values in rows:
                    cls.from_db("default", names, values)

        return run

    requests = contestants.requests
    return measure(
        {
            "irontoken, hit": requests(irontoken.TokenAuthentication, fixtures.tokens),
            "DRF": requests(DRFTokenAuthentication, fixtures.tokens),
            "simplejwt, stateless": requests(
                simplejwt.JWTStatelessUserAuthentication, fixtures.jwt, "Bearer"
            ),
            "durin, cached": requests(CachedTokenAuthentication, durin, "Token"),
            "from_db of both": from_db,
        },
        rounds=rounds,
    )


def interceptor(rounds: int) -> dict[str, Measured]:
    """Measure ``SELECT 1`` through Django's cursor, with the write interceptor and without."""

    def select(calls: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(calls):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")

        return run

    wrappers = list(connection.execute_wrappers)

    def without(calls: int) -> Callable[[], None]:
        run = select(calls)

        def bare() -> None:
            connection.execute_wrappers.clear()
            run()
            connection.execute_wrappers[:] = wrappers

        return bare

    return measure({"with the interceptor": select, "without": without}, rounds=rounds)


def refused(key: str) -> None:
    """Ask with a wrong key."""
    try:
        irontoken.TokenAuthentication().authenticate_credentials(key)
    except AuthenticationFailed:
        return
    raise AssertionError


def wrong_keys(rounds: int) -> dict[str, Measured]:
    """Measure the refusal of wrong keys with the cache and without, in turn."""

    def refusals(calls: int) -> Callable[[], None]:
        keys = irontoken.generate_keys(calls + 1)
        refused(keys.pop())

        def run() -> None:
            for key in keys:
                refused(key)

        return run

    names = ("with the cache", "without")
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, setting in zip(
            names, (cache_on(), override_settings(IRONTOKEN={})), strict=True
        ):
            with setting:
                times[name] += measure({name: refusals}, rounds=1)[name].rounds
    return {name: Measured(name, found) for name, found in times.items()}


def flood(fixtures: contestants.Fixtures) -> float:
    """Return the hit rate of good keys among ten times as many wrong ones."""
    authenticate = irontoken.TokenAuthentication().authenticate_credentials
    for key in fixtures.tokens:
        authenticate(key)
    before = irontoken.cache_info()
    asked = 0
    for number, key in enumerate(irontoken.generate_keys(20_000)):
        refused(key)
        if number % 10 == 0:
            authenticate(fixtures.tokens[number // 10 % len(fixtures.tokens)])
            asked += 1
    return (irontoken.cache_info().hits - before.hits) / asked


def logins(fixtures: contestants.Fixtures) -> float:
    """Return the hit rate of everybody's requests while everybody logs in all the time."""
    authenticate = irontoken.TokenAuthentication().authenticate_credentials
    users = list(User.objects.all())
    for key in fixtures.tokens:
        authenticate(key)
    before = irontoken.cache_info()
    for number in range(2000):
        if number % 20 == 0:
            update_last_login(None, users[number // 20 % len(users)])
        authenticate(fixtures.tokens[number % len(fixtures.tokens)])
    return (irontoken.cache_info().hits - before.hits) / 2000


def memory(entries: int = 100_000) -> tuple[float, float]:
    """Return the bytes that one entry takes, as the system sees it and as ``cache_info`` does."""
    users = User.objects.bulk_create(
        (
            User(username=f"member{n}", email=f"member{n}@example.com", password="!" * 88)
            for n in range(entries)
        ),
        batch_size=500,
    )
    keys = irontoken.generate_keys(entries)
    Token.objects.bulk_create(
        (Token(user=user, key=key) for user, key in zip(users, keys, strict=True)), batch_size=500
    )
    del users
    with override_settings(
        IRONTOKEN={"CACHE": {"COHERENCE": "host", "MAX_AGE": 3600, "MAX_ENTRIES": entries}}
    ):
        authenticate = irontoken.TokenAuthentication().authenticate_credentials
        authenticate(keys[0])
        gc.collect()
        before = resident()
        for key in keys:
            authenticate(key)
        gc.collect()
        info = irontoken.cache_info()
        return (resident() - before) / info.entries, info.bytes / info.entries


def resident() -> int:
    """Return the memory of this process in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) * 1024


def server(seconds: int = 3, rounds: int = 5) -> tuple[float, float] | str:
    """Return the requests per second of gunicorn with hits and with no authentication."""
    if shutil.which("wrk") is None:
        return "wrk is not installed"
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tutorial.cached",
            "TUTORIAL_DATABASE": str(Path(folder) / "db.sqlite3"),
        }
        made = "from django.contrib.auth.models import User as U; "
        made += "print(U.objects.create_user('ada').auth_token.key)"

        def manage(*arguments: str) -> str:
            command = [sys.executable, "manage.py", *arguments, "-v", "0"]
            return subprocess.run(
                command,
                cwd=TUTORIAL,
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout

        manage("migrate")
        key = manage("shell", "-c", made).split()[-1]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--log-level", "warning"]
        gunicorn = [sys.executable, "-m", "gunicorn", *options, "tutorial.wsgi"]
        process = subprocess.Popen(gunicorn, cwd=TUTORIAL, env=environment)
        try:
            time.sleep(3)
            rates: dict[str, list[float]] = {"hello": [], "hello-anyone": []}
            for _ in range(rounds):
                for name, found in rates.items():
                    found.append(wrk(f"http://127.0.0.1:{port}/{name}/", key, seconds))
        finally:
            process.terminate()
            process.wait()
    ratios = sorted(a / b for a, b in zip(*rates.values(), strict=True))
    return sorted(rates["hello"])[rounds // 2], ratios[rounds // 2]


def wrk(url: str, key: str, seconds: int) -> float:
    """Return the requests per second that one run of wrk counts."""
    header = f"Authorization: Token {key}"
    command = ["wrk", "-t1", "-c4", f"-d{seconds}", "-H", header, url]
    out = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    if "Non-2xx" in out:
        raise RuntimeError(out)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", out)[0])
