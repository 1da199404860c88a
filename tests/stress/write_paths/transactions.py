"""Transactions of Django's: atomic blocks, savepoints, autocommit, failures."""

import contextlib

from django.contrib.auth.models import User
from django.db import connection, transaction
from rest_framework.authtoken.models import Token

from tests.stress.write_paths.common import KEY, fetched, raw_rename, sql, users
from tests.stress.write_paths.registry import SERVERS, path
from tests.stress.write_paths.trial import pause


def _executemany(row):
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE auth_user SET first_name = 'm' WHERE id = %s", [(row.pk,)])


CHANGES = {
    "update": lambda row: users(row).update(first_name="changed"),
    "save": lambda row: (setattr(row.user, "is_active", False), row.user.save()),
    "delete of the token": lambda row: Token.objects.filter(key=row.key).delete(),
    "_raw_delete": lambda row: Token.objects.filter(key=row.key)._raw_delete("default"),
    "cascade": lambda row: User.objects.get(pk=row.pk).delete(),
    "raw UPDATE": raw_rename,
    "raw DELETE": lambda row: sql(f"DELETE FROM authtoken_token WHERE {KEY} = %s", row.key),
    "executemany": _executemany,
}


class Rollback(Exception):
    """Raised to roll back."""


def atomic(change, row):
    with transaction.atomic():
        change(row)
        pause()


def nested(change, row):
    with transaction.atomic(), transaction.atomic():
        change(row)
        pause()


def nested_without_savepoint(change, row):
    with transaction.atomic(), transaction.atomic(savepoint=False):
        change(row)
        pause()


def after_a_savepoint_rolled_back(change, row):
    with transaction.atomic():
        with contextlib.suppress(Rollback), transaction.atomic():
            change(row)
            raise Rollback
        pause()
        change(row)
        pause()


def before_a_savepoint_rolled_back(change, row):
    with transaction.atomic():
        change(row)
        with contextlib.suppress(Rollback), transaction.atomic():
            users(row).update(last_name="undone")
            raise Rollback
        pause()


def rolled_back(change, row):
    with contextlib.suppress(Rollback), transaction.atomic():
        change(row)
        pause()
        raise Rollback
    # The instance that was deleted has no primary key, and the rows are as before.
    pause()


def autocommit_off(change, row):
    """The connection stays without autocommit until the trial closes it."""
    transaction.set_autocommit(False)
    change(row)
    pause()
    transaction.commit()


def autocommit_off_twice(change, row):
    transaction.set_autocommit(False)
    users(row).update(email="first@example.com")
    transaction.commit()
    change(row)
    pause()
    transaction.commit()


def autocommit_off_and_rolled_back(change, row):
    transaction.set_autocommit(False)
    change(row)
    pause()
    transaction.rollback()


def autocommit_off_and_on(change, row):
    transaction.set_autocommit(False)
    change(row)
    pause()
    transaction.commit()
    transaction.set_autocommit(True)


def atomic_in_autocommit_off(change, row):
    transaction.set_autocommit(False)
    with transaction.atomic():
        change(row)
        pause()
    pause()
    transaction.commit()


def set_rollback(change, row):
    with transaction.atomic():
        change(row)
        pause()
        transaction.set_rollback(True)


def durable(change, row):
    with transaction.atomic(durable=True):
        change(row)
        pause()


CONTEXTS = {
    "atomic": (atomic, CHANGES),
    "atomic in atomic": (nested, ("update", "raw UPDATE", "delete of the token")),
    "atomic in atomic, without a savepoint": (nested_without_savepoint, ("save", "raw DELETE")),
    "after a savepoint rolled back": (
        after_a_savepoint_rolled_back,
        ("update", "raw UPDATE", "raw DELETE", "executemany"),
    ),
    "before a savepoint rolled back": (before_a_savepoint_rolled_back, ("update", "raw DELETE")),
    "rolled back": (rolled_back, ("update", "delete of the token", "raw UPDATE", "cascade")),
    "autocommit off": (autocommit_off, CHANGES),
    "autocommit off, the second transaction": (autocommit_off_twice, ("update", "raw DELETE")),
    "autocommit off, rolled back": (autocommit_off_and_rolled_back, ("update", "raw UPDATE")),
    "autocommit off and on": (autocommit_off_and_on, ("save", "raw UPDATE")),
    "atomic in autocommit off": (atomic_in_autocommit_off, ("update", "raw DELETE")),
    "set_rollback": (set_rollback, ("update", "raw UPDATE")),
    "durable": (durable, ("update", "delete of the token")),
}


for context, (way, changes) in CONTEXTS.items():
    for name in changes:

        @path(f"transaction: {context}: {name}", short=name == "update")
        def _(row, way=way, change=CHANGES[name]):
            way(change, row)


@path("transaction: the user and its token, in one block", short=True)
def _(row):
    with transaction.atomic():
        users(row).update(is_active=False)
        pause(1)
        Token.objects.filter(key=row.key).delete()
        pause(1)
        Token.objects.create(user=row.user, key=row.key)
        pause(1)


@path("transaction: atomic as a decorator")
def _(row):
    @transaction.atomic
    def view():
        users(row).update(first_name="decorated")
        pause()

    view()


@path("transaction: as ATOMIC_REQUESTS does")
def _(row):
    from django.http import HttpResponse
    from django.test import RequestFactory

    def view(request):
        users(row).update(first_name="in a request")
        pause()
        return HttpResponse("done")

    transaction.atomic(using="default")(view)(RequestFactory().get("/"))


@path("transaction: savepoints by hand, rolled back and committed")
def _(row):
    with transaction.atomic():
        first = transaction.savepoint()
        users(row).update(first_name="first")
        pause(1)
        second = transaction.savepoint()
        users(row).update(first_name="second")
        transaction.savepoint_rollback(second)
        transaction.savepoint_commit(first)
        pause(1)


@path("transaction: savepoints of one name, twice")
def _(row):
    with transaction.atomic():
        for _ in range(3):
            with contextlib.suppress(Rollback), transaction.atomic():
                users(row).update(first_name="undone")
                raise Rollback
        pause()
        users(row).update(last_name="done")
        pause()


@path("transaction: a read first, then a write")
def _(row):
    with transaction.atomic():
        assert User.objects.count()
        users(row).update(first_name="after a read")
        pause()


@path("transaction: a commit without a write of ours, then a write")
def _(row):
    with transaction.atomic():
        fetched("SELECT 1")
    users(row).update(first_name="alone")


@path("transaction: a long one, which readers outlive", trials=3)
def _(row):
    with transaction.atomic():
        for number in range(5):
            users(row).update(first_name=f"step {number}")
            pause(20)


@path("transaction: REPEATABLE READ of the next one", vendors=SERVERS)
def _(row):
    if connection.vendor == "mysql":
        sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with transaction.atomic():
        if connection.vendor == "postgresql":
            sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        fetched("SELECT COUNT(*) FROM auth_user")
        users(row).update(first_name="repeatable")
        pause()
