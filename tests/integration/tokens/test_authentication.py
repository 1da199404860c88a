"""Authenticating with issued tokens: what is accepted, what is refused, and what it costs."""

import contextlib
import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

import irontoken
from irontoken import _core
from irontoken.cache import service as cache
from irontoken.tokens import lookup, uses
from irontoken.tokens.checks import check_peppers
from irontoken.tokens.signals import token_refused
from tests.support.issued import AccessToken, User, setting

PEPPERS = {1: "first " * 8, 2: "second " * 8}


def ask(key):
    """Return the pair, or the refusal's message, and the number of queries."""
    with CaptureQueriesContext(connection) as queries:
        try:
            found = irontoken.TokenAuthentication().authenticate_credentials(key)
        except AuthenticationFailed as refusal:
            found = str(refusal.detail)
    return found, len(queries)


@pytest.fixture
def reasons():
    found = []

    def receive(sender, reason, token, **_):
        found.append(reason)

    token_refused.connect(receive)
    yield found
    token_refused.disconnect(receive)


@pytest.fixture
def requests_of_refusals():
    found = []

    def receive(request, **_):
        found.append(request)

    token_refused.connect(receive)
    yield found
    token_refused.disconnect(receive)


def test_a_refusal_is_told_of_with_its_request(ada, client, requests_of_refusals):
    header = {"HTTP_AUTHORIZATION": "Token nobodys"}
    paths = ["/whoami/", "/tokens/"]
    for path in paths:
        assert client.get(path, **header).status_code == 401
    assert [request.path for request in requests_of_refusals] == paths
    ask("nobodys")  # without one
    assert requests_of_refusals[2:] == [None]


def test_a_request_is_carried_in_its_own_thread_alone(ada, requests_of_refusals):
    class Slow(irontoken.TokenAuthentication):
        def authenticate_credentials(self, key):
            both.wait(5)
            return super().authenticate_credentials(key)

    both = threading.Barrier(2)
    requests = [
        APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Token it_{number}") for number in (1, 2)
    ]

    def refuse(request):
        with contextlib.suppress(AuthenticationFailed):
            Slow().authenticate(request)

    threads = [threading.Thread(target=refuse, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(id, requests_of_refusals)) == sorted(map(id, requests))


def test_a_key_answers_with_its_user_and_token_by_one_query(ada):
    token, key = AccessToken.objects.issue(ada, "laptop", scopes=["read", "write"])
    (user, found), queries = ask(key)
    assert (user, found, queries) == (ada, token, 1)
    assert found.scopes == ["read", "write"]
    assert found.user is user


def test_a_row_that_a_receiver_hides_is_refused(ada):
    _, key = AccessToken.objects.issue(ada)

    def hide(**_):
        raise AccessToken.DoesNotExist

    post_init.connect(hide, sender=AccessToken)
    try:
        assert ask(key)[0] == "Invalid token."
    finally:
        post_init.disconnect(hide, sender=AccessToken)


def test_what_is_built_is_what_the_orm_builds(ada):
    User.objects.update(is_staff=True, last_login=timezone.now())
    _, key = AccessToken.objects.issue(ada, expires_in=timedelta(hours=1))
    (user, token), _ = ask(key)
    expected = AccessToken.objects.select_related("user").get()
    for built, wanted in ((token, expected), (user, expected.user)):
        values = {name: (type(value), value) for name, value in vars(wanted).items()}
        del values["_state"]
        found = {name: (type(value), value) for name, value in vars(built).items()}
        del found["_state"]
        assert found == values


def test_the_database_holds_nothing_that_authenticates(ada):
    token, key = AccessToken.objects.issue(ada)
    token.refresh_from_db()
    values = [str(value) for value in vars(token).values()]
    assert not any(key[9:] in value for value in values)
    assert token.display == key[:9]
    assert key not in repr(token)
    for value in values:
        assert isinstance(ask(value)[0], str)


def test_a_malformed_key_costs_no_query(ada, reasons):
    _, key = AccessToken.objects.issue(ada)
    for wrong in (key[:-1], key + "0", key[:-1] + "é", "it_", key[:10] + "\ud800" + key[11:]):
        assert ask(wrong) == ("Invalid token.", 0)
    assert set(reasons) == {"malformed"}


def test_a_near_miss_changes_nothing_and_costs_one_query(ada, reasons):
    _, key = AccessToken.objects.issue(ada)
    near = _core.issue_key(key[:9])[: -6 - 6]  # the same first characters
    assert ask(near)[0] == "Invalid token."
    assert ask(_core.issue_key("it_")) == ("Invalid token.", 1)
    assert reasons == ["malformed", "unknown"]
    before = vars(AccessToken.objects.get()).copy()
    assert before["last_used"] is None
    assert before["revoked"] is None


def test_a_digest_that_a_collation_calls_equal_is_refused(ada):
    token, key = AccessToken.objects.issue(ada)
    AccessToken.objects.update(digest=token.digest.upper())
    assert ask(key) == ("Invalid token.", 1)


@pytest.mark.parametrize("debug", [True, False])
def test_a_report_of_an_error_holds_no_key(ada, settings, debug):
    settings.DEBUG = debug

    def fail(execute, *arguments):
        raise RuntimeError("the database is gone")

    _, key = AccessToken.objects.issue(ada)
    key = key[:20], key[20:]  # or this test's own frame would hold it
    with connection.execute_wrapper(fail), pytest.raises(RuntimeError) as caught:
        irontoken.TokenAuthentication().authenticate_credentials("".join(key))
    html = ExceptionReporter(None, *caught._excinfo).get_traceback_html()
    assert "the database is gone" in html
    assert "".join(key) not in html


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        ({"revoked": timezone.now()}, "revoked", "Invalid token."),
        ({"expires": timezone.now()}, "expired", "Invalid token."),
    ],
)
def test_what_is_over_is_refused(ada, reasons, change, reason, message):
    _, key = AccessToken.objects.issue(ada)
    AccessToken.objects.update(**change)
    assert ask(key)[0] == message
    assert reasons == [reason]


def test_an_inactive_user_is_refused(ada, reasons):
    _, key = AccessToken.objects.issue(ada)
    User.objects.update(is_active=False)
    assert ask(key)[0] == "User inactive or deleted."
    assert reasons == ["inactive"]


def test_what_lies_idle_is_refused_and_what_is_used_is_not(ada, reasons):
    token, key = AccessToken.objects.issue(ada)
    hour = timedelta(hours=1)
    with setting(IDLE_TIMEOUT=hour):
        assert not isinstance(ask(key)[0], str)
        AccessToken.objects.update(created=timezone.now() - 2 * hour)
        assert ask(key)[0] == "Invalid token."
        assert not AccessToken.objects.live().exists()
        assert AccessToken.objects.purge(2 * hour) == 0
        AccessToken.objects.update(last_used=timezone.now() - hour / 2)
        assert list(AccessToken.objects.live()) == [token]
        assert not isinstance(ask(key)[0], str)
        AccessToken.objects.update(last_used=timezone.now() - 4 * hour, created=token.created)
        AccessToken.objects.update(created=timezone.now() - 5 * hour)
        assert AccessToken.objects.purge(2 * hour) == 1
    assert reasons == ["idle"]


def test_the_log_tells_of_refusals_now_and_then_and_of_no_key(ada, caplog, monkeypatch):
    monkeypatch.setattr(lookup._Unrecorded, "next_at", 0.0)
    for _ in range(50):
        ask("it_wrong")
    [record] = [each for each in caplog.records if each.name == "irontoken.tokens"]
    assert record.reason == "malformed"
    assert "it_wrong" not in caplog.text


def test_a_view_of_its_own_may_want_only_these(db, ada):
    class OnlyIssued(irontoken.TokenAuthentication):
        model = AccessToken

    token, key = AccessToken.objects.issue(ada)
    assert OnlyIssued().authenticate_credentials(key)[1] == token


def test_without_the_setting_the_default_class_is_of_authtoken(db):
    user = User.objects.create_user("bob")
    token = Token.objects.create(user=user)
    assert irontoken.TokenAuthentication().authenticate_credentials(token.key)[1] == token


class TestPeppers:
    def test_a_token_is_rehashed_under_the_newest_when_it_is_used(self, ada):
        _, key = AccessToken.objects.issue(ada)
        for peppers, scheme in (({1: PEPPERS[1]}, "pepper1$"), (PEPPERS, "pepper2$")):
            with setting(PEPPERS=peppers):
                assert ask(key)[1] == 1
                uses.flush()
                assert ask(key)[1] == 1
                assert AccessToken.objects.get().digest.startswith(scheme)

    def test_a_pepper_that_is_gone_refuses(self, ada):
        with setting(PEPPERS=PEPPERS):
            _, key = AccessToken.objects.issue(ada)
        assert ask(key)[0] == "Invalid token."
        with setting(PEPPERS={2: "other " * 8}):
            assert ask(key)[0] == "Invalid token."
        with setting(PEPPERS=PEPPERS):
            assert not isinstance(ask(key)[0], str)

    @pytest.mark.parametrize("absent", [None, ""])
    def test_one_without_a_secret_is_no_licence_to_use_another(
        self, ada, reasons, caplog, monkeypatch, absent
    ):
        monkeypatch.setattr(lookup._Unrecorded, "next_at", 0.0)
        with setting(PEPPERS=PEPPERS):
            _, newest = AccessToken.objects.issue(ada)
        with setting(PEPPERS={1: PEPPERS[1]}):
            older, key = AccessToken.objects.issue(ada)
        with setting(PEPPERS={**PEPPERS, 2: absent}):
            assert ask(newest)[0] == "Invalid token."
            assert reasons == ["pepper_missing"]
            [record] = caplog.records
            assert record.levelname == "ERROR"
            assert "pepper_missing, number (2,)" in record.getMessage()
            assert ask(key)[0] == (ada, older)
            older.refresh_from_db()
            assert older.digest.startswith("pepper1$")
            with pytest.raises(ImproperlyConfigured, match="no secret for number 2"):
                AccessToken.objects.issue(ada)
        assert AccessToken.objects.count() == 2

    def test_a_number_to_write_under_that_has_no_secret_refuses_its_own_alone(self, ada):
        with setting(PEPPERS={1: PEPPERS[1]}):
            token, key = AccessToken.objects.issue(ada)
        with setting(PEPPERS={1: PEPPERS[1], 2: None}, WRITE_PEPPER=2):
            assert ask(key)[0] == (ada, token)

    def test_one_may_be_added_before_it_is_written_under(self, ada):
        """As servers that do not know it yet are still there."""
        with setting(PEPPERS=PEPPERS, WRITE_PEPPER=1):
            _, key = AccessToken.objects.issue(ada)
            assert ask(key)[1] == 1
            assert not uses._uses.updates
        with setting(PEPPERS={1: PEPPERS[1]}):
            assert not isinstance(ask(key)[0], str)
        with setting(PEPPERS=PEPPERS, WRITE_PEPPER=0):
            ask(key)
            uses.flush()
        assert not isinstance(ask(key)[0], str)

    def test_where_one_is_required_what_is_planted_without_is_refused(self, ada, reasons):
        """As by somebody who writes to the database and does not know the pepper."""
        planted, key = AccessToken.objects.issue(ada)
        with setting(PEPPERS=PEPPERS, REQUIRE_PEPPER=True, ACCEPT_AUTHTOKEN=False):
            _, own = AccessToken.objects.issue(ada)
            assert not isinstance(ask(own)[0], str)
            assert ask(key)[0] == "Invalid token."
            assert reasons == ["unknown"]
            Token.objects.create(user=ada, key="f" * 40)
            assert ask("f" * 40)[0] == "Invalid token."
            [error] = check_peppers(databases=["default"])
            assert "without a pepper" in error.msg
            planted.revoke()
            assert check_peppers(databases=["default"]) == []
        with setting(PEPPERS={1: None}, REQUIRE_PEPPER=True, ACCEPT_AUTHTOKEN=False):
            assert ask(own)[0] == "Invalid token."
        assert reasons == ["unknown", "unknown", "pepper_missing"]

    def test_digests_under_one_that_was_removed_are_told_by_a_check(self, ada):
        with setting(PEPPERS=PEPPERS):
            AccessToken.objects.issue(ada)
            assert check_peppers(databases=["default"]) == []
        with setting(PEPPERS={1: PEPPERS[1]}):
            [warning] = check_peppers(databases=["default"])
            assert "under the pepper 2" in warning.msg
            AccessToken.objects.update(revoked=timezone.now())
            assert check_peppers(databases=["default"]) == []
            assert check_peppers(databases=None) == []


class TestCache:
    @pytest.fixture
    def cached(self, transactional_db, ada, tmp_path):
        connection.close()  # as in tests/integration/test_cache.py
        with setting(cache={"COHERENCE": "host", "PATH": str(tmp_path)}) as found:
            yield found

    def test_a_hit_costs_no_query_and_equals_what_the_database_holds(self, cached, ada):
        token, key = AccessToken.objects.issue(ada, "laptop", scopes=["read"])
        assert [ask(key)[1] for _ in range(3)] == [1, 0, 0]
        user, found = ask(key)[0]
        assert (user, found, found.scopes, found.digest) == (ada, token, ["read"], token.digest)

    def test_a_hit_under_the_model_of_authtoken_is_no_miss_under_this_one(self, cached, ada):
        key = Token.objects.create(user=ada).key
        _, issued = AccessToken.objects.issue(ada)
        ask(issued)
        assert [ask(key)[1] for _ in range(3)] == [1, 0, 0]
        info = irontoken.cache_info()
        assert (info.hits, info.misses) == (2, 2)

    def test_a_revoked_token_is_refused_at_once(self, cached, ada):
        token, key = AccessToken.objects.issue(ada)
        ask(key)
        assert token.revoke()
        assert ask(key)[0] == "Invalid token."

    def test_one_that_a_clock_ahead_of_ours_revoked_is_never_answered_with(self, cached, ada):
        _, key = AccessToken.objects.issue(ada)
        ask(key)
        AccessToken.objects.update(revoked=timezone.now() + timedelta(minutes=1))
        assert [ask(key)[0] for _ in range(3)] == ["Invalid token."] * 3

    def test_an_expired_token_is_refused_at_the_very_second_with_no_write(self, cached, ada):
        import time

        token, key = AccessToken.objects.issue(ada, expires_in=timedelta(seconds=0.4))
        ask(key)
        assert ask(key)[1] == 0
        left = (token.expires - timezone.now()).total_seconds()
        while time.time() < token.expires.timestamp():
            assert not isinstance(ask(key)[0], str) or timezone.now() >= token.expires
        assert left > 0
        assert ask(key)[0] == "Invalid token."
        assert irontoken.cache_info().stale >= 1

    def test_noting_a_use_stamps_no_row(self, cached, ada):
        _, key = AccessToken.objects.issue(ada)
        ask(key)
        uses.flush()
        assert AccessToken.objects.get().last_used is not None
        assert ask(key)[1] == 0

    def test_hits_are_noted_too(self, cached, ada):
        _, key = AccessToken.objects.issue(ada)
        ask(key)
        uses._uses.recorded.clear()
        uses._uses.next_at.clear()
        ask(key)
        assert len(uses._uses.recorded) == 1


class TestUses:
    def test_a_use_is_written_in_a_batch_once_in_an_interval(self, ada):
        uses._uses.recorded.clear()
        uses._uses.next_at.clear()
        keys = [AccessToken.objects.issue(ada)[1] for _ in range(5)]
        for key in keys * 3:
            assert ask(key)[1] == 1
        assert len(uses._uses.recorded) == 5
        uses.flush()
        assert AccessToken.objects.filter(last_used=None).count() == 0
        ask(keys[0])
        assert not uses._uses.recorded

    def test_what_could_not_be_written_is_written_later(self, ada, monkeypatch, caplog):
        def fail(*_):
            raise OperationalError("the disk is full")

        _, key = AccessToken.objects.issue(ada)
        ask(key)
        write = uses._write
        monkeypatch.setattr(uses, "_write", fail)
        for _ in range(3):
            uses.flush()
        assert caplog.text.count("the disk is full") == 1
        monkeypatch.setattr(uses, "_write", write)
        uses.flush()
        assert AccessToken.objects.get().last_used is not None
        assert not uses._uses.recorded

    def test_what_was_noted_of_a_tests_database_is_not_written_to_another(self, ada):
        token, _ = AccessToken.objects.issue(ada, expires_in=timedelta(hours=1))
        place = uses.place_of(token)._replace(database="gone")
        uses._uses.recorded[place] = timezone.now()
        uses._change("digest", place, uses.Update({}, {"digest": "other"}))
        uses.flush()
        assert not uses._uses.recorded
        found = AccessToken.objects.get()
        assert (found.last_used, found.expires) == (None, token.expires)
        assert found.digest == token.digest

    def test_a_use_never_goes_back_in_time(self, ada):
        token, _ = AccessToken.objects.issue(ada)
        later = timezone.now() + timedelta(hours=1)
        AccessToken.objects.update(last_used=later)
        uses._uses.recorded[uses.place_of(token)] = timezone.now()
        uses.flush()
        assert AccessToken.objects.get().last_used == later

    def test_a_use_renews_what_expires_and_never_past_the_longest_lifetime(self, ada):
        day = timedelta(days=1)
        with setting(EXPIRES_IN=day, RENEW_EVERY=day / 4, MAX_LIFETIME=3 * day):
            _, key = AccessToken.objects.issue(ada)
            for age, end in (
                (day / 5, day),  # too soon
                (day / 2, day / 2 + day),
                (5 * day / 2, 3 * day),  # the cap
            ):
                created = timezone.now() - age
                expires = max(created + day, timezone.now() + day / 100)
                AccessToken.objects.update(created=created, expires=expires)
                uses._uses.next_at.clear()
                assert ask(key)[1] == 1
                uses.flush()
                found = AccessToken.objects.get()
                assert abs(found.expires - (found.created + end)) < timedelta(seconds=10)

    def test_a_revoked_token_is_not_renewed(self, ada):
        day = timedelta(days=1)
        with setting(EXPIRES_IN=day, RENEW_EVERY=day / 4):
            token, _ = AccessToken.objects.issue(ada)
            soon = token.created + day / 2
            AccessToken.objects.update(revoked=timezone.now(), expires=soon)
            token.expires = soon  # as it was read before it was revoked
            uses.record(token)
            assert uses._uses.updates
            uses.flush()
        assert AccessToken.objects.get().expires == soon

    def test_a_row_that_refuses_stops_no_other(self, ada, monkeypatch):
        do, tokens = uses._do, [AccessToken.objects.issue(ada)[0] for _ in range(3)]

        def fail(place, update):
            if place.pk == tokens[0].pk:
                raise IntegrityError("a constraint")
            if place.pk == tokens[1].pk:
                raise OperationalError("try again")
            do(place, update)

        monkeypatch.setattr(uses, "_do", fail)
        for token in (tokens[0], tokens[2], tokens[1]):
            uses.rehash(token, f"new {token.pk}")
        uses.flush()
        assert [place.pk for _, place in uses._uses.updates] == [tokens[1].pk]
        assert AccessToken.objects.get(pk=tokens[2].pk).digest == f"new {tokens[2].pk}"

    def test_it_can_be_switched_off(self, ada):
        with setting(LAST_USED=False):
            uses._uses.recorded.clear()
            _, key = AccessToken.objects.issue(ada)
            ask(key)
            assert not uses._uses.recorded
            assert cache.options() is None


def test_a_user_deleted_while_asking_is_a_refusal_and_no_error(transactional_db, ada):
    """Whatever is under way when a user goes: the answer is the pair, or a refusal."""
    for _ in range(5):
        user = User.objects.create_user("goes")
        keys = [AccessToken.objects.issue(user)[1] for _ in range(3)]
        began, answers = threading.Event(), []

        def asking(keys=keys, answers=answers, began=began):
            try:
                while "Invalid token." not in answers:
                    for key in keys:
                        with contextlib.suppress(OperationalError):
                            found = ask(key)[0]
                            answers.append(found if isinstance(found, str) else "accepted")
                    began.set()
                    uses._uses.next_at.clear()
            finally:
                connection.close()

        thread = threading.Thread(target=asking)
        thread.start()
        assert began.wait(30)
        user.delete()
        thread.join(30)
        assert not thread.is_alive()
        assert set(answers) == {"accepted", "Invalid token."}
        uses.flush()
