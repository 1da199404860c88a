"""Which database a cached row belongs to, and what a database does by itself when written to."""

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import override_settings
from rest_framework.authtoken.models import Token

import irontoken
from irontoken.cache import effects
from irontoken.cache.effects import effects_of
from irontoken.cache.eligibility import uncacheable
from irontoken.checks import check_effects
from irontoken.explain import explain
from tests.support.comparison import ask
from tests.support.shapes.models import Followed, Organizer, Team, TeamToken

pytestmark = pytest.mark.django_db(databases=["default", "other"], transaction=True)
KEY = "a" * 40


@pytest.fixture(autouse=True)
def cache_on(transactional_db, tmp_path, compiled):
    connection.close()
    with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path)}}):
        yield
    for alias in connections:
        connections[alias].close()


def run(statement, alias="default"):
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)


def who():
    return irontoken.TokenAuthentication().authenticate_credentials(KEY)[0].username


@pytest.fixture
def tenants():
    """A user of the same key in each of two databases, and the settings that lead there."""
    names = {}
    for alias, name in (("default", "here"), ("other", "there")):
        user = User.objects.using(alias).create(username=name)
        Token.objects.using(alias).create(user=user, key=KEY)
        names[name] = connections[alias].settings_dict["NAME"]
    settings = connections["default"].settings_dict
    before = settings["NAME"]
    yield lambda name: settings.__setitem__("NAME", names[name])
    connections["default"].close()
    settings["NAME"] = before


class TestTenants:
    def test_a_tenants_row_is_not_anothers(self, tenants):
        for _ in range(3):
            for name in ("here", "there"):
                connection.close()
                tenants(name)
                assert who() == name

    def test_a_connection_that_is_open_speaks_to_what_it_was_opened_to(self, tenants):
        assert [who(), who()] == ["here", "here"]
        tenants("there")
        assert who() == "here"
        connection.close()
        assert [who(), who()] == ["there", "there"]

    def test_each_is_cached(self, tenants):
        for name in ("here", "there"):
            connection.close()
            tenants(name)
            ask(KEY)
            connection.close()
            assert ask(KEY)[1] == 0

    def test_settings_of_the_connections_own_count(self, tenants):
        assert who() == "here"
        connection.close()
        wrapper, elsewhere = connections["default"], connections["other"].settings_dict
        before = wrapper.settings_dict
        wrapper.settings_dict = {**before, "NAME": elsewhere["NAME"]}
        try:
            assert who() == "there"
        finally:
            wrapper.close()
            wrapper.settings_dict = before
        assert who() == "here"

    def test_options_that_are_changed_in_place_count(self, tenants):
        who()
        connection.close()
        options = connection.settings_dict["OPTIONS"]
        options["application_name" if connection.vendor == "postgresql" else "timeout"] = 7
        try:
            assert irontoken.cache_info().hits == 0
            if connection.vendor != "mysql":
                assert ask(KEY)[1] == 1
        finally:
            connection.close()
            options.clear()


def test_why_a_database_is_not_cached_is_said(monkeypatch):
    from irontoken.cache import service as cache

    def reason(**settings):
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setitem(connections["default"].settings_dict, name, value)
            return uncacheable(connections["default"], cache.options())

    assert reason() == ""
    if connection.vendor == "sqlite":
        assert "memory" in reason(NAME=":memory:")
    if connection.vendor == "mysql":
        for options in (
            {"isolation_level": "read uncommitted"},
            {"isolation_level": None},
            {"init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"},
        ):
            assert "never committed" in reason(OPTIONS=options)


class TestEffects:
    @pytest.fixture
    def trigger(self):
        """A trigger that changes another row of the table than the one that is written."""
        if connection.vendor != "sqlite":
            pytest.skip("the write paths try it on PostgreSQL and MariaDB")
        body = "UPDATE auth_user SET is_active = 0 WHERE username = 'second'; "
        make = "CREATE TRIGGER others AFTER UPDATE ON auth_user WHEN NEW.username = 'first' BEGIN "
        run(f"{make}{body}END")
        yield
        run("DROP TRIGGER others")

    def test_a_watched_table_without_one_has_none(self):
        connection.ensure_connection()
        assert effects_of(connection) == (set(), set(), set())
        assert check_effects(databases=["default"]) == []

    def test_a_trigger_that_changes_other_rows_is_known(self, trigger):
        users = [User.objects.create(username=name) for name in ("first", "second")]
        key = Token.objects.create(user=users[1]).key
        ask(key)
        assert ask(key)[1] == 0
        User.objects.filter(pk=users[0].pk).update(first_name="a")
        assert ask(key)[0].exception is not None
        assert effects_of(connection) == ({"auth_user"}, set(), set())
        [message] = check_effects(databases=["default"])
        assert message.id == "irontoken.W009"
        assert "auth_user" in message.msg

    def test_it_is_known_no_more_when_it_is_gone(self, trigger):
        first, third = (User.objects.create(username=name) for name in ("first", "third"))
        key = Token.objects.create(user=third).key
        run("DROP TRIGGER others")
        try:
            ask(key)
            User.objects.filter(pk=first.pk).update(first_name="a")
            assert ask(key)[1] == 0
        finally:
            run("CREATE TRIGGER others AFTER UPDATE ON auth_user BEGIN SELECT 1; END")

    def test_nothing_is_asked_within_a_transaction(self):
        from django.db import transaction

        with transaction.atomic():
            assert effects_of(connection) is None


@pytest.mark.skipif(connection.vendor == "mysql", reason="MariaDB's UPDATE returns no rows")
class TestReturning:
    def test_what_is_fetched_later_equals_what_the_driver_gives(self):
        users = [User.objects.create(username=f"user{number}") for number in range(4)]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE auth_user SET first_name = 'a' RETURNING username")
            assert cursor.description[0][0] == "username"
            assert cursor.fetchone() == ("user0",)
            assert [tuple(row) for row in cursor.fetchmany(2)] == [("user1",), ("user2",)]
            assert list(cursor) == [("user3",)]
            assert cursor.fetchone() is None
            assert cursor.fetchall() == []
            cursor.execute("SELECT count(*) FROM auth_user")
            assert cursor.fetchone() == (len(users),)

    def test_rows_that_nobody_fetches_keep_nothing_open(self):
        key = Token.objects.create(user=User.objects.create(username="ada")).key
        with connection.cursor() as cursor:
            cursor.execute("UPDATE auth_user SET first_name = 'a' RETURNING id")
            assert ask(key)[0].result is not None
        del cursor
        ask(key)
        assert ask(key)[1] == 0


class TestChangesThatGoOn:
    """``ON UPDATE CASCADE``, by which a write goes on to rows that no statement names."""

    @pytest.fixture
    def following(self):
        """A table that cached rows are read of, with a column that follows one of no class's."""
        quote = connection.ops.quote_name
        if connection.vendor == "sqlite":
            pytest.skip("SQLite adds no constraint to a table that is there: see the next test")
        run(
            f"ALTER TABLE {quote('shapes_organizer')} ADD CONSTRAINT follows FOREIGN KEY "
            f"({quote('name')}) REFERENCES {quote('shapes_follow')} ({quote('name')}) "
            "ON UPDATE CASCADE"
        )
        yield
        kind = "FOREIGN KEY" if connection.vendor == "mysql" else "CONSTRAINT"
        run(f"ALTER TABLE {quote('shapes_organizer')} DROP {kind} follows")

    def test_a_change_of_what_is_followed_is_seen(self, following, tmp_path):
        classes = ["tests.integration.test_fields.ByOwner", f"{__name__}.WithOrganizer"]
        cache = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600, "CLASSES": classes}
        with override_settings(IRONTOKEN={"CACHE": cache}):
            Followed.objects.create(name="fair")
            organizer = Organizer.objects.create(name="fair")
            team = Team.objects.create(name="door", organizer=organizer)
            TeamToken.objects.create(token=KEY, team=team)
            for _ in range(2):
                _, token = WithOrganizer().authenticate_credentials(KEY)
                assert token.team.organizer.name == "fair"
            assert irontoken.cache_info().hits == 1
            Followed.objects.update(name="show")
            _, token = WithOrganizer().authenticate_credentials(KEY)
            assert token.team.organizer.name == "show"
            TeamToken.objects.all().delete()
            Organizer.objects.all().delete()

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="the others have the test above")
    def test_it_is_asked_for(self):
        run("CREATE TABLE parent (name TEXT PRIMARY KEY)")
        run("CREATE TABLE child (name TEXT REFERENCES parent ON UPDATE CASCADE)")
        try:
            with connection.cursor() as cursor:
                cursor.execute(effects._QUERIES["sqlite"])
                assert ("parent", "child", "update") in cursor.fetchall()
        finally:
            run("DROP TABLE child")
            run("DROP TABLE parent")


class WithOrganizer(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = None
    select_related = ("team__organizer",)


class ReadsElsewhere:
    """As from a replica that lags behind for good."""

    def db_for_read(self, model, **hints):
        return "other"

    def db_for_write(self, model, **hints):
        return "default"


class TestReplicas:
    @pytest.fixture(autouse=True)
    def key(self, cache_on):
        for alias, name in (("default", "primary"), ("other", "replica")):
            user = User.objects.using(alias).create(username=name)
            Token.objects.using(alias).create(user=user, key=KEY)
        with override_settings(DATABASE_ROUTERS=[f"{__name__}.ReadsElsewhere"]):
            yield

    def test_no_row_of_one_is_cached(self):
        for _ in range(2):
            assert who() == "replica"
        assert irontoken.cache_info().entries == 0
        assert "may lag behind" in str(explain(irontoken.TokenAuthentication))

    def test_rows_of_the_primary_are_where_that_is_set(self, tmp_path):
        cache = {"COHERENCE": "host", "PATH": str(tmp_path), "REPLICAS": "primary-versioned"}
        with override_settings(IRONTOKEN={"CACHE": cache}):
            assert [ask(KEY)[1] for _ in range(3)] == [1, 0, 0]
            user, token = irontoken.TokenAuthentication().authenticate_credentials(KEY)
            assert (user.username, user._state.db, token._state.db) == (
                "primary",
                *["default"] * 2,
            )
            assert "on 'default'): cached." in str(explain(irontoken.TokenAuthentication))
            Token.objects.filter(key=KEY).delete()
            assert ask(KEY)[0].exception[1] == "Invalid token."
        assert who() == "replica"
