"""psycopg's pool: a connection of the driver's goes from thread to thread, with what it has."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test import override_settings
from rest_framework.authtoken.models import Token

import irontoken
from irontoken.explain import explain
from tests.support.comparison import ask

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="psycopg's pool"),
]
KEY = "a" * 40


@pytest.fixture
def pooled():
    """A pool of a single connection, which all threads share."""
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    options["pool"] = {"min_size": 1, "max_size": 1, "timeout": 20}
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()
        del options["pool"]


@pytest.fixture
def on(pooled, tmp_path):
    cache = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600}
    with override_settings(IRONTOKEN={"CACHE": cache}):
        yield


@pytest.fixture
def token(on):
    return Token.objects.create(user=User.objects.create_user("ada"), key=KEY)


def elsewhere(function, *arguments):
    """What a function returns in a thread that has a connection of Django's own."""
    answers = []

    def run():
        try:
            answers.append(function(*arguments))
        finally:
            connections.close_all()

    connection.close()  # the other thread needs the one that there is
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    [answer] = answers
    return answer


def sql(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def name_of(key=KEY):
    return irontoken.TokenAuthentication().authenticate_credentials(key)[0].username


def test_a_token_seen_before_costs_no_query_in_any_thread(token):
    assert "cached." in str(explain(irontoken.TokenAuthentication))
    assert ask(KEY)[1] == 1
    for _ in range(3):
        assert elsewhere(ask, KEY)[1] == 0
        assert ask(KEY)[1] == 0


def test_a_write_in_one_thread_is_seen_in_another(token):
    for name in ("grace", "alan"):
        elsewhere(ask, KEY)
        assert ask(KEY)[1] == 0
        elsewhere(rename, name)
        assert name_of() == name
    assert elsewhere(Token.objects.all().delete)[0] == 1
    assert ask(KEY)[0].exception[1] == "Invalid token."


def rename(name):
    with transaction.atomic():
        User.objects.update(username=name)


def test_what_one_thread_sets_on_the_connection_keeps_the_next_from_caching(token):
    sql("CREATE SCHEMA there")
    try:
        for table in ("auth_user", "authtoken_token"):
            sql(f"CREATE TABLE there.{table} (LIKE public.{table} INCLUDING ALL)")
        sql("INSERT INTO there.auth_user SELECT * FROM auth_user")
        sql("UPDATE there.auth_user SET username = 'other'")
        sql("INSERT INTO there.authtoken_token SELECT * FROM authtoken_token")
        process = elsewhere(sql, "SET search_path TO there")
        assert sql() == process
        # The same connection, and so the other schema; Django itself would see it.
        for _ in range(2):
            assert (ask(KEY)[1], name_of()) == (1, "other")
            assert elsewhere(name_of) == "other"
        connection.close()
        connection.close_pool()
        assert sql() != process
        assert [ask(KEY)[1] for _ in range(2)] == [1, 0]
        assert name_of() == "ada"
    finally:
        connection.close()
        connection.close_pool()
        sql("DROP SCHEMA there CASCADE")


def test_a_transaction_that_one_thread_left_open_is_not_another_ones(token):
    assert [ask(KEY)[1] for _ in range(2)] == [1, 0]
    process = elsewhere(sql, "BEGIN", "UPDATE auth_user SET username = 'unseen'")
    assert sql() == process
    assert name_of() == "ada"
    assert [ask(KEY)[1] for _ in range(2)][1] == 0


def test_a_pool_from_before_the_statements_were_seen_is_not_cached(pooled, tmp_path):
    with override_settings(IRONTOKEN={}):
        sql("SELECT 1")
        cache = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600}
        with override_settings(IRONTOKEN={"CACHE": cache}):
            Token.objects.create(user=User.objects.create_user("ada"), key=KEY)
            assert [ask(KEY)[1] for _ in range(2)] == [1, 1]
            assert "its pool was opened before" in str(explain(irontoken.TokenAuthentication))
            connection.close()
            connection.close_pool()
            assert [ask(KEY)[1] for _ in range(2)] == [1, 0]
