"""The way in from authtoken: no client notices, and what is revoked stays revoked."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.tokens import adoption
from irontoken.tokens.models import AccessToken
from tests.tokens.conftest import setting


def ask(key):
    try:
        return irontoken.TokenAuthentication().authenticate_credentials(key)
    except AuthenticationFailed as refusal:
        return str(refusal.detail)


@pytest.fixture
def keys(issued):
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(20))
    users = User.objects.filter(username__in=[user.username for user in users])
    return [Token.objects.create(user=user).key for user in users.order_by("pk")]


def test_keys_work_before_between_and_after(keys):
    assert all(isinstance(ask(key)[1], Token) for key in keys)
    assert list(adoption.copy(batch=7)) == [7, 14, 20]
    assert all(isinstance(ask(key)[1], Token) for key in keys)
    assert list(adoption.finish(batch=7)) == [7, 14, 20]
    assert not Token.objects.exists()
    for key in keys:
        user, token = ask(key)
        assert isinstance(token, AccessToken)
        assert (token.user, token.display, token.revoked) == (user, key[:6], None)
    assert not any(key in str(vars(token)) for key in keys for token in AccessToken.objects.all())


def test_users_and_times_of_creation_stay(keys):
    before = {token.user_id: token.created for token in Token.objects.all()}
    list(adoption.finish())
    assert {token.user_id: token.created for token in AccessToken.objects.all()} == before


def test_it_may_be_stopped_and_begun_again(keys):
    copying = adoption.copy(batch=3)
    next(copying)
    list(adoption.copy(batch=4))
    finishing = adoption.finish(batch=3)
    next(finishing)
    assert all(not isinstance(ask(key), str) for key in keys)
    list(adoption.copy())
    list(adoption.finish())
    assert AccessToken.objects.count() == len(keys)
    assert not AccessToken.objects.filter(pending=True).exists()


def test_what_is_revoked_meanwhile_stays_revoked(keys):
    list(adoption.copy())
    Token.objects.filter(key=keys[0]).delete()
    assert ask(keys[0]) == "Invalid token."
    list(adoption.finish())
    assert ask(keys[0]) == "Invalid token."
    assert AccessToken.objects.count() == len(keys) - 1


def test_an_adopted_token_is_revoked_like_any_other(keys):
    list(adoption.finish())
    ask(keys[0])[1].revoke()
    assert ask(keys[0]) == "Invalid token."


def test_switched_off_authtoken_is_not_asked(keys):
    with setting(ACCEPT_AUTHTOKEN=False):
        assert ask(keys[0]) == "Invalid token."


def test_inactive_users_are_refused_all_the_while(keys):
    User.objects.update(is_active=False)
    for step in (list, lambda _: list(adoption.copy()), lambda _: list(adoption.finish())):
        step(())
        assert ask(keys[0]) == "User inactive or deleted."


@pytest.mark.parametrize("cache", [None, {"COHERENCE": "host"}])
def test_clients_that_never_stop_asking_are_never_refused(transactional_db, tmp_path, cache):
    users = [User.objects.create(username=f"user{number}") for number in range(60)]
    keys = [Token.objects.create(user=user).key for user in users]
    stop = threading.Event()
    refused, asked = [], []

    def client(number):
        try:
            while not stop.is_set():
                for key in keys[number::2]:
                    answer = ask(key)
                    asked.append(1)
                    if isinstance(answer, str):
                        refused.append(answer)
        finally:
            connection.close()

    found = {**cache, "PATH": str(tmp_path)} if cache else None
    with setting(cache=found):
        threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        try:
            list(adoption.copy(batch=5))
            list(adoption.finish(batch=5))
        finally:
            while len(asked) < 500:
                stop.wait(0.01)
            stop.set()
            for thread in threads:
                thread.join()
        assert not refused
        assert not Token.objects.exists()
        assert AccessToken.objects.live().count() == 60
