"""The tests' settings for ``tests/tokens`` once more, in a project with models of its own."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIGRATION_MODULES

INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != "tests.shapes"), "tests.swapped"]
MIGRATION_MODULES = {**MIGRATION_MODULES, "swapped": None}
AUTH_USER_MODEL = "swapped.Member"
IRONTOKEN = {"TOKEN_MODEL": "swapped.DeviceToken"}
