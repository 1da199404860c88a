"""Two servers that share nothing but a bus, and one revocation: run it with ``make fleet``."""

import contextlib
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo import Client, expect, manage, say, serving

POSTGRES_URL = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
MAKE = (
    "from django.contrib.auth.models import User as U; "
    "print(U.objects.create_user('ada').auth_token.key)"
)
REVOKE = (
    "import time; from rest_framework.authtoken.models import Token as T; "
    "T.objects.all().delete(); print(time.time())"
)


def main():
    played = 0
    with tempfile.TemporaryDirectory(prefix="irontoken-fleet-") as folder:
        if answers(POSTGRES_URL, 5432):
            with database_of_our_own() as url:
                play("PostgreSQL", Path(folder, "postgres"), DATABASE_URL=url)
                played += 1
        if answers(REDIS_URL, 6379):
            url = f"sqlite:///{folder}/db.sqlite3"
            play("Redis", Path(folder, "redis"), DATABASE_URL=url, REDIS_URL=REDIS_URL)
            played += 1
    if not played:
        sys.exit(
            "fleet: neither PostgreSQL nor Redis answers on this machine. Start one of them, or "
            "name one that runs elsewhere: POSTGRES_URL=postgres://… or REDIS_URL=redis://…"
        )


def play(bus, folder, **environment):
    say(f"{bus} carries the news")
    hosts = []
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        host = {**os.environ, **environment, "HOST_FOLDER": str(folder / name)}
        host["DJANGO_SETTINGS_MODULE"] = "tutorial.fleet"
        hosts.append(host)
    manage(hosts[0], "migrate", "--verbosity", "0")
    say("manage.py irontoken install")
    manage(hosts[0], "irontoken", "install")
    key = manage(hosts[0], "shell", "-v", "0", "-c", MAKE, capture=True).split()[-1]
    good = {"Authorization": f"Token {key}"}
    with serving(hosts[0]) as first, serving(hosts[1]) as second:
        say("ask both servers until they answer from their caches")
        for port in (first, second):
            statuses = {Client(port).ask("GET", "/hello/", good)[0] for _ in range(200)}
            expect(statuses == {200}, f"200 times {statuses.pop()} from port {port}")
        say("manage.py irontoken status")
        manage(hosts[0], "irontoken", "status")
        say("delete the token on host one; ask host two all the while")
        refused = Watching(second, good)
        revoked = float(manage(hosts[0], "shell", "-v", "0", "-c", REVOKE, capture=True))
        refused.join(10)
        expect(refused.at is not None, "host two has refused the token")
        after = (refused.at - revoked) * 1000
        print(f"    {max(after, 0):.1f} ms after the call that deleted it had returned")
        status, _, body = Client(first).ask("GET", "/hello/", good)
        expect(status == 401, f"host one: {status} {body}")


class Watching(threading.Thread):
    """Asks a server until it refuses, and notes when that was."""

    def __init__(self, port, headers):
        super().__init__(daemon=True)
        self.client, self.headers, self.at = Client(port), headers, None
        self.start()

    def run(self):
        while self.client.ask("GET", "/hello/", self.headers)[0] != 401:
            time.sleep(0.0005)
        self.at = time.time()


@contextlib.contextmanager
def database_of_our_own():
    import psycopg

    name = f"irontoken_fleet_{os.getpid()}"
    server = POSTGRES_URL.replace("postgres://", "postgresql://", 1)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def answers(url, port):
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port or port), timeout=2).close()
    except OSError as error:
        print(f"nothing answers at {parts.hostname}:{parts.port or port}: {error}")
        return False
    return True


if __name__ == "__main__":
    main()
