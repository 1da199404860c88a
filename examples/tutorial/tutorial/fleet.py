"""The tutorial on several hosts: the bus that carries the news, and a folder for each host."""

import os

import dj_database_url

from tutorial.cached import *  # noqa: F403

DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=None)}
if "REDIS_URL" in os.environ:
    CACHE = {"COHERENCE": "redis", "LOCATION": os.environ["REDIS_URL"]}
else:
    CACHE = {"COHERENCE": "postgres"}
# Hosts have no memory in common. Where two are played on one, this keeps them apart.
IRONTOKEN = {"CACHE": {**CACHE, "PATH": os.environ["HOST_FOLDER"]}}
