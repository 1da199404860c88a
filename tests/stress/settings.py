"""The project of the stress test: the cache is on, with a version file of the test's own."""

import os

from tests.support.settings import *  # noqa: F403
from tests.support.settings import DATABASES

FOLDER = os.environ["IRONTOKEN_STRESS_FOLDER"]
IRONTOKEN = {"CACHE": {"COHERENCE": "host", "PATH": FOLDER}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    for alias, database in DATABASES.items():
        # What this journal leaves beside a database goes with the folder.
        database["TEST"] = {"NAME": f"{FOLDER}/{alias}.sqlite3"}
        database["OPTIONS"] = {
            "timeout": 60,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL",
        }
