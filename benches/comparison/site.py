"""The tutorial with the cache on, and the limit of any authenticator beside it."""

from tutorial.cached import *  # noqa: F403

ROOT_URLCONF = "benches.comparison.site_urls"
