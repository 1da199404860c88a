"""Django settings of the tests; ``DATABASE_URL`` names the server, SQLite otherwise.

``POOL=1`` lets PostgreSQL's connections come from psycopg's pool.
"""

import os
import tempfile
from pathlib import Path

import dj_database_url

# In memory where that can be had: on a disk the suite takes twice as long.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
FOLDER = Path(os.environ.get("TEST_DATABASE_FOLDER", MEMORY))
DEFAULT = dj_database_url.parse(os.environ.get("DATABASE_URL") or "sqlite://:memory:")
OTHER = {**DEFAULT}
if DEFAULT["ENGINE"] == "django.db.backends.sqlite3":
    # Files, since the threads and forks of a test need one database, and one in memory is private.
    DEFAULT["TEST"] = {"NAME": str(FOLDER / f"irontoken-{os.getpid()}-default.sqlite3")}
    OTHER["TEST"] = {"NAME": str(FOLDER / f"irontoken-{os.getpid()}-other.sqlite3")}
else:
    OTHER["NAME"] = f"{DEFAULT['NAME']}_other"

if "POOL" in os.environ:
    for database in (DEFAULT, OTHER):
        database["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 4, "timeout": 60}}
DATABASES = {"default": DEFAULT, "other": OTHER}
SECRET_KEY = "a secret of the tests"
USE_TZ = True
USE_I18N = True
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.support.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "knox",
    "irontoken",
    "irontoken.tokens",
    "examples.real_applications",
    "tests.support.shapes",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["irontoken.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
# Without migrations the tables of all apps are made in one go, in any order.
MIGRATION_MODULES = {app.rsplit(".", 1)[-1]: None for app in INSTALLED_APPS}
