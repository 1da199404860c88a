"""The tutorial with issued tokens beside the cache: hashed at rest, many to a user."""

from tutorial.cached import *  # noqa: F403
from tutorial.cached import INSTALLED_APPS, IRONTOKEN

INSTALLED_APPS = [*INSTALLED_APPS, "irontoken.tokens"]
IRONTOKEN = {**IRONTOKEN, "TOKEN_MODEL": "irontoken_tokens.AccessToken"}
