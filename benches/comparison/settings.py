"""One Django project in which all contestants live side by side."""

import os
import tempfile
from pathlib import Path

import dj_database_url

SECRET_KEY = "a secret of the benchmark, long enough for HMAC-SHA-256"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or "sqlite://:memory:", conn_max_age=None
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    FOLDER = Path(tempfile.gettempdir())
    DATABASES["default"]["TEST"] = {"NAME": FOLDER / f"irontoken-bench-{os.getpid()}.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework.authtoken",
    "rest_framework_api_key",
    "knox",
    "durin",
    "irontoken",
    "irontoken.tokens",
    "benches.comparison",
]
# Whose tables are referred to by one without migrations is made with it.
MIGRATION_MODULES = dict.fromkeys(("auth", "contenttypes", "comparison"))
ROOT_URLCONF = "benches.comparison.settings"
urlpatterns: list[object] = []
