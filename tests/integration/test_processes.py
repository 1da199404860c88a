"""The host's guarantee across processes: forks, spawned ones, servers, and those that die."""

import json
import os
import signal

import pytest

from tests.support.site import Site

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gunicorn and signals are POSIX's")
REVOKE = "from rest_framework.authtoken.models import Token as T; T.objects.all().delete()"
DEACTIVATE = "from django.contrib.auth.models import User as U; U.objects.update(is_active=False)"


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.mark.parametrize("options", [(), ("--preload",)])
@pytest.mark.parametrize("write", [REVOKE, DEACTIVATE])
def test_every_worker_of_a_server_refuses_at_once(site, options, write):
    with site.gunicorn(*options) as port:
        assert {site.get(port)[0] for _ in range(30)} == {200}
        site.shell(write)
        assert {site.get(port)[0] for _ in range(30)} == {401}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fork_sees_what_others_write(site, when):
    child = site.python(
        "import os\n"
        f"early = {when == 'before'}\n"
        "if not early: ask(); ask()\n"
        "from django.db import connections; connections.close_all()\n"
        "pid = os.fork()\n"
        "line = f\"{os.getpid() if pid else 'child'} {ask()} {ask()}\\n\"\n"
        "os.write(1, line.encode())\n"  # in one piece, since two processes write
        "if not pid:\n"
        "    sys.stdin.readline()\n"
        "    print('child', ask(), irontoken.cache_info().hits > 0, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print('parent', ask(), flush=True)\n"
    )
    lines = [child.stdout.readline() for _ in range(2)]
    assert all("ok ok" in line for line in lines), lines
    site.shell(REVOKE)
    out, _ = child.communicate("\n", timeout=60)
    assert out.splitlines() == ["child refused True", "parent refused"]


def test_a_process_that_only_reads_leaves_the_others_their_rows(site):
    reader = site.python(
        "print(ask(), ask(), flush=True)\nsys.stdin.readline()\n"
        "ask(); print(irontoken.cache_info().stale, irontoken.cache_info().hits)\n"
    )
    assert reader.stdout.readline() == "ok ok\n"
    other = site.python("print(ask(), ask())\n")
    assert other.communicate(timeout=60)[0] == "ok ok\n"
    assert reader.communicate("\n", timeout=60)[0] == "0 2\n"


def test_a_process_without_any_view_is_heard(site):
    reader = site.python(
        "print(ask(), ask(), irontoken.cache_info().hits, flush=True)\n"
        "sys.stdin.readline()\nprint(ask())\n"
    )
    assert reader.stdout.readline() == "ok ok 1\n"
    writer = site.python(
        "from django.db import connection\n"
        "connection.cursor().execute('DELETE FROM authtoken_token')\n"
        "print('irontoken.authentication' in sys.modules)\n"
    )
    assert writer.communicate(timeout=60)[0] == "False\n"
    assert reader.communicate("\n", timeout=60)[0] == "refused\n"


def test_a_process_killed_in_a_transaction_leaves_the_others_right(site):
    reader = site.python(
        "print(ask(), ask(), irontoken.cache_info().hits, flush=True)\n"
        "sys.stdin.readline()\nprint(ask())\nsys.stdin.readline()\nprint(ask(), flush=True)\n"
    )
    assert reader.stdout.readline() == "ok ok 1\n"
    writer = site.python(
        "from django.db import transaction\n"
        "from rest_framework.authtoken.models import Token\n"
        "with transaction.atomic():\n"
        "    Token.objects.all().delete()\n"
        "    print('deleted', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    assert writer.stdout.readline() == "deleted\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "ok\n"
    site.shell(REVOKE)
    assert reader.communicate("\n", timeout=60)[0] == "refused\n"


def test_a_file_cut_short_by_another_process_is_survived(site, tmp_path):
    reader = site.python(
        "print(ask(), ask(), flush=True)\nsys.stdin.readline()\nprint(ask(), ask())\n"
    )
    assert reader.stdout.readline() == "ok ok\n"
    for path in tmp_path.glob("irontoken-*"):
        os.truncate(path, 0)
    assert reader.communicate("\n", timeout=60)[0] == "ok ok\n"
    assert reader.returncode == 0


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_a_server_that_ends_writes_what_it_noted_of_uses(site, options):
    site.environment["DJANGO_SETTINGS_MODULE"] = "tutorial.issued"
    site.manage("migrate")
    site.key = json.loads(site.manage("irontoken", "issue", "ada", "--json"))["token"]
    with site.gunicorn(*options) as port:
        assert site.get(port)[0] == 200
    [row] = json.loads(site.manage("irontoken", "list", "ada", "--json"))
    assert row["last_used"] is not None
