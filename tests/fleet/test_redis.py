"""COHERENCE "redis": what is committed is published, and what cannot be is not lost."""

import logging
import os
import threading
import time
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import override_settings
from rest_framework.authtoken.models import Token

import irontoken
from irontoken.checks import check_bus
from irontoken.fleet import service as fleet
from irontoken.fleet.bus import channel_of
from tests.support.buses import (
    REDIS_URL,
    ask,
    coherence,
    eventually,
    is_refused,
    redis_is_there,
    warm,
)
from tests.support.processes import fork
from tests.support.servers import Proxy, RedisServer

redis = pytest.importorskip("redis", reason="COHERENCE 'redis' needs the package redis")
pytestmark = [
    pytest.mark.skipif(not redis_is_there(), reason="no Redis answers at REDIS_URL"),
    # The client leaves the socket of a connection that failed to the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PROJECT = f"test {os.getpid()}"


def setting(folder, location=REDIS_URL, **options):
    found = {"COHERENCE": "redis", "LOCATION": location, "PATH": str(folder), "PROJECT": PROJECT}
    return {"CACHE": {**found, "MAX_AGE": 600, **options}}


@pytest.fixture
def fleet_on(transactional_db, tmp_path, compiled):
    with override_settings(IRONTOKEN=setting(tmp_path)):
        yield


@pytest.fixture
def keys(fleet_on):
    users = [User.objects.create_user(f"user{number}") for number in range(3)]
    return [Token.objects.create(user=user).key for user in users]


@pytest.fixture
def news(fleet_on):
    """A function that returns the messages that have been published since it was last called."""
    with redis.Redis.from_url(REDIS_URL) as client, client.pubsub() as heard:
        heard.subscribe(channel_of(PROJECT))
        assert heard.get_message(timeout=5)["type"] == "subscribe"

        def told():
            found = []
            while message := heard.get_message(timeout=0.1):
                found.append(message["data"].decode())
            return found

        yield told


@pytest.fixture
def server():
    found = RedisServer()
    yield found
    found.remove()


def elsewhere(folder, work, **options):
    """Do something in a process that has other shared memory, as one on another host has."""
    other = folder / "elsewhere"
    other.mkdir(exist_ok=True)

    def there():
        with override_settings(IRONTOKEN=setting(other, **options)):
            work()

    connections.close_all()
    assert os.waitpid(fork(there), 0)[1] == 0


def test_what_is_written_on_another_host_is_heard(keys, tmp_path):
    warm(*keys)
    elsewhere(tmp_path, lambda: Token.objects.filter(key=keys[0]).delete())
    eventually(lambda: is_refused(keys[0]), 5)
    assert [ask(key)[1] for key in keys[1:]] == [0, 0]
    elsewhere(tmp_path, lambda: User.objects.filter(username="user1").update(is_active=False))
    eventually(lambda: is_refused(keys[1]), 5)


def test_news_is_sent_once_it_is_kept_and_holds_no_key(keys, news):
    with transaction.atomic():
        User.objects.filter(username="user0").update(first_name="a")
        Token.objects.filter(key=keys[0]).delete()
        assert news() == []
    [message] = news()
    assert message == "*"  # a user that is named by another column than its primary key
    Token.objects.filter(key=keys[2]).delete()
    [message] = news()
    assert set(message) <= set("tu0123456789abcdef ")
    assert keys[2] not in message


def test_reading_and_new_rows_send_nothing(keys, news):
    ask(keys[0])
    User.objects.create_user("new")
    assert list(User.objects.all())
    assert news() == []


def test_clearing_is_told_to_all(keys, news):
    irontoken.cache_clear()
    assert news() == ["*"]


def test_a_message_that_cannot_be_read_empties_the_cache(keys):
    warm(keys[0])
    with redis.Redis.from_url(REDIS_URL) as client:
        for message in (b"nonsense", b"\xff\xfe", b""):
            client.publish(channel_of(PROJECT), message)
            eventually(lambda: ask(keys[0])[1] == 1, 5)
            warm(keys[0])


class TestFailures:
    """A server of the test's own, behind a proxy."""

    @pytest.fixture
    def proxy(self, server):
        found = Proxy(server.port)
        yield found
        found.close()

    @pytest.fixture
    def keys(self, transactional_db, tmp_path, compiled, proxy):
        location = f"redis://:hidden@127.0.0.1:{proxy.port}/0"
        with redis.Redis(port=proxy.to) as client:
            client.config_set("requirepass", "hidden")
        with override_settings(IRONTOKEN=setting(tmp_path, location)):
            users = [User.objects.create_user(f"user{number}") for number in range(2)]
            yield [Token.objects.create(user=user).key for user in users]

    def test_a_server_that_is_gone_fails_nothing_and_comes_back(self, keys, server, caplog):
        caplog.set_level(logging.INFO, "irontoken")
        warm(*keys)
        server.stop()
        started = time.monotonic()
        User.objects.filter(username="user0").update(is_active=False)
        assert time.monotonic() - started < 5
        assert is_refused(keys[0])
        eventually(lambda: "not working" in coherence())
        assert ask(keys[1])[1] == 1
        assert fleet._publisher.unsent() == 1
        server.start()
        eventually(lambda: fleet._publisher.unsent() == 0)
        warm(keys[1])
        said = [record.getMessage() for record in caplog.records if record.name == "irontoken"]
        assert len(said) == 5, said
        assert not any("hidden" in text or key in text for text in said for key in keys)

    def test_what_was_not_published_is_heard_when_it_is(self, keys, server, tmp_path):
        """The writer alone is cut off from Redis: nobody's lease ends."""
        warm(*keys)
        broken = Proxy(server.port)
        location = f"redis://:hidden@127.0.0.1:{broken.port}/0"
        broken.refuses = True
        written, has_written = os.pipe()

        def write():
            Token.objects.filter(key=keys[0]).delete()
            assert fleet._publisher.unsent() == 1
            os.write(has_written, b".")
            eventually(lambda: fleet._publisher.unsent() == 0)

        arguments = {"location": location}
        child = threading.Thread(target=elsewhere, args=(tmp_path, write), kwargs=arguments)
        child.start()
        os.read(written, 5)
        assert [ask(key)[1] for key in keys * 20] == [0] * 40
        broken.refuses = False
        eventually(lambda: is_refused(keys[0]), 5)
        child.join()
        broken.close()

    def test_a_paused_server_ends_the_lease_and_no_request(self, keys, server):
        warm(*keys)
        server.pause()
        started = time.monotonic()
        eventually(lambda: ask(keys[0])[1] == 1, 5)
        User.objects.filter(username="user0").update(is_active=False)
        assert is_refused(keys[0])
        assert time.monotonic() - started < 8
        server.resume()
        warm(keys[1])

    def test_a_listener_that_is_cut_off_starts_afresh(self, keys, proxy):
        warm(*keys)
        stale = irontoken.cache_info().stale
        proxy.cut()
        eventually(lambda: coherence().startswith("not working"))
        warm(*keys)
        assert irontoken.cache_info().stale >= stale + 2

    def test_a_wrong_password_is_told_and_not_shown(self, keys, proxy, tmp_path, caplog):
        location = f"redis://:wrong@127.0.0.1:{proxy.port}/0"
        with override_settings(IRONTOKEN=setting(tmp_path, location)):
            for _ in range(3):
                assert ask(keys[0])[1] == 1
            eventually(lambda: "not working" in coherence())
            [warning] = check_bus(databases=["default"])
            assert warning.id == "irontoken.W008"
            with pytest.raises(CommandError, match="cannot be reached") as raised:
                call_command("irontoken", "status", stdout=StringIO())
        for text in (caplog.text, coherence(), warning.msg, warning.hint, str(raised.value)):
            assert "wrong@" not in text
            assert ":wrong" not in text

    def test_a_server_that_may_not_be_asked_what_it_is_is_not_listened_to(
        self, keys, server, tmp_path
    ):
        with redis.Redis(port=server.port, password="hidden") as client:
            client.acl_setuser(
                "app", enabled=True, passwords=["+x"], commands=["+@all", "-role"], channels=["*"]
            )
        location = f"redis://app:x@127.0.0.1:{server.port}/0"
        with override_settings(IRONTOKEN=setting(tmp_path, location)):
            ask(keys[0])
            eventually(lambda: "not working" in coherence())
            assert ask(keys[0])[1] == 1

    def test_the_address_does_not_undo_the_patience(self, server):
        from irontoken.fleet.redis import PATIENCE, client_of

        client = client_of(f"{server.url}?socket_timeout=5&decode_responses=True")
        found = client.connection_pool.connection_kwargs
        assert (found["socket_timeout"], found["decode_responses"]) == (PATIENCE, False)

    def test_many_writers_say_once_that_redis_is_gone(self, keys, server, caplog):
        server.pause()
        threads = [
            threading.Thread(target=fleet._publisher.publish, args=(f"u{number:04x}",))
            for number in range(8)
        ]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - started < 8
        server.resume()
        eventually(lambda: fleet._publisher.unsent() == 0)
        said = [text for text in caplog.text.splitlines() if "takes no messages" in text]
        assert len(said) == 1

    def test_a_replica_is_not_listened_to(self, keys, server, tmp_path):
        replica = RedisServer()
        try:
            with redis.Redis(port=replica.port) as client:
                client.replicaof("127.0.0.1", server.port)
                location = f"redis://127.0.0.1:{replica.port}/0"
                with override_settings(IRONTOKEN=setting(tmp_path, location)):
                    ask(keys[0])
                    eventually(lambda: "replica" in coherence())
                    assert ask(keys[0])[1] == 1
        finally:
            replica.remove()


def test_status_shows_who_listens(keys, tmp_path):
    warm(keys[0])
    out = StringIO()
    call_command("irontoken", "status", stdout=out)
    assert f" {os.getpid()}: proof " in out.getvalue()
    assert "1 processes listen" in out.getvalue()


def test_a_fork_listens_by_itself(keys, tmp_path):
    warm(keys[0])

    def work():
        assert ask(keys[0])[1] == 1
        warm(keys[0])

    elsewhere(tmp_path, work)
    assert ask(keys[0])[1] == 0
