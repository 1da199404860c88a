"""COHERENCE "postgres": what other programs write is heard, and what is in doubt is asked for."""

import json
import logging
import os
import time
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.test import override_settings
from django.utils import timezone
from rest_framework.authtoken.models import Token

import irontoken
from irontoken.checks import check_bus
from irontoken.fleet import service as fleet
from irontoken.fleet.bus import channel_of
from irontoken.fleet.triggers import FEW, SLOT, Triggers
from irontoken.operations import InstallTriggers
from irontoken.tokens import uses
from irontoken.tokens.models import AccessToken
from tests.support.buses import ask, coherence, eventually, is_refused, warm
from tests.support.processes import fork
from tests.support.servers import Proxy

psycopg = pytest.importorskip("psycopg", reason="COHERENCE 'postgres' needs psycopg 3")
if "postgresql" not in settings.DATABASES["default"]["ENGINE"]:
    pytest.skip("the database is not PostgreSQL", allow_module_level=True)
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])
VECTORS = json.loads((Path(__file__).parent / "slots.json").read_text())


@pytest.fixture
def setting(tmp_path):
    return {"COHERENCE": "postgres", "PATH": str(tmp_path), "MAX_AGE": 600, "LEASE": 2}


@pytest.fixture
def fleet_on(setting, compiled):
    """The cache with its triggers installed, and a listener of this test's own."""
    with override_settings(IRONTOKEN={"CACHE": setting}):
        call_command("irontoken", "install", stdout=StringIO())
        yield
        call_command("irontoken", "uninstall", stdout=StringIO())


@pytest.fixture
def elsewhere():
    """A connection of another program, which has no interceptor."""
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    parameters = {name: parameters[name] for name in names if name in parameters}
    with psycopg.connect(**parameters, autocommit=True) as other:
        yield other


@pytest.fixture
def keys(fleet_on):
    users = [User.objects.create_user(f"user{number}") for number in range(3)]
    return [Token.objects.create(user=user).key for user in users]


@pytest.fixture
def news(fleet_on, elsewhere):
    """A function that returns the messages that have been sent since it was last called."""
    elsewhere.execute(f'LISTEN "{channel_of("")}"')

    def heard():
        elsewhere.execute("SELECT pg_notify(%s, 'the end')", [channel_of("")])
        found = []
        for notify in elsewhere.notifies():
            if notify.payload == "the end":
                return found
            found.append(notify.payload)
        return found

    return heard


def listening_backends(elsewhere):
    rows = elsewhere.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'irontoken'"
        " AND datname = current_database()"
    )
    return [pid for (pid,) in rows.fetchall()]


class TestNews:
    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM authtoken_token WHERE key = %(key)s",
            "DELETE FROM authtoken_token",
            "TRUNCATE authtoken_token CASCADE",
            "UPDATE auth_user SET is_active = false WHERE username = 'user0'",
            "UPDATE authtoken_token SET key = 'another' WHERE key = %(key)s",
            """INSERT INTO auth_user SELECT * FROM auth_user WHERE username = 'user0'
            ON CONFLICT (id) DO UPDATE SET is_active = false""",
        ],
    )
    def test_what_another_program_writes_is_heard(self, keys, elsewhere, statement):
        warm(*keys)
        elsewhere.execute(statement, {"key": keys[0]} if "%" in statement else None)
        eventually(lambda: is_refused(keys[0]), 5)
        assert ask(keys[0])[0].exception

    def test_other_rows_stay(self, keys, elsewhere):
        warm(*keys)
        elsewhere.execute("UPDATE auth_user SET first_name = 'Ada' WHERE username = 'user0'")
        eventually(lambda: ask(keys[0])[1] == 1, 5)
        assert [ask(key)[1] for key in keys] == [0, 0, 0]

    def test_a_transaction_is_told_when_it_commits(self, keys, elsewhere):
        warm(keys[0])
        with elsewhere.transaction():
            elsewhere.execute("DELETE FROM authtoken_token")
            assert not is_refused(keys[0])
        eventually(lambda: is_refused(keys[0]), 5)

    def test_the_own_host_sees_a_write_at_once(self, keys):
        warm(keys[0])
        Token.objects.all().delete()
        assert is_refused(keys[0])

    def test_clearing_is_told_to_all(self, keys, news):
        warm(keys[0])
        irontoken.cache_clear()
        assert news() == ["*"]

    def test_a_message_that_cannot_be_read_empties_the_cache(self, keys, elsewhere):
        warm(keys[0])
        elsewhere.execute("SELECT pg_notify(%s, 'nonsense')", [channel_of("")])
        eventually(lambda: ask(keys[0])[1] == 1, 5)


class TestTriggers:
    @pytest.mark.parametrize(("kind", "value", "slot"), VECTORS)
    def test_the_slots_are_those_of_rust(self, db, kind, value, slot):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {SLOT} FROM (SELECT %s::text AS k, %s::text AS v) AS x", [kind, value]
            )
            assert cursor.fetchone() == (slot,)

    def test_one_message_a_statement_and_none_where_nothing_changed(self, keys, news):
        news()
        slots = {value: slot for kind, value, slot in VECTORS if kind == "integer"}
        number = User.objects.create_user("lone").pk
        User.objects.filter(pk=number).update(id=42)
        User.objects.filter(pk=42).update(first_name="")
        User.objects.filter(pk=-1).update(first_name="x")
        User.objects.filter(pk=42).update(first_name="x")
        told = news()
        assert len(told) == 2, told
        assert told[0].split() != told[1].split() == [f"u{slots['42']}"]
        assert len(told[0].split()) == 2
        User.objects.all().update(last_name="x")
        [message] = news()
        assert len(message.split()) == User.objects.count()

    def test_past_a_few_hundred_rows_the_message_is_everything(self, fleet_on, news):
        User.objects.bulk_create(User(username=str(number)) for number in range(FEW + 1))
        news()
        User.objects.filter(username__lt="3").update(last_name="x")
        User.objects.all().update(last_name="y")
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE auth_user CASCADE")
        told = news()
        assert len(told[0]) < 8000
        assert told[0] != "*"
        assert told[1] == "*"
        assert set(told[2:]) == {"*"}

    def test_a_use_that_is_noted_is_no_news(self, keys, news):
        user = User.objects.get(username="user0")
        token, _ = AccessToken.objects.issue(user)
        news()
        uses._uses.recorded[uses.place_of(token)] = timezone.now()
        uses.flush()
        assert AccessToken.objects.get().last_used is not None
        assert news() == []
        token.revoke()
        assert [message[0] for message in news()] == ["t"]

    def test_a_key_whose_equals_cannot_be_told_is_everything(self, keys, news):
        news()
        Token.objects.filter(key=keys[0]).update(key="caf\u00e9")
        assert news() == ["*"]

    def test_nothing_in_a_message_is_a_key(self, keys, news):
        news()
        Token.objects.all().delete()
        [message] = news()
        assert not any(key in message for key in keys)
        assert set(message) <= set("t0123456789abcdef ")

    def test_a_statement_that_touches_no_row_says_nothing(self, fleet_on, elsewhere, news):
        news()
        elsewhere.execute("UPDATE auth_user SET username = NULL WHERE false")
        elsewhere.execute("DELETE FROM auth_user WHERE false")
        assert news() == []

    def test_a_write_does_not_fail_for_want_of_a_word_of_it(self, keys, news, elsewhere):
        news()
        name = f"{channel_of('')}_update"
        function = Triggers(channel_of("")).function
        elsewhere.execute(
            f'DROP TRIGGER "{name}" ON auth_user; CREATE TRIGGER "{name}" AFTER UPDATE '
            f'ON auth_user FOR EACH STATEMENT EXECUTE FUNCTION "{function}"()'
        )
        elsewhere.execute("UPDATE auth_user SET first_name = 'x'")
        assert news() == ["*"]

    def test_installing_twice_does_nothing(self, fleet_on):
        assert "already" in called("install")
        assert "removed" in called("uninstall")
        assert "nothing to remove" in called("uninstall")

    def test_a_dropped_trigger_is_noticed_and_mended(self, keys, elsewhere):
        warm(keys[0])
        name = f"{channel_of('')}_delete"
        elsewhere.execute(f'DROP TRIGGER "{name}" ON authtoken_token')
        eventually(lambda: "install" in coherence())
        assert [ask(keys[0])[1] for _ in range(3)] == [1, 1, 1]
        [warning] = check_bus(databases=["default"])
        assert warning.id == "irontoken.W006"
        assert 'missing on "authtoken_token"' in warning.msg
        with pytest.raises(CommandError, match="missing"):
            called("status")
        assert "installed" in called("install")
        assert check_bus(databases=["default"]) == []
        warm(keys[0])

    def test_a_disabled_trigger_is_none(self, fleet_on, elsewhere):
        elsewhere.execute("ALTER TABLE auth_user DISABLE TRIGGER ALL")
        assert "missing" in check_bus(databases=["default"])[0].msg

    def test_another_version_is_replaced(self, fleet_on, monkeypatch):
        monkeypatch.setattr("irontoken.fleet.triggers._BODY", "BEGIN RETURN NULL; END")
        assert "out of date" in check_bus(databases=["default"])[0].msg
        assert "installed" in called("install")
        monkeypatch.undo()
        assert "out of date" in check_bus(databases=["default"])[0].msg
        assert "installed" in called("install")
        assert check_bus(databases=["default"]) == []

    def test_a_role_that_may_not_is_told_what_to_hand_on(self, fleet_on, elsewhere):
        called("uninstall")
        elsewhere.execute("DROP ROLE IF EXISTS irontoken_reader")
        elsewhere.execute("CREATE ROLE irontoken_reader")
        elsewhere.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO irontoken_reader")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE irontoken_reader")
            out = StringIO()
            with pytest.raises(CommandError, match="Hand the SQL above"):
                call_command("irontoken", "install", database="default", stdout=out)
        finally:
            connection.close()
            elsewhere.execute("DROP OWNED BY irontoken_reader")
            elsewhere.execute("DROP ROLE irontoken_reader")
        elsewhere.execute(out.getvalue())
        assert check_bus(databases=["default"]) == []

    def test_the_migration_operation_does_the_same(self, fleet_on):
        called("uninstall")
        operation = InstallTriggers()
        for _ in range(2):
            with connection.schema_editor() as editor:
                operation.database_forwards("app", editor, None, None)
            assert check_bus(databases=["default"]) == []
        with connection.schema_editor() as editor:
            operation.database_backwards("app", editor, None, None)
        assert "missing" in check_bus(databases=["default"])[0].msg


class TestLease:
    def test_a_killed_backend_ends_it_and_a_new_one_starts_afresh(self, keys, elsewhere, caplog):
        caplog.set_level(logging.INFO, "irontoken")
        warm(*keys)
        [backend] = listening_backends(elsewhere)
        before = irontoken.cache_info().stale
        elsewhere.execute("SELECT pg_terminate_backend(%s)", [backend])

        def said():
            return [record.getMessage() for record in caplog.records if record.name == "irontoken"]

        # Until the listener has noticed, the lease holds and the answers are hits.
        eventually(lambda: len(said()) == 3)
        assert [text.split(")")[1].split(":")[0] for text in said()] == [
            " answers.",
            " does not answer. Every request asks the database until it does",
            " answers.",
        ]
        warm(*keys)
        assert irontoken.cache_info().stale >= before + 3
        assert not any(key in text for key in keys for text in said())

    def test_a_proxy_that_swallows_everything_ends_it_in_time(self, fleet_on, keys, elsewhere):
        proxy = Proxy(connection.get_connection_params().get("port", 5432))
        with listening_at(proxy.port):
            warm(keys[0])
            proxy.swallows = True
            elsewhere.execute("DELETE FROM authtoken_token WHERE key = %s", [keys[0]])
            eventually(lambda: is_refused(keys[0]), 5)
            assert ask(keys[1])[1] == 1
            eventually(lambda: "not come back" in coherence() or "not answer" in coherence())
            proxy.swallows = False
            warm(keys[1])

    def test_a_listener_elsewhere_than_the_rows_keeps_none(self, keys, monkeypatch):
        warm(keys[0])
        connections["default"].__dict__["_irontoken_server"] = "another"
        monkeypatch.setattr(fleet, "server_of", lambda _: "another")
        Token.objects.filter(key=keys[0]).update(created="2020-01-01T00:00Z")
        assert [ask(keys[0])[1] for _ in range(3)] == [1, 1, 1]
        monkeypatch.undo()
        connection.close()
        warm(keys[0])

    def test_another_database_of_the_server_is_not_the_one(self, keys):
        with listening_at(connection.settings_dict["PORT"], NAME="postgres"):
            for _ in range(3):
                assert ask(keys[0])[1] == 1
            eventually(lambda: "its tables are not there" in coherence())

    @pytest.mark.parametrize(
        "change",
        [
            """ALTER TABLE authtoken_token DISABLE TRIGGER {delete}; DELETE FROM authtoken_token;
            ALTER TABLE authtoken_token ENABLE ALWAYS TRIGGER {delete}""",
            """CREATE TABLE other (LIKE authtoken_token INCLUDING ALL);
            ALTER TABLE authtoken_token RENAME TO old;
            ALTER TABLE other RENAME TO authtoken_token""",
        ],
    )
    def test_triggers_that_were_gone_for_a_moment_end_it(self, keys, elsewhere, change):
        warm(keys[0])
        for statement in change.format(delete=f"{channel_of('')}_delete").split(";"):
            elsewhere.execute(statement)
        try:
            eventually(lambda: is_refused(keys[0]), 5)
        finally:
            if "RENAME" in change:
                elsewhere.execute("DROP TABLE authtoken_token")
                elsewhere.execute("ALTER TABLE old RENAME TO authtoken_token")

    def test_a_session_that_replays_is_heard(self, keys, elsewhere):
        warm(keys[0])
        elsewhere.execute("SET session_replication_role = replica")
        elsewhere.execute("DELETE FROM authtoken_token")
        eventually(lambda: is_refused(keys[0]), 5)

    def test_a_setting_that_changes_ends_no_transaction(self, fleet_on):
        with transaction.atomic():
            User.objects.create_user("kept")
            with override_settings(DEBUG=True):
                pass
        assert User.objects.filter(username="kept").exists()

    def test_djangos_connection_without_a_database_is_left_alone(self, fleet_on):
        with connection._nodb_cursor() as cursor:
            cursor.execute("SELECT 1")

    def test_a_fork_listens_by_itself(self, keys, elsewhere):
        warm(keys[0])
        connections.close_all()

        def listen():
            assert ask(keys[0])[1] == 1
            warm(keys[0])
            os.kill(os.getppid(), 0)
            eventually(lambda: is_refused(keys[0]))

        pid = fork(listen)
        eventually(lambda: len(listening_backends(elsewhere)) == 2)
        eventually(lambda: ask(keys[0])[1] == 0)
        time.sleep(1)
        elsewhere.execute("DELETE FROM authtoken_token")
        assert os.waitpid(pid, 0)[1] == 0
        assert is_refused(keys[0])


def called(action, **options):
    out = StringIO()
    options = options if action == "status" else {"database": "default", **options}
    call_command("irontoken", action, stdout=out, **options)
    return out.getvalue()


@contextmanager
def listening_at(port, **changes):
    """Listen at another place than the rows are read from."""
    connections.settings["direct"] = {**connection.settings_dict, "PORT": port, **changes}
    found = {**settings.IRONTOKEN["CACHE"], "LISTEN": {"default": "direct"}}
    try:
        with override_settings(IRONTOKEN={"CACHE": found}):
            yield
    finally:
        del connections.settings["direct"]
