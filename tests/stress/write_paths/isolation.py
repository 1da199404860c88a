"""Readers and writers under other isolation levels, of MariaDB."""

from django.contrib.auth.models import User
from django.db import transaction

from tests.stress.write_paths.common import sql, users
from tests.stress.write_paths.registry import (
    MARIADB,
    path,
)
from tests.stress.write_paths.trial import pause


@path(
    "mariadb: readers under READ UNCOMMITTED, rolled back",
    MARIADB,
    subject="token by uncommitted",
    short=True,
)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="never committed")
        pause(4)
        transaction.set_rollback(True)


@path(
    "mariadb: readers under READ UNCOMMITTED, made active and rolled back",
    MARIADB,
    subject="inactive by uncommitted",
)
def _(row):
    with transaction.atomic():
        users(row).update(is_active=True)
        pause(4)
        transaction.set_rollback(True)


@path(
    "mariadb: readers under READ UNCOMMITTED, a created token rolled back",
    MARIADB,
    subject="revoked by uncommitted",
)
def _(row):
    with transaction.atomic():
        type(row.token).objects.create(key=row.key, user=row.user)
        pause(4)
        transaction.set_rollback(True)


@path(
    "mariadb: readers under READ UNCOMMITTED, a writer that is killed",
    MARIADB,
    subject="inactive by uncommitted",
)
def _(row):
    from tests.stress.write_paths.common import die, in_child

    def work():
        with transaction.atomic():
            users(row).update(is_active=True)
            pause(4)
            die()

    in_child(work, dies=True)
    # The server rolls back when it finds the connection gone.
    with transaction.atomic():
        User.objects.select_for_update().get(pk=row.pk)


@path(
    "mariadb: readers under READ UNCOMMITTED, committed", MARIADB, subject="token by uncommitted"
)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="committed")
        pause()


@path("mariadb: readers under REPEATABLE READ", MARIADB, subject="token by repeatable")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="repeatable")
        pause()


@path("mariadb: readers under SERIALIZABLE", MARIADB, subject="token by serializable")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="serializable")


@path("mariadb: SET TRANSACTION READ UNCOMMITTED of the writer", MARIADB)
def _(row):
    sql("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
    with transaction.atomic():
        users(row).update(first_name="dirty")
        pause()
