"""What ``manage.py check`` and ``manage.py irontoken status`` say."""

import os
import time
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings
from rest_framework.authtoken.models import Token

from irontoken import TokenAuthentication
from irontoken.cache import service as cache
from irontoken.checks import check_cache, check_settings
from irontoken.settings.setting import cache_options
from tests.support.processes import fork

pytestmark = pytest.mark.django_db(databases=["default", "other"])
ON = {"COHERENCE": "host"}
REDIS = {"COHERENCE": "redis", "LOCATION": "redis://:secret@127.0.0.1:6379/0"}


def said(setting, **settings):
    with override_settings(IRONTOKEN=setting, **settings):
        return [f"{message.id}: {message.msg} {message.hint}" for message in check_settings()]


class TestSettings:
    @pytest.mark.parametrize(
        "setting",
        [
            {},
            {"CACHE": {}},
            {"CACHE": ON},
            {"CACHE": {**ON, "MAX_ENTRIES": 5, "MAX_AGE": 0.5, "PATH": "/tmp"}},
            {"CACHE": {**REDIS, "LEASE": 0.5, "PROJECT": "shop"}},
            {"CACHE": {**REDIS, "LOCATION": "unix:///run/redis.sock"}},
        ],
    )
    def test_a_good_setting_is_passed_over(self, setting):
        assert said(setting) == []

    @pytest.mark.parametrize(
        ("setting", "wanted"),
        [
            ([], "is not a dict"),
            ({"CASH": {}}, "Did you mean 'CACHE'?"),
            ({"CACHE": []}, "is not a dict"),
            ({"TOKENS": 5}, "['TOKENS'] is not a dict"),
            ({"CACHE": {"COHERENSE": "host"}}, "Did you mean 'COHERENCE'?"),
            ({"CACHE": {"nonsense": 1, **ON}}, "There is 'COHERENCE'"),
            ({"CACHE": {"COHERENCE": "hosts"}}, "is 'hosts'. It takes 'host'"),
            ({"CACHE": {"MAX_AGE": 5}}, "['COHERENCE'] is missing"),
            ({"CACHE": {**ON, "MAX_AGE": "5"}}, "of type str. It takes int or float"),
            ({"CACHE": {**ON, "MAX_ENTRIES": 5.0}}, "of type float. It takes int"),
            ({"CACHE": {**ON, "MAX_ENTRIES": True}}, "of type bool"),
            ({"CACHE": {**ON, "MAX_AGE": 0}}, "greater than 0"),
            ({"CACHE": {**ON, "MAX_ENTRIES": -1}}, "greater than 0"),
            ({"CACHE": {**ON, "PATH": "run"}}, "an absolute path"),
            ({"CACHE": {**ON, "LEASE": 2}}, "['LEASE'] is set, and COHERENCE is 'host'"),
            ({"CACHE": {**REDIS, "LISTEN": {}}}, "It belongs to 'postgres'"),
            ({"CACHE": {**REDIS, "LEASE": 0}}, "greater than 0"),
            ({"CACHE": {"COHERENCE": "redis"}}, "['LOCATION'] is missing"),
            ({"CACHE": {**REDIS, "LOCATION": "u:p@host"}}, "is not the address"),
            ({"CACHE": {**REDIS, "LOCATION": "redis://:pa/ss@host"}}, "cannot be read"),
            ({"CACHE": {**REDIS, "LOCATION": "redis://host?socket_timeout=x"}}, "cannot be read"),
            ({"CACHE": {**REDIS, "LOCATION": "redis://host?nonsense=1"}}, "cannot be read"),
            ({"CACHE": {"COHERENCE": "postgres", "LISTEN": {"default": "x"}}}, "database 'x'"),
            ({"CACHE": {"COHERENCE": "postgres", "LISTEN": {"y": "other"}}}, "database 'y'"),
            ({"CACHE": {"COHERENCE": "postgres", "LISTEN": "other"}}, "It takes dict"),
        ],
    )
    def test_a_bad_one_is_told_with_a_hint(self, setting, wanted):
        messages = said(setting)
        assert any(wanted in message for message in messages), messages
        assert all(message.startswith("irontoken.E001") for message in messages)
        with override_settings(IRONTOKEN=setting):
            assert cache_options() is None

    def test_a_package_that_is_missing_is_told_with_the_extra(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert "pip install 'drf-irontoken[redis]'" in said({"CACHE": REDIS})[0]
        assert "drf-irontoken[postgres]" in said({"CACHE": {"COHERENCE": "postgres"}})[0]

    def test_a_password_is_never_shown(self):
        wrong = {**REDIS, "LOCATION": "http://:secret@127.0.0.1", "LISTEN": 5}
        assert "secret" not in str(said({"CACHE": wrong}))
        with override_settings(IRONTOKEN={"CACHE": REDIS}):
            assert "secret" not in repr(cache_options())

    def test_the_app_must_be_installed(self, settings):
        apps = [app for app in settings.INSTALLED_APPS if not app.startswith("irontoken")]
        assert said({"CACHE": ON}, INSTALLED_APPS=apps)[0].startswith("irontoken.E002")


@pytest.fixture
def on(db, tmp_path):
    with override_settings(IRONTOKEN={"CACHE": {**ON, "PATH": str(tmp_path)}}):
        yield tmp_path


def found():
    return {message.id: f"{message.msg} {message.hint}" for message in check_cache()}


class TestCache:
    def test_a_cache_that_works_is_passed_over(self, on):
        assert set(found()) <= {"irontoken.W004"}

    def test_off_nothing_is_checked(self, db):
        assert found() == {}

    def test_a_foreign_file_is_told(self, on):
        path = cache.store().path()
        assert path.parent == on
        cache.forget()
        path.unlink(missing_ok=True)
        path.write_text("not ours")
        assert "cannot be shared" in found()["irontoken.W003"]

    def test_a_database_on_another_host_is_told(self, on, monkeypatch):
        monkeypatch.setitem(connections["default"].settings_dict, "HOST", "db.example.com")
        assert "MAX_AGE" in found()["irontoken.W004"]

    def test_a_model_that_is_not_cached_is_told(self, on):
        classes = ["tests.integration.test_checks.Managed"]
        with override_settings(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": classes}):
            assert "shapes.ManagedToken" in found()["irontoken.W005"]

    def test_a_database_that_the_bus_cannot_carry_is_told(self, db, tmp_path):
        setting = {"COHERENCE": "postgres", "PATH": str(tmp_path)}
        if connections["default"].vendor != "postgresql":
            with override_settings(IRONTOKEN={"CACHE": setting}):
                if cache_options() is not None:
                    assert "psycopg 3" in found()["irontoken.W002"]

    def test_a_database_that_cannot_be_cached_is_told(self, on, monkeypatch):
        monkeypatch.setitem(connections["default"].settings_dict, "NAME", ":memory:")
        if connections["default"].vendor == "sqlite":
            assert "stays off" in found()["irontoken.W002"]


def __getattr__(name):
    if name == "Managed":
        import irontoken
        from tests.support.shapes.models import ManagedToken

        return type("Managed", (irontoken.TokenAuthentication,), {"model": ManagedToken})
    raise AttributeError(name)


class TestStatus:
    def status(self):
        out = StringIO()
        call_command("irontoken", "status", stdout=out)
        return out.getvalue()

    def test_off_it_says_so(self, db):
        assert "The cache is off" in self.status()

    def test_on_it_says_where_the_version_file_will_be(self, on):
        text = self.status()
        assert "has read a token yet. The first one makes the version file" in text
        assert str(on) in text
        assert "Coherence: host" in text

    def test_it_counts_what_the_other_processes_do(self, transactional_db, on):
        key = Token.objects.create(user=User.objects.create_user("ada")).key

        def ask():
            for _ in range(4):
                TokenAuthentication().authenticate_credentials(key)
                time.sleep(0.15)  # a process adds what it did ten times a second

        connections.close_all()
        os.waitpid(fork(ask), 0)
        text = self.status()
        assert f"The version file is {on}" in text
        assert "since then: hits 3, misses 1, rows that were stale 0." in text
        User.objects.update(first_name="Ada")
        connections.close_all()
        os.waitpid(fork(ask), 0)
        assert "since then: hits 6, misses 2," in self.status()

    def test_a_child_does_not_count_what_its_parent_did(self, transactional_db, on):
        key = Token.objects.create(user=User.objects.create_user("ada")).key

        def ask():
            TokenAuthentication().authenticate_credentials(key)

        def ask_as_long_as_it_takes():
            connections.close_all()
            ask()
            time.sleep(0.15)
            ask()

        for _ in range(10):
            ask()
        connections.close_all()
        for _ in range(3):
            os.waitpid(fork(ask_as_long_as_it_takes), 0)
        cache.store().ended()
        assert "hits 15, misses 1," in self.status()

    def test_not_working_it_fails(self, on):
        for path in on.iterdir():
            path.unlink()
            path.write_text("not ours")
        with pytest.raises(CommandError, match="does not work"):
            self.status()
