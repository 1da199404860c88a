"""How a transaction of Django's ends otherwise: hooks, failures, and a token asked for in it."""

import contextlib

from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, transaction

import irontoken
from tests.stress.write_paths.common import KEY, sql, users
from tests.stress.write_paths.registry import path
from tests.stress.write_paths.trial import pause


class Rollback(Exception):
    """Raised to roll back."""


@path("transaction: a hook of on_commit writes")
def _(row):
    with transaction.atomic():
        transaction.on_commit(lambda: users(row).update(first_name="by a hook"))
        users(row).update(last_name="before")
        pause()


@path("transaction: a hook of on_commit raises")
def _(row):
    def fail():
        raise Rollback

    with contextlib.suppress(Rollback), transaction.atomic():
        transaction.on_commit(fail)
        users(row).update(first_name="committed all the same")
        pause()


@path("transaction: robust hooks of on_commit")
def _(row):
    with transaction.atomic():
        transaction.on_commit(lambda: 1 / 0, robust=True)
        users(row).update(first_name="robust")
        pause()


@path("transaction: commit that the driver refuses")
def _(row):
    """The connection fails before the commit reached the database."""
    transaction.set_autocommit(False)
    users(row).update(first_name="never committed")
    driver, connection.connection = connection.connection, Refusing(connection.connection)
    try:
        transaction.commit()
    except OperationalError:
        pass
    finally:
        connection.connection = driver
    pause()
    connection.close()


@path("transaction: commit that is done and reports a failure")
def _(row):
    """The database has committed, and its answer is lost."""
    transaction.set_autocommit(False)
    users(row).update(first_name="committed")
    pause()
    driver, connection.connection = connection.connection, Forgetting(connection.connection)
    try:
        transaction.commit()
    except OperationalError:
        pass
    finally:
        connection.connection = driver
    connection.close()


class Refusing:
    def __init__(self, driver):
        self.driver = driver

    def __getattr__(self, name):
        return getattr(self.driver, name)

    def commit(self):
        raise OperationalError("the server went away before")


class Forgetting(Refusing):
    def commit(self):
        self.driver.commit()
        raise OperationalError("the server went away after")


@path("transaction: a commit that a deferred constraint refuses", vendors=("sqlite", "postgresql"))
def _(row):
    with contextlib.suppress(IntegrityError), transaction.atomic():
        users(row).update(first_name="never")
        sql(f"UPDATE authtoken_token SET user_id = %s WHERE {KEY} = %s", -1, row.key)
        pause()
    users(row).update(last_name="afterwards")


@path("transaction: a block that a failed statement ends")
def _(row):
    with contextlib.suppress(IntegrityError), transaction.atomic():
        users(row).update(first_name="never")
        User.objects.create(username=row.user.username)
    pause()


@path("transaction: a failed statement in a savepoint, then a write")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="kept")
        with contextlib.suppress(IntegrityError), transaction.atomic():
            User.objects.create(username=row.user.username)
        pause()


@path("transaction: the connection is closed in the block")
def _(row):
    with contextlib.suppress(Exception), transaction.atomic():
        users(row).update(first_name="never")
        connection.close()
    pause()


@path("transaction: a token asked for in the middle", short=True)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="in the middle")
        user, _ = irontoken.TokenAuthentication().authenticate_credentials(row.key)
        assert user.first_name == "in the middle"
        pause()


@path("transaction: a token asked for, and the block rolled back", short=True)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="undone")
        irontoken.TokenAuthentication().authenticate_credentials(row.key)
        pause()
        transaction.set_rollback(True)


@path("transaction: made active and rolled back", subject="inactive")
def _(row):
    with transaction.atomic():
        users(row).update(is_active=True)
        pause()
        transaction.set_rollback(True)


@path("transaction: made active and committed", subject="inactive")
def _(row):
    with transaction.atomic():
        users(row).update(is_active=True)
        pause()


@path("transaction: constraints checked at once", vendors=("postgresql",))
def _(row):
    with transaction.atomic():
        users(row).update(first_name="checked")
        connection.check_constraints()
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        pause()


@path("transaction: constraint checks off", vendors=("sqlite", "mysql"))
def _(row):
    with connection.constraint_checks_disabled():
        users(row).update(first_name="unchecked")
