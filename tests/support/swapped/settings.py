"""The settings of a project with models of its own, for ``tests/integration/tokens``."""

from tests.support.settings import *  # noqa: F403
from tests.support.settings import INSTALLED_APPS, MIGRATION_MODULES

INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app != "tests.support.shapes"),
    "tests.support.swapped",
]
MIGRATION_MODULES = {**MIGRATION_MODULES, "swapped": None}
AUTH_USER_MODEL = "swapped.Member"
IRONTOKEN = {"TOKEN_MODEL": "swapped.DeviceToken"}
