"""Issued tokens: hashed at rest, many to a user, with names, scopes and an end.

List ``"irontoken.tokens"`` in ``INSTALLED_APPS`` and set
``IRONTOKEN = {"TOKEN_MODEL": "irontoken_tokens.AccessToken"}``.
"""

from typing import Any

from irontoken._core import is_issued_key

__all__ = ["get_token_model", "looks_like_key"]


def looks_like_key(text: str) -> bool:
    """Return whether ``text`` has the prefix, the alphabet and the checksum of an issued key.

    It makes no query, and so does not say whether a token has this key. A log scrubber can use it.
    """
    from irontoken.tokens import settings as conf

    return is_issued_key(conf.options().key_prefix, text)


def get_token_model() -> Any:
    """Return the model of issued tokens: ``AccessToken``, or the model in ``TOKEN_MODEL``.

    Raises ``ImproperlyConfigured`` if ``IRONTOKEN["TOKEN_MODEL"]`` is not an installed model.
    """
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured

    from irontoken.settings.setting import token_model, tokens_line

    label = token_model() or "irontoken_tokens.AccessToken"
    is_set = f"is {label!r}, which" if token_model() else f"is not set, and {label!r}"
    try:
        return apps.get_model(label, require_ready=False)
    except (LookupError, ValueError) as error:
        hint = "" if apps.is_installed("irontoken.tokens") else f" {tokens_line()}"
        raise ImproperlyConfigured(
            f"IRONTOKEN['TOKEN_MODEL'] {is_set} is no installed model.{hint}"
        ) from error
