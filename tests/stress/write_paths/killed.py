"""Writers that are killed."""

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.stress.write_paths.common import VENDOR, die, in_child, raw_rename, sql, users
from tests.stress.write_paths.registry import KILLED, path
from tests.stress.write_paths.trial import pause


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
