"""COHERENCE "postgres" beside a pool, a standby, and the end of a process."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.servers import PostgresServer, Server, binaries, free_port

pytest.importorskip("psycopg", reason="COHERENCE 'postgres' needs psycopg 3")
pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed")
ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import os, sys, time, django
django.setup()
import irontoken
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

def ask(key, alias="default"):
    with CaptureQueriesContext(connections[alias]) as queries:
        try:
            irontoken.TokenAuthentication().authenticate_credentials(key)
            return "ok", len(queries)
        except AuthenticationFailed:
            return "refused", len(queries)

def eventually(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, irontoken.cache_info().coherence
        time.sleep(0.005)
"""


@pytest.fixture(scope="module")
def primary(tmp_path_factory):
    server = PostgresServer()
    folder = tmp_path_factory.mktemp("primary")
    program(
        server,
        folder,
        "call_command('migrate', verbosity=0); call_command('irontoken', 'install')",
    )
    yield server
    server.remove()


def program(server, folder, code, **environment):
    """Run a program of the project; return what it printed."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", HEAD + code],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.support.fleet_settings",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": server.url,
            "IRONTOKEN_FOLDER": str(folder),
            **environment,
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == "", run.stderr
    return run.stdout


MAKE = """
user = User.objects.create_user(os.urandom(8).hex())
key = Token.objects.create(user=user).key
"""


def test_a_process_that_listens_ends_soon_and_says_nothing(primary, tmp_path):
    code = MAKE + "eventually(lambda: ask(key)[1] == 0)\nprint(time.time())"
    for _ in range(5):
        ended = float(program(primary, tmp_path, code))
        assert time.time() - ended < 5


def test_a_process_that_only_writes_does_not_listen(primary, tmp_path):
    code = MAKE + "import threading; print(threading.active_count(), end='')"
    assert program(primary, tmp_path, code) == "1"


class TestPool:
    @pytest.fixture
    def pool(self, primary):
        found = Pool(primary)
        yield found
        found.remove()

    def test_it_is_detected_and_no_answer_rests_on_it(self, primary, pool, tmp_path):
        code = (
            MAKE
            + """
from irontoken.checks import check_bus
ask(key)
eventually(lambda: "LISTEN" in irontoken.cache_info().coherence)
assert ask(key)[1] == 1
[warning] = check_bus(databases=["default"])
assert warning.id == "irontoken.W007" and "LISTEN" in warning.hint, warning
"""
        )
        program(primary, tmp_path, code, DATABASE_URL=pool.url, SILENT="1")

    def test_an_alias_that_goes_round_it_is_listened_to(self, primary, pool, tmp_path):
        code = (
            MAKE
            + """
from irontoken.checks import check_bus
import psycopg
eventually(lambda: ask(key)[1] == 0)
assert check_bus(databases=["default"]) == []
direct = os.environ["DIRECT_URL"].replace("postgres:", "postgresql:")
with psycopg.connect(direct, autocommit=True) as other:
    other.execute("DELETE FROM authtoken_token")
eventually(lambda: ask(key)[0] == "refused", 1)
"""
        )
        program(primary, tmp_path, code, DATABASE_URL=pool.url, DIRECT_URL=primary.url)


class Pool(Server):
    """pgbouncer in transaction mode before a server."""

    def __init__(self, server):
        super().__init__()
        if shutil.which("pgbouncer") is None and not Path("/usr/sbin/pgbouncer").exists():
            pytest.skip("pgbouncer is not installed")
        self.port = free_port()
        (self.folder / "users").write_text('"postgres" ""\n')
        (self.folder / "conf").write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nauth_type = trust\n"
            f"auth_file = {self.folder}/users\npool_mode = transaction\nunix_socket_dir =\n"
            "ignore_startup_parameters = extra_float_digits\n"
        )
        user = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            user = {"user": "postgres", "group": "postgres"}
        self.process = subprocess.Popen(
            [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", str(self.folder / "conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,
        )
        self.wait()

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="module")
def standby(primary):
    server = PostgresServer(primary, delay=1)
    yield server
    server.remove()


class TestStandby:
    @pytest.mark.parametrize("coherence", ["postgres", "host"])
    def test_a_row_read_from_a_standby_does_not_outlive_its_lag(
        self, primary, standby, tmp_path, coherence
    ):
        """Asked all the time, it refuses as soon as the standby does."""
        code = """
import psycopg
direct = os.environ["DIRECT_URL"].replace("postgres:", "postgresql:")
with psycopg.connect(direct, autocommit=True) as other:
    name = os.urandom(8).hex()
    other.execute(
        "INSERT INTO auth_user (username, password, is_superuser, first_name, last_name,"
        " email, is_staff, is_active, date_joined)"
        " VALUES (%s, '', false, '', '', '', false, true, now())",
        [name],
    )
    other.execute(
        "INSERT INTO authtoken_token SELECT %s, now(), id FROM auth_user WHERE username = %s",
        [name, name],
    )
    eventually(lambda: ask(name)[0] == "ok")
    for _ in range(20):
        assert ask(name) == ("ok", 1)
        time.sleep(0.01)
    other.execute("DELETE FROM authtoken_token WHERE key = %s", [name])
    with connection.cursor() as cursor:
        while True:
            answer = ask(name)[0]
            cursor.execute("SELECT count(*) FROM authtoken_token WHERE key = %s", [name])
            if cursor.fetchone()[0] == 0:
                break
    assert ask(name)[0] == "refused"
"""
        environment = {"DATABASE_URL": standby.url, "DIRECT_URL": primary.url}
        program(primary, tmp_path, code, COHERENCE=coherence, **environment)

    def test_a_replica_beside_its_primary_is_not_kept(self, primary, standby, tmp_path):
        """A router that reads there and writes here: rows read there are read each time."""
        code = (
            MAKE
            + """
from django.test.utils import override_settings
class Router:
    def db_for_read(self, model, **hints): return "replica"
    def db_for_write(self, model, **hints): return "default"
with override_settings(DATABASE_ROUTERS=[Router()]):
    eventually(lambda: ask(key, "replica")[0] == "ok")
    assert [ask(key, "replica") for _ in range(3)] == [("ok", 1)] * 3
    Token.objects.all().delete()
    eventually(lambda: ask(key, "replica")[0] == "refused")
"""
        )
        program(primary, tmp_path, code, REPLICA_URL=standby.url)
