"""Forks, threads, processes of their own, and writers that are killed."""

import os
import subprocess
import sys
import threading

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.stress.write_paths.common import VENDOR, die, in_child, raw_rename, sql, users
from tests.stress.write_paths.registry import KILLED, SERVERS, path
from tests.stress.write_paths.trial import pause

#: Trials of paths whose point is a fresh Python.
FEW = 3


def in_thread(work):
    failures = []

    def run():
        try:
            work()
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


@path("fork: update in a child", short=True)
def _(row):
    in_child(lambda: users(row).update(first_name="by a child"))


@path("fork: update in a transaction of a child")
def _(row):
    def work():
        with transaction.atomic():
            users(row).update(first_name="by a child")
            pause()

    in_child(work)


@path("fork: delete by the child of a child")
def _(row):
    in_child(lambda: in_child(row.token.delete))


@path("fork: a child that asks first")
def _(row):
    import irontoken

    def work():
        irontoken.TokenAuthentication().authenticate_credentials(row.key)
        users(row).update(first_name="after a question")

    in_child(work)


@path("fork: raw transaction of a child")
def _(row):
    def work():
        sql("BEGIN")
        raw_rename(row)
        pause()
        sql("COMMIT")

    in_child(work)


@path("fork: a child with autocommit off")
def _(row):
    def work():
        transaction.set_autocommit(False)
        raw_rename(row)
        pause()
        transaction.commit()
        os._exit(0)

    in_child(work)


@path("fork: the parent writes while a child lives")
def _(row):
    reader, writer = os.pipe()
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    users(row).update(first_name="by the parent")
    os.close(writer)
    os.waitpid(pid, 0)


@path("thread: update", short=True)
def _(row):
    in_thread(lambda: users(row).update(first_name="by a thread"))


@path("thread: update in a transaction")
def _(row):
    def work():
        with transaction.atomic():
            users(row).update(first_name="by a thread")
            pause()

    in_thread(work)


@path("thread: two at once, on two users")
def _(row):
    other = User.objects.create(username=f"o{row.key[:20]}")
    threads = [
        threading.Thread(
            target=in_thread,
            args=(lambda pk=pk: User.objects.filter(pk=pk).update(first_name="by two"),),
        )
        for pk in (other.pk, row.pk)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@path("thread: a connection that is shared", SERVERS)
def _(row):
    shared = connections["default"]
    shared.inc_thread_sharing()

    def work():
        connections["default"] = shared
        raw_rename(row)
        del connections["default"]

    try:
        in_thread(work)
    finally:
        shared.dec_thread_sharing()


@path("thread: a child of a thread")
def _(row):
    in_thread(lambda: in_child(lambda: users(row).update(first_name="by a thread's child")))


@path("thread: a pool of threads")
def _(row):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(in_thread, [lambda: users(row).update(first_name="by a pool")] * 2))


@path("fork: a child process of multiprocessing")
def _(row):
    import multiprocessing

    connections.close_all()
    process = multiprocessing.get_context("fork").Process(
        target=lambda: users(row).update(first_name="by multiprocessing")
    )
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"the process ended with {process.exitcode}")


@path("killed: in a transaction, before the commit", short=True)
def _(row):
    def work():
        with transaction.atomic():
            users(row).update(first_name="never")
            pause()
            die()

    in_child(work, dies=True)
    settled(row)


@path("killed: in a raw transaction, before the commit")
def _(row):
    def work():
        sql("BEGIN")
        raw_rename(row, "never")
        pause()
        die()

    in_child(work, dies=True)
    settled(row)


@path("killed: after the call of a transaction has returned")
def _(row):
    def work():
        with transaction.atomic():
            users(row).update(first_name="committed")
            pause()
        die()

    in_child(work, dies=True)


@path("killed: after an update has returned")
def _(row):
    def work():
        users(row).update(first_name="committed")
        die()

    in_child(work, dies=True)


@path("killed: between the commit and its return", documented=KILLED, short=True)
def _(row):
    def work():
        commit = BaseDatabaseWrapper._commit

        def commit_and_die(self):
            commit(self)
            die()

        BaseDatabaseWrapper._commit = commit_and_die
        # Made anew, so that what wraps the method wraps this one.
        del connections["default"]
        with transaction.atomic():
            users(row).update(first_name="committed")
            pause()

    in_child(work, dies=True)


@path("killed: between a statement and its return", documented=KILLED)
def _(row):
    def work():
        def run_and_die(execute, statement, parameters, many, context):
            execute(statement, parameters, many, context)
            die()

        connection.ensure_connection()
        connection.execute_wrappers.append(run_and_die)
        raw_rename(row)

    in_child(work, dies=True)
    settled(row)


@path("killed: before a statement is run")
def _(row):
    def work():
        connection.ensure_connection()
        connection.execute_wrappers.append(lambda *_: die())
        raw_rename(row, "never")

    in_child(work, dies=True)
    users(row).update(last_name="by the next one")


@path("killed: before the commit, then another one writes")
def _(row):
    def work():
        with transaction.atomic():
            users(row).update(first_name="never")
            die()

    in_child(work, dies=True)
    users(row).update(last_name="by the next one")


def settled(row):
    """Wait until the server has found the killed one's connection gone."""
    if VENDOR != "sqlite":
        with transaction.atomic():
            User.objects.select_for_update().get(pk=row.pk)


def python(code, **environment):
    """Run a program in the project, in a Python of its own."""
    head = "import django, os; django.setup()\nfrom django.contrib.auth.models import User\n"
    run = subprocess.run(
        [sys.executable, "-c", head + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(run.stderr.strip().splitlines()[-1])


@path("fresh process: update", trials=FEW, short=True)
def _(row):
    python(f"User.objects.filter(pk={row.pk}).update(first_name='fresh')")


@path("fresh process: raw SQL as the first statement", trials=FEW)
def _(row):
    python(
        "from django.db import connection\nconnection.cursor().execute("
        f"\"UPDATE auth_user SET first_name = 'fresh' WHERE id = {row.pk}\")"
    )


@path("fresh process: in a transaction, the process ends at once", trials=FEW)
def _(row):
    python(
        "from django.db import transaction\nwith transaction.atomic():\n"
        f"    User.objects.filter(pk={row.pk}).update(first_name='fresh')\nos._exit(0)"
    )


@path("fresh process: an app before irontoken that writes in ready()", trials=FEW)
def _(row):
    python(
        "",
        WRITE_PATHS_EARLY_APP="tests.stress.write_paths.early",
        WRITE_PATHS_EARLY_USER=str(row.pk),
    )


@path("fresh process: a receiver of connection_created that writes", trials=FEW)
def _(row):
    python(
        "from django.db.backends.signals import connection_created\n"
        "def write(connection, **_):\n"
        "    connection.cursor().execute("
        f"\"UPDATE auth_user SET first_name = 'created' WHERE id = {row.pk}\")\n"
        "connection_created.connect(write)\nUser.objects.first()\n"
    )


@path("fresh process: irontoken is set up after the write", trials=FEW)
def _(row):
    python(
        f"User.objects.filter(pk={row.pk}).update(first_name='first')\n"
        "import irontoken; irontoken.cache_info()\n"
    )


@path("connection: a receiver of connection_created that writes")
def _(row):
    from django.db.backends.signals import connection_created

    def write(connection, **_):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE auth_user SET first_name = 'c' WHERE id = %s", (row.pk,))

    connection.close()
    connection_created.connect(write)
    try:
        connection.ensure_connection()
    finally:
        connection_created.disconnect(write)


@path("connection: an init_command that writes", ("mysql",))
def _(row):
    """It is run by the driver, when it connects."""
    connection.close()
    before = connection.settings_dict["OPTIONS"]
    statement = f"UPDATE auth_user SET first_name = 'init' WHERE id = {row.pk}"
    connection.settings_dict["OPTIONS"] = {**before, "init_command": statement}
    try:
        connection.ensure_connection()
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = before


def _missing_root():
    return "" if os.geteuid() == 0 else "only root can become another user"


@path(
    "user: a writer that became another user of the system",
    SERVERS,
    documented="all processes run as one user of the system: MAX_AGE",
    missing=_missing_root,
)
def _(row):
    def work():
        os.setuid(65534)
        users(row).update(first_name="by nobody")

    in_child(work)
