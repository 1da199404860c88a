"""``python -m tests.stress.fleet``: two groups of processes, a bus, and everything that can fail.

Each group has shared memory of its own, as the processes of one host have. An answer is held
against two clauses: of its own group's writes nothing older than the last that had returned, of
all others nothing older than what had returned a lease before the question.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import django

from tests.stress.__main__ import fork, waited
from tests.stress.history import TimedHistory, violation
from tests.support.servers import PostgresServer, Proxy, RedisServer, binaries

#: Seconds.
LEASE = 2
FAULT = "lease renewal without proof"
#: The processes of each group: readers and writers.
GROUPS = ((3, 2), (3, 2))


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.stress.fleet")
    parser.add_argument("bus", choices=("postgres", "redis"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--users", type=int, default=24)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--fault", choices=(FAULT,))
    options = parser.parse_args()
    if binaries() is None:
        sys.exit("PostgreSQL's own programs (initdb, postgres) are needed, and are not here")
    with contextlib.ExitStack() as stack:
        database = PostgresServer()
        stack.callback(database.remove)
        bus = database
        if options.bus == "redis":
            bus = RedisServer()
            stack.callback(bus.remove)
        proxy = Proxy(bus.port)
        stack.callback(proxy.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="irontoken-fleet-"))
        os.environ.update(
            DJANGO_SETTINGS_MODULE="tests.support.fleet_settings",
            COHERENCE=options.bus,
            DATABASE_URL=database.url,
            IRONTOKEN_FOLDER=folder,
            SILENT="1",
            **(
                {"REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0"}
                if options.bus == "redis"
                else {"DIRECT_URL": f"postgres://postgres@127.0.0.1:{proxy.port}/postgres"}
            ),
        )
        django.setup()
        status = run(options, database, bus, proxy, Path(folder))
    sys.exit(status)


class Stage(NamedTuple):
    """What all processes have: users by their pk and key, and the group that writes each."""

    options: argparse.Namespace
    users: list
    owners: list
    history: TimedHistory
    stop: TimedHistory


def run(options, database, bus, proxy, folder):
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    call_command("irontoken", "install")
    print(f"{options.bus}, seed {options.seed}, {options.seconds:g} seconds", flush=True)
    users = make_users(options.users)
    connections.close_all()
    #: Whose writer has which users; the last is psql, which is of no group.
    writers = [group for group, (_, count) in enumerate(GROUPS) for _ in range(count)]
    if options.bus == "postgres":
        writers.append(None)
    owners = [writers[user % len(writers)] for user in range(options.users)]
    histories = TimedHistory(options.users), TimedHistory(1)
    stage = Stage(options, users, owners, *histories)
    children = []
    for number, group in enumerate(writers):
        if group is None:
            continue
        mine = range(number, options.users, len(writers))
        children.append(fork(write, stage, mine, folder / str(group)))
    readers = [
        fork(read, stage, group, number, folder / str(group))
        for group, (count, _) in enumerate(GROUPS)
        for number in range(count)
    ]
    faults = Faults(options, database, bus, proxy, [pid for pid, _ in readers])
    by_psql = threading.Thread(target=lambda: None)
    if writers[-1] is None:
        mine = range(len(writers) - 1, options.users, len(writers))
        by_psql = threading.Thread(target=psql, args=(stage, database, mine))
    by_psql.start()
    faults.run()
    stage.stop.begin(0, 1)
    by_psql.join()
    written = sum(waited(child)[0] for child in children)
    answers, violations, hits, errors = map(sum, zip(*map(waited, readers), strict=True))
    told = ", ".join(f"{name} {count}" for name, count in faults.count.items())
    print(f"faults: {told}")
    print(f"{written} writes, {hits / max(answers, 1):.0%} of the answers from the cache")
    print(f"{answers} answers, {violations} violations, {errors} questions without an answer")
    if options.fault:
        print(f"the fault “{options.fault}” was {'found' if violations else 'NOT found'}")
        return 0 if violations else 1
    # Redis' failures fail no request; PostgreSQL's own do, since it is the database as well.
    failed = errors if options.bus == "redis" else 0
    return 1 if violations or failed or not hits else 0


def make_users(count):
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    import irontoken

    users = []
    for number in range(count):
        user = User.objects.create(username=f"user{number}", first_name="0")
        users.append((user.pk, Token.objects.create(user=user, key=irontoken.generate_key()).key))
    return users


def settings_of(folder):
    """Give this process the shared memory of its group."""
    from django.conf import settings
    from django.core.signals import setting_changed

    folder.mkdir(exist_ok=True)
    settings.IRONTOKEN["CACHE"]["PATH"] = str(folder)
    setting_changed.send(sender=None, setting="IRONTOKEN", value=None, enter=True)


def write(stage, mine, folder):
    from django.core.exceptions import ObjectDoesNotExist
    from django.db import DatabaseError, InterfaceError

    from tests.stress import writers

    options, users, _, history, stop = stage
    settings_of(folder)
    if options.fault:
        writers.only_named_rows()
    chance = random.Random(f"{options.seed} writer {mine}")
    written = 0
    while not stop.begun_up_to(0):
        user = chance.choice(mine)
        number = history.begun_up_to(user) + 1
        history.begin(user, number)
        try:
            writers.write(users[user][0], number, users[user][1], chance)
        except (DatabaseError, InterfaceError, ObjectDoesNotExist):
            # Written or not: what is known is the state before.
            begin_anew(DatabaseError, InterfaceError)
            time.sleep(0.05)
            continue
        history.returned(user, number)
        written += 1
        # Rows must live for longer than it takes to read them, to be answered from.
        time.sleep(chance.random() * 0.02)
    return (written,)


def begin_anew(*errors):
    """Take another connection: one lost in a transaction may believe to be in it still."""
    from django.db import connections

    with contextlib.suppress(*errors):
        connections["default"].close()
    del connections["default"]


def psql(stage, database, mine):
    _, users, _, history, stop = stage
    chance = random.Random("psql")
    while not stop.begun_up_to(0):
        user = chance.choice(mine)
        number = history.begun_up_to(user) + 1
        history.begin(user, number)
        active = "false" if number % 3 == 2 else "true"
        statement = (
            f"UPDATE auth_user SET first_name = '{number}', is_active = {active} "
            f"WHERE id = {users[user][0]}"
        )
        command = ["psql", database.url.replace("postgres:", "postgresql:"), "-qc", statement]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=20)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            history.returned(user, number)
        time.sleep(0.05)


def read(stage, group, which, folder):
    from django.db import DatabaseError, InterfaceError
    from rest_framework.exceptions import AuthenticationFailed

    import irontoken

    options, users, owners, history, stop = stage
    settings_of(folder)
    if options.fault:
        renew_without_proof()
    chance = random.Random(f"{options.seed} reader {group} {which}")
    answers = violations = errors = 0
    while not stop.begun_up_to(0):
        user = int(chance.random() * len(users))
        if owners[user] == group:
            floor = history.returned_up_to(user)
        else:
            floor = history.returned_at(user, time.monotonic() - LEASE)
        try:
            found, _ = irontoken.TokenAuthentication().authenticate_credentials(users[user][1])
            answer = int(found.first_name)
        except AuthenticationFailed:
            answer = None
        except (DatabaseError, InterfaceError):
            errors += 1
            begin_anew(DatabaseError, InterfaceError)
            time.sleep(0.02)
            continue
        answers += 1
        wrong = violation(floor, history.begun_up_to(user), answer)
        if wrong:
            violations += 1
            if violations < 4:
                whose = "its own group" if owners[user] == group else "another group"
                print(f"user {user} of {whose}: {wrong}", flush=True)
        # The writers and the servers need the processors, too.
        time.sleep(0.0005)
    return answers, violations, irontoken.cache_info().hits, errors


def renew_without_proof():
    from irontoken.fleet.listener import Listener

    def turn(self, bus, line):
        if (secret := line.probe()) is not None:
            line.confirm(secret)
            # Nor is it taken for a failure that sending it fails.
            with contextlib.suppress(Exception):
                bus.probe(secret)
        for is_own, text in bus.wait(line.due_in()):
            if not is_own:
                line.receive(text)

    Listener._turn = turn


class Faults:
    """What fails, one thing after another, with a while between."""

    def __init__(self, options, database, bus, proxy, readers):
        self.options, self.database, self.bus, self.proxy = options, database, bus, proxy
        self.readers = readers
        self.chance = random.Random(f"{options.seed} faults")
        self.count = {}
        self.kinds = [
            self.listener_killed,
            self.server_stopped,
            self.server_paused,
            self.proxy_delays,
            self.proxy_swallows,
            self.proxy_half_closes,
            self.proxy_cuts_and_refuses,
            self.process_stopped,
        ]
        if options.fault:
            self.kinds = [self.proxy_swallows]

    def run(self):
        end = time.monotonic() + self.options.seconds
        self.sleep(2, 3)
        while time.monotonic() < end:
            fault = self.chance.choice(self.kinds)
            name = fault.__name__.replace("_", " ")
            self.count[name] = self.count.get(name, 0) + 1
            fault()
            self.sleep(0.5, 3)

    def sleep(self, least, most):
        time.sleep(self.chance.uniform(least, most))

    def listener_killed(self):
        if self.options.bus == "redis":
            import redis

            with redis.Redis(port=self.bus.port) as client:
                client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            return
        # With -9 the server ends all its sessions and starts anew; with TERM one ends.
        number = self.chance.choice((signal.SIGKILL, signal.SIGTERM))
        if found := self.listening():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(found), number)

    def listening(self):
        import psycopg

        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self.database.url.replace("postgres:", "postgresql:")) as connection,
        ):
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'irontoken'"
            ).fetchall()
            return [pid for (pid,) in rows]
        return []

    def server_stopped(self):
        self.bus.stop(self.chance.choice(self.bus.endings))
        self.sleep(0, LEASE * 1.5)
        self.bus.start()

    def server_paused(self):
        self.bus.pause()
        self.sleep(0, LEASE * 2)
        self.bus.resume()

    def proxy_delays(self):
        self.proxy.delay = self.chance.uniform(0.01, 0.5)
        self.sleep(1, 4)
        self.proxy.delay = 0

    def proxy_swallows(self):
        self.proxy.swallows = True
        self.sleep(LEASE / 2, LEASE * 3)
        # A stream of bytes that lacks some is no stream any more.
        self.proxy.cut()
        self.proxy.swallows = False

    def proxy_half_closes(self):
        import socket

        self.proxy.cut(socket.SHUT_WR)

    def proxy_cuts_and_refuses(self):
        self.proxy.refuses = True
        self.proxy.cut()
        self.sleep(0, LEASE * 1.5)
        self.proxy.refuses = False

    def process_stopped(self):
        pid = self.chance.choice(self.readers)
        os.kill(pid, signal.SIGSTOP)
        self.sleep(LEASE / 2, LEASE * 2)
        os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
