"""The databases of a run: made, filled with tables, views and triggers, and dropped again.

Triggers start from `write_paths_mood`, or from a value that one path alone writes, so that they
change nothing for the others.
"""

import os
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from tests.stress.write_paths import schema_mariadb, schema_postgresql, schema_sqlite

OF_VENDOR = {
    "sqlite": schema_sqlite.STATEMENTS,
    "postgresql": schema_postgresql.STATEMENTS,
    "mysql": schema_mariadb.STATEMENTS,
}


def names():
    return [
        connections["default"].settings_dict["NAME"],
        connections["other"].settings_dict["NAME"],
    ]


def create():
    """Make all databases of the settings, with all tables."""
    drop()
    if settings.VENDOR == "sqlite":
        Path(f"{settings.FOLDER}/link.sqlite3").symlink_to(settings.MAIN)
    else:
        with connection._nodb_cursor() as cursor:
            for name in names():
                charset = " CHARACTER SET utf8mb4" if settings.VENDOR == "mysql" else ""
                cursor.execute(f"CREATE DATABASE {name}{charset}")
    if settings.VENDOR == "postgresql":
        for alias in ("default", "other"):
            execute(alias, ["CREATE SCHEMA wp_schema"])
    aliases = ["default", "other", *(["wal"] if settings.VENDOR == "sqlite" else [])]
    for alias in aliases:
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    execute("default", OF_VENDOR[settings.VENDOR])
    if settings.VENDOR == "mysql":
        with connection.cursor() as cursor:
            schema_mariadb.replace_constraints(cursor)
    if "wal" in aliases:
        execute("wal", ["PRAGMA journal_mode=WAL"])
    connections.close_all()


def execute(alias, statements):
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def drop():
    connections.close_all()
    if settings.VENDOR == "sqlite":
        for path in Path(settings.FOLDER).glob("*.sqlite3*"):
            path.unlink()
        return
    # Twice, since a process that was killed may hold a connection for a moment.
    force = " WITH (FORCE)" if settings.VENDOR == "postgresql" else ""
    with connection._nodb_cursor() as cursor:
        for name in names():
            cursor.execute(f"DROP DATABASE IF EXISTS {name}{force}")


def prepare_environment(folder):
    """Say in the environment what the settings are to be, for this process and those it starts."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="tests.stress.write_paths.settings",
        WRITE_PATHS_FOLDER=str(folder),
        WRITE_PATHS_PREFIX=f"wp_{os.getpid()}",
    )
