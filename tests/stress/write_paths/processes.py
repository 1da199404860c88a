"""Forks, threads, processes of their own, and writers that are killed."""

import os
import threading

from django.contrib.auth.models import User
from django.db import connections, transaction

from tests.stress.write_paths.common import in_child, raw_rename, sql, users
from tests.stress.write_paths.registry import SERVERS, path
from tests.stress.write_paths.trial import pause


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
