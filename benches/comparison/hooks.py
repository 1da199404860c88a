"""The rows of classes that declare what they need: a hit of each, by a hit of the plain class."""

from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from rest_framework.request import Request

import irontoken
from benches.comparison import contestants
from benches.comparison.measure import Measured, measure
from benches.comparison.models import SettledToken, Team, TeamToken


class Bare(irontoken.TokenAuthentication):
    """A subclass that uses no hook."""


class Checked(irontoken.TokenAuthentication):
    def check(self, request: Request, user: Any, token: Any) -> None:
        if token.user_id != user.id:
            raise AssertionError


class OfTeam(irontoken.TokenAuthentication):
    model = TeamToken


class WithTeam(irontoken.TokenAuthentication):
    model = TeamToken
    select_related = ("team",)


class Settled(irontoken.TokenAuthentication):
    model = SettledToken


def cache_on() -> Any:
    """Return the context in which the cache is on and knows what `WithTeam` loads."""
    classes = [f"{__name__}.WithTeam"]
    cache = {"COHERENCE": "host", "MAX_AGE": 3600, "CLASSES": classes}
    return override_settings(IRONTOKEN={"CACHE": cache})


def hits(fixtures: contestants.Fixtures, rounds: int) -> dict[str, Measured]:
    """Measure a fresh request whose token is cached, by each of the classes."""
    team = Team.objects.create(name="door", slug="door")
    ten = {f"setting {number}": number for number in range(10)}
    of_team, settled = irontoken.generate_keys(100), irontoken.generate_keys(100)
    for user, key, other in zip(User.objects.all(), of_team, settled, strict=False):
        TeamToken.objects.create(key=key, user=user, team=team)
        SettledToken.objects.create(key=other, user=user, settings=ten)
    requests = contestants.requests
    return measure(
        {
            "the plain class": requests(irontoken.TokenAuthentication, fixtures.tokens),
            "a subclass without a hook": requests(Bare, fixtures.tokens),
            "with check()": requests(Checked, fixtures.tokens),
            "a model of its own": requests(OfTeam, of_team),
            "with select_related of one": requests(WithTeam, of_team),
            "with a JSON field of ten keys": requests(Settled, settled),
        },
        rounds=rounds,
        collects=True,
    )


def pooled(fixtures: contestants.Fixtures, rounds: int) -> dict[str, Measured]:
    """Measure a hit on a connection of psycopg's pool, and one on a connection of Django's own."""
    found = {}
    settings = connection.settings_dict
    before = settings["CONN_MAX_AGE"]
    for name, pool in (("through a pool", {"min_size": 1}), ("without", None)):
        connection.close()
        if pool:
            # Django has no pool of connections that it keeps itself.
            settings["OPTIONS"]["pool"], settings["CONN_MAX_AGE"] = pool, 0
        with cache_on():
            contestant = contestants.requests(irontoken.TokenAuthentication, fixtures.tokens)
            found.update(measure({name: contestant}, rounds=rounds, collects=True))
        connection.close()
        if pool:
            connection.close_pool()  # type: ignore[attr-defined]
            del settings["OPTIONS"]["pool"]
            settings["CONN_MAX_AGE"] = before
    return found
