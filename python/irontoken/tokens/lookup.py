"""Finding the token of an issued key: by its digest, one row, one query."""

import logging
import time
from typing import Any, Final

from django.apps import apps
from django.core.signals import setting_changed
from django.db import connections, router
from django.db.models import Model
from django.utils.module_loading import import_string
from rest_framework.exceptions import AuthenticationFailed

from irontoken import cache, refusals
from irontoken._core import keys_equal
from irontoken.authentication import TokenAuthentication
from irontoken.compiled import CompiledLookup, compile_lookup
from irontoken.tokens import conf, digests, uses
from irontoken.tokens.signals import token_refused

logger: Final = logging.getLogger("irontoken.tokens")
#: Seconds between two records of refusals: one in each is told, with the number of the others.
_RECORD_EVERY: Final = 1.0

_compiled: Final[dict[tuple[Any, str, int], CompiledLookup | None]] = {}


class _Unrecorded:
    count = 0
    next_at = 0.0


def authenticate_credentials(model: type[Model], key: Any) -> tuple[Any, Any]:
    """Return the user and the token of ``key``.

    Raises ``AuthenticationFailed`` for a key that is nobody's, for a token that is revoked, has
    expired or lain idle, and for an inactive user, with REST framework's messages.
    """
    options = conf.options()
    try:
        found = digests.candidates(key, options) if key and isinstance(key, str) else []
    except UnicodeEncodeError:
        found = []
    if not found:
        raise _refused(model, "malformed")
    if (pair_of_authtoken := _not_adopted_yet(key, options)) is not None:
        return pair_of_authtoken
    alias = router.db_for_read(model)
    connection = connections[alias]
    lookup = compiled(model, alias, len(found))
    ticket = None
    pair: Any
    if lookup is None:
        pair = _by_orm(model, alias, found)
    else:
        if cache.options() is not None:
            ticket = cache.ticket(model, connection, lookup)
        with connection.cursor() as cursor:
            cursor.execute(lookup.sql, found)
            row = cursor.fetchone()
        # All of them, in the same time whichever it is.
        sent = [each for each in found if row and keys_equal(each, row[lookup.key_column])]
        pair = sent and lookup.shape.build(
            row, lookup.converters(connection), sent[0], key, ticket
        )
    if not pair:
        raise _refused(model, "unknown")
    user, token = pair
    _accept(model, user, token, found[0])
    return user, token


def _accept(model: Any, user: Any, token: Any, digest: str) -> None:
    """Refuse what is over; note the use of what is not, and give it today's digest."""
    if reason := token.refusal():
        raise _refused(model, reason, token)
    if not user.is_active:
        raise _refused(model, "inactive", token)
    if token.digest != digest:
        _rehash(token, digest)
    uses.note(token)


def _not_adopted_yet(key: str, options: conf.TokenOptions) -> tuple[Any, Any] | None:
    """Return the pair of a key that another app's row is for; see ``adoption`` for the order."""
    if key.startswith(options.key_prefix):
        return None
    for accepts, app, find in (
        (options.accept_authtoken, "rest_framework.authtoken", _by_authtoken),
        (options.accept_knox, "knox", _by_knox),
    ):
        if accepts and apps.is_installed(app):
            try:
                return find(key)
            except AuthenticationFailed as refusal:
                if refusal.detail != refusals.invalid_token().detail:
                    raise
    return None


def _by_authtoken(key: str) -> tuple[Any, Any]:
    authenticator = TokenAuthentication()
    authenticator.model = apps.get_model("authtoken", "Token")
    return authenticator.authenticate_credentials(key)


def _by_knox(key: str) -> tuple[Any, Any]:
    authenticator = import_string("knox.auth.TokenAuthentication")()
    pair: tuple[Any, Any] = authenticator.authenticate_credentials(key.encode())
    return pair


def compiled(model: type[Model], alias: str, count: int = 1) -> CompiledLookup | None:
    """Return the look-up of one of ``count`` digests, or ``None`` where it cannot be compiled."""
    place = (model, alias, count)
    if place not in _compiled:
        _compiled[place] = compile_lookup(model, connections[alias], count)
    return _compiled[place]


def _by_orm(model: Any, alias: str, found: list[str]) -> tuple[Any, Any] | None:
    token = model.objects.using(alias).select_related("user").filter(digest__in=found).first()
    if token is None or token.digest not in found:
        return None  # what a collation calls equal
    return token.user, token


def _rehash(token: Any, digest: str) -> None:
    """Write the digest under the newest pepper, unless another process has just done so."""
    tokens = type(token)._base_manager.using(router.db_for_write(type(token), instance=token))
    tokens.filter(pk=token.pk, digest=token.digest).update(digest=digest)
    token.digest = digest


def _refused(model: Any, reason: str, token: Any = None) -> AuthenticationFailed:
    """Return a refusal, and tell of it: the signal's receivers each time, the log now and then."""
    if token_refused.receivers:
        token_refused.send(sender=model, reason=reason, token=token)
    now = time.monotonic()
    if now < _Unrecorded.next_at:
        _Unrecorded.count += 1
    else:
        others, _Unrecorded.count = _Unrecorded.count, 0
        _Unrecorded.next_at = now + _RECORD_EVERY
        logger.warning(
            "A token was refused: %s (%d more since the last record)",
            reason,
            others,
            extra={"reason": reason, "token_id": token and token.pk, "others": others},
        )
    return refusals.inactive_user() if reason == "inactive" else refusals.invalid_token()


def _forget(**_: Any) -> None:
    _compiled.clear()


setting_changed.connect(_forget, dispatch_uid="irontoken.tokens.lookup")
