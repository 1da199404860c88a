"""Tokens that are bound to the password: whoever changes it, by whatever program, ends them."""

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import override_settings
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.tokens import settings as conf
from irontoken.tokens import uses
from irontoken.tokens.signals import token_refused
from tests.support.issued import AccessToken, User, setting

CACHES = [None, {"COHERENCE": "host"}]


def ask(key):
    try:
        return irontoken.TokenAuthentication().authenticate_credentials(key)[1]
    except AuthenticationFailed as refusal:
        return str(refusal.detail)


@pytest.fixture(params=CACHES, ids=["no cache", "cache"])
def bound(ada, request, tmp_path):
    cache = request.param and {**request.param, "PATH": str(tmp_path)}
    with setting(cache=cache, REVOKE_ON_PASSWORD_CHANGE="session_hash"):
        yield AccessToken.objects.issue(ada)


def by_update():
    User.objects.update(password=make_password("new"))


def by_bulk_update():
    user = User.objects.get()
    user.password = make_password("new")
    User.objects.bulk_update([user], ["password"])


def by_a_fixture():
    user = User.objects.get()
    user.password = make_password("new")
    user.save_base(raw=True)


def by_sql():
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {User._meta.db_table} SET password = 'md5$salt$other'")


@pytest.mark.parametrize("change", [by_update, by_bulk_update, by_a_fixture, by_sql])
def test_every_way_of_changing_the_password_ends_them(bound, change):
    token, key = bound
    assert ask(key) == token
    assert ask(key) == token
    reasons = []

    def receive(reason, **_):
        reasons.append(reason)

    change()
    token_refused.connect(receive)
    try:
        assert ask(key) == "Invalid token."
        assert ask(key) == "Invalid token."
    finally:
        token_refused.disconnect(receive)
    assert reasons == ["password_changed"] * 2
    assert AccessToken.objects.get().refusal() == "password_changed"
    with pytest.raises(ValueError, match="refused"):
        token.rotate()


def test_without_it_a_save_alone_does(ada):
    token, key = AccessToken.objects.issue(ada)
    by_update()
    assert ask(key) == token
    assert token.session_hash == ""


def test_one_from_before_is_bound_by_its_next_use(ada):
    token, key = AccessToken.objects.issue(ada)
    with setting(REVOKE_ON_PASSWORD_CHANGE="session_hash"):
        assert token.refusal() == ""
        assert not uses._uses.updates  # as of a list in the admin
        assert ask(key) == token
        uses.flush()
        assert AccessToken.objects.get().session_hash
        by_update()
        assert ask(key) == "Invalid token."


def test_a_hasher_brought_up_to_date_ends_none(bound, settings):
    token, key = bound
    user = token.user
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    user.refresh_from_db()
    old = user.password
    assert user.check_password("lovelace")
    user.refresh_from_db()
    assert user.password != old
    assert ask(key) == token


def test_a_secret_key_that_was_rotated_ends_none(bound, settings):
    token, key = bound
    held = token.session_hash
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert ask(key) == token
        uses.flush()
        token.refresh_from_db()
        assert token.session_hash != held
    with override_settings(SECRET_KEY="another"):
        assert ask(key) == token


def test_a_new_one_is_bound_by_the_password_that_obtained_it(bound, client):
    sent = {"username": "ada", "password": "lovelace"}
    key = client.post("/tokens/obtain/", sent).json()["token"]
    assert not isinstance(ask(key), str)
    by_update()
    assert ask(key) == "Invalid token."


def test_another_word_is_told():
    with setting(REVOKE_ON_PASSWORD_CHANGE="session"):
        [(message, hint)] = conf.problems()
    assert "'session'" in message
    assert "True or False or 'session_hash'" in hint


def test_a_row_whose_token_is_refused_is_not_cached(transactional_db, tmp_path):
    connection.close()  # as in tests/integration/test_cache.py
    ada = User.objects.create_user("ada", password="lovelace")
    cache = {"COHERENCE": "host", "PATH": str(tmp_path)}
    with setting(cache=cache, REVOKE_ON_PASSWORD_CHANGE="session_hash"):
        token, key = AccessToken.objects.issue(ada)
        before = irontoken.cache_info()
        assert [ask(key) for _ in range(3)] == [token] * 3
        assert irontoken.cache_info().hits == before.hits + 2
        by_update()
        assert [ask(key) for _ in range(3)] == ["Invalid token."] * 3
        assert irontoken.cache_info().hits == before.hits + 2
