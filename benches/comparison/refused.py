"""What a body costs that ``obtain/`` refuses: so much for each byte, however long it is."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings
from rest_framework.test import APIRequestFactory

from benches.comparison.measure import Measured, Prepare, measure
from irontoken.tokens.http.throttling import CountingThrottle
from irontoken.tokens.http.views import ObtainView

SIZES = {"1 KB": 1_000, "100 KB": 100_000, "2 MB": 2_000_000}
PASSWORD = {"username": "nobody", "password": "wrong"}


def bodies(size: int) -> dict[str, Any]:
    """Return a body of about so many bytes for each kind of what is refused."""
    return {
        # Two bytes each, which have to be sorted to be normalized.
        "a name of accents": {"username": "a" + "\u0301\u0323" * (size // 4), "password": "x"},
        "a long password": {"username": "nobody", "password": "x" * size},
        "many scopes": {**PASSWORD, "scopes": [1] * (size // 2)},
        "one long scope": {**PASSWORD, "scope": "x" * size},
        "many unknown fields": {**PASSWORD, **{f"{number:06}": 1 for number in range(size // 11)}},
    }


def refusals(rounds: int) -> dict[str, dict[str, Measured]]:
    """Measure the answer to each kind of body in each size."""
    found = {}
    with _no_limits():
        for kind in bodies(0):
            contestants = {
                name: _asking(json.dumps(bodies(size)[kind], ensure_ascii=False).encode())
                for name, size in SIZES.items()
            }
            found[kind] = measure(contestants, rounds=max(3, rounds // 5))
    return found


def _asking(body: bytes) -> Prepare:
    def prepare(calls: int) -> Callable[[], None]:
        factory, view = APIRequestFactory(), ObtainView.as_view()
        requests = [
            factory.generic("POST", "/", body, content_type="application/json")
            for _ in range(calls)
        ]

        def run() -> None:
            for request in requests:
                answer = view(request)
                if answer.status_code != 400:
                    raise AssertionError(answer.status_code)

        return run

    return prepare


@contextmanager
def _no_limits() -> Iterator[None]:
    """Count tries, as a site does, and allow them all."""
    rates = CountingThrottle.THROTTLE_RATES
    many = "1000000000/day"
    CountingThrottle.THROTTLE_RATES = {"irontoken_name": many, "irontoken_address": many}
    try:
        with override_settings(
            DATA_UPLOAD_MAX_MEMORY_SIZE=None,
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ):
            yield
    finally:
        CountingThrottle.THROTTLE_RATES = rates
