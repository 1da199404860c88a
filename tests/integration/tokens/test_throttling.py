"""How often a password may be tried, and what a refused request costs. No time is measured."""

import json
import os
import threading
import unicodedata

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache, caches
from rest_framework.fields import CharField
from rest_framework.settings import api_settings
from rest_framework.test import APIClient, APIRequestFactory

from irontoken.tokens.checks import check_throttles
from irontoken.tokens.http import throttling
from irontoken.tokens.http.serializers import ScopesField
from irontoken.tokens.http.throttling import AddressThrottle, CountingThrottle, network_of
from tests.support.issued import AccessToken, User, setting
from tests.support.processes import fork

PASSWORD = {"username": "ada", "password": "lovelace"}
ELSEWHERE = "10.0.0.2"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The time in seconds, which stands still."""
    cache.clear()
    now = [60_000.0]
    monkeypatch.setattr(CountingThrottle, "timer", staticmethod(lambda: now[0]))
    return now


@pytest.fixture(autouse=True)
def behind_no_proxy(monkeypatch):
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 0)


@pytest.fixture
def rates(monkeypatch):
    rates = {}
    monkeypatch.setattr(CountingThrottle, "THROTTLE_RATES", rates)
    return rates


@pytest.fixture
def obtain(ada):
    """Ask for a token; return the status of the answer."""

    def obtain(username="ada", password="wrong", **extra):
        body = json.dumps({"username": username, "password": password})
        extra["content_type"] = "application/json"
        return APIClient().post("/tokens/obtain/", body, **extra).status_code

    return obtain


class TestAnAccount:
    def test_is_tried_ten_times_a_minute(self, obtain, clock):
        assert [obtain() for _ in range(12)] == [400] * 10 + [429] * 2
        clock[0] += 59
        assert obtain() == 429
        clock[0] += 1
        assert obtain() == 400

    def test_says_when_to_try_again(self, obtain, clock):
        clock[0] += 15
        for _ in range(10):
            obtain()
        answer = APIClient().post("/tokens/obtain/", {**PASSWORD, "password": "wrong"})
        assert (answer.status_code, answer["Retry-After"]) == (429, "45")

    def test_that_is_not_there_is_counted_too(self, obtain):
        assert [obtain("nobody") for _ in range(11)] == [400] * 10 + [429]
        # However its letters are written.
        assert obtain(" NOBODY ") == 429
        assert obtain("\uff4eobody") == 429

    def test_is_counted_by_who_is_found_and_not_by_the_spelling(self, obtain, monkeypatch):
        users = type(User._default_manager)
        found = users.get_by_natural_key
        # As a collation finds it that equates accents and cases.
        monkeypatch.setattr(
            users,
            "get_by_natural_key",
            lambda self, name: found(self, name.replace("á", "a").lower()),
        )
        spellings = ["ada", "áda", "adá", "ádá", "ADA", "Ada"] * 2
        assert [obtain(name) for name in spellings] == [400] * 10 + [429] * 2

    def test_is_not_locked_by_a_strangers_failures(self, obtain):
        statuses = [obtain(REMOTE_ADDR=f"10.1.0.{number % 4}") for number in range(20)]
        assert statuses == [400] * 10 + [429] * 10
        for _ in range(3):
            assert obtain(password="lovelace", REMOTE_ADDR=ELSEWHERE) == 200
        assert obtain(REMOTE_ADDR=ELSEWHERE) == 400
        # Who has failed has no further try, even with the right password.
        assert obtain(password="lovelace", REMOTE_ADDR=ELSEWHERE) == 429

    def test_has_no_further_try_for_a_header_that_the_client_wrote(self, obtain, monkeypatch):
        monkeypatch.setattr(api_settings, "NUM_PROXIES", None)
        statuses = [obtain(HTTP_X_FORWARDED_FOR=f"10.1.0.{number}") for number in range(12)]
        assert statuses == [400] * 10 + [429] * 2

    @pytest.mark.parametrize("name", ["a\x00b", "\ud800", "", 5, 1e300, ["ada"], {"a": 1}, None])
    def test_of_any_name_is_answered(self, obtain, name):
        assert obtain(name) == 400

    def test_of_a_name_that_is_not_text_is_counted(self, obtain):
        assert [obtain(5) for _ in range(11)] == [400] * 10 + [429]


class TestAnAddress:
    def test_tries_thirty_times_a_minute(self, obtain):
        statuses = [obtain(f"user{number}") for number in range(32)]
        assert statuses == [400] * 30 + [429] * 2
        assert obtain("another", REMOTE_ADDR=ELSEWHERE) == 400

    @pytest.mark.parametrize(
        ("one", "other", "is_same"),
        [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
            ("2001:DB8:0:1::1", "[2001:db8:0:1::1]:4711", True),
            ("fe80::1%eth0", "fe80::2%eth1", True),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1:4711", "192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("unix:", "", False),
            (None, "", True),
        ],
    )
    def test_is_the_network_of_it(self, one, other, is_same):
        assert (network_of(one) == network_of(other)) is is_same

    def test_of_ipv6_is_counted_as_its_network(self, obtain):
        addresses = [f"2001:db8::{number:x}" for number in range(1, 32)]
        statuses = [obtain(each, REMOTE_ADDR=each) for each in addresses]
        assert statuses == [400] * 30 + [429]

    def test_may_be_of_any_length(self, obtain, monkeypatch):
        monkeypatch.setattr(api_settings, "NUM_PROXIES", None)
        keys = []
        add = type(caches["default"]).add

        def adding(self, key, *arguments, **named):
            keys.append(key)
            return add(self, key, *arguments, **named)

        monkeypatch.setattr(type(caches["default"]), "add", adding)
        assert obtain(HTTP_X_FORWARDED_FOR="x" * 60_000) == 400
        assert len(keys) == 3
        assert all(len(key) < 120 and key.isascii() for key in keys)


class TestTheCounters:
    def test_hold_across_processes_that_share_a_cache(self, settings, tmp_path, rates):
        rates["irontoken_address"] = "10/min"
        backend = "django.core.cache.backends.filebased.FileBasedCache"
        shared = {"BACKEND": backend, "LOCATION": str(tmp_path)}
        settings.CACHES = {**settings.CACHES, "shared": shared}
        with setting(THROTTLE_CACHE="shared"):
            child = fork(lambda: [tried() for _ in range(6)])
            assert os.waitpid(child, 0)[1] == 0
            assert [tried() for _ in range(5)] == [True] * 4 + [False]

    def test_miss_no_try_of_many_at_once(self, rates):
        rates["irontoken_address"] = "50/min"
        allowed, barrier = [], threading.Barrier(8)

        def work():
            barrier.wait()
            allowed.extend(tried() for _ in range(100))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(allowed) == 50

    def test_start_anew_where_one_was_dropped(self, rates, monkeypatch):
        rates["irontoken_address"] = "1/min"
        assert tried()
        assert not tried()
        incr = type(caches["default"]).incr

        def dropped(self, name, *arguments, **named):
            self.delete(name)
            return incr(self, name, *arguments, **named)

        monkeypatch.setattr(type(caches["default"]), "incr", dropped)
        assert tried()

    def test_are_off_where_the_rate_is_none(self, obtain, rates):
        rates.update(irontoken_name=None, irontoken_address=None)
        assert {obtain() for _ in range(40)} == {400}
        assert not any("irontoken" in key for key in caches["default"]._cache)


def tried():
    request = APIRequestFactory().get("/")
    return AddressThrottle().allow_request(request, None)


class TestTheCheck:
    @pytest.fixture
    def check(self, settings, monkeypatch):
        """What is said of the tests' own URLs, in which the endpoints are."""

        def check(proxies=0, backend="redis.RedisCache", **caches):
            found = {"BACKEND": f"django.core.cache.backends.{backend}"}
            settings.CACHES = {"default": found, **caches}
            monkeypatch.setattr(api_settings, "NUM_PROXIES", proxies)
            return [f"{each.id} {each.msg} {each.hint}" for each in check_throttles()]

        return check

    @pytest.mark.parametrize(
        "backend",
        [
            "locmem.LocMemCache",
            "dummy.DummyCache",
            "db.DatabaseCache",
            "filebased.FileBasedCache",
        ],
    )
    def test_tells_of_a_cache_by_which_counters_do_not_hold(self, check, backend):
        [said] = check(backend=backend)
        assert said.startswith("irontoken.W020 The cache 'default' is")
        assert '"BACKEND": "django.core.cache.backends.redis.RedisCache"' in said
        assert check() == []
        with setting(THROTTLE_CACHE="shared"):
            assert check(backend=backend, shared={"BACKEND": "a.shared.Cache"}) == []
            [said] = check(shared={"BACKEND": f"django.core.cache.backends.{backend}"})
            assert "The cache 'shared' is" in said

    def test_tells_of_an_address_that_the_client_writes(self, check):
        [said] = check(proxies=None)
        assert said.startswith("irontoken.W021")
        assert 'REST_FRAMEWORK["NUM_PROXIES"] = 1' in said

    def test_says_nothing_to_whoever_develops(self, check, settings):
        settings.DEBUG = True
        assert check(proxies=None, backend="locmem.LocMemCache") == []

    def test_says_nothing_where_nothing_is_counted(self, check, rates, settings):
        rates.update(irontoken_name=None, irontoken_address=None, irontoken_rotate=None)
        assert check(proxies=None, backend="locmem.LocMemCache") == []
        rates.clear()
        settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": []})
        assert check(proxies=None, backend="locmem.LocMemCache") == []

    def test_leaves_a_wrong_setting_to_another(self, check):
        with setting(THROTTLE_CACHE="nowhere"):
            assert check(proxies=None) == []


class TestARefusedBody:
    """What is done with it, by what is not called: its size is looked at before its content."""

    @pytest.fixture
    def normalized(self, monkeypatch):
        lengths = []
        normalize = unicodedata.normalize

        def counting(form, text):
            lengths.append(len(text))
            return normalize(form, text)

        monkeypatch.setattr(throttling.unicodedata, "normalize", counting)
        return lengths

    @pytest.mark.parametrize("length", [151, 80_000])
    def test_with_a_long_name_is_refused_before_it_is_normalized(self, obtain, normalized, length):
        assert obtain("a" + "\u0301" * (length - 1)) == 400
        assert obtain("nobody") == 400
        assert normalized == [len("nobody")]

    def test_is_not_normalized_for_a_429_either(self, obtain, normalized):
        for number in range(30):
            obtain(f"user{number}")
        normalized.clear()
        assert obtain("a" + "\u0301" * 79_999) == 429
        assert normalized == []

    def test_with_a_million_scopes_has_none_of_them_looked_at(self, ada, monkeypatch):
        looked_at = []
        run = CharField.run_validation

        def counting(self, data=None, *arguments):
            if isinstance(self.parent, ScopesField):
                looked_at.append(data)
            return run(self, data, *arguments)

        monkeypatch.setattr(CharField, "run_validation", counting)
        client = APIClient()
        body = {**PASSWORD, "scopes": [1] * 1_000_000}
        answer = client.post("/tokens/obtain/", body, format="json")
        assert answer.status_code == 400
        assert "scopes" in answer.json()
        assert looked_at == []
        body = {**PASSWORD, "scopes": ["a"]}
        assert client.post("/tokens/obtain/", body, format="json").status_code == 200
        assert looked_at == ["a"]

    @pytest.mark.parametrize("field", ["username", "password"])
    def test_with_a_long_name_or_password_has_none_hashed(self, ada, monkeypatch, field):
        def fail(*_):
            pytest.fail("was hashed")

        monkeypatch.setattr(MD5PasswordHasher, "encode", fail)
        body = {**PASSWORD, field: "x" * 4097}
        assert APIClient().post("/tokens/obtain/", body).status_code == 400

    def test_of_a_form_is_read_by_its_names_alone(self, ada):
        body = "username=ada&password=lovelace&scopes=read&scopes=write"
        form = {"content_type": "application/x-www-form-urlencoded"}
        answer = APIClient().post("/tokens/obtain/", body, **form)
        assert AccessToken.objects.get(pk=answer.json()["id"]).scopes == ["read", "write"]
        # An index that Python would not take for a number.
        body = f"username=ada&password=lovelace&scopes[{'1' * 5000}]=x"
        assert APIClient().post("/tokens/obtain/", body, **form).status_code == 400

    def test_has_an_answer_that_does_not_grow_with_it(self, ada):
        body = {**PASSWORD, **{f"field{number}" * 100: 1 for number in range(1000)}}
        answer = APIClient().post("/tokens/obtain/", body, format="json")
        assert answer.status_code == 400
        assert len(answer.content) < 5000
