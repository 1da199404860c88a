"""The cache: what it answers, what it must not answer, and what it says of itself."""

import contextlib
import gc
import os
import sys
import threading

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.db.backends.signals import connection_created
from django.db.models import F, signals
from django.test import TestCase, override_settings
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.cache import databases
from irontoken.cache import service as cache
from tests.support.comparison import ask, assert_same, classes, described_pair, outcome
from tests.support.shapes import models
from tests.support.shapes.samples import SHAPES


@pytest.fixture
def cache_on(transactional_db, tmp_path, compiled):
    """The cache, with a version file of this test's own."""
    # An earlier test's may have an open cursor, beside which SQLite's rows are not kept.
    connection.close()
    with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path)}}):
        connection.ensure_connection()
        assert connection.execute_wrappers[0] is connection._irontoken_interceptor
        yield cache
    assert databases.databases == {}


@pytest.fixture
def users(cache_on):
    return [User.objects.create_user(f"user{number}") for number in range(3)]


@pytest.fixture
def keys(users):
    return [Token.objects.create(user=user).key for user in users]


def warm(*keys):
    for key in keys:
        ask(key)
        assert ask(key)[1] == 0


class TestHits:
    def test_a_token_seen_before_costs_no_query(self, keys):
        assert ask(keys[0])[1] == 1
        assert ask(keys[0])[1] == 0
        info = irontoken.cache_info()
        assert (info.hits, info.misses, info.entries) == (1, 1, 1)

    def test_so_it_is_after_a_failure_in_a_transaction(self, users, keys):
        """Which Django remembers, and with it a cursor."""
        with contextlib.suppress(IntegrityError), transaction.atomic():
            User(username=users[0].username).save()
        ask(keys[0])
        gc.collect()
        warm(keys[0])

    @pytest.mark.parametrize("shape", SHAPES)
    def test_a_hit_equals_what_drf_finds(self, shape, cache_on):
        make, is_compiled = SHAPES[shape]
        token = make(User.objects.create_user("ada"))
        for _ in range(3):
            ours, theirs = (
                cls().authenticate_credentials(str(token.key))
                for cls in classes(model=type(token))
            )
            assert described_pair(ours) == described_pair(theirs)
        assert ask(str(token.key), type(token))[1] == (0 if is_compiled else 1)

    @pytest.mark.parametrize(
        "value",
        [
            [],
            {"theme": ["dark", 1, None, {"deep": [1.5, True]}]},
            [[[]]] * 3,
            {str(number): [number] for number in range(100)},
        ],
    )
    def test_a_value_that_can_be_changed_in_place_is_each_requests_own(self, value, cache_on):
        user = models.SettledUser.objects.create(name="ada", settings=value)
        key = models.SettledToken.objects.create(user=user, scopes=value).key
        authenticate = classes(model=models.SettledToken)[0]().authenticate_credentials
        authenticate(key)
        for _ in range(3):
            assert ask(key, models.SettledToken)[1] == 0
            user, token = authenticate(key)
            assert user.settings == token.scopes == value
            assert type(user.settings) is type(value)
            for held in (user.settings, token.scopes):
                changed = held[0] if isinstance(held, list) and held else held
                (changed.append if isinstance(changed, list) else changed.update)({"changed": 1})

    def test_one_that_is_too_deep_or_too_long_is_not_kept(self, cache_on):
        deep = []
        for _ in range(70):
            deep = [deep]
        # MariaDB holds no value of so many levels.
        values = [list(range(2001)), *([] if connection.vendor == "mysql" else [deep])]
        for number, value in enumerate(values):
            user = models.SettledUser.objects.create(name=f"user{number}", settings=value)
            key = models.SettledToken.objects.create(user=user).key
            assert [ask(key, models.SettledToken)[1] for _ in range(3)] == [1, 1, 1]
            [reason] = irontoken.cache_info().uncacheable
            assert "settings holds a list" in reason

    def test_its_receiver_stays_the_first_when_apps_are_loaded_again(self, keys):
        def other(**_):
            pass

        connection_created.connect(other)
        try:
            with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS]):
                pass
            assert connection_created.receivers[0][0][0] == "irontoken.interceptor"
        finally:
            connection_created.disconnect(other)

    def test_a_setting_that_nothing_is_kept_of_leaves_it_alone(self, keys):
        warm(keys[0])
        with override_settings(LANGUAGE_CODE="de"):
            assert ask(keys[0])[1] == 0
        assert ask(keys[0])[1] == 0
        with override_settings(DATABASE_ROUTERS=[]):
            assert ask(keys[0])[1] == 1

    def test_each_request_gets_instances_of_its_own(self, keys):
        warm(keys[0])
        first, again = (
            irontoken.TokenAuthentication().authenticate_credentials(keys[0]) for _ in range(2)
        )
        first[0].username = "changed"
        assert again[0].username == "user0"
        assert first[0] is not again[0]
        assert again[1].user is again[0]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
    @pytest.mark.parametrize("sender", [Token, User])
    def test_what_a_receiver_raises_is_raised_as_by_drfs_class(self, keys, error, sender):
        warm(keys[0])
        calls = []

        def fail(**_):
            calls.append(None)
            raise error("of a receiver")

        signals.post_init.connect(fail, sender=sender)
        try:
            for cls in classes():
                with pytest.raises(error, match="of a receiver"):
                    cls().authenticate_credentials(keys[0])
        finally:
            signals.post_init.disconnect(fail, sender=sender)
        assert len(calls) == 2  # of each class one

    def test_a_row_that_a_receiver_hides_is_refused_as_by_drfs_class(self, keys):
        warm(keys[0])

        def hide(**_):
            raise Token.DoesNotExist

        signals.post_init.connect(hide, sender=Token)
        try:
            for cls in classes():
                with pytest.raises(AuthenticationFailed):
                    cls().authenticate_credentials(keys[0])
        finally:
            signals.post_init.disconnect(hide, sender=Token)

    def test_an_inactive_user_is_refused_from_the_cache(self, users, keys):
        User.objects.filter(pk=users[0].pk).update(is_active=False)
        for queries in (1, 0):
            refused, count = ask(keys[0])
            assert refused.exception[1] == "User inactive or deleted."
            assert count == queries

    def test_refused_keys_are_not_kept(self, keys):
        for _ in range(2):
            assert ask("unknown")[1] == 1
        assert irontoken.cache_info().entries == 0

    def test_a_near_miss_is_not_answered(self, keys):
        warm(keys[0])
        assert ask(keys[0].upper())[0].exception

    def test_an_entry_grows_too_old(self, keys, tmp_path):
        setting = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 0.001}
        with override_settings(IRONTOKEN={"CACHE": setting}):
            ask(keys[0])
            threading.Event().wait(0.01)
            assert ask(keys[0])[1] == 1

    def test_there_are_at_most_max_entries(self, users, tmp_path):
        setting = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_ENTRIES": 5}
        with override_settings(IRONTOKEN={"CACHE": setting}):
            for number in range(20):
                token = models.ManyToken.objects.create(user=users[0], key=f"key{number}")
                ask(token.key, models.ManyToken)
            assert irontoken.cache_info().entries <= 5
            assert irontoken.cache_info().evictions >= 15

    def test_clearing_empties_it(self, keys):
        warm(*keys)
        irontoken.cache_clear()
        assert irontoken.cache_info().entries == 0
        assert ask(keys[0])[1] == 1

    def test_drfs_results_stay_the_same_with_the_cache_on(self, keys):
        for _ in range(2):
            for header in (f"Token {keys[0]}", "Token unknown", "Token", "Bearer x"):
                ours, theirs = (
                    outcome(lambda cls=cls, header=header: _authenticate(cls, header))
                    for cls in classes()
                )
                assert ours[:2] == theirs[:2]


def _authenticate(cls, header):
    from tests.support.comparison import request_with

    return cls().authenticate(request_with(header))


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


#: Every way by which a token is revoked or its user changed: done to user 0 of three.
WRITES = {
    "delete": lambda u: Token.objects.get(user=u).delete(),
    "queryset delete": lambda u: Token.objects.filter(user=u).delete(),
    "cascade": lambda u: u.delete(),
    "queryset cascade": lambda u: User.objects.filter(pk=u.pk).delete(),
    "_raw_delete": lambda u: Token.objects.filter(user=u)._raw_delete("default"),
    "save": lambda u: (setattr(u, "is_active", False), u.save()),
    "save update_fields": lambda u: (
        setattr(u, "is_active", False),
        u.save(update_fields=["is_active"]),
    ),
    "update": lambda u: User.objects.filter(pk=u.pk).update(is_active=False),
    "update all": lambda u: User.objects.update(is_active=False),
    "update by name": lambda u: User.objects.filter(username=u.username).update(is_active=False),
    "bulk_update": lambda u: (
        setattr(u, "is_active", False),
        User.objects.bulk_update([u], ["is_active"]),
    ),
    "raw update": lambda u: sql("UPDATE auth_user SET is_active = %s WHERE id = %s", False, u.pk),
    "raw, spelled oddly": lambda u: sql(
        (
            "/* x */ update  %s\n set"
            % ("auth_user" if connection.vendor == "mysql" else "AUTH_USER")
        )
        + " is_active = (1 = 0) -- y\n where ID="
        + str(u.pk)
    ),
    "raw delete": lambda u: sql("DELETE FROM authtoken_token WHERE user_id = " + str(u.pk)),
    "key changed": lambda u: Token.objects.filter(user=u).update(key="another"),
    "bulk_create with conflicts": lambda u: User.objects.bulk_create(
        [User(pk=u.pk, username=u.username, is_active=False)],
        update_conflicts=True,
        update_fields=["is_active"],
        **({} if connection.vendor == "mysql" else {"unique_fields": ["username"]}),
    ),
    "truncate or flush": lambda u: call_command("flush", interactive=False, verbosity=0),
    "executemany": lambda u: _executemany(
        "UPDATE auth_user SET is_active = %s WHERE id = %s", [(False, u.pk)]
    ),
}


def _executemany(statement, sets):
    with connection.cursor() as cursor:
        cursor.executemany(statement, sets)


def same_case(key):
    """Assert that ours says what DRF says, whatever the cache holds."""
    ours, theirs = (outcome(cls().authenticate_credentials, key) for cls in classes())
    assert ours[:2] == theirs[:2]
    return ours


class TestWrites:
    @pytest.mark.parametrize("write", WRITES)
    def test_what_was_true_before_a_write_is_not_answered(self, write, users, keys):
        warm(*keys)
        WRITES[write](users[0])
        assert same_case(keys[0]).exception is not None
        for key in keys[1:]:
            same_case(key)

    @pytest.mark.parametrize("write", [name for name in WRITES if "flush" not in name])
    def test_a_committed_write_in_a_transaction_is_not_missed(self, write, users, keys):
        warm(*keys)
        with transaction.atomic():
            WRITES[write](users[0])
            assert same_case(keys[0]).exception is not None
        assert same_case(keys[0]).exception is not None

    @pytest.mark.parametrize("write", [name for name in WRITES if "flush" not in name])
    def test_a_write_rolled_back_leaves_nothing(self, write, users, keys):
        warm(*keys)
        pk = users[0].pk
        with transaction.atomic():
            WRITES[write](users[0])
            assert same_case(keys[0]).exception is not None
            transaction.set_rollback(True)
        users[0].pk = pk
        assert same_case(keys[0]).result is not None

    @pytest.mark.parametrize("write", ["save", "delete", "raw update"])
    def test_a_savepoint_rolled_back_leaves_nothing(self, write, users, keys):
        warm(*keys)
        with transaction.atomic():
            try:
                with transaction.atomic():
                    WRITES[write](users[0])
                    assert same_case(keys[0]).exception is not None
                    raise RuntimeError
            except RuntimeError:
                pass
            assert same_case(keys[0]).result is not None
        assert same_case(keys[0]).result is not None

    @pytest.mark.parametrize("end", ["commit", "rollback"])
    def test_transactions_by_hand(self, end, users, keys):
        warm(*keys)
        transaction.set_autocommit(False)
        try:
            WRITES["update"](users[0])
            assert same_case(keys[0]).exception is not None
            getattr(transaction, end)()
        finally:
            transaction.set_autocommit(True)
        assert (same_case(keys[0]).exception is not None) is (end == "commit")

    def test_a_write_in_a_thread_is_seen_here(self, users, keys):
        warm(*keys)

        def revoke():
            try:
                WRITES["delete"](users[0])
            finally:
                connections.close_all()

        thread = threading.Thread(target=revoke)
        thread.start()
        thread.join()
        assert ask(keys[0])[0].exception
        assert ask(keys[1])[1] == 0

    @pytest.mark.parametrize(
        "write",
        ["delete", "queryset delete", "save", "save update_fields", "update", "bulk_update"],
    )
    def test_a_write_to_one_row_leaves_the_others_cached(self, write, users, keys):
        warm(*keys)
        WRITES[write](users[0])
        assert ask(keys[1])[1] == 0

    def test_a_login_leaves_the_others_cached(self, users, keys):
        warm(*keys)
        from django.contrib.auth.models import update_last_login

        update_last_login(None, users[0])
        assert ask(keys[0])[1] == 1
        assert ask(keys[1])[1] == 0

    def test_a_new_user_with_a_new_token_leaves_all_cached(self, users, keys):
        warm(*keys)
        with transaction.atomic():
            Token.objects.create(user=User.objects.create_user("new"))
        assert [ask(key)[1] for key in keys] == [0, 0, 0]

    def test_the_writes_of_other_tables_leave_all_cached(self, users, keys):
        from django.contrib.auth.models import Group

        warm(*keys)
        group = Group.objects.create(name="g")
        group.name = "h"
        group.save()
        users[0].groups.add(group)
        group.delete()
        assert [ask(key)[1] for key in keys] == [0, 0, 0]

    def test_a_parent_table_is_watched(self, cache_on):
        child = models.ChildUser.objects.create(username="child", motto="a")
        key = models.ChildUserToken.objects.create(user=child).key
        for change in (
            lambda: User.objects.filter(pk=child.pk).update(is_active=False),
            lambda: models.ChildUser.objects.filter(pk=child.pk).update(motto="b"),
            lambda: User.objects.filter(username="child").update(email="x@example.com"),
        ):
            ask(key, models.ChildUserToken)
            change()
            ours, theirs = (
                outcome(cls().authenticate_credentials, key)
                for cls in classes(model=models.ChildUserToken)
            )
            assert ours[:2] == theirs[:2]

    def test_a_renamed_table_is_not_answered_for(self, users, keys):
        warm(*keys)
        with connection.schema_editor() as editor:
            editor.alter_db_table(Token, "authtoken_token", "elsewhere")
        try:
            assert same_case(keys[0]).exception is not None
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(Token, "elsewhere", "authtoken_token")

    def test_an_expression_names_its_row_too(self, users, keys):
        warm(*keys)
        User.objects.filter(pk=users[0].pk).update(first_name=F("username"))
        assert same_case(keys[0]).queries
        assert ask(keys[1])[1] == 0


class TestTransactions:
    def test_rows_of_an_open_transaction_are_not_kept(self, users):
        with transaction.atomic():
            key = Token.objects.create(user=users[0]).key
            assert ask(key)[1] == 1
            assert ask(key)[1] == 1
            transaction.set_rollback(True)
        assert ask(key)[0].exception

    def test_the_first_statement_of_a_transaction_may_fill(self, keys):
        with transaction.atomic():
            assert ask(keys[0])[1] == 1
        assert ask(keys[0])[1] == 0

    def test_a_later_statement_may_not(self, keys):
        with transaction.atomic():
            User.objects.count()
            assert ask(keys[0])[1] == 1
        assert ask(keys[0])[1] == 1

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own kind of transaction")
    def test_an_unfinished_cursor_of_sqlite_keeps_rows_out(self, keys):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM auth_user")
            cursor.fetchone()
            ask(keys[0])
            assert ask(keys[0])[1] == 1
        del cursor
        ask(keys[0])
        assert ask(keys[0])[1] == 0

    def test_a_hook_that_raises_costs_no_stamp(self, users, keys):
        warm(*keys)

        def broken():
            raise RuntimeError

        with pytest.raises(RuntimeError), transaction.atomic():
            transaction.on_commit(broken)
            WRITES["delete"](users[0])
        assert same_case(keys[0]).exception is not None

    def test_a_hook_of_on_commit_already_sees_the_write(self, users, keys):
        warm(*keys)
        seen = []
        with transaction.atomic():
            transaction.on_commit(lambda: seen.append(ask(keys[0])[0]))
            WRITES["delete"](users[0])
        assert seen[0].exception

    def test_captured_hooks_show_none_of_ours(
        self, users, keys, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
            WRITES["delete"](users[0])
        assert callbacks == []

    def test_execute_wrappers_nest_with_ours(self, users, keys):
        def wrapper(execute, sql, params, many, context):
            return execute(sql, params, many, context)

        warm(*keys)
        with connection.execute_wrapper(wrapper):
            connection.close()
            WRITES["delete"](users[0])
        assert connection.execute_wrappers == [connection._irontoken_interceptor]
        assert ask(keys[0])[0].exception

    def test_a_commit_that_fails_ends_nothing(self, users, keys, monkeypatch):
        warm(*keys)
        wrapper = connections["default"]
        transaction.set_autocommit(False)
        try:
            WRITES["save"](users[0])
            driver = wrapper.connection

            class Failing:
                def __getattr__(self, name):
                    return getattr(driver, name)

                def commit(self):
                    raise OperationalError("locked")

            wrapper.connection = Failing()
            with pytest.raises(OperationalError):
                transaction.commit()
            wrapper.connection = driver
            assert not wrapper._irontoken_interceptor.may_read()
            assert same_case(keys[0]).exception is not None
            transaction.rollback()
        finally:
            transaction.set_autocommit(True)
        assert same_case(keys[0]).result is not None

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite begins one so")
    def test_a_savepoint_may_begin_a_transaction(self, users, keys):
        warm(*keys)
        sql("SAVEPOINT s")
        WRITES["raw update"](users[0])
        assert not connections["default"]._irontoken_interceptor.may_read()
        sql("ROLLBACK TO s")
        sql("RELEASE s")
        assert same_case(keys[0]).result is not None
        assert connections["default"]._irontoken_interceptor.may_read()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="psycopg's own kind of SQL")
    def test_composed_sql_is_read(self, users, keys):
        from psycopg import sql as composed

        warm(*keys)
        statement = composed.SQL("UPDATE {} SET is_active = %s WHERE id = %s").format(
            composed.Identifier("auth_user")
        )
        sql(statement, False, users[0].pk)
        assert same_case(keys[0]).exception is not None
        assert ask(keys[1])[1] == 0
        sql(composed.SQL("SET search_path TO {}").format(composed.Identifier("public")))
        assert not connections["default"]._irontoken_interceptor.may_read()
        connection.close()

    def test_a_machine_that_is_token_and_user_is_seen_as_both(self, cache_on):
        owner = User.objects.create_user("owner")
        machine = models.Machine.objects.create(key="a" * 40, user=owner)
        models.MachineToken.objects.create(key="b" * 40, user=machine)
        for _ in range(2):
            ask(machine.key, models.Machine)
        machine.delete()
        assert ask("a" * 40, models.Machine)[0].exception

    def test_a_parent_with_a_key_of_its_own_is_seen(self, cache_on):
        account = models.Account.objects.create(username="account", label="a")
        key = models.AccountToken.objects.create(user=account).key
        for _ in range(2):
            ask(key, models.AccountToken)
        account.label = "b"
        account.save(update_fields=["label"])
        found, _ = irontoken.TokenAuthentication.authenticate_credentials(
            classes(model=models.AccountToken)[0](), key
        )
        assert found.label == "b"

    def test_raw_transactions_count(self, users, keys):
        if connection.vendor != "postgresql":
            pytest.skip("the other drivers keep their own count of transactions")
        warm(*keys)
        sql("BEGIN")
        WRITES["raw update"](users[0])
        assert same_case(keys[0]).exception is not None
        sql("ROLLBACK")
        assert same_case(keys[0]).result is not None

    def test_replicas_are_not_kept(self, keys):
        with override_settings(DATABASE_ROUTERS=["tests.integration.test_cache.WritesElsewhere"]):
            for _ in range(2):
                assert ask(keys[0])[1] == 1


class WritesElsewhere:
    def db_for_write(self, model, **hints):
        return "other"


class TestTestCases(TestCase):
    """Django's own test case, with its rows made in a transaction that never ends."""

    @classmethod
    def setUpTestData(cls):
        cls.token = Token.objects.create(user=User.objects.create_user("ada"))

    def test_rows_of_the_fixture_are_seen_and_not_kept(self):
        with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host"}}):
            for _ in range(2):
                assert ask(self.token.key)[0].result is not None
            self.token.user.is_active = False
            self.token.user.save()
            assert ask(self.token.key)[0].exception is not None
            assert irontoken.cache_info().entries == 0


class TestDatabases:
    pytestmark = pytest.mark.django_db(databases=["default", "other"], transaction=True)

    def test_one_database_does_not_answer_for_another(self, cache_on):
        key = "a" * 40
        for alias, name in (("default", "here"), ("other", "there")):
            user = User.objects.db_manager(alias).create_user(name)
            Token.objects.using(alias).create(user=user, key=key)
        for _ in range(2):
            assert (
                irontoken.TokenAuthentication().authenticate_credentials(key)[0].username == "here"
            )
            with override_settings(DATABASE_ROUTERS=["tests.integration.test_cache.Other"]):
                found, _ = irontoken.TokenAuthentication().authenticate_credentials(key)
                assert found.username == "there"

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="schemas are PostgreSQL's")
    def test_one_schema_does_not_answer_for_another(self, cache_on):
        key = "a" * 40
        try:
            for name in ("here", "there"):
                sql(f"CREATE SCHEMA {name}")
                for table in ("auth_user", "authtoken_token"):
                    sql(f"CREATE TABLE {name}.{table} (LIKE public.{table} INCLUDING ALL)")
                sql(f"SET search_path TO {name}")
                Token.objects.create(user=User.objects.create(username=name), key=key)
            for _ in range(2):
                for name in ("here", "there"):
                    sql(f"SELECT set_config('search_path', '{name}', false)")
                    user, _ = irontoken.TokenAuthentication().authenticate_credentials(key)
                    assert user.username == name
        finally:
            sql("DROP SCHEMA IF EXISTS here, there CASCADE")
            connection.close()

    def test_a_tenants_schema_is_not_cached(self, keys, monkeypatch):
        monkeypatch.setattr(connections["default"], "schema_name", "tenant", raising=False)
        connection.close()
        for _ in range(2):
            assert ask(keys[0])[1] == 1


class Other:
    def db_for_read(self, model, **hints):
        return "other"

    db_for_write = db_for_read


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows neither removes, replaces nor cuts a mapped file"
)
class TestFiles:
    def file(self):
        return cache.store().path()

    def lose(self, how):
        path = self.file()
        size = path.stat().st_size
        if how == "removed":
            path.unlink()
        elif how == "replaced":
            path.unlink()
            path.write_bytes(b"\0" * size)
        elif how == "renamed":
            path.rename(path.with_suffix(".old"))
        else:
            os.truncate(path, 100 if how == "cut" else 0)
            if how == "zeroed":
                os.truncate(path, size)
        return path

    @pytest.mark.parametrize("how", ["removed", "replaced", "renamed", "cut", "zeroed"])
    def test_a_lost_file_is_never_trusted(self, how, users, keys):
        warm(*keys)
        path = self.lose(how)
        # Only where the file is as it was, and at another path, does it take a while.
        threading.Event().wait(0.15 if how == "renamed" else 0.001)
        for key in keys:
            assert ask(key)[1] == 1
        if how != "replaced":
            assert ask(keys[0])[1] == 0
        else:
            assert "not working" in irontoken.cache_info().coherence
            assert ask(keys[0])[1] == 1
            path.unlink()
            assert irontoken.cache_info().coherence.startswith("host")
            ask(keys[0])
            threading.Event().wait(0.3)
            ask(keys[0])
            assert ask(keys[0])[1] == 0

    def test_the_loss_is_logged_once(self, keys, caplog):
        warm(keys[0])
        self.lose("removed")
        threading.Event().wait(0.15)
        for _ in range(3):
            ask(keys[0])
            irontoken.cache_clear()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert keys[0] not in caplog.text

    def test_a_write_that_nobody_can_hear_is_logged(self, users, keys, caplog):
        cache._failures_logged.clear()
        self.lose("replaced")
        for _ in range(2):
            WRITES["save"](users[0])
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "MAX_AGE" in caplog.text

    def test_the_file_is_this_users_alone(self, keys, tmp_path):
        ask(keys[0])
        path = self.file()
        assert path.parent == tmp_path
        assert path.stat().st_mode & 0o777 == 0o600
        assert keys[0].encode() not in path.read_bytes()


class TestSignals:
    def test_a_receiver_hears_of_a_hit(self, keys):
        warm(keys[0])
        heard = []

        def receiver(sender, **kwargs):
            heard.append(sender)

        signals.post_init.connect(receiver, sender=User)
        try:
            assert ask(keys[0])[1] == 0
        finally:
            signals.post_init.disconnect(receiver, sender=User)
        assert heard == [User]


def test_off_it_does_nothing(user, django_assert_num_queries):
    token = Token.objects.create(user=user)
    for _ in range(2):
        assert len(assert_same(f"Token {token.key}").queries) == 1
    assert irontoken.cache_info().coherence == "off"
    assert connection.execute_wrappers == []
    with pytest.raises(AuthenticationFailed):
        irontoken.TokenAuthentication().authenticate_credentials("unknown")


class TestReasons:
    """What is not cached is counted by why, so that nothing is without a cache in silence."""

    def reasons(self):
        return irontoken.cache_info().uncacheable

    def test_what_is_cached_has_none(self, keys):
        warm(keys[0])
        assert self.reasons() == {}

    def test_a_connection_that_has_done_what_cannot_be_followed(self, keys):
        sql("CREATE TEMPORARY TABLE scratch (a integer)")
        for _ in range(3):
            ask(keys[0])
        [(reason, count)] = self.reasons().items()
        assert (count, "temporary table" in reason) == (3, True)

    def test_a_transaction_that_has_written_or_read_before(self, keys, users):
        with transaction.atomic():
            User.objects.count()
            ask(keys[0])
        with transaction.atomic():
            User.objects.filter(pk=users[1].pk).update(first_name="x")
            ask(keys[0])
        said = " ".join(self.reasons())
        assert "another statement ran before it" in said
        assert "has written" in said

    def test_a_model_without_a_plain_look_up(self, cache_on, users):
        token = models.ManagedToken.objects.create(user=users[0])
        for _ in range(2):
            ask(token.key, models.ManagedToken)
        [(reason, count)] = self.reasons().items()
        assert (count, "manager of its own" in reason) == (2, True)

    def test_a_cache_that_is_off(self, db):
        with override_settings(IRONTOKEN={}):
            assert irontoken.cache_info().uncacheable == {}
