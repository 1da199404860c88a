"""The tutorial with the cache on: two settings more."""

from tutorial.settings import *  # noqa: F403
from tutorial.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "irontoken"]
IRONTOKEN = {"CACHE": {"COHERENCE": "host"}}
