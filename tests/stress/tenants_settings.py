"""The project of the stress test with django-tenants: each user is in one of two schemas."""

import os

from tests.support.tenants.settings import *  # noqa: F403

IRONTOKEN = {"CACHE": {"COHERENCE": "host", "PATH": os.environ["IRONTOKEN_STRESS_FOLDER"]}}
