import pytest
from django.test import override_settings

from irontoken.tokens import uses
from tests.support.issued import AccessToken, User


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
