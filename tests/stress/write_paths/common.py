"""What paths are made of."""

import os
import signal
import traceback

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections

VENDOR = settings.VENDOR
#: The key's column needs quotes where `key` is a word of the language.
KEY = "`key`" if VENDOR == "mysql" else "key"


def sql(statement, *parameters, alias="default"):
    """Run a statement, with or without parameters; fetch nothing."""
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters or None)


def fetched(statement, *parameters, alias="default"):
    """Run a statement and return its rows."""
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall()


def users(row):
    return User.objects.filter(pk=row.pk)


def deactivate(row):
    users(row).update(is_active=False)


def rename(row, name="changed"):
    users(row).update(first_name=name)


def raw_rename(row, name="changed", alias="default"):
    sql("UPDATE auth_user SET first_name = %s WHERE id = %s", name, row.pk, alias=alias)


def in_child(work, *, dies=False):
    """Run ``work`` in a fork with connections of its own; ``dies`` says that it kills itself."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            connections.close_all()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitpid(pid, 0)[1]
    expected = signal.SIGKILL if dies else 0
    if status != expected:
        raise RuntimeError(f"the child ended with status {status}")


def die():
    os.kill(os.getpid(), signal.SIGKILL)
