import contextlib

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import override_settings

from irontoken.tokens import get_token_model, uses

#: Django's and ours, or those of `tests.swapped`.
User = get_user_model()
AccessToken = get_token_model()
#: The admin's page of them.
ADMIN = "/admin/{app_label}/{model_name}/".format_map(vars(AccessToken._meta))


@pytest.fixture(autouse=True)
def no_thread(monkeypatch):
    """Uses are written when a test says so."""
    monkeypatch.setattr(uses, "_uses", uses._Uses())
    monkeypatch.setattr(uses, "_start", lambda: None)
    monkeypatch.setattr(uses, "_is_rolled_back", lambda alias: False)


@pytest.fixture
def issued(db, compiled):
    """Issued tokens are what the default class looks for."""
    with override_settings(IRONTOKEN={"TOKEN_MODEL": AccessToken._meta.label}):
        yield AccessToken.objects


@pytest.fixture
def ada(issued):
    return User.objects.create_user("ada", password="lovelace")


@pytest.fixture
def root(client, issued, settings):
    """A client of the admin."""
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    client.force_login(User.objects.create_superuser("root"))
    return client


def setting(cache=None, **tokens):
    found = {"TOKEN_MODEL": AccessToken._meta.label, "TOKENS": tokens}
    return override_settings(IRONTOKEN={**found, **({"CACHE": cache} if cache else {})})


def patiently(work):
    """Do it again while SQLite or MariaDB says that another was there first."""
    for _ in range(500):
        with contextlib.suppress(OperationalError):
            return work()
    raise AssertionError
