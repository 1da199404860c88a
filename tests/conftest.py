import pytest
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token

from irontoken.lookup import shared as lookup

pytest.register_assert_rewrite("tests.support.comparison")


@pytest.fixture
def user(db):
    return User.objects.create_user("ada", "ada@example.com", "password")


@pytest.fixture
def token(user):
    return Token.objects.create(user=user)


@pytest.fixture
def compiled(monkeypatch):
    """The compiled look-ups of this test alone."""
    monkeypatch.setattr(lookup, "_compiled", {})
    return lookup._compiled
