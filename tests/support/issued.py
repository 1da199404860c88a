"""What the tests of issued tokens share: the models in use, and a setting."""

import contextlib

from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import override_settings

from irontoken.tokens import get_token_model

#: Django's and ours, or those of `tests.support.swapped`.
User = get_user_model()
AccessToken = get_token_model()
#: The admin's page of them.
ADMIN = "/admin/{app_label}/{model_name}/".format_map(vars(AccessToken._meta))


def setting(cache=None, **tokens):
    found = {"TOKEN_MODEL": AccessToken._meta.label, "TOKENS": tokens}
    return override_settings(IRONTOKEN={**found, **({"CACHE": cache} if cache else {})})


def patiently(work):
    """Do it again while SQLite or MariaDB says that another was there first."""
    for _ in range(500):
        with contextlib.suppress(OperationalError):
            return work()
    raise AssertionError
