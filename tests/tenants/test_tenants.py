"""django-tenants on PostgreSQL: one key in two schemas, and a connection that changes schemas."""

import threading
from contextlib import suppress

import pytest
from django.apps import apps
from django.db import connection, connections, transaction
from django.test import override_settings

if not apps.is_installed("django_tenants"):
    pytest.skip("needs --ds tests.support.tenants.settings", allow_module_level=True)

from django.contrib.auth.models import User
from django.db import DatabaseError
from django_tenants.utils import schema_context, tenant_context
from rest_framework.authtoken.models import Token

import irontoken
from irontoken.explain import explain
from tests.support.comparison import ask
from tests.support.tenants.models import Client

KEY = "a" * 40
NAMES = ("here", "there", "shared")


@pytest.fixture(scope="module")
def clients(django_db_setup, django_db_blocker):
    """Three tenants, the last of which has its users in `public`."""
    with django_db_blocker.unblock():
        made = {name: Client.objects.create(schema_name=name, name=name) for name in NAMES}
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE shared.auth_user CASCADE")
        yield made
        for client in made.values():
            client.delete(force_drop=True)


@pytest.fixture
def tenants(clients, django_db_blocker, tmp_path):
    """The same key in each schema, of a user who is called as the tenant."""
    cache = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600}
    with django_db_blocker.unblock(), override_settings(IRONTOKEN={"CACHE": cache}):
        for client in clients.values():
            with tenant_context(client):
                Token.objects.create(user=User.objects.create_user(client.name), key=KEY)
        yield clients
        for client in clients.values():
            with tenant_context(client):
                User.objects.all().delete()
                Token.objects.all().delete()
        connection.set_schema_to_public()


def name_of():
    return irontoken.TokenAuthentication().authenticate_credentials(KEY)[0].username


def queries():
    """The queries of tokens; the backend's own set the schema."""
    found, _ = ask(KEY)
    return len([sql for sql in found.queries if "authtoken_token" in sql])


def test_each_tenant_has_its_own_row_and_no_query_for_it(tenants):
    assert "cached." in str(explain(irontoken.TokenAuthentication))
    for _ in range(3):
        for name, client in tenants.items():
            with tenant_context(client):
                assert name_of() == name
    for name, client in tenants.items():
        with tenant_context(client):
            found, count = ask(KEY)
            assert (found.exception, count) == (None, 0)
            assert name_of() == name


def test_what_is_revoked_of_one_tenant_is_not_of_another(tenants):
    for client in tenants.values():
        with tenant_context(client):
            assert [queries() for _ in range(2)] == [1, 0]
    with tenant_context(tenants["here"]):
        Token.objects.all().delete()
        assert ask(KEY)[0].exception[1] == "Invalid token."
    for name in ("there", "shared"):
        with tenant_context(tenants[name]):
            assert name_of() == name


def test_a_user_in_public_is_seen_from_his_tenant(tenants):
    with tenant_context(tenants["shared"]):
        assert [queries() for _ in range(2)] == [1, 0]
    with schema_context("public"):
        User.objects.filter(username="shared").update(is_active=False)
    with tenant_context(tenants["shared"]):
        assert ask(KEY)[0].exception[1] == "User inactive or deleted."


def test_a_tenant_without_public_is_another(tenants):
    client = tenants["shared"]
    with tenant_context(client):
        assert name_of() == name_of() == "shared"
    connection.set_tenant(client, include_public=False)
    with pytest.raises(DatabaseError):  # it has no users there
        irontoken.TokenAuthentication().authenticate_credentials(KEY)


def test_a_schema_that_is_switched_within_a_transaction_counts(tenants):
    for _ in range(2):
        with tenant_context(tenants["here"]), transaction.atomic():
            assert name_of() == "here"
            with tenant_context(tenants["there"]):
                assert name_of() == "there"
            assert name_of() == "here"


def test_a_row_that_was_read_in_another_schema_than_was_named_is_not_stored(tenants):
    def failing(execute, sql, *arguments):
        if sql.startswith("SET search_path"):
            raise DatabaseError  # which the backend passes over
        return execute(sql, *arguments)

    connection.set_tenant(tenants["there"])
    assert name_of() == "there"
    connection.set_tenant(tenants["here"])
    with connection.execute_wrapper(failing):
        assert name_of() == "there"
    assert name_of() == "here"


def test_a_search_path_of_the_programs_own_is_not_cached(tenants):
    connection.set_tenant(tenants["here"])
    assert [queries() for _ in range(2)] == [1, 0]
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = there")
    for _ in range(2):
        assert queries() == 1
    connection.close()
    assert queries() == 0


def test_a_rolled_back_switch_is_no_switch(tenants):
    connection.set_tenant(tenants["here"])
    name_of()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        connection.set_tenant(tenants["there"])
        assert name_of() == "there"
        raise ZeroDivisionError
    for _ in range(2):
        assert name_of() == "there"
        connection.set_tenant(tenants["here"])
        assert name_of() == "here"
        connection.set_tenant(tenants["there"])


def test_threads_that_have_different_tenants_share_no_row(tenants):
    wrong = []

    def run(name):
        try:
            connection.set_tenant(tenants[name])
            wrong.extend(found for _ in range(300) if (found := name_of()) != name)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[name]) for name in (*NAMES, *NAMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.django_db  # by which pytest-django makes the database; the others share its schemas
def test_the_database_is_one_of_the_tests():
    assert connection.settings_dict["NAME"].startswith("test_")


@pytest.mark.parametrize(
    "setting", [{"EXTRA_SET_TENANT_METHOD_PATH": "app.more"}, {"TENANT_LIMIT_SET_CALLS": True}]
)
def test_a_schema_that_is_not_all_or_not_set_anew_is_not_cached(setting, tenants):
    [name] = setting
    with override_settings(**setting):
        assert f"with {name} a connection" in str(explain(irontoken.TokenAuthentication))
        connection.close()
        connection.set_tenant(tenants["here"])
        name_of()
        connection.set_tenant(tenants["there"])
        with transaction.atomic(), connection.cursor() as cursor, suppress(DatabaseError):
            cursor.execute("SELECT 1 / 0")
        name_of()
    assert irontoken.cache_info().entries == 0
