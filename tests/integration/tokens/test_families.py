"""Families of tokens: what is revoked with what, how long they live, and keys that come again."""

import os
import time
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient

import irontoken
from irontoken.cache import service as cache
from irontoken.tokens import managers, uses
from irontoken.tokens.adoption import base as adoption
from irontoken.tokens.signals import token_reuse_detected, token_revoked
from tests.support.issued import ADMIN, AccessToken, User, patiently, setting
from tests.support.processes import fork

HOUR = timedelta(hours=1)
#: A rotated token whose grace is over: it ended when it was made.
OVER = {"expires": timezone.now(), "lifetime": 0}


def ask(key):
    try:
        return irontoken.TokenAuthentication().authenticate_credentials(key)[1]
    except AuthenticationFailed as refusal:
        return str(refusal.detail)


def read(token):
    return AccessToken.objects.get(pk=token.pk)


@pytest.fixture
def family(ada):
    """A token, what it was rotated into, and so on; each as it was issued, with its key."""
    found = [AccessToken.objects.issue(ada, scopes=["read"])]
    for _ in range(3):
        found.append(read(found[-1][0]).rotate(grace=HOUR))
    return found


@pytest.fixture
def heard():
    found = []

    def detected(sender, token, **_):
        found.append(token.pk)

    token_reuse_detected.connect(detected)
    yield found
    token_reuse_detected.disconnect(detected)


def is_live(family):
    return [not isinstance(ask(key), str) for _, key in family]


class TestRevoking:
    @pytest.mark.parametrize("number", range(4))
    def test_a_member_revokes_what_was_rotated_out_of_it(self, family, number):
        # As whoever revokes it may have read it before it was rotated.
        assert family[number][0].revoke()
        assert is_live(family) == [each < number for each in range(4)]
        assert not family[number][0].revoke()

    def test_one_that_rotation_has_revoked_does_so_too(self, ada):
        token, _ = AccessToken.objects.issue(ada)
        new, key = token.rotate()
        assert read(token).revoke()
        assert ask(key) == "Invalid token."
        assert read(new).revoked is not None

    def test_leaves_other_families_and_tokens_alone(self, family, ada):
        _, other = AccessToken.objects.issue(ada)
        _, rotated = AccessToken.objects.issue(ada)[0].rotate()
        family[0][0].revoke()
        assert is_live(family) == [False] * 4
        assert not isinstance(ask(other), str)
        assert not isinstance(ask(rotated), str)

    def test_over_http(self, family):
        client = APIClient(headers={"Authorization": f"Token {family[1][1]}"})
        with setting(UNSCOPED="refuse"):
            assert client.delete(f"/tokens/{family[1][0].pk}/").status_code == 204
        assert is_live(family) == [True, False, False, False]

    def test_by_the_command(self, family):
        call_command("irontoken", "revoke", "--id", str(family[1][0].pk), stdout=StringIO())
        assert is_live(family) == [True, False, False, False]

    def test_in_the_admin(self, family, root):
        root.post(ADMIN, {"action": "revoke", "_selected_action": [family[1][0].pk]})
        assert is_live(family) == [True, False, False, False]

    @pytest.mark.parametrize("by_action", [True, False])
    def test_by_deleting_in_the_admin(self, family, root, by_action):
        pk, sent = family[1][0].pk, {"post": "yes"}
        if by_action:
            sent |= {"action": "delete_selected", "_selected_action": [pk]}
        root.post(ADMIN if by_action else f"{ADMIN}{pk}/delete/", sent)
        assert not AccessToken.objects.filter(pk=pk).exists()
        assert is_live(family) == [True, False, False, False]

    def test_not_by_deleting_what_is_over_in_the_admin(self, ada, root):
        token, _ = AccessToken.objects.issue(ada)
        new, key = token.rotate()
        root.post(f"{ADMIN}{token.pk}/delete/", {"post": "yes"})
        assert list(AccessToken.objects.all()) == [ask(key)] == [new]

    def test_by_deleting_the_row_that_was_adopted(self, ada):
        row = Token.objects.create(user=ada)
        list(adoption.Adoption("authtoken").copy())
        with setting(ACCEPT_AUTHTOKEN=True):
            list(adoption.Adoption("authtoken").finish())
            _, key = ask(row.key).rotate(HOUR)
            Token.objects.create(key=row.key, user=ada).delete()  # as of a backup
            assert [ask(row.key), ask(key)] == ["Invalid token."] * 2

    def test_tells_of_each(self, family):
        told = []

        def revoked(sender, token, **_):
            told.append(token.pk)

        token_revoked.connect(revoked)
        try:
            family[1][0].revoke()
        finally:
            token_revoked.disconnect(revoked)
        assert sorted(told) == sorted(token.pk for token, _ in family[1:])

    def test_goes_by_the_order_of_rotation_and_not_by_clocks(self, ada, monkeypatch):
        token, _ = AccessToken.objects.issue(ada)

        class Behind:
            @staticmethod
            def now():
                return timezone.now() - HOUR

        with monkeypatch.context() as patched:
            patched.setattr(managers, "timezone", Behind)
            new, key = token.rotate(grace=2 * HOUR)
        assert new.created > token.created
        token.revoke()
        assert ask(key) == "Invalid token."

    def test_while_it_is_rotated_leaves_nothing(self, transactional_db):
        user = User.objects.create_user("ada")
        for _ in range(5):
            token, _ = AccessToken.objects.issue(user)
            connections.close_all()
            works = [partial(_rotating, token), partial(patiently, token.revoke)]
            children = [fork(work) for work in works]
            assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
            assert not AccessToken.objects.live().exists()


def _rotating(token):
    try:
        while True:
            token, _ = patiently(lambda token=token: read(token).rotate(grace=HOUR))
    except ValueError:
        pass  # it was revoked


class TestReuse:
    def test_reuse_of_a_key_after_its_grace_revokes_the_family_and_is_told(self, family, heard):
        token, key = family[1]
        assert ask(key) == token
        AccessToken.objects.filter(pk=token.pk).update(**OVER)
        assert ask(key) == "Invalid token."
        uses.flush()
        assert is_live(family) == [False] * 4
        assert heard == [token.pk]

    def test_of_one_without_a_grace_too(self, ada, heard):
        token, key = AccessToken.objects.issue(ada)
        _, new = token.rotate()
        assert ask(new) != "Invalid token."
        assert ask(key) == "Invalid token."
        uses.flush()
        assert ask(new) == "Invalid token."
        assert heard == [token.pk]

    @pytest.mark.parametrize("ended_by", ["a limit", "revoke_all"])
    def test_is_none_where_something_else_ends_a_grace(self, ada, heard, ended_by):
        token, key = AccessToken.objects.issue(ada)
        new, new_key = token.rotate(grace=HOUR)
        if ended_by == "a limit":
            with setting(MAX_PER_USER=2, ON_LIMIT="revoke_oldest"):
                AccessToken.objects.issue(ada)
        else:
            AccessToken.objects.revoke_all(ada, keep=new)
        assert ask(key) == "Invalid token."
        uses.flush()
        assert (ask(new_key), heard) == (new, [])

    def test_is_none_where_a_token_ends_in_its_grace(self, ada, heard):
        token, key = AccessToken.objects.issue(ada, expires_in=2 * HOUR)
        new, new_key = token.rotate(grace=3 * HOUR)
        AccessToken.objects.filter(pk=token.pk).update(expires=timezone.now())
        assert ask(key) == "Invalid token."
        assert (ask(new_key), heard) == (new, [])
        AccessToken.objects.filter(pk=token.pk).update(created=timezone.now() - 3 * HOUR)
        assert ask(key) == "Invalid token."
        uses.flush()
        assert (ask(new_key), heard) == ("Invalid token.", [token.pk])

    def test_is_told_once(self, family, heard, django_assert_num_queries):
        token, key = family[0]
        AccessToken.objects.filter(pk=token.pk).update(**OVER)
        for _ in range(3):
            ask(key)
        uses.flush()
        ask(key)
        uses.flush()
        assert heard == [token.pk]
        with django_assert_num_queries(2):
            ask(key)

    def test_is_none_within_the_grace_or_of_what_was_not_rotated(self, ada, heard):
        token, key = AccessToken.objects.issue(ada)
        new, new_key = token.rotate(grace=HOUR)
        assert (ask(key), ask(new_key)) == (token, new)
        new.revoke()
        assert ask(new_key) == "Invalid token."
        uses.flush()
        assert ask(key) == token
        assert heard == []

    def test_outlives_the_transaction_of_a_request_that_is_refused(
        self, transactional_db, family, heard
    ):
        token, key = family[0]
        AccessToken.objects.filter(pk=token.pk).update(**OVER)
        with transaction.atomic():
            assert ask(key) == "Invalid token."
            transaction.set_rollback(True)
        uses.flush()
        assert is_live(family) == [False] * 4
        assert heard == [token.pk]

    def test_is_seen_at_once_outside_of_one(self, transactional_db, family, heard):
        token, key = family[0]
        AccessToken.objects.filter(pk=token.pk).update(**OVER)
        ask(key)
        assert heard == [token.pk]
        assert is_live(family) == [False] * 4

    def test_of_a_receiver_that_fails_is_a_refusal_all_the_same(self, transactional_db, family):
        def fail(**_):
            raise RuntimeError

        token, key = family[0]
        AccessToken.objects.filter(pk=token.pk).update(**OVER)
        for signal in (token_reuse_detected, token_revoked):
            signal.connect(fail)
        try:
            assert ask(key) == "Invalid token."
        finally:
            for signal in (token_reuse_detected, token_revoked):
                signal.disconnect(fail)
        assert is_live(family) == [False] * 4

    def test_is_done_later_where_the_database_is_busy(
        self, transactional_db, family, heard, monkeypatch
    ):
        token, key = family[0]
        AccessToken.objects.filter(pk=token.pk).update(**OVER)

        def busy(*_):
            raise OperationalError("database is locked")

        with monkeypatch.context() as patched:
            patched.setattr(type(AccessToken.objects), "revoke_family", busy)
            assert ask(key) == "Invalid token."
            uses.flush()
        assert AccessToken.objects.live().count() == 3
        uses.flush()
        assert not AccessToken.objects.live().exists()
        assert heard == [token.pk]


CACHES = [None, {"COHERENCE": "host"}]


class TestTheLongestLifetime:
    def test_ends_cached_ones_that_it_ends_first(self, transactional_db):
        """Which are answered from the cache until then."""
        ada = User.objects.create_user("ada")
        token, key = AccessToken.objects.issue(ada)
        rotated, new = token.rotate(HOUR)
        end = timezone.now() + timedelta(seconds=1)
        first = end - HOUR
        AccessToken.objects.filter(pk=rotated.pk).update(first_issued=first)
        AccessToken.objects.filter(pk=token.pk).update(created=first)
        with setting(CACHES[1], MAX_LIFETIME=HOUR):
            for each in (key, new):
                ask(each)
                before = cache.info().hits
                assert not isinstance(ask(each), str)
                assert cache.info().hits == before + 1
            while timezone.now() < end:
                time.sleep(0.01)
            assert [ask(key), ask(new)] == ["Invalid token."] * 2

    @pytest.mark.parametrize("cache", CACHES)
    def test_holds_for_tokens_that_there_are(self, transactional_db, cache):
        ada = User.objects.create_user("ada")
        token, key = AccessToken.objects.issue(ada)
        _, other = AccessToken.objects.issue(ada)
        AccessToken.objects.filter(pk=token.pk).update(created=timezone.now() - 2 * HOUR)
        with setting(cache):
            assert ask(key) == token
        with setting(cache, MAX_LIFETIME=HOUR):
            assert [ask(key) for _ in range(2)] == ["Invalid token."] * 2
            assert not isinstance(ask(other), str)
            assert list(AccessToken.objects.live()) == [ask(other)]
            assert ask(other).ends == ask(other).created + HOUR

    def test_ends_a_cached_one_at_the_very_second(self, transactional_db):
        token, key = AccessToken.objects.issue(User.objects.create_user("ada"))
        with setting(CACHES[1], MAX_LIFETIME=timedelta(seconds=0.4)):
            end = read(token).ends
            while timezone.now() < end:
                assert ask(key) == token or timezone.now() >= end
            assert ask(key) == "Invalid token."

    def test_counts_from_the_first_issue_of_the_family(self, ada):
        with setting(MAX_LIFETIME=10 * HOUR):
            token, _ = AccessToken.objects.issue(ada, expires_in=3 * HOUR)
            first = timezone.now() - 8 * HOUR
            AccessToken.objects.update(created=first, expires=timezone.now() + HOUR)
            new, _ = read(token).rotate()
            assert (new.first_issue, new.expires) == (first, first + 10 * HOUR)
            newer, _ = new.rotate()
            assert (newer.first_issue, newer.expires) == (first, first + 10 * HOUR)
            # What it is renewed for is as it was, and no use takes it past the end.
            assert newer.lifetime == 3 * 3600
        with setting(MAX_LIFETIME=8 * HOUR):
            assert newer.refusal() == "expired"
            with pytest.raises(ValueError, match="refused"):
                newer.rotate()
            assert not AccessToken.objects.live().exists()

    def test_is_what_the_user_is_shown(self, ada):
        token, key = AccessToken.objects.issue(ada)
        client = APIClient(headers={"Authorization": f"Token {key}"})
        assert client.get("/tokens/who-am-i/").json()["token"]["expires"] is None
        with setting(MAX_LIFETIME=HOUR):
            shown = client.get("/tokens/who-am-i/").json()["token"]["expires"]
            assert parse_datetime(shown) == token.created + HOUR

    def test_bounds_renewal_by_the_family(self, ada):
        with setting(EXPIRES_IN=4 * HOUR, RENEW_EVERY=HOUR, MAX_LIFETIME=10 * HOUR):
            token, _ = AccessToken.objects.issue(ada)
            new, key = token.rotate()
            first = timezone.now() - 8 * HOUR
            AccessToken.objects.filter(pk=new.pk).update(
                first_issued=first, expires=timezone.now() + HOUR / 2
            )
            ask(key)
            uses.flush()
            assert read(new).expires == first + 10 * HOUR

    def test_is_purged_by(self, ada):
        tokens = [AccessToken.objects.issue(ada)[0] for _ in range(2)]
        tokens.append(tokens[1].rotate(grace=HOUR)[0])
        long_ago = timezone.now() - 5 * HOUR
        AccessToken.objects.filter(pk=tokens[0].pk).update(created=long_ago)
        AccessToken.objects.filter(pk=tokens[2].pk).update(first_issued=long_ago)
        assert AccessToken.objects.purge(HOUR) == 0
        with setting(MAX_LIFETIME=HOUR):
            assert AccessToken.objects.purge(HOUR) == 2
        assert list(AccessToken.objects.all()) == [tokens[1]]
