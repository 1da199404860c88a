"""Threads and forks: no answer crosses over to another request."""

import os
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from rest_framework.authtoken.models import Token

import irontoken
from irontoken.lookup import shared as lookup
from tests.support.comparison import request_with

THREADS = 16
CALLS = 40


@pytest.fixture
def tokens(transactional_db):
    users = [User.objects.create(username=f"user{number}") for number in range(THREADS)]
    return [Token.objects.create(user=user) for user in users]


def test_sixteen_threads_get_each_their_own_user(tokens):
    lookup._compiled.clear()
    barrier = threading.Barrier(THREADS)
    wrong = []

    def authenticate(token):
        barrier.wait()
        try:
            for _ in range(CALLS):
                request = request_with(f"Token {token.key}")
                user, found = irontoken.TokenAuthentication().authenticate(request)
                if (user.pk, found.pk, found.user.pk) != (token.user_id, token.key, user.pk):
                    wrong.append((token.user_id, user.pk))
        except Exception as error:
            wrong.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=authenticate, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this platform")
def test_a_child_authenticates_on_a_connection_of_its_own(tokens):
    authenticator = irontoken.TokenAuthentication()
    authenticator.authenticate_credentials(tokens[0].key)
    connection.close()
    pids = []
    for token in tokens:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                user, _ = authenticator.authenticate_credentials(token.key)
                status = 0 if user.pk == token.user_id else 2
            finally:
                os._exit(status)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * len(pids)
