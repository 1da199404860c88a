"""The tutorial with the cache and issued tokens, on a database and in a folder of the test's."""

from tests.support.site_settings import *  # noqa: F403
from tests.support.site_settings import INSTALLED_APPS, IRONTOKEN

INSTALLED_APPS = [*INSTALLED_APPS, "irontoken.tokens"]
IRONTOKEN = {**IRONTOKEN, "TOKEN_MODEL": "irontoken_tokens.AccessToken"}
