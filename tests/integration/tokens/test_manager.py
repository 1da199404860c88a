"""What is done with tokens: issuing, revoking, rotating, purging, and the limits of all of it."""

import contextlib
import os
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.tokens import get_token_model, managers, uses
from irontoken.tokens import settings as conf
from irontoken.tokens.checks import check_tokens
from irontoken.tokens.managers import LimitReached
from irontoken.tokens.signals import token_issued, token_revoked
from tests.support.issued import AccessToken, User, patiently, setting
from tests.support.processes import fork

HOUR = timedelta(hours=1)


def fields():
    return AccessToken._meta.concrete_fields


@pytest.fixture
def told():
    found = []

    def issued(sender, token, **_):
        found.append(("issued", token.pk))

    def revoked(sender, token, **_):
        found.append(("revoked", token.pk))

    token_issued.connect(issued)
    token_revoked.connect(revoked)
    yield found
    token_issued.disconnect(issued)
    token_revoked.disconnect(revoked)


class TestIssue:
    def test_many_tokens_of_one_user_differ(self, ada):
        found = [AccessToken.objects.issue(ada) for _ in range(10)]
        assert len({key for _, key in found}) == len({token.digest for token, _ in found}) == 10

    def test_the_expiry_is_that_of_the_call_or_of_the_setting(self, ada):
        assert AccessToken.objects.issue(ada)[0].expires is None
        with setting(EXPIRES_IN=HOUR):
            token = AccessToken.objects.issue(ada)[0]
            assert token.expires == token.created + HOUR
            token = AccessToken.objects.issue(ada, expires_in=2 * HOUR)[0]
            assert token.expires == token.created + 2 * HOUR
        with setting(MAX_LIFETIME=HOUR):
            token = AccessToken.objects.issue(ada, expires_in=2 * HOUR)[0]
            assert token.expires == token.created + HOUR

    def test_without_an_expiry_the_longest_lifetime_holds(self, ada):
        with setting(MAX_LIFETIME=HOUR):
            token = AccessToken.objects.issue(ada)[0]
            assert token.expires == token.created + HOUR

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": "a\nb"},
            {"name": "a\x00b"},
            {"name": "\u202e"},
            {"name": "x" * 101},
            {"name": None},
            {"expires_in": timedelta(0)},
            {"expires_in": -HOUR},
            {"expires_in": timedelta.max},
            {"scopes": ["a b"]},
            {"scopes": [""]},
            {"scopes": ["é"]},
            {"scopes": ['"']},
            {"scopes": "read"},
            {"scopes": [1]},
            {"scopes": [f"scope{number}" for number in range(200)]},
        ],
    )
    def test_what_no_token_can_have_is_refused(self, ada, wrong):
        with pytest.raises(ValidationError):
            AccessToken.objects.issue(ada, **wrong)
        assert not AccessToken.objects.exists()

    @pytest.mark.parametrize("wrong", [3600, "1h", 1.5])
    def test_seconds_are_no_duration(self, ada, wrong):
        with pytest.raises(TypeError, match=r"such as timedelta\(hours=1\)"):
            AccessToken.objects.issue(ada, expires_in=wrong)

    def test_a_row_without_a_key_is_not_made(self, ada):
        name = AccessToken.__name__
        for make in (
            AccessToken.objects.create,
            AccessToken.objects.get_or_create,
            AccessToken.objects.filter(name="x").create,
        ):
            with pytest.raises(TypeError, match=rf"{name}\.objects\.issue\(user\)"):
                make(user=ada)
        for save in (
            lambda: AccessToken(user=ada).save(),
            lambda: AccessToken.objects.bulk_create([AccessToken(user=ada)]),
        ):
            with pytest.raises(TypeError, match=r"issue\(user\)"):
                save()
        with pytest.raises(TypeError, match="issue"):
            ada.access_tokens.create(name="laptop")
        assert not AccessToken.objects.exists()

    def test_a_row_whose_digest_is_deferred_is_saved_without_it(self, ada):
        token, _ = AccessToken.objects.issue(ada)
        found = AccessToken.objects.only("name").get(pk=token.pk)
        found.name = "laptop"
        with CaptureQueriesContext(connection) as queries:
            found.save()
        assert not any("digest" in each["sql"] for each in queries.captured_queries)

    @pytest.mark.parametrize("name", ["Ada\u00a0L.", "\u3000", "👩\u200d💻", "क्\u200dष"])
    def test_a_name_is_in_anybodys_writing(self, ada, name):
        token, _ = AccessToken.objects.issue(ada, name)
        token.refresh_from_db()
        assert token.name == name

    def test_it_is_one_statement(self, ada, django_assert_num_queries):
        with django_assert_num_queries(1):
            AccessToken.objects.issue(ada, "name", HOUR, ["read"])

    def test_the_row_is_the_one_that_django_saves(self, ada):
        expected, _ = AccessToken.objects.issue(ada, "laptop", HOUR, ["read"])
        values = {field.attname: getattr(expected, field.attname) for field in fields()}
        expected.refresh_from_db()
        assert values == {field.attname: getattr(expected, field.attname) for field in fields()}
        assert not expected._state.adding
        copy = AccessToken(**{**values, "id": None, "digest": "another"})
        copy.save()
        assert vars(AccessToken.objects.issue(ada)[0]).keys() == vars(copy).keys()
        expected.name = "changed"
        expected.save()
        assert AccessToken.objects.count() == 3

    def test_receivers_of_djangos_signals_are_told(self, ada):
        heard = []

        def receive(instance, created, **_):
            heard.append((instance.pk, created))

        post_save.connect(receive, sender=AccessToken)
        try:
            token, _ = AccessToken.objects.issue(ada)
        finally:
            post_save.disconnect(receive, sender=AccessToken)
        assert heard == [(token.pk, True)]

    def test_a_report_of_a_receivers_error_holds_no_key(self, ada, settings):
        settings.DEBUG = False
        made = []

        def fail(token, **_):
            raise RuntimeError("a receiver")

        def issue(self, *arguments):
            key = made_key(*arguments)
            made.append(key)
            return key

        made_key, managers.issue_key = managers.issue_key, lambda prefix: issue(None, prefix)
        token_issued.connect(fail)
        try:
            with pytest.raises(RuntimeError) as caught:
                AccessToken.objects.issue(ada)
        finally:
            token_issued.disconnect(fail)
            managers.issue_key = made_key
        [key] = made
        html = ExceptionReporter(None, *caught._excinfo[:2], caught.tb.tb_next)
        assert key not in html.get_traceback_html()

    def test_signals_tell_of_each_change(self, ada, told):
        token, _ = AccessToken.objects.issue(ada)
        assert told == [("issued", token.pk)]


class TestLimit:
    def test_past_it_a_token_is_refused(self, ada, told):
        with setting(MAX_PER_USER=2):
            tokens = [AccessToken.objects.issue(ada)[0] for _ in range(2)]
            with pytest.raises(LimitReached):
                AccessToken.objects.issue(ada)
            assert AccessToken.objects.count() == 2
            tokens[0].revoke()
            AccessToken.objects.issue(ada)
        assert [each for each, _ in told] == ["issued", "issued", "revoked", "issued"]

    def test_or_the_oldest_are_revoked(self, ada):
        with setting(MAX_PER_USER=2, ON_LIMIT="revoke_oldest"):
            tokens = [AccessToken.objects.issue(ada)[0] for _ in range(4)]
        assert set(AccessToken.objects.live()) == set(tokens[2:])

    @pytest.mark.slow
    def test_of_a_hundred_thousand_too(self, ada, told):
        """More than any database takes parameters, such as a limit may find that is new."""
        now = timezone.now()
        AccessToken.objects.bulk_create(
            (
                AccessToken(user=ada, digest=f"{number}", created=now, name=f"{number % 7}")
                for number in range(100_000)
            ),
            batch_size=5000,
        )
        with setting(MAX_PER_USER=3, ON_LIMIT="revoke_oldest"):
            token, _ = AccessToken.objects.issue(ada)
        assert AccessToken.objects.live().count() == 3
        assert len(told) == 99_998 + 1
        assert AccessToken.objects.revoke_all(ada, keep=token) == 2
        assert list(AccessToken.objects.live()) == [token]

    def test_expired_tokens_do_not_count(self, ada):
        with setting(MAX_PER_USER=1):
            AccessToken.objects.issue(ada)
            AccessToken.objects.update(expires=timezone.now())
            AccessToken.objects.issue(ada)

    @pytest.mark.parametrize("level", ["read committed", "repeatable read"])
    def test_the_limit_holds_when_ten_processes_issue_at_once(
        self, transactional_db, level, monkeypatch
    ):
        user = User.objects.create_user("ada")
        if connection.vendor != "sqlite":  # which has but one level
            _isolate(level, monkeypatch)
        with setting(MAX_PER_USER=3):
            connections.close_all()
            children = [fork(lambda: _issue_patiently(user)) for _ in range(10)]
            assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
            assert AccessToken.objects.live().count() == 3


def _isolate(level, monkeypatch):
    """Let the connections that are made from now on have this level of isolation."""
    found = level
    if connection.vendor == "postgresql":
        psycopg = pytest.importorskip("psycopg")
        found = psycopg.IsolationLevel[level.upper().replace(" ", "_")]
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", found)


def _issue_patiently(user):
    with contextlib.suppress(LimitReached):
        patiently(lambda: AccessToken.objects.issue(user))


class TestRevoke:
    def test_the_first_time_stays(self, ada, told):
        token, _ = AccessToken.objects.issue(ada)
        assert token.revoke()
        first = token.revoked
        assert not token.revoke()
        assert not AccessToken.objects.get().revoke()
        assert AccessToken.objects.get().revoked == first
        assert told[1:] == [("revoked", token.pk)]

    def test_all_of_a_user_or_all_others(self, ada):
        bob = User.objects.create_user("bob")
        tokens = [AccessToken.objects.issue(ada)[0] for _ in range(3)]
        other, _ = AccessToken.objects.issue(bob)
        assert AccessToken.objects.revoke_all(ada, keep=tokens[0]) == 2
        assert set(AccessToken.objects.live()) == {tokens[0], other}
        assert AccessToken.objects.revoke_all(ada) == 1

    def test_a_changed_password_kills_the_users_tokens(self, ada):
        bob = User.objects.create_user("bob")
        for user in (ada, bob):
            AccessToken.objects.issue(user)
        ada.first_name = "Ada"
        ada.save()
        assert AccessToken.objects.live().count() == 2
        ada.set_password("new")
        ada.save()
        assert [token.user for token in AccessToken.objects.live()] == [bob]

    def test_whoever_saves_the_password(self, ada):
        class Proxy(User):
            class Meta:
                proxy = True
                app_label = "shapes"

        for change in ("set", "unusable"):
            AccessToken.objects.issue(ada)
            user = Proxy.objects.get(pk=ada.pk)
            user.set_password("new") if change == "set" else user.set_unusable_password()
            user.save()
            assert not AccessToken.objects.live().exists()

    @pytest.mark.parametrize("fields", [None, ["password"]])
    def test_by_whatever_means_it_was_set(self, ada, fields):
        AccessToken.objects.issue(ada)
        user = User.objects.get()
        user.password = make_password("new")
        user.save(update_fields=fields)
        assert not AccessToken.objects.live().exists()

    def test_also_if_it_was_saved_late(self, ada):
        AccessToken.objects.issue(ada)
        ada.set_password("new")
        ada.save(update_fields=["email"])
        AccessToken.objects.issue(ada)
        ada.save()
        assert not AccessToken.objects.live().exists()

    def test_after_it_was_set_before(self, ada):
        ada.set_password("new")
        ada.save()
        AccessToken.objects.issue(ada)
        ada.password = make_password("newer")
        ada.save(update_fields=["password"])
        assert not AccessToken.objects.live().exists()

    def test_a_save_that_failed_is_forgotten(self, ada):
        User.objects.create_user("bob")
        ada.username = "bob"
        ada.set_password("new")
        with pytest.raises(IntegrityError), transaction.atomic():
            ada.save()
        ada.username = "ada"
        AccessToken.objects.issue(ada)
        ada.save(update_fields=["last_login"])
        assert AccessToken.objects.live().count() == 1

    def test_what_is_issued_before_it_is_written_dies_too(self, ada):
        def issue(instance, **_):
            AccessToken.objects.issue(instance)

        pre_save.connect(issue, sender=User)
        try:
            ada.set_password("new")
            ada.save()
        finally:
            pre_save.disconnect(issue, sender=User)
        assert AccessToken.objects.count() == 1
        assert not AccessToken.objects.live().exists()

    @pytest.mark.django_db(databases=["default", "other"])
    def test_in_the_database_of_the_user(self, ada):
        other = User.objects.db_manager("other").create_user("ada", id=ada.pk)
        AccessToken.objects.issue(ada)
        AccessToken.objects.issue(other)
        other.set_password("new")
        other.save()
        assert AccessToken.objects.live().count() == 1
        assert not AccessToken.objects.using("other").filter(revoked=None).exists()

    def test_a_user_that_never_had_a_password_may_be_saved(self, issued):
        user = User.objects.create_user("single-sign-on")
        AccessToken.objects.issue(user)
        user.save()
        assert AccessToken.objects.live().count() == 1

    def test_with_the_password_in_the_same_transaction(self, ada):
        AccessToken.objects.issue(ada)
        with transaction.atomic():
            ada.set_password("new")
            ada.save(update_fields=["password"])
            transaction.set_rollback(True)
        assert AccessToken.objects.live().count() == 1

    def test_a_hasher_brought_up_to_date_kills_none(self, ada, settings):
        AccessToken.objects.issue(ada)
        old = make_password("lovelace", hasher="md5")
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
        User.objects.update(password=old)
        ada.refresh_from_db()
        assert ada.check_password("lovelace")
        ada.refresh_from_db()
        assert ada.password != old
        assert AccessToken.objects.live().count() == 1

    @pytest.mark.parametrize("fails", [False, True])
    def test_a_password_assigned_after_an_upgrade_kills_them(self, ada, settings, fails):
        """Whether or not the upgrade could be saved."""
        AccessToken.objects.issue(ada)
        User.objects.update(password=make_password("lovelace", hasher="md5"))
        ada.refresh_from_db()
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]

        def fail(execute, sql, *arguments):
            if sql.startswith("UPDATE"):
                raise RuntimeError("the database is gone")
            return execute(sql, *arguments)

        if fails:
            with (
                connection.execute_wrapper(fail),
                pytest.raises(RuntimeError),
                transaction.atomic(),
            ):
                ada.check_password("lovelace")
        else:
            assert ada.check_password("lovelace")
        assert AccessToken.objects.live().exists()
        ada.password = make_password("new")
        ada.save(update_fields=["password"])
        assert not AccessToken.objects.live().exists()

    def test_unless_it_is_switched_off(self, ada):
        AccessToken.objects.issue(ada)
        with setting(REVOKE_ON_PASSWORD_CHANGE=False):
            ada.set_password("new")
            ada.save()
        assert AccessToken.objects.live().count() == 1


class TestRotate:
    def test_the_new_one_is_like_the_old_one(self, ada, told):
        token, _ = AccessToken.objects.issue(ada, "laptop", HOUR, ["read"])
        new, key = token.rotate()
        assert (new.name, new.scopes, new.user) == ("laptop", ["read"], ada)
        assert new.expires - new.created == HOUR
        assert key.startswith(new.display)
        assert list(AccessToken.objects.live()) == [new]
        assert token.revoked is not None
        assert told[1:] == [("issued", new.pk), ("revoked", token.pk)]

    def test_the_old_one_lives_for_the_grace_and_no_longer_than_before(self, ada):
        token, _ = AccessToken.objects.issue(ada, expires_in=HOUR)
        end = token.expires
        token.rotate(grace=HOUR / 2)
        token.refresh_from_db()
        assert timezone.now() < token.expires < end
        other, _ = AccessToken.objects.issue(ada, expires_in=HOUR)
        end = other.expires
        other.rotate(grace=2 * HOUR)
        other.refresh_from_db()
        assert other.expires == end

    def test_a_rotated_token_is_neither_renewed_nor_rotated_again(self, ada):
        with setting(EXPIRES_IN=24 * HOUR, RENEW_EVERY=HOUR):
            token, _ = AccessToken.objects.issue(ada)
            token.rotate(grace=HOUR)
            token = AccessToken.objects.get(pk=token.pk)
            uses.record(token)
            uses.flush()
            assert AccessToken.objects.get(pk=token.pk).expires == token.expires
            with pytest.raises(ValueError, match="rotated"):
                token.rotate(grace=HOUR)
            short, _ = AccessToken.objects.issue(ada, expires_in=2 * HOUR)
            AccessToken.objects.filter(pk=short.pk).update(created=timezone.now() - 50 * HOUR)
            new, _ = AccessToken.objects.get(pk=short.pk).rotate()
            assert new.expires - new.created == 2 * HOUR

    def test_no_rotation_outlives_the_revocation_of_all(self, transactional_db):
        user = User.objects.create_user("ada")
        token, _ = AccessToken.objects.issue(user)
        connections.close_all()

        def rotating():
            found = token
            try:
                with contextlib.suppress(ValueError):
                    while True:
                        found, _ = patiently(found.rotate)
            finally:
                connection.close()

        thread = threading.Thread(target=rotating)
        thread.start()
        threading.Event().wait(0.1)
        patiently(lambda: AccessToken.objects.revoke_all(user))
        thread.join(30)
        assert not thread.is_alive()
        assert not AccessToken.objects.live().exists()

    def test_a_revocation_that_comes_in_between_comes_first(self, ada, monkeypatch):
        def revoked_meanwhile(self, now=None):
            AccessToken.objects.filter(pk=self.pk).update(revoked=timezone.now())
            return ""

        token, _ = AccessToken.objects.issue(ada)
        monkeypatch.setattr(AccessToken, "refusal", revoked_meanwhile)
        with pytest.raises(ValueError, match="just been revoked"):
            token.rotate(grace=HOUR)
        assert AccessToken.objects.count() == 1

    def test_in_its_grace_the_old_one_counts_to_the_limit(self, ada):
        with setting(MAX_PER_USER=1):
            token, _ = AccessToken.objects.issue(ada)
            with pytest.raises(LimitReached):
                token.rotate(grace=HOUR)
            assert list(AccessToken.objects.live()) == [token]
            token, _ = AccessToken.objects.get().rotate()
            assert list(AccessToken.objects.live()) == [token]
        with setting(MAX_PER_USER=1, ON_LIMIT="revoke_oldest"):
            token, _ = token.rotate(grace=HOUR)
            assert list(AccessToken.objects.live()) == [token]
        with setting(MAX_PER_USER=2):
            token.rotate(grace=HOUR)
            with pytest.raises(LimitReached):
                AccessToken.objects.issue(ada)

    def test_what_is_refused_is_not_rotated(self, ada):
        token, _ = AccessToken.objects.issue(ada)
        with pytest.raises(ValueError, match="negative"):
            token.rotate(grace=-HOUR)
        AccessToken.objects.update(revoked=timezone.now())
        with pytest.raises(ValueError, match="refused"):
            token.rotate()
        assert AccessToken.objects.count() == 1

    def test_of_processes_that_rotate_one_one_does_and_no_revocation_is_lost(
        self, transactional_db
    ):
        user = User.objects.create_user("ada")
        for _ in range(5):
            token, _ = AccessToken.objects.issue(user)
            connections.close_all()
            works = [_rotate, _rotate, _revoke, _revoke, _issue]
            children = [fork(lambda work=work, pk=token.pk: work(pk)) for work in works]
            assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(works)
            found = AccessToken.objects.get(pk=token.pk)
            assert found.revoked is not None
            assert AccessToken.objects.exclude(pk=token.pk).count() in {1, 2}
            patiently(lambda: AccessToken.objects.revoke_all(user))
            assert not AccessToken.objects.live().exists()
            AccessToken.objects.all().delete()


def _quietly(work):
    try:
        with contextlib.suppress(ValueError):
            patiently(work)
    finally:
        connection.close()


def _rotate(pk):
    _quietly(lambda: AccessToken.objects.get(pk=pk).rotate())


def _issue(pk):
    _quietly(lambda: AccessToken.objects.issue(AccessToken.objects.get(pk=pk).user))


def _revoke(pk):
    _quietly(lambda: AccessToken.objects.get(pk=pk).revoke())


def test_the_migrations_make_the_models_that_there_are(settings):
    settings.MIGRATION_MODULES = {}
    loader = MigrationLoader(None)
    wanted = ProjectState.from_apps(apps)
    changes = MigrationAutodetector(loader.project_state(), wanted).changes(loader.graph)
    assert "irontoken_tokens" not in changes


class ToOther:
    """A router that has everything in another database."""

    def db_for_read(self, model, **_):
        return "other"

    db_for_write = db_for_read


@pytest.mark.django_db(databases=["default", "other"])
class TestDatabases:
    def work_with(self, tokens, user):
        token, _ = tokens.issue(user, expires_in=HOUR)
        new, _ = token.rotate(grace=HOUR / 2)
        assert new._state.db == "other"
        token.refresh_from_db()
        assert token.is_rotated
        assert new.revoke()
        assert not new.revoke()
        tokens.issue(user)
        assert tokens.revoke_all(user) == 2
        assert AccessToken.objects.using("other").count() == 3
        assert AccessToken.objects.using("default").count() == 0
        return tokens.issue(user)

    @pytest.mark.parametrize("limits", [{}, {"MAX_PER_USER": 5}])
    def test_a_manager_may_be_bound_to_one(self, issued, limits):
        user = User.objects.db_manager("other").create_user("ada")
        with setting(**limits):
            self.work_with(AccessToken.objects.db_manager("other"), user)

    @pytest.mark.parametrize("cache", [None, {"COHERENCE": "host"}])
    def test_a_router_says_in_which_database_they_are(self, issued, settings, cache):
        settings.DATABASE_ROUTERS = [f"{__name__}.ToOther"]
        with setting(cache=cache):
            user = User.objects.create_user("ada")
            token, key = self.work_with(AccessToken.objects, user)
            for _ in range(2):
                pair = irontoken.TokenAuthentication().authenticate_credentials(key)
                assert pair == (user, token)
            uses.flush()
            assert AccessToken.objects.get(pk=token.pk).last_used is not None
            token.revoke()
            with pytest.raises(AuthenticationFailed):
                irontoken.TokenAuthentication().authenticate_credentials(key)


def test_purging_takes_what_is_long_over(ada):
    tokens = [AccessToken.objects.issue(ada)[0] for _ in range(5)]
    long_ago = timezone.now() - 2 * HOUR
    AccessToken.objects.filter(pk=tokens[0].pk).update(revoked=long_ago)
    AccessToken.objects.filter(pk=tokens[1].pk).update(expires=long_ago)
    AccessToken.objects.filter(pk=tokens[2].pk).update(revoked=timezone.now())
    assert AccessToken.objects.purge(HOUR, batch=1) == 2
    assert set(AccessToken.objects.all()) == set(tokens[2:])


PEPPERED = {"REQUIRE_PEPPER": True, "PEPPERS": {1: "x" * 32}}


class TestSettings:
    @pytest.mark.parametrize(
        ("tokens", "wanted"),
        [
            ({"KEY_PREFIXX": "x"}, "Did you mean 'KEY_PREFIX'?"),
            ({"KEY_PREFIX": "a-b"}, "letters, digits and underscores"),
            ({"KEY_PREFIX": ""}, "letters, digits and underscores"),
            ({"KEY_PREFIX": "ab1"}, "not all hexadecimal"),
            ({"MAX_LIFETIME": timedelta.max}, "a century at most"),
            ({"WRITE_PEPPER": 3, "PEPPERS": {1: "x" * 32}}, "a number that PEPPERS has"),
            ({"EXPIRES_IN": 60}, "It takes timedelta or NoneType"),
            ({"EXPIRES_IN": -HOUR}, "greater than 0"),
            ({"RENEW_EVERY": HOUR}, "nothing expires"),
            ({"IDLE_TIMEOUT": HOUR, "LAST_USED": False}, "LAST_USED is off"),
            ({"IDLE_TIMEOUT": HOUR / 60}, "longer than twice"),
            ({"RENEW_EVERY": HOUR, "EXPIRES_IN": HOUR}, "shorter than EXPIRES_IN"),
            ({"MAX_EXPIRES_IN": HOUR}, "nothing expires"),
            ({"MAX_EXPIRES_IN": HOUR, "EXPIRES_IN": 2 * HOUR}, "not be shorter than EXPIRES_IN"),
            ({"MANAGE_SCOPE": "my tokens"}, "one word without spaces"),
            ({"MANAGE_SCOPE": ""}, "one word without spaces"),
            ({"THROTTLE_CACHE": "redis"}, "an alias of CACHES. There is 'default'."),
            ({"MAX_PER_USER": 0}, "greater than 0"),
            ({"MAX_PER_USER": True}, "of type bool"),
            ({"ON_LIMIT": "ignore"}, "'refuse' or 'revoke_oldest'"),
            ({"PEPPERS": {0: "x" * 32}}, "whole numbers"),
            ({"PEPPERS": {"hunter2": 1}}, "whole numbers"),
            ({"PEPPERS": {1: "hunter2"}}, "at least 32"),
            ({"REQUIRE_PEPPER": True, "ACCEPT_AUTHTOKEN": False}, "Add 'PEPPERS'"),
            ({**PEPPERED, "ACCEPT_AUTHTOKEN": True}, "Add 'ACCEPT_AUTHTOKEN': False"),
            (PEPPERED, "Add 'ACCEPT_AUTHTOKEN': False"),
            ({**PEPPERED, "ACCEPT_AUTHTOKEN": False, "ACCEPT_KNOX": True}, "'ACCEPT_KNOX': False"),
            ({**PEPPERED, "ACCEPT_AUTHTOKEN": False, "WRITE_PEPPER": 0}, "Remove 'WRITE_PEPPER'"),
            ({"PEPPERS": {1: None}}, "at least 32"),
        ],
    )
    def test_a_wrong_one_is_told_and_nothing_is_issued_under_it(self, ada, tokens, wanted):
        with setting(**tokens):
            [(message, hint)] = conf.problems()
            assert wanted in f"{message} {hint}"
            assert "hunter2" not in message + hint
            with pytest.raises(ImproperlyConfigured):
                AccessToken.objects.issue(ada)

    def test_a_model_of_something_else_is_told(self, settings):
        settings.IRONTOKEN = {"TOKEN_MODEL": "authtoken.Token"}
        [error] = check_tokens()
        assert "no model of issued tokens" in error.msg

    def test_a_model_that_is_not_there_is_told(self, settings):
        settings.IRONTOKEN = {}
        assert get_token_model()._meta.label == "irontoken_tokens.AccessToken"
