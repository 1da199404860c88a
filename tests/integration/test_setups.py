"""Set-ups that are wrong, half done or shared by two users of the system: each says so."""

import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings
from rest_framework.authtoken.models import Token

import irontoken
from irontoken import system
from irontoken.cache import service as cache
from irontoken.checks import check_cache
from irontoken.lookup import compiler as compiled
from irontoken.lookup import plain
from irontoken.lookup import shared as lookup
from irontoken.tokens.checks import check_knox, check_leftovers, check_models
from tests.support.comparison import ask, assert_same
from tests.support.processes import fork

SECRET = "a pepper that nobody may read in a report"
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
HOST = {"CACHE": {"COHERENCE": "host"}}
MODEL = {"TOKEN_MODEL": "irontoken_tokens.AccessToken"}
NOBODY = 65534


def started(apps, setting, then="irontoken.TokenAuthentication", drf=None):
    """What a process of a project says on its way out, and whether it had got through."""
    code = (
        "from django.conf import settings\n"
        f"settings.configure(INSTALLED_APPS={APPS + apps!r}, IRONTOKEN={setting!r}, "
        f"REST_FRAMEWORK={drf or {}!r}, DATABASES="
        '{"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, '
        'SECRET_KEY="x")\n'
        f"import django\ndjango.setup()\nimport irontoken\n{then}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    return done.returncode == 0, done.stderr


class TestStart:
    @pytest.mark.parametrize(
        ("apps", "setting", "line"),
        [
            ([], HOST, 'INSTALLED_APPS += ["irontoken"]'),
            ([], MODEL, 'INSTALLED_APPS += ["irontoken", "irontoken.tokens"]'),
            (["irontoken"], MODEL, 'INSTALLED_APPS += ["irontoken.tokens"]'),
            (["irontoken.tokens"], {}, 'INSTALLED_APPS += ["irontoken"]'),
            (["irontoken"], {"TOKENS": {"EXPIRES_IN": None}}, '+= ["irontoken.tokens"]'),
            (["irontoken", "irontoken.tokens"], {"TOKEN_MODEL": "auth.User"}, "It takes 'iron"),
            (["irontoken", "irontoken.tokens"], {"TOKEN_MODEL": "no.Such"}, "It takes 'iron"),
            (["irontoken"], {"CACHE": {"COHERENCE": "hots"}}, "It takes 'host'"),
            (["irontoken"], {"CASHE": {}}, "Did you mean 'CACHE'?"),
            (
                ["irontoken", "irontoken.tokens"],
                {**MODEL, "TOKENS": {"EXPIRE_IN": None}},
                "Did you mean 'EXPIRES_IN'?",
            ),
        ],
    )
    def test_a_wrong_setting_stops_the_site_with_the_line_to_add(self, apps, setting, line):
        is_up, said = started(apps, setting)
        assert not is_up
        last = said.strip().splitlines()[-1]
        assert "ImproperlyConfigured" in last
        assert line in last

    @pytest.mark.parametrize("setting", [HOST, MODEL, {"TOKENS": {"EXPIRES_IN": None}}])
    def test_one_that_could_not_be_judged_at_import_is_at_the_first_request(
        self, token, monkeypatch, setting
    ):
        """As where an app's package imports the class, before the apps are known."""
        monkeypatch.setattr(lookup, "_compiled", {})
        found = pytest.raises(ImproperlyConfigured, match="app")
        with override_settings(IRONTOKEN={}):
            monkeypatch.setattr("django.conf.settings.IRONTOKEN", setting)
            monkeypatch.setattr("django.apps.apps.is_installed", lambda _: False)
            with found:
                plain.authenticate_credentials(None, Token, None, token.key)
            monkeypatch.undo()

    @pytest.mark.parametrize("apps", [[], ["irontoken"], ["irontoken", "irontoken.tokens"]])
    def test_a_right_one_does_not(self, apps):
        setting = {**(HOST if apps else {}), **(MODEL if len(apps) > 1 else {})}
        assert started(apps, setting) == (True, "")

    def test_a_default_class_without_an_app_for_its_tokens_stops_the_site(self):
        drf = {"DEFAULT_AUTHENTICATION_CLASSES": ["irontoken.TokenAuthentication"]}
        is_up, said = started([], {}, drf=drf)
        assert not is_up
        assert 'Write INSTALLED_APPS += ["rest_framework.authtoken"].' in said
        assert started(["rest_framework.authtoken"], {}, drf=drf) == (True, "")
        assert started(["irontoken", "irontoken.tokens"], MODEL, drf=drf) == (True, "")

    @pytest.mark.parametrize(
        "then",
        [
            "from django.core.management import call_command; call_command('check')",
            "irontoken.TokenAuthentication().get_model()",
        ],
    )
    def test_so_does_a_subclass_by_a_check_and_at_the_first_request(self, then):
        drf = {"DEFAULT_AUTHENTICATION_CLASSES": ["tests.support.bearer.BearerAuthentication"]}
        is_up, said = started(["irontoken"], {}, then=then, drf=drf)
        assert not is_up
        assert 'Write INSTALLED_APPS += ["rest_framework.authtoken"].' in said

    @pytest.mark.parametrize(
        "action", [["issue", "ada", "--name", "x"], ["revoke", "--user", "a"]]
    )
    def test_a_command_of_issued_tokens_says_which_app_it_needs(self, action):
        call = (
            f"from django.core.management import execute_from_command_line as run; run({action})"
        )
        call = call.replace("run([", 'run(["manage.py", "irontoken", ')
        is_up, said = started(["irontoken"], {}, then=call)
        assert not is_up
        assert said.strip().endswith('Write INSTALLED_APPS += ["irontoken.tokens"].')

    def test_a_command_before_migrate_says_so(self):
        call = "from django.core.management import execute_from_command_line as run; "
        call += 'run(["manage.py", "irontoken", "list"])'
        is_up, said = started(["irontoken", "irontoken.tokens"], MODEL, then=call)
        assert not is_up
        assert said.strip().splitlines()[-1].endswith("Run manage.py migrate.")
        assert "Traceback" not in said

    def test_no_pepper_is_in_the_report(self):
        peppers = {**MODEL, "TOKENS": {"PEPPERS": {1: SECRET, "two": SECRET}}}
        is_up, said = started(["irontoken", "irontoken.tokens"], peppers)
        assert not is_up
        assert "whole numbers" in said
        assert SECRET not in said


class TestChecks:
    pytestmark = pytest.mark.django_db

    def ids(self, messages):
        return {message.id: f"{message.msg} {message.hint}" for message in messages}

    def test_endpoints_whose_tokens_are_refused_are_told(self):
        with override_settings(ROOT_URLCONF="tests.support.urls", IRONTOKEN={}):
            assert "TOKEN_MODEL" in self.ids(check_models())["irontoken.W022"]
        with override_settings(ROOT_URLCONF="tests.support.urls", IRONTOKEN=MODEL):
            assert check_models() == []

    def test_keys_of_authtokens_view_that_are_refused_are_told(self):
        setting = {**MODEL, "TOKENS": {"ACCEPT_AUTHTOKEN": False}}
        with override_settings(ROOT_URLCONF="tests.integration.test_setups", IRONTOKEN=setting):
            assert "obtain_auth_token" in self.ids(check_models())["irontoken.W023"]
        with override_settings(ROOT_URLCONF="tests.integration.test_setups", IRONTOKEN=MODEL):
            assert check_models() == []

    @pytest.mark.parametrize(
        ("sent", "keyword", "is_told"),
        [
            ("Token", "Token", False),
            ("Bearer", "Token", True),
            ("bearer", ("Token", "Bearer"), False),
        ],
    )
    def test_a_word_of_knox_clients_that_no_class_looks_for_is_told(
        self, monkeypatch, sent, keyword, is_told
    ):
        cls = type("Ours", (irontoken.TokenAuthentication,), {"keyword": keyword})
        monkeypatch.setattr("irontoken.listed.listed_classes", lambda: [cls])
        setting = {**MODEL, "TOKENS": {"ACCEPT_KNOX": True}}
        with override_settings(IRONTOKEN=setting, REST_KNOX={"AUTH_HEADER_PREFIX": sent}):
            assert ("irontoken.W026" in self.ids(check_knox())) == is_told
        with override_settings(IRONTOKEN=MODEL, REST_KNOX={"AUTH_HEADER_PREFIX": sent}):
            assert check_knox() == []

    def test_rows_of_authtokens_that_are_refused_are_told(self, token, monkeypatch):
        tables = [*connection.introspection.table_names(), "django_migrations"]
        monkeypatch.setattr(type(connection.introspection), "table_names", lambda *_: tables)
        with override_settings(IRONTOKEN=MODEL):
            assert check_leftovers(databases=["default"]) == []
        with override_settings(IRONTOKEN={**MODEL, "TOKENS": {"ACCEPT_AUTHTOKEN": False}}):
            assert "adopt" in self.ids(check_leftovers(databases=["default"]))["irontoken.W025"]

    def test_a_model_that_no_migration_has_made_is_told(self, monkeypatch):
        tables = ["django_migrations"]
        monkeypatch.setattr(type(connection.introspection), "table_names", lambda *_: tables)
        with override_settings(IRONTOKEN=MODEL):
            assert "migrate" in self.ids(check_leftovers(databases=["default"]))["irontoken.W024"]

    def test_a_full_shared_memory_blocks_no_command(self, tmp_path):
        folder = tmp_path / "none"
        with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": str(folder)}}):
            messages = check_cache()
            assert not any(message.is_serious() for message in messages)
            assert "asks the database" in self.ids(messages)["irontoken.W003"]

    def test_a_database_elsewhere_is_for_one_container_and_one_user(self, monkeypatch, tmp_path):
        monkeypatch.setitem(connection.settings_dict, "HOST", "db.example.com")
        with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path)}}):
            said = self.ids(check_cache())["irontoken.W004"]
            assert "one container and one user" in said
            assert "postgres" in said
            assert "redis" in said
            assert "ilence" not in said


class TestUsers:
    pytestmark = [
        pytest.mark.django_db(transaction=True),
        pytest.mark.skipif(not system.is_root(), reason="only root can become another user"),
    ]

    @pytest.fixture
    def shared(self, transactional_db, compiled, tmp_path):
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o777)
        if connection.vendor == "sqlite":
            Path(connection.settings_dict["NAME"]).chmod(0o666)
        with override_settings(IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path)}}):
            yield tmp_path
        connection.close()

    def test_root_invalidates_for_everybody(self, shared):
        user = User.objects.create_user("ada")
        key = Token.objects.create(user=user).key
        ask(key)
        connection.close()
        (ready, is_ready), (go, is_gone) = os.pipe(), os.pipe()

        def serve():
            os.setuid(NOBODY)
            ask(key)
            assert ask(key)[1] == 0
            os.write(is_ready, b".")
            os.read(go, 1)
            assert ask(key)[0].exception is not None

        server = fork(serve)
        os.read(ready, 1)
        assert (shared / f"irontoken-{NOBODY}").exists()
        Token.objects.all().delete()
        os.write(is_gone, b".")
        assert os.waitpid(server, 0)[1] == 0

    def test_another_user_is_told_whom_it_does_not_reach(self, shared, caplog):
        user = User.objects.create_user("ada")
        Token.objects.create(user=user)
        assert cache.unreachable_users() == []
        connection.close()

        def command():
            os.setuid(NOBODY)
            cache._has_warned = False
            users = cache.unreachable_users()
            assert len(users) == 1
            assert "root" in users[0]
            assert "irontoken.W010" in {message.id for message in check_cache()}
            caplog.clear()
            del connections["default"]  # a process of this user's own has none yet
            User.objects.count()
            assert any("irontoken-0" in record.getMessage() for record in caplog.records)
            # Where nothing was revoked, there is nothing to tell.
            call_command("irontoken", "revoke", "--user", "ada", stdout=StringIO())
            # The processes of this user's own have a cache that works.
            call_command("irontoken", "status", stdout=(out := StringIO()))
            assert "may not write to the files of root" in out.getvalue()
            bus = {"COHERENCE": "redis", "LOCATION": "redis://127.0.0.1:1", "PATH": str(shared)}
            with override_settings(IRONTOKEN={"CACHE": bus}):
                assert cache.unreachable_users() == []

        assert os.waitpid(fork(command), 0)[1] == 0
        # As long ago as no row is answered from any more.
        os.utime(shared / "irontoken-0", times=(time.time() - 40,) * 2)

        def command():
            os.setuid(NOBODY)
            assert cache.unreachable_users() == []
            call_command("irontoken", "revoke", "--user", "ada", stdout=StringIO())

        assert os.waitpid(fork(command), 0)[1] == 0

    def test_root_without_the_right_is_told_whom_it_does_not_reach(self, shared, monkeypatch):
        """As in a container without capabilities."""
        (shared / f"irontoken-{NOBODY}").touch()
        assert cache.unreachable_users() == []
        monkeypatch.setattr(os, "access", lambda *_: False)
        [told] = cache.unreachable_users()
        assert str(shared / f"irontoken-{NOBODY}") in told

    @pytest.mark.parametrize("reads", [False, True])
    def test_a_command_leaves_a_file_where_one_of_its_user_reads(self, shared, reads):
        key = Token.objects.create(user=User.objects.create_user("ada")).key
        connection.close()

        def command():
            os.setuid(NOBODY)
            if reads:
                ask(key)
            User.objects.update(first_name="Ada")
            assert (shared / f"irontoken-{NOBODY}").exists()
            cache._ended()

        assert os.waitpid(fork(command), 0)[1] == 0
        assert (shared / f"irontoken-{NOBODY}").exists() == reads


def test_an_unknown_django_is_said_and_served(token, monkeypatch, caplog):
    def gone(*_):
        raise AttributeError("module 'django.db.models.query' has no attribute '_get_from_db'")

    monkeypatch.setattr(lookup, "_compiled", {})
    monkeypatch.setattr(compiled, "_compile", gone)
    for _ in range(2):
        assert assert_same(f"Token {token.key}").result
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert token.key not in caplog.text
    assert irontoken.cache_info().hits == 0


def __getattr__(name):
    if name == "urlpatterns":
        from django.urls import path
        from rest_framework.authtoken.views import obtain_auth_token

        return [path("get-user-auth-token/", obtain_auth_token)]
    raise AttributeError(name)
