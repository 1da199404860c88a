"""Binding a token to its user's password: ``REVOKE_ON_PASSWORD_CHANGE = "session_hash"``.

A token keeps a digest of what ``get_session_auth_hash()`` returned when it was issued, as a
session of Django does. Whatever changes the password, by whatever program, changes it too. Since
it is an HMAC under ``SECRET_KEY``, the digest tells nothing of the password.
"""

import copy
import hashlib
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens import settings as conf
from irontoken.tokens import uses


def binding_of(user: Any) -> str:
    """Return what a token of ``user`` is bound by, or ``""`` where the setting binds none.

    Raises ``ImproperlyConfigured`` for a user model without ``get_session_auth_hash()``.
    """
    if not conf.options().binds_tokens:
        return ""
    found = getattr(user, "get_session_auth_hash", None)
    if found is None:
        raise ImproperlyConfigured(
            f"IRONTOKEN['TOKENS']['REVOKE_ON_PASSWORD_CHANGE'] is 'session_hash', and "
            f"{user._meta.label} has no get_session_auth_hash(). Derive it from AbstractBaseUser."
        )
    return _digest(found())


def is_broken(token: Any) -> bool:
    """Tell whether ``token`` is bound by another password than its user has now.

    One that is not bound yet holds, and one that was bound under an older ``SECRET_KEY`` among
    ``SECRET_KEY_FALLBACKS``.
    """
    held = token.session_hash
    if not held or held == binding_of(token.user):
        return False
    older = getattr(token.user, "get_session_auth_fallback_hash", tuple)
    return held not in map(_digest, older())


def renew(token: Any, options: conf.TokenOptions) -> None:
    """Bind a token that is used, and whose binding holds, by what its user has now.

    Does nothing where the settings bind no tokens. The row is written by the thread that writes
    uses, not by this request.
    """
    if options.binds_tokens and token.session_hash != (wanted := binding_of(token.user)):
        uses.bind(token, wanted)


@sensitive_variables()
def bind_again(model: Any, user: Any, password: str, alias: str) -> None:
    """Bind the tokens that ``password``, a hash, bound by what the user has now.

    For a hasher that is brought up to date, which changes the hash and not the password.
    """
    before = copy.copy(user)
    before.password = password
    tokens = model._base_manager.using(alias).filter(user_id=user.pk)
    tokens.filter(session_hash=binding_of(before)).update(session_hash=binding_of(user))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
