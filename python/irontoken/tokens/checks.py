"""System checks of issued tokens."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import router

from irontoken.tokens import conf, get_token_model
from irontoken.tokens.models import AbstractAccessToken


def check_tokens(**_: Any) -> list[CheckMessage]:
    """Check the ``TOKENS`` section of the setting, and the model."""
    found: list[CheckMessage] = [
        Error(message, hint=hint, id="irontoken.E010") for message, hint in conf.problems()
    ]
    try:
        is_ours = issubclass(get_token_model(), AbstractAccessToken)
        message = "IRONTOKEN['TOKEN_MODEL'] is no model of issued tokens."
    except ImproperlyConfigured as error:
        is_ours, message = False, str(error)
    if not is_ours:
        hint = "It takes 'irontoken_tokens.AccessToken', or a subclass of AbstractAccessToken."
        found.append(Error(message, hint=hint, id="irontoken.E012"))
    return found


def check_peppers(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check, for ``check --database``, that there is each pepper that digests were made under."""
    try:
        model = get_token_model()
        options = conf.options()
    except ImproperlyConfigured:
        return []  # another check's to say
    found: list[CheckMessage] = []
    for alias in databases or ():
        if not router.allow_migrate_model(alias, model):
            continue
        tokens = model.objects.db_manager(alias).live()
        if not options.require_pepper:
            tokens = tokens.filter(digest__startswith="pepper")
        for number in options.peppers:
            tokens = tokens.exclude(digest__startswith=f"pepper{number}$")
        try:
            digests = list(tokens.values_list("digest", flat=True)[:1])
        except DatabaseError:
            continue  # before the first migration there is no table
        for digest in digests:
            scheme = digest.split("$")[0]
            if scheme.startswith("pepper"):
                said = (
                    f"digests under the pepper {scheme.removeprefix('pepper')}, which "
                    "IRONTOKEN['TOKENS']['PEPPERS'] lacks"
                )
                hint = "Add it again, or revoke them."
            else:
                said = "digests without a pepper, and REQUIRE_PEPPER is on"
                hint = "Switch it off until they have been used, which adds one, or revoke them."
            message = f"{alias!r} holds {said}: those tokens are refused."
            found.append(Error(message, hint=hint, id="irontoken.E011"))
    return found
