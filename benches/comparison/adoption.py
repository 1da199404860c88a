"""``python -m benches.comparison.adoption``: how fast tokens are adopted, in how much memory."""

import argparse
import os
import resource
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benches.comparison.settings"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    django.setup()
    from django.test import override_settings

    from benches.comparison.__main__ import fresh_database

    model = {"TOKEN_MODEL": "irontoken_tokens.AccessToken"}
    with fresh_database(), override_settings(IRONTOKEN=model):
        fill(rows)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        adopt(rows)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"memory of the process: {before / 1024:.0f} MB before, {after / 1024:.0f} MB after")


def fill(rows: int) -> None:
    """Make users with a token each."""
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    import irontoken

    for start in range(0, rows, 5000):
        count = min(5000, rows - start)
        names = (f"user{number}" for number in range(start, start + count))
        users = User.objects.bulk_create(User(username=name, password="!") for name in names)
        keys = irontoken.generate_keys(count)
        Token.objects.bulk_create(
            Token(user=user, key=key) for user, key in zip(users, keys, strict=True)
        )


def adopt(rows: int) -> None:
    """Adopt them, and print the rates."""
    from irontoken.tokens.adoption.base import Adoption

    work = Adoption("authtoken")
    for name, step in (("copied", work.copy), ("finished", work.finish)):
        started = time.perf_counter()
        for _ in step():
            pass
        print(f"{rows / (time.perf_counter() - started):,.0f} rows a second {name}", flush=True)


if __name__ == "__main__":
    main()
