"""``python -m benches.threads``: hits by one thread, and by two, on a free-threaded Python.

With the GIL two threads take turns, and the ratio says nothing of irontoken.
"""

import os
import statistics
import sys
import threading
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings"
SECONDS = 1.0
ROUNDS = 7


def main() -> None:
    django.setup()
    from django.test import override_settings
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "MAX_AGE": 3600}}):
            ratios = measure()
    finally:
        runner.teardown_databases(databases)
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"Python {sys.version.split()[0]}, {'with' if gil else 'without'} the GIL")
    print(f"two threads, by one: {statistics.median(ratios):.2f} (at least 1.8 without the GIL)")
    print("rounds: " + " ".join(f"{ratio:.2f}" for ratio in ratios))


def measure() -> list[float]:
    """Return how many hits two threads have for each that one has, in each of the rounds."""
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    keys = []
    for number in range(200):
        user = User.objects.create(username=f"user{number}")
        keys.append(Token.objects.create(user=user).key)
    hits(keys)
    ratios = []
    for _ in range(ROUNDS):
        one = rate(keys, 1)
        ratios.append(rate(keys, 2) / one)
    return ratios


def hits(keys: list[str]) -> None:
    import irontoken

    for key in keys:
        irontoken.TokenAuthentication().authenticate_credentials(key)


def rate(keys: list[str], count: int) -> float:
    """Return the hits in a second of so many threads."""
    done = [0] * count
    end = time.perf_counter() + SECONDS

    def run(number: int) -> None:
        asked = 0
        while time.perf_counter() < end:
            hits(keys)
            asked += len(keys)
        done[number] = asked

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS


if __name__ == "__main__":
    main()
