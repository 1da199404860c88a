import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from irontoken.tokens import uses
from irontoken.tokens.models import AccessToken


@pytest.fixture(autouse=True)
def no_thread(monkeypatch):
    """Uses are written when a test says so."""
    monkeypatch.setattr(uses, "_uses", uses._Uses())
    monkeypatch.setattr(uses, "_start", lambda: None)
    monkeypatch.setattr(uses, "_is_rolled_back", lambda model: False)


@pytest.fixture
def issued(db, compiled):
    """Issued tokens are what the default class looks for."""
    with override_settings(IRONTOKEN={"TOKEN_MODEL": "irontoken_tokens.AccessToken"}):
        yield AccessToken.objects


@pytest.fixture
def ada(issued):
    return User.objects.create_user("ada", password="lovelace")


def setting(cache=None, **tokens):
    found = {"TOKEN_MODEL": "irontoken_tokens.AccessToken", "TOKENS": tokens}
    return override_settings(IRONTOKEN={**found, **({"CACHE": cache} if cache else {})})
