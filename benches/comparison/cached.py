"""The rows of the host cache: hits beside peers, the interceptor, wrong keys and a flood."""

import time
from collections.abc import Callable
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
from benches.comparison.measure import Measured, Prepare, measure


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

    def from_db(*, with_cycle: bool) -> Prepare:
        def prepare(calls: int) -> Callable[[], None]:
            def run() -> None:
                for _ in range(calls):
                    token, user = (
                        cls.from_db("default", names, values) for cls, names, values in rows
                    )
                    if with_cycle:
                        token._state.fields_cache["user"] = user
                        user._state.fields_cache["auth_token"] = token

            return run

        return prepare

    requests = contestants.requests
    measured = measure(
        {
            "irontoken, hit": requests(irontoken.TokenAuthentication, fixtures.tokens),
            "DRF": requests(DRFTokenAuthentication, fixtures.tokens),
            "simplejwt, stateless": requests(
                simplejwt.JWTStatelessUserAuthentication, fixtures.jwt, "Bearer"
            ),
            "durin, cached": requests(CachedTokenAuthentication, durin, "Token"),
            "from_db of both": from_db(with_cycle=False),
            "from_db of both, related": from_db(with_cycle=True),
        },
        rounds=rounds,
        collects=True,
    )
    # knox takes them for its own, by the name that both have on a user.
    AuthToken.objects.all().delete()
    return measured


def far_apart(fixtures: contestants.Fixtures, rounds: int) -> dict[str, Measured]:
    """Measure hits that come 30 us after one another, less the wait, and hits without a pause."""
    keys = fixtures.tokens

    def hit(pause: float) -> Prepare:
        def prepare(calls: int) -> Callable[[], None]:
            asked = [keys[number % len(keys)] for number in range(calls)]

            def run() -> None:
                for key in asked:
                    until = time.perf_counter() + pause
                    while time.perf_counter() < until:
                        pass
                    irontoken.TokenAuthentication().authenticate_credentials(key)

            return run

        return prepare

    pause = 30e-6
    measured = measure({"at once": hit(0), "far apart": hit(pause)}, rounds=rounds)
    apart = measured["far apart"]
    waited = Measured(apart.name, [each - pause for each in apart.rounds])
    return {"at once": measured["at once"], "far apart": waited}


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
