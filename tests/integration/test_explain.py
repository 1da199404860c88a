"""Whoever has no cache is told why: ``manage.py irontoken explain``, and a notice of a check."""

import functools
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from rest_framework.authentication import SessionAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.checks import check_cache
from irontoken.explain import explain, replaced
from tests.support.shapes.models import ManagedToken

pytestmark = pytest.mark.django_db


class Replaced(irontoken.TokenAuthentication):
    def authenticate_credentials(self, key):
        try:
            token = Token.objects.select_related("user").get(key=key)
        except Token.DoesNotExist:
            raise AuthenticationFailed from None
        return token.user, token


class BelowReplaced(Replaced):
    keyword = "Bearer"


class Extended(irontoken.TokenAuthentication):
    def authenticate_credentials(self, key):
        return super().authenticate_credentials(key.lower())


class OwnHeader(irontoken.TokenAuthentication):
    def authenticate(self, request):
        key = request.META.get("HTTP_X_KEY")
        return self.authenticate_credentials(key) if key else None


class Managed(irontoken.TokenAuthentication):
    model = ManagedToken


class Nested(irontoken.TokenAuthentication):
    def authenticate_credentials(self, key):
        def inner():
            return super(Nested, self).authenticate_credentials(key)

        return inner()


class Named(irontoken.TokenAuthentication):
    model = "authtoken.Token"


class Failing(irontoken.TokenAuthentication):
    def get_model(self):
        raise LookupError("no such model")


class Needing(irontoken.TokenAuthentication):
    def __init__(self, model):
        self.model = model


@pytest.fixture
def on(tmp_path):
    with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path)}}):
        yield


def explained(*paths):
    out = StringIO()
    call_command("irontoken", "explain", *paths, stdout=out)
    return out.getvalue().splitlines()


def path_of(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


@pytest.mark.parametrize("cls", [irontoken.TokenAuthentication, Extended, OwnHeader, Nested])
def test_what_is_cached_is_said_to_be(cls, on):
    assert str(explain(cls)) == f"{path_of(cls)} (authtoken.Token on 'default'): cached."
    assert replaced(cls) == ""


@pytest.mark.parametrize(
    ("cls", "reason", "hint"),
    [
        (Replaced, "Replaced.authenticate_credentials() does not call super()", "check()"),
        (BelowReplaced, "Replaced.authenticate_credentials()", "Declare"),
        (Managed, "objects is a manager of its own", ""),
        (Needing, "it cannot be asked for its tokens", ""),
        (Named, "it cannot be asked for its tokens", ""),
        (Failing, "no such model", ""),
        (SessionAuthentication, "it is not one of irontoken's classes", ""),
    ],
)
def test_why_not_is_said_with_what_would_change_it(cls, reason, hint, on):
    [line] = explained(path_of(cls))
    assert "not cached" in line
    assert reason in line
    assert hint in line


def test_a_cache_that_is_off_is_said_to_be():
    with override_settings(IRONTOKEN={}):
        assert "the cache is off. Write IRONTOKEN = " in str(
            explain(irontoken.TokenAuthentication)
        )


def test_all_that_are_in_use_are_explained_once(on, monkeypatch):
    monkeypatch.setattr("tests.support.urls.WhoAmI.authentication_classes", [Replaced])
    lines = explained()
    names = [line.split(" ")[0].rstrip(":") for line in lines]
    assert path_of(irontoken.TokenAuthentication) in names
    assert names.count(path_of(Replaced)) == 1


def test_a_path_that_leads_nowhere_is_refused(on):
    with pytest.raises(CommandError, match="no such class"):
        explained("nowhere.Class")


def test_a_check_names_the_class_that_gave_the_cache_up(on):
    classes = {"DEFAULT_AUTHENTICATION_CLASSES": [path_of(Replaced)]}
    with override_settings(REST_FRAMEWORK=classes):
        [notice] = [each for each in check_cache() if each.id == "irontoken.I001"]
    assert "Replaced.authenticate_credentials() does not call super()" in notice.msg
    assert "check()" in notice.hint


@pytest.mark.parametrize("section", [None, {}, {"DEFAULT_AUTHENTICATION_CLASSES": None}])
def test_settings_without_classes_are_explained_too(section, on):
    with override_settings(REST_FRAMEWORK=section):
        assert all("cached" in line for line in explained())
        assert not [
            each for each in check_cache() if each.id in {"irontoken.I001", "irontoken.W005"}
        ]


@pytest.mark.parametrize("odd", [functools.partial(irontoken.TokenAuthentication), 5, None])
def test_what_is_no_class_is_said_to_be_none_of_ours(odd, on):
    assert "not one of irontoken's classes" in str(explain(odd))
