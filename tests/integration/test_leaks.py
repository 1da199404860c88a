"""What threads, connections and settings leave behind when they end: what DRF's class leaves."""

import gc
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from rest_framework.authentication import TokenAuthentication as DRFTokenAuthentication
from rest_framework.authtoken.models import Token

import irontoken

# psycopg warns of what the collector closes in place of the thread that ended.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
#: Of each way, and after how many the collector runs; a server takes fewer connections at a time.
TIMES, COLLECT = (500, 250) if connection.vendor == "sqlite" else (120, 20)
SESSIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE()",
}


def wrappers():
    """How many of Django's connections are alive."""
    gc.collect()
    # By its type, since some are references to what is gone.
    return sum(issubclass(type(each), BaseDatabaseWrapper) for each in gc.get_objects())


def sessions():
    """How many connections the server has."""
    if connection.vendor == "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS[connection.vendor])
        return cursor.fetchone()[0]


def thread(ask):
    started = threading.Thread(target=ask)
    started.start()
    started.join()


def new_connection(ask):
    before = connections["default"]
    connections["default"] = before.copy()
    try:
        ask()
    finally:
        connections["default"].close()
        connections["default"] = before


def lookup(ask):
    connection.close()
    ask()


def setting(ask):
    with override_settings(REST_KNOX={}):
        ask()
    ask()


@pytest.fixture(params=["on", "off"])
def cache(request, transactional_db, tmp_path):
    setting = {"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path)}}
    with override_settings(IRONTOKEN=setting if request.param == "on" else {}):
        yield request.param
    connections.close_all()


@pytest.mark.parametrize("way", [thread, new_connection, lookup, setting])
def test_what_ends_leaves_what_drfs_class_leaves(way, cache):
    user = User.objects.create_user("ada")
    keys = [Token.objects.create(user=user).key]

    def left_by(cls):
        def ask():
            cls().authenticate_credentials(keys[0])

        way(ask)
        for number in range(TIMES):
            way(ask)
            if number % COLLECT == 0:
                gc.collect()  # before a server runs out of connections, whosever they are
        return wrappers(), sessions()

    theirs = left_by(DRFTokenAuthentication)
    assert left_by(irontoken.TokenAuthentication) == theirs
    assert (irontoken.cache_info().coherence == "off") == (cache == "off")


def test_a_thread_that_has_written_leaves_nothing(cache):
    user = User.objects.create_user("ada")
    token = Token.objects.create(user=user)
    before = wrappers(), sessions()

    def write():
        irontoken.TokenAuthentication().authenticate_credentials(token.key)
        User.objects.filter(pk=user.pk).update(first_name="a")

    for _ in range(TIMES // 10):
        thread(write)
    assert (wrappers(), sessions()) == before
