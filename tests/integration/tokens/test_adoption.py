"""The way in from authtoken: no client notices, and what is revoked stays revoked."""

import contextlib
import hashlib
import re
import threading
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core import serializers
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection, connections
from django.test import override_settings
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.tokens import settings as conf
from irontoken.tokens.adoption import base as adoption
from irontoken.tokens.adoption.undo import undo
from irontoken.tokens.operations import AdoptTokens
from tests.support.issued import AccessToken, User, setting


def ask(key):
    try:
        return irontoken.TokenAuthentication().authenticate_credentials(key)
    except AuthenticationFailed as refusal:
        return str(refusal.detail)


def keys_of(source, count):
    users = [User.objects.create(username=f"user{number}") for number in range(count)]
    if source == "knox":
        return [AuthToken.objects.create(user=user)[1] for user in users]
    return [Token.objects.create(user=user).key for user in users]


@pytest.fixture
def keys(issued):
    return keys_of("authtoken", 20)


def test_keys_work_before_between_and_after(keys):
    assert all(isinstance(ask(key)[1], Token) for key in keys)
    assert list(adoption.Adoption("authtoken").copy(batch=7)) == [7, 14, 20]
    assert all(isinstance(ask(key)[1], Token) for key in keys)
    assert list(adoption.Adoption("authtoken").finish(batch=7)) == [7, 14, 20]
    assert not Token.objects.exists()
    for key in keys:
        user, token = ask(key)
        assert isinstance(token, AccessToken)
        assert (token.user, token.display, token.revoked) == (user, key[:6], None)
    assert not any(key in str(vars(token)) for key in keys for token in AccessToken.objects.all())


def test_users_and_times_of_creation_stay(keys):
    before = {token.user_id: token.created for token in Token.objects.all()}
    list(adoption.Adoption("authtoken").finish())
    assert {token.user_id: token.created for token in AccessToken.objects.all()} == before


def test_it_may_be_stopped_and_begun_again(keys):
    copying = adoption.Adoption("authtoken").copy(batch=3)
    next(copying)
    list(adoption.Adoption("authtoken").copy(batch=4))
    finishing = adoption.Adoption("authtoken").finish(batch=3)
    next(finishing)
    assert all(not isinstance(ask(key), str) for key in keys)
    list(adoption.Adoption("authtoken").copy())
    list(adoption.Adoption("authtoken").finish())
    assert AccessToken.objects.count() == len(keys)
    assert not AccessToken.objects.filter(pending=True).exists()


def test_what_is_revoked_meanwhile_stays_revoked(keys):
    list(adoption.Adoption("authtoken").copy())
    Token.objects.filter(key=keys[0]).delete()
    assert ask(keys[0]) == "Invalid token."
    list(adoption.Adoption("authtoken").finish())
    assert ask(keys[0]) == "Invalid token."
    assert AccessToken.objects.count() == len(keys) - 1


@pytest.mark.parametrize("whole", [True, False])
def test_whoever_read_a_row_before_it_was_moved_revokes_what_it_became(keys, whole):
    rows = Token.objects.filter(key=keys[0])
    if whole:
        list(rows)  # a query set that has read its rows
    row = rows.first()
    list(adoption.Adoption("authtoken").finish())
    assert row.delete()[0] == 0
    assert ask(keys[0]) == "Invalid token."
    assert not isinstance(ask(keys[1]), str)


@pytest.mark.django_db(databases=["default", "other"])
def test_rows_of_another_database_revoke_nothing(keys):
    user = User.objects.using("default").first()
    other = User(pk=user.pk, username=user.username)
    other.save(using="other")
    Token(key=keys[0], user=other).save(using="other")
    list(adoption.Adoption("authtoken").finish())
    Token.objects.using("other").all().delete()
    assert not any(isinstance(ask(key), str) for key in keys)


def test_a_row_that_changed_its_user_keeps_the_new_one(keys):
    list(adoption.Adoption("authtoken").copy())
    other = User.objects.create(username="other")
    Token.objects.filter(key=keys[0]).update(user=other)
    list(adoption.Adoption("authtoken").finish())
    assert ask(keys[0])[0] == other


def test_what_the_database_does_not_take_stays_and_goes_on_working(keys, monkeypatch):
    copy = adoption.Adoption._copy
    monkeypatch.setattr(adoption.Adoption, "_copy", lambda self, rows: copy(self, rows[1:]))
    out = StringIO()
    call_command("irontoken", "adopt", "--finish", stdout=out)
    assert "1 token of authtoken stayed" in out.getvalue()
    assert Token.objects.count() == 1
    assert not any(isinstance(ask(key), str) for key in keys)


def test_what_is_made_meanwhile_is_moved_too(keys):
    user = User.objects.create(username="late")
    finishing = adoption.Adoption("authtoken").finish(batch=7)
    next(finishing)
    early = Token.objects.create(user=user, key="0" * 40).key
    list(finishing)
    assert not Token.objects.exists()
    assert ask(early)[0] == user


def test_purging_leaves_copies_alone(keys):
    list(adoption.Adoption("authtoken").copy())
    assert AccessToken.objects.purge(timedelta(0)) == 0
    assert AccessToken.objects.count() == len(keys)


def test_copies_are_not_listed_or_found_before_they_count(keys):
    list(adoption.Adoption("authtoken").copy())
    out = StringIO()
    call_command("irontoken", "list", stdout=out)
    assert out.getvalue() == ""
    assert AccessToken.objects.by_id(AccessToken.objects.first().pk) is None


def test_a_pepper_that_comes_in_between_makes_no_client_fail(keys):
    for peppers in ({}, {1: "a" * 32}, {1: "a" * 32, 2: "b" * 32}):
        with setting(PEPPERS=peppers):
            list(adoption.Adoption("authtoken").copy())
    with setting(PEPPERS=peppers):
        for _ in adoption.Adoption("authtoken").finish(batch=7):
            assert not any(isinstance(ask(key), str) for key in keys)
        assert AccessToken.objects.count() == len(keys)


def test_an_adopted_token_is_revoked_like_any_other(keys):
    list(adoption.Adoption("authtoken").finish())
    ask(keys[0])[1].revoke()
    assert ask(keys[0]) == "Invalid token."


def test_a_revocation_of_all_takes_what_is_not_adopted_yet(keys):
    list(adoption.Adoption("authtoken").copy())
    user, token = ask(keys[0])
    _, key = AccessToken.objects.issue(user)
    assert AccessToken.objects.revoke_all(user, keep=token) == 1
    assert (ask(keys[0])[1], ask(key)) == (token, "Invalid token.")
    assert AccessToken.objects.revoke_all(user) == 1
    list(adoption.Adoption("authtoken").finish())
    assert ask(keys[0]) == "Invalid token."
    assert all(not isinstance(ask(key), str) for key in keys[1:])


def test_so_does_a_changed_password(keys):
    user, _ = ask(keys[0])
    user.set_password("new")
    user.save()
    assert ask(keys[0]) == "Invalid token."


def test_where_authtoken_is_the_default_it_is_left_alone(keys):
    class OnlyIssued(irontoken.TokenAuthentication):
        model = AccessToken

    user, _ = ask(keys[0])
    with override_settings(IRONTOKEN={}):
        with pytest.raises(AuthenticationFailed):
            OnlyIssued().authenticate_credentials(keys[0])
        assert AccessToken.objects.revoke_all(user) == 0
        with pytest.raises(CommandError, match="Set IRONTOKEN\\['TOKEN_MODEL'\\]"):
            call_command("irontoken", "adopt")
    assert ask(keys[0])[0] == user


def test_switched_off_authtoken_is_not_asked(keys):
    with setting(ACCEPT_AUTHTOKEN=False):
        assert ask(keys[0]) == "Invalid token."


def test_inactive_users_are_refused_all_the_while(keys):
    User.objects.update(is_active=False)
    for step in (
        list,
        lambda _: list(adoption.Adoption("authtoken").copy()),
        lambda _: list(adoption.Adoption("authtoken").finish()),
    ):
        step(())
        assert ask(keys[0]) == "User inactive or deleted."


def test_a_migration_does_the_same(keys):
    for finish in (False, True):
        operation = AdoptTokens("authtoken", finish=finish)
        editor = SimpleNamespace(connection=connections["default"])
        operation.database_forwards("app", editor, None, None)
        operation.database_backwards("app", editor, None, None)
        assert not any(isinstance(ask(key), str) for key in keys)
    assert not Token.objects.exists()
    with setting(ACCEPT_AUTHTOKEN=False):  # as is told when all is done
        operation.database_forwards("app", editor, None, None)
    elsewhere = SimpleNamespace(connection=SimpleNamespace(alias="without a table"))
    operation.database_forwards("app", elsewhere, None, None)
    with pytest.raises(ValueError, match="authtoken, knox"):
        AdoptTokens("nothing")


def test_a_dump_holds_nothing_that_authenticates(keys):
    issued = [AccessToken.objects.issue(user)[1] for user in User.objects.all()]
    list(adoption.Adoption("authtoken").finish())
    out = StringIO()
    apps = {model._meta.app_label for model in (User, Token, AuthToken, AccessToken)}
    call_command("dumpdata", *apps, stdout=out)
    dump = out.getvalue()
    assert dump.count("sha256$") == len(keys) + len(issued)
    assert not any(key[9:] in dump for key in [*keys, *issued])
    words = {word for word in re.split(r'[\s",:{}\[\]]+', dump) if len(word) > 8}
    words |= {word.split("$")[-1] for word in words}
    assert all(isinstance(ask(word), str) for word in words)


@contextlib.contextmanager
def knox_set_to(named, algorithm):
    """knox reads the setting once, and this test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knox.settings.knox_settings.SECURE_HASH_ALGORITHM", algorithm)
        with override_settings(REST_KNOX={"SECURE_HASH_ALGORITHM": named}):
            yield


def test_a_batch_whose_copies_are_not_accepted_is_undone(keys, monkeypatch):
    """As of a trigger of the database, or a receiver, that revokes what has just been accepted."""
    delete = adoption.delete

    def revoking(rows):
        owner = rows.first().user
        another = User.objects.exclude(pk=owner.pk).first()
        AccessToken.objects.filter(user=owner).update(user=another)
        return delete(rows)

    monkeypatch.setattr(adoption, "delete", revoking)
    with pytest.raises(CommandError, match="A row of authtoken would have been removed"):
        call_command("irontoken", "adopt", "--finish")
    assert Token.objects.count() == len(keys)
    assert all(isinstance(ask(key)[1], Token) for key in keys)


def test_a_row_whose_copy_was_revoked_before_stays(keys):
    row = Token.objects.get(key=keys[0])
    list(adoption.Adoption("authtoken").finish())
    ask(keys[0])[1].revoke()
    Token.objects.create(key=keys[0], user=row.user)  # of a backup
    list(adoption.Adoption("authtoken").finish())
    assert ask(keys[0]) == (row.user, row)


def test_a_key_that_looks_like_an_issued_one_stays(keys):
    user = User.objects.create(username="odd")
    Token.objects.create(key="it_of-my-own", user=user)
    list(adoption.Adoption("authtoken").finish())
    assert [token.key for token in Token.objects.all()] == ["it_of-my-own"]


class TestKnox:
    @pytest.fixture
    def keys(self, issued):
        with setting(ACCEPT_KNOX=True):
            yield keys_of("knox", 5)

    def test_keys_work_before_between_and_after(self, keys):
        expiries = {token.user_id: token.expiry for token in AuthToken.objects.all()}
        assert all(isinstance(ask(key)[1], AuthToken) for key in keys)
        list(adoption.Adoption("knox").copy())
        assert all(isinstance(ask(key)[1], AuthToken) for key in keys)
        list(adoption.Adoption("knox").finish(batch=2))
        assert not AuthToken.objects.exists()
        assert all(isinstance(ask(key)[1], AccessToken) for key in keys)
        assert {token.user_id: token.expires for token in AccessToken.objects.all()} == expiries

    def test_digests_of_older_versions_are_found_too(self, keys):
        key = "ab" * 32
        digest = hashlib.sha512(bytes.fromhex(key)).hexdigest()
        AuthToken.objects.all().delete()
        user = User.objects.first()
        AuthToken.objects.bulk_create([AuthToken(digest=digest, token_key=key[:15], user=user)])
        list(adoption.Adoption("knox").finish())
        assert ask(key)[0] == user

    def test_keys_of_knox_4_which_knox_5_refuses_are_adopted(self, keys):
        """knox 4.2 kept 8 characters of a key and digested its bytes."""
        key = "cd" * 32
        digest = hashlib.sha512(bytes.fromhex(key)).hexdigest()
        user = User.objects.first()
        AuthToken.objects.bulk_create([AuthToken(digest=digest, token_key=key[:8], user=user)])
        assert ask(key) == "Invalid token."
        list(adoption.Adoption("knox").finish())
        assert ask(key)[0] == user

    @pytest.mark.parametrize(
        "named", ["hashlib.sha3_512", "hashlib.blake2b", "hashlib.sha256", hashlib.sha3_512]
    )
    def test_digests_of_another_algorithm_are_verified_by_it(self, keys, named):
        by = getattr(hashlib, named.split(".")[1]) if isinstance(named, str) else named
        with knox_set_to(named, by):
            AuthToken.objects.all().delete()
            users = list(User.objects.all())
            made = [AuthToken.objects.create(user=user)[1] for user in users]
            assert all(isinstance(ask(key)[1], AuthToken) for key in made)
            list(adoption.Adoption("knox").copy())
            list(adoption.Adoption("knox").finish(batch=2))
            assert not AuthToken.objects.exists()
            assert [ask(key)[0] for key in made] == users
            name = AccessToken.objects.first().digest.split("$")[0]
            assert by is getattr(hashlib, name)

    def test_copies_made_under_another_algorithm_are_made_again(self, keys):
        list(adoption.Adoption("knox").copy())
        AuthToken.objects.all().delete()
        with knox_set_to("hashlib.sha3_512", hashlib.sha3_512):
            user = User.objects.first()
            row, key = AuthToken.objects.create(user=user)
            AccessToken.objects.create(
                digest=f"sha512${row.digest}", user=user, revoked=timezone.now(), pending=True
            )
            list(adoption.Adoption("knox").finish())
            assert ask(key)[0] == user

    def test_digests_that_cannot_be_verified_are_refused_and_stay(self, keys):
        with knox_set_to("tests.hashes.own", hashlib.md5):
            _, key = AuthToken.objects.create(user=User.objects.first())
            for step in ((), ("--dry-run",), ("--finish",)):
                with pytest.raises(CommandError, match=r"'tests.hashes.own'.*hashlib.<name>"):
                    call_command("irontoken", "adopt", "--from", "knox", *step)
            assert AuthToken.objects.count() == len(keys) + 1
            assert isinstance(ask(key)[1], AuthToken)

    def test_rows_of_an_older_algorithm_stay_as_they_are(self, keys):
        user = User.objects.first()
        with knox_set_to("hashlib.sha256", hashlib.sha256):
            _, key = AuthToken.objects.create(user=user)
        out = StringIO()
        call_command("irontoken", "adopt", "--from", "knox", "--dry-run", stdout=out)
        assert "1 token of these would stay" in out.getvalue()
        list(adoption.Adoption("knox").copy())
        call_command("irontoken", "adopt", "--from", "knox", "--finish", stdout=out)
        assert "1 token of knox stayed" in out.getvalue()
        with knox_set_to("hashlib.sha256", hashlib.sha256):
            assert ask(key)[0] == user

    def test_an_end_that_moved_since_the_copy_stays_moved(self, keys, monkeypatch):
        monkeypatch.setattr("knox.settings.knox_settings.AUTO_REFRESH", True)
        list(adoption.Adoption("knox").copy())
        later = timezone.now() + timedelta(days=3)
        AuthToken.objects.update(expiry=later)
        list(adoption.Adoption("knox").finish())
        token = ask(keys[0])[1]
        assert (token.expires, token.lifetime) == (later, 10 * 3600)

    def test_a_row_adopted_while_knox_writes_its_use_refuses_nobody(self, keys, monkeypatch):
        list(adoption.Adoption("knox").finish())

        def adopted_meanwhile(*_):
            raise DatabaseError("Save with update_fields did not affect any rows.")

        monkeypatch.setattr(
            "knox.auth.TokenAuthentication.authenticate_credentials", adopted_meanwhile
        )
        assert isinstance(ask(keys[0])[1], AccessToken)

    def test_what_a_driver_says_is_no_refusal(self, keys, monkeypatch):
        def fail(*_):
            raise OperationalError("database is locked") from RuntimeError("of the driver")

        monkeypatch.setattr("knox.auth.TokenAuthentication.authenticate_credentials", fail)
        with pytest.raises(OperationalError):
            ask(keys[0])

    def test_rotating_one_with_an_end_gives_no_eternal_one(self, keys):
        list(adoption.Adoption("knox").finish())
        token = ask(keys[0])[1]
        lifetime = token.expires - token.created
        new, _ = token.rotate()
        assert new.expires - new.created == lifetime

    def test_a_prefix_that_would_shadow_keys_of_knox_is_told(self, keys, settings):
        settings.REST_KNOX = {"TOKEN_PREFIX": "acme_key_"}
        with setting(ACCEPT_KNOX=True, KEY_PREFIX="acme_"):
            [(message, _)] = conf.problems()
        assert "beginning of knox' 'acme_key_'" in message

    def test_what_was_logged_out_meanwhile_stays_out(self, keys):
        list(adoption.Adoption("knox").copy())
        AuthToken.objects.first().delete()
        list(adoption.Adoption("knox").finish())
        assert sorted(isinstance(ask(key), str) for key in keys) == [False] * 4 + [True]

    def test_without_the_setting_nothing_is_done(self, keys):
        with setting(), pytest.raises(CommandError, match="ACCEPT_KNOX"):
            call_command("irontoken", "adopt", "--from", "knox")


CACHES = [None, {"COHERENCE": "host"}]


def adopt_all(source):
    list(adoption.Adoption(source).copy(batch=5))
    list(adoption.Adoption(source).finish(batch=5))


def adopt_and_give_back(source):
    """Again and again, since a request is seldom between the two."""
    rows = adoption.Adoption(source).rows
    fixture = serializers.serialize("json", rows._base_manager.all())
    for _ in range(4):
        adopt_all(source)
        undo(adoption.Adoption(source), StringIO(fixture))
    adopt_all(source)


def never_refused(source, keys, work=adopt_all):
    """Adopt all while clients ask, and see that none of them is ever refused."""
    stop = threading.Event()
    refused, asked = [], []

    def client(number):
        try:
            while not stop.is_set():
                for key in keys[number::2]:
                    # SQLite's and MariaDB's way of saying that another was there first.
                    with contextlib.suppress(OperationalError):
                        answer = ask(key)
                        asked.append(1)
                        if isinstance(answer, str):
                            refused.append(answer)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        work(source)
    finally:
        while len(asked) < 500 and all(thread.is_alive() for thread in threads):
            stop.wait(0.01)
        stop.set()
        for thread in threads:
            thread.join()
    assert not refused
    assert len(asked) >= 500
    assert AccessToken.objects.live().count() == len(keys)


def test_revoking_all_beside_it_fails_nobody(transactional_db):
    """Both lock users, originals and copies, and so in one order."""
    users = [User.objects.create(username=f"user{number}") for number in range(60)]
    keys = [Token.objects.create(user=user).key for user in users]
    failures = []

    def revoking():
        try:
            for user in users[::3]:
                AccessToken.objects.revoke_all(user)
        except OperationalError as error:
            failures.append(error)
        finally:
            connection.close()

    with setting():
        thread = threading.Thread(target=revoking)
        thread.start()
        try:
            list(adoption.Adoption("authtoken").finish(batch=7))
        finally:
            thread.join()
        assert not failures
        told = [isinstance(ask(key), str) for key in keys]
    assert told == [number % 3 == 0 for number in range(60)]


@pytest.mark.parametrize("cache", CACHES)
def test_clients_that_never_stop_asking_are_never_refused(transactional_db, tmp_path, cache):
    keys = keys_of("authtoken", 60)
    with setting(cache=cache and {**cache, "PATH": str(tmp_path)}):
        never_refused("authtoken", keys)
    assert not Token.objects.exists()


@pytest.mark.parametrize("cache", CACHES)
def test_clients_of_knox_are_never_refused(transactional_db, tmp_path, cache, monkeypatch):
    """Not while knox writes each use either."""
    monkeypatch.setattr("knox.settings.knox_settings.AUTO_REFRESH", True)
    monkeypatch.setattr("knox.settings.knox_settings.MIN_REFRESH_INTERVAL", 0)
    keys = keys_of("knox", 60)
    found = cache and {**cache, "PATH": str(tmp_path)}
    with setting(cache=found, ACCEPT_KNOX=True):
        never_refused("knox", keys)
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("source", ["authtoken", "knox"])
def test_clients_are_never_refused_on_the_way_back(transactional_db, tmp_path, cache, source):
    keys = keys_of(source, 30)
    found = cache and {**cache, "PATH": str(tmp_path)}
    with setting(cache=found, ACCEPT_KNOX=True):
        never_refused(source, keys, adopt_and_give_back)
