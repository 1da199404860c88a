"""The rows of issued tokens: beside authtoken's and knox's, and the refusal of a malformed key."""

from collections.abc import Callable
from itertools import count
from typing import Any

import knox.auth
from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.authentication import TokenAuthentication as DRFTokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from benches.comparison.cached import cache_on
from benches.comparison.contestants import Fixtures, requests
from benches.comparison.measure import Measured, Prepare, measure
from irontoken.tokens import looks_like_key
from irontoken.tokens.models import AccessToken


class Issued(irontoken.TokenAuthentication):
    """The class for a view that wants only these."""

    model = AccessToken


def keys(fixtures: Fixtures) -> list[str]:
    """Issue a token to each user; return the keys."""
    users = User.objects.filter(username__startswith="user").order_by("pk")[: len(fixtures.tokens)]
    return [AccessToken.objects.issue(user)[1] for user in users]


def misses(fixtures: Fixtures, issued: list[str], rounds: int) -> dict[str, Measured]:
    """Measure fresh requests that cost a query."""
    contestants = {
        "issued": requests(Issued, issued),
        "authtoken": requests(irontoken.TokenAuthentication, fixtures.tokens),
        "knox": requests(knox.auth.TokenAuthentication, fixtures.knox),
    }
    return measure(contestants, rounds=rounds)


def hits(fixtures: Fixtures, issued: list[str], rounds: int) -> dict[str, Measured]:
    """Measure fresh requests that cost none."""
    with cache_on():
        for cls, known in ((Issued, issued), (irontoken.TokenAuthentication, fixtures.tokens)):
            for key in known:
                cls().authenticate_credentials(key)
        contestants = {
            "issued": requests(Issued, issued),
            "authtoken": requests(irontoken.TokenAuthentication, fixtures.tokens),
        }
        return measure(contestants, rounds=rounds)


def malformed(issued: list[str], rounds: int) -> dict[str, Measured]:
    """Measure what is done of a key whose checksum is wrong."""
    wrong = [key[:-1] + ("0" if key[-1] != "0" else "1") for key in issued]

    def telling(calls: int) -> Callable[[], None]:
        texts = (wrong * (calls // len(wrong) + 1))[:calls]

        def run() -> None:
            for text in texts:
                looks_like_key(text)

        return run

    def refusing(cls: Any) -> Prepare:
        def prepare(calls: int) -> Callable[[], None]:
            texts = (wrong * (calls // len(wrong) + 1))[:calls]

            def run() -> None:
                for text in texts:
                    try:
                        cls().authenticate_credentials(text)
                    except AuthenticationFailed:
                        continue
                    raise AssertionError

            return run

        return prepare

    contestants = {
        "looks_like_key": telling,
        "issued, refused": refusing(Issued),
        "DRF, refused": refusing(DRFTokenAuthentication),
    }
    return measure(contestants, rounds=rounds)


def issuing(rounds: int) -> dict[str, Measured]:
    """Measure the making of a token, all in one transaction that is rolled back."""
    names = count()

    def making(make: Callable[[User], Any]) -> Prepare:
        def prepare(calls: int) -> Callable[[], None]:
            users = [User(username=f"made {next(names)}") for _ in range(calls)]
            User.objects.bulk_create(users)

            def run() -> None:
                for user in users:
                    make(user)

            return run

        return prepare

    contestants = {
        "issue()": making(AccessToken.objects.issue),
        "Token.objects.create()": making(lambda user: Token.objects.create(user=user)),
    }
    with transaction.atomic():
        measured = measure(contestants, rounds=rounds)
        transaction.set_rollback(True)
    return measured
