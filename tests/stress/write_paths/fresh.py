"""Processes of their own, and what is written while a connection is made."""

import os
import subprocess
import sys

from django.db import connection

from tests.stress.write_paths.common import in_child, users
from tests.stress.write_paths.registry import AROUND_DJANGO, SERVERS, path

#: Trials of paths whose point is a fresh Python.
FEW = 3


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


@path("connection: an init_command that writes", ("mysql",), documented=AROUND_DJANGO)
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
