"""The project of the stress test: the cache is on, with a version file of the test's own."""

import os

from tests.support.settings import *  # noqa: F403
from tests.support.settings import DATABASES

IRONTOKEN = {"CACHE": {"COHERENCE": "host", "PATH": os.environ["IRONTOKEN_STRESS_FOLDER"]}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    for database in DATABASES.values():
        database["OPTIONS"] = {
            "timeout": 60,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL",
        }
