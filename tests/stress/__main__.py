"""``python -m tests.stress``: several processes write and read one database, and are tracked.

Every answer is held against the history: one older than the last write that had returned before
the question is a violation. ``--fault`` switches a part of the protocol off, which must be found.
With ``POOL=1`` in the environment each process asks in several threads, which hand the connections
of a pool around. With ``TENANTS=1`` the users are in the schemas of two tenants of django-tenants,
under the same keys.
"""

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import django

from tests.stress.history import History
from tests.support.settings import FOLDER

FAULTS = ("no second invalidation", "the commit alone tells nobody")
SCHEMAS = ("one", "two")
#: Of a process that has a pool, with one connection less.
THREADS = 5
#: How often a fault is looked for.
ROUNDS = 20


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.stress")
    parser.add_argument("--answers", type=int, default=1_000_000, help="answers to check")
    parser.add_argument("--readers", type=int, default=3)
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--users", type=int, default=24)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--threads", action="store_true", help="threads in place of processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="irontoken-stress-", dir=FOLDER) as folder:
        os.environ["IRONTOKEN_STRESS_FOLDER"] = folder
        module = "tenants_settings" if "TENANTS" in os.environ else "settings"
        os.environ["DJANGO_SETTINGS_MODULE"] = f"tests.stress.{module}"
        django.setup()
        from django.test.runner import DiscoverRunner

        runner = DiscoverRunner(verbosity=0, interactive=False)
        databases = runner.setup_databases()
        try:
            found = run(options)
        finally:
            runner.teardown_databases(databases)
    sys.exit(verdict(options, *found))


def verdict(options, answers, violations):
    print(f"{answers} answers, {violations} violations")
    if options.fault:
        found = violations > 0
        print(f"the fault “{options.fault}” was {'found' if found else 'NOT found'}")
        return 0 if found else 1
    return 1 if violations or answers < options.answers else 0


def run(options):
    from django.contrib.auth.models import User
    from django.db import connection, connections
    from rest_framework.authtoken.models import Token

    import irontoken
    from irontoken.cache import interceptor
    from irontoken.cache.shared_connections import is_pooled
    from tests.stress import writers

    if options.fault:
        interceptor._telling = faulty(options.fault, interceptor._telling)
        interceptor._begin_anew()
        writers.only_named_rows()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(
        f"{connection.vendor}, seed {options.seed}{'' if gil else ', without the GIL'}", flush=True
    )
    history = History(options.users)
    if "TENANTS" in os.environ:
        from tests.support.tenants.models import Client

        for schema in SCHEMAS:
            Client.objects.create(schema_name=schema, name=schema)
    users = []
    key = ""
    for number in range(options.users):
        enter(number)
        if "TENANTS" not in os.environ or number % len(SCHEMAS) == 0:
            key = irontoken.generate_key()
        user = User.objects.create(username=f"user{number}", first_name="0")
        users.append((user.pk, Token.objects.create(user=user, key=key).key))
    connections.close_all()
    if is_pooled(connection):
        connection.close_pool()  # its threads are not in a child
    answers = violations = 0
    # A fault shows itself by chance, and not in every hundred thousand answers.
    for _ in range(ROUNDS if options.fault else 1):
        if not violations:
            found = ask(options, users, history)
            answers, violations = answers + found[0], violations + found[1]
            options.seed += 1
    return answers, violations


def ask(options, users, history):
    """Let readers ask while writers write; return the number of answers and of violations."""
    stop = History(1)
    begin, result = (thread, joined) if options.threads else (fork, waited)
    writers = [
        begin(write, options, users, history, stop, number) for number in range(options.writers)
    ]
    share = -(-options.answers // options.readers)
    readers = [begin(read, options, users, history, share, n) for n in range(options.readers)]
    results = [result(reader) for reader in readers]
    stop.begin(0, 1)
    writes = sum(result(writer)[0] for writer in writers)
    hits = sum(found[2] for found in results)
    answers = sum(found[0] for found in results)
    if options.threads:
        hits //= options.readers  # each tells of all
    print(f"{writes} writes, {hits / max(answers, 1):.0%} of the answers from the cache")
    return answers, sum(found[1] for found in results)


def enter(user):
    """Go to the schema of a user, where there are tenants."""
    if "TENANTS" in os.environ:
        from django.db import connection

        connection.set_schema(SCHEMAS[user % len(SCHEMAS)])


def faulty(fault, telling):
    """What wraps a connection's methods, without the part that ``fault`` leaves out."""

    def wrap(method, tell, tell_failure):
        if fault == FAULTS[0] or method.__name__ == "_commit":
            return method
        return telling(method, tell, tell_failure)

    return wrap


def write(options, users, history, stop, which):
    from tests.stress import writers

    if which == 0 or options.fault == FAULTS[1]:
        writers.stay_out_of_autocommit()
    chance = random.Random(f"{options.seed} writer {which}")
    mine = range(which, len(users), options.writers)
    written = 0
    while not stop.begun_up_to(0):
        user = chance.choice(mine)
        enter(user)
        number = history.begun_up_to(user) + 1
        history.begin(user, number)
        writers.write(users[user][0], number, users[user][1], chance)
        history.returned(user, number)
        written += 1
    return written, 0, 0


def read(options, users, history, share, which):
    """Ask in one thread, or in several that have one connection less than they are."""
    from django.db import connection

    import irontoken
    from irontoken.cache.shared_connections import is_pooled

    chances = [random.Random(f"{options.seed} reader {which} {n}") for n in range(THREADS)]
    if not is_pooled(connection):
        chances = chances[:1]
    part = -(-share // len(chances))
    with ThreadPoolExecutor(len(chances)) as pool:
        asked = [pool.submit(read_on, users, history, part, chance) for chance in chances]
        violations = sum(each.result() for each in asked)
    return part * len(chances), violations, irontoken.cache_info().hits


def read_on(users, history, share, chance):
    from django.db import connections
    from rest_framework.exceptions import AuthenticationFailed

    import irontoken
    from tests.stress.history import violation

    violations = 0
    for number in range(share):
        if not number % 50:
            connections.close_all()
        user = int(chance.random() * len(users))
        enter(user)
        floor = history.returned_up_to(user)
        try:
            found, _ = irontoken.TokenAuthentication().authenticate_credentials(users[user][1])
            answer = int(found.first_name)
        except AuthenticationFailed:
            answer = None
        wrong = violation(floor, history.begun_up_to(user), answer)
        if wrong:
            violations += 1
            if violations < 4:
                print(f"user {user}: {wrong}", flush=True)
    connections.close_all()
    return violations


def fork(work, *arguments):
    """Run ``work`` in a child; return where its three numbers will be."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        status = 1
        try:
            numbers = work(*arguments)
            os.write(writer, " ".join(map(str, numbers)).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    return pid, reader


def thread(work, *arguments):
    """Run ``work`` in a thread of this process."""
    pool = ThreadPoolExecutor(1)
    return pool.submit(work, *arguments)


def joined(future):
    """Return the three numbers of a thread, once it has ended."""
    return future.result()


def waited(child):
    """Return the three numbers of a child, once it has ended."""
    pid, reader = child
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    if os.waitpid(pid, 0)[1] or not text:
        sys.exit("a process of the stress test failed, see above")
    return [int(number) for number in text.split()]


if __name__ == "__main__":
    main()
