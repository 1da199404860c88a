"""A project with a fleet, as the environment describes it."""

import os

import dj_database_url

DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
CACHE = {
    "COHERENCE": os.environ.get("COHERENCE", "postgres"),
    "PATH": os.environ["IRONTOKEN_FOLDER"],
    "MAX_AGE": 600,
}
if "REDIS_URL" in os.environ and CACHE["COHERENCE"] == "redis":
    CACHE["LOCATION"] = os.environ["REDIS_URL"]
if "DIRECT_URL" in os.environ and CACHE["COHERENCE"] == "postgres":
    DATABASES["direct"] = dj_database_url.parse(os.environ["DIRECT_URL"])
    CACHE["LISTEN"] = {"default": "direct"}
if "REPLICA_URL" in os.environ:
    DATABASES["replica"] = dj_database_url.parse(os.environ["REPLICA_URL"])
IRONTOKEN = {"CACHE": CACHE}
DISABLE_SERVER_SIDE_CURSORS = True
SECRET_KEY = "a secret of the tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework.authtoken",
    "irontoken",
]
if "SILENT" in os.environ:
    # What the log says is not what is tested.
    LOGGING = {"version": 1, "loggers": {"irontoken": {"level": "CRITICAL"}}}
