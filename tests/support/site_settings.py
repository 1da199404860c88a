"""The tutorial with the cache on, and its version file in a folder of the test's."""

import os

from tutorial.cached import *  # noqa: F403

IRONTOKEN = {
    "CACHE": {"COHERENCE": "host", "MAX_AGE": 600, "PATH": os.environ["IRONTOKEN_FOLDER"]}
}
