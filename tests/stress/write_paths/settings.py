"""The project of the write paths: one database under several aliases, and two others.

SQLite runs with Django's defaults. Its journal mode and `synchronous` decide when a write is
visible, and a test that changes them hides what it looks for.
"""

import os

from tests.support.settings import *  # noqa: F403
from tests.support.settings import DEFAULT as GIVEN

FOLDER = os.environ["WRITE_PATHS_FOLDER"]
#: The beginning of the names of all databases of a run.
PREFIX = os.environ["WRITE_PATHS_PREFIX"]


def database(name, options=None, **changes):
    found = {key: value for key, value in GIVEN.items() if key != "TEST"}
    return {**found, "NAME": name, "OPTIONS": options or {}, **changes}


VENDOR = {"django.db.backends.sqlite3": "sqlite", "django.db.backends.postgresql": "postgresql"}
VENDOR = VENDOR.get(GIVEN["ENGINE"], "mysql")

if VENDOR == "sqlite":
    MAIN = f"{FOLDER}/main.sqlite3"
    DATABASES = {
        "default": database(MAIN),
        "second": database(MAIN, {"timeout": 30}),
        "link": database(f"{FOLDER}/link.sqlite3"),
        "uri": database(f"file:{MAIN}?mode=rw", {"uri": True}),
        "dotted": database(f"{FOLDER}/../{FOLDER.rsplit('/', 1)[-1]}/main.sqlite3"),
        "other": database(f"{FOLDER}/other.sqlite3"),
        "wal": database(f"{FOLDER}/wal.sqlite3"),
    }
elif VENDOR == "postgresql":
    MAIN = f"{PREFIX}_main"
    DATABASES = {
        "default": database(MAIN),
        "second": database(MAIN, {"options": "-c statement_timeout=60000"}),
        "portless": database(MAIN, PORT=""),
        "localhost": database(MAIN, HOST="localhost"),
        "pooled": database(MAIN, {"pool": {"min_size": 1, "max_size": 4, "timeout": 10}}),
        "binding": database(MAIN, {"server_side_binding": True}),
        "serializable": database(MAIN, {"isolation_level": 4}),
        "repeatable": database(MAIN, {"isolation_level": 3}),
        "named": database(MAIN, {"application_name": "named", "connect_timeout": 9}),
        "tenant": database(MAIN, {"options": "-c search_path=wp_tenant,public"}),
        "other": database(f"{PREFIX}_other"),
    }
else:
    MAIN = f"{PREFIX}_main"
    DATABASES = {
        "default": database(MAIN),
        "second": database(MAIN, {"connect_timeout": 9}),
        "portless": database(MAIN, PORT=""),
        "localhost": database(MAIN, HOST="localhost"),
        "uncommitted": database(MAIN, {"isolation_level": "read uncommitted"}),
        "repeatable": database(MAIN, {"isolation_level": "repeatable read"}),
        "serializable": database(MAIN, {"isolation_level": "serializable"}),
        "local": database(MAIN, {"local_infile": 1}),
        "several": database(MAIN, {"client_flag": 65536}),
        "ansi": database(MAIN, {"init_command": "SET sql_mode='ANSI,STRICT_TRANS_TABLES'"}),
        "other": database(f"{PREFIX}_other"),
    }

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "rest_framework.authtoken",
    "irontoken",
    "irontoken.tokens",
    "tests.stress.write_paths",
]
if early := os.environ.get("WRITE_PATHS_EARLY_APP"):
    INSTALLED_APPS.insert(0, early)
MIGRATION_MODULES = {app.rsplit(".", 1)[-1]: None for app in INSTALLED_APPS}
DATABASE_ROUTERS = ["tests.stress.write_paths.subjects.Router"]
SILENCED_SYSTEM_CHECKS = ["auth.E003", "auth.W004", "fields.W342"]
# What is refused, and files that are lost, are what is tested here.
LOGGING = {"version": 1, "loggers": {"irontoken": {"level": "CRITICAL", "propagate": False}}}
IRONTOKEN = {
    "CACHE": {"COHERENCE": "host", "PATH": FOLDER, "MAX_AGE": 3600},
    # A use that is written by a thread would be a write of its own.
    "TOKENS": {"LAST_USED": False},
}
