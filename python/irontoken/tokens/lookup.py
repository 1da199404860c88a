"""Finding the token of an issued key: by its digest, one row, one query."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.db.models import Model
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import AuthenticationFailed

from irontoken import carried, refusals
from irontoken._core import is_malformed_key, keys_equal
from irontoken.lookup.compiler import CompiledLookup
from irontoken.lookup.fields import LookupFields, fields_of
from irontoken.lookup.shared import compiled_for, fetch
from irontoken.tokens import binding, digests, families, uses
from irontoken.tokens import settings as conf
from irontoken.tokens.adoption import sources
from irontoken.tokens.signals import token_refused

logger: Final = logging.getLogger("irontoken.tokens")
#: Seconds between two records of refusals: one in each is told, with the number of the others.
_RECORD_EVERY: Final = 1.0
#: How often a key is looked for in the other app and among the copies. Between the two its row may
#: have been given back, and after that adopted again.
_TURNS: Final = 3


class _Unrecorded:
    count = 0
    next_at = 0.0


def authenticate_credentials(
    model: type[Model], fields: LookupFields | None, key: Any
) -> tuple[Any, Any]:
    """Return the user and the token of ``key``.

    ``fields`` is what the authentication class declares, of which ``select_related`` alone counts.
    Raises ``AuthenticationFailed`` for a key that is nobody's, for a token that is revoked, has
    expired or lain idle, and for an inactive user, with REST framework's messages.
    """
    # Django's reports of errors leave out what says so, even with DEBUG on: here is a key.
    __traceback_hide__ = True
    # Before anything else: what a stranger makes up costs little.
    if type(key) is str and is_malformed_key(conf.options().key_prefix, key):
        raise refused(model, "malformed")
    return _authenticate(model, fields, key)


@sensitive_variables()
def _authenticate(model: type[Model], fields: LookupFields | None, key: Any) -> tuple[Any, Any]:
    # By the decorator the reports show no variable of what is called from here either.
    __traceback_hide__ = True
    options = conf.options()
    try:
        found = digests.candidates(key, options) if key and isinstance(key, str) else []
    except UnicodeEncodeError:
        found = []
    if not found:
        lacks_all = options.require_pepper and not options.peppers
        raise refused(model, "pepper_missing" if lacks_all else "malformed")
    elsewhere, pair, cached = _find_in_either(model, fields, key, found, options)
    if elsewhere is not None:
        return elsewhere
    if not pair:
        raise refused(model, "pepper_missing" if options.missing_peppers else "unknown")
    user, token = pair
    if reason := token.refusal():
        families.refused(token, reason)
        raise refused(model, reason, token)
    if not user.is_active:
        raise refused(model, "inactive", token)
    binding.renew(token, options)
    if cached is not None:
        user, token = cached()
    if token.digest != found[0] and not options.missing_peppers:
        uses.rehash(token, found[0])
    uses.record(token)
    return user, token


def _find_in_either(
    model: Any,
    fields: LookupFields | None,
    key: str,
    found: list[str],
    options: conf.TokenOptions,
) -> tuple[tuple[Any, Any] | None, Any, Callable[[], Any] | None]:
    """Return the user and the token of the other app, or else what ``_find`` returns."""
    __traceback_hide__ = True
    if key.startswith(options.key_prefix):
        return None, *_find(model, fields, key, found, options)
    pair, cached = None, None
    for _ in range(_TURNS):
        elsewhere = _not_adopted_yet(model, key, options)
        if elsewhere is not None:
            return elsewhere, None, None
        pair, cached = _find(model, fields, key, found, options)
        if not pair or not pair[1].pending:
            break
    return None, pair, cached


def _find(
    model: Any,
    fields: LookupFields | None,
    key: str,
    found: list[str],
    options: conf.TokenOptions,
) -> tuple[Any, Callable[[], Any] | None]:
    """Return the user and the token of one of the digests ``found``, or something false.

    The second, where there is one, returns them once more and caches the row: where tokens are
    bound, that is for whoever has seen that the binding holds, since a cached row is not asked.
    """
    __traceback_hide__ = True
    lookup, connection = compiled_for(model, fields, len(found))
    if lookup is None:
        return _by_orm(model, fields, connection.alias, found), None
    row = fetch(model, fields, lookup, connection, found)
    if row is None:
        return None, None
    sent = _sent(found, row.row, lookup)
    if row.permit is None or not options.binds_tokens:
        return row.pair(sent, key), None
    return row.pair(sent, key, stores=False), partial(row.pair, sent, key)


def _not_adopted_yet(model: Any, key: str, options: conf.TokenOptions) -> tuple[Any, Any] | None:
    __traceback_hide__ = True
    try:
        return sources.pair_of(key, options)
    except AuthenticationFailed:
        raise refused(model, "inactive") from None


def _sent(digests: list[str], row: Any, lookup: CompiledLookup) -> str:
    """Return the one of the digests that ``row`` has; any, if it has none of them."""
    if len(digests) == 1:
        return digests[0]
    # All are compared, whichever it is.
    equal = [each for each in digests if keys_equal(each, row[lookup.key_column])]
    return equal[0] if equal else digests[0]


def _by_orm(
    model: Any, fields: LookupFields | None, alias: str, found: list[str]
) -> tuple[Any, Any] | None:
    token = fields_of(model, fields).tokens(model, alias).filter(digest__in=found).first()
    if token is None or token.digest not in found:
        return None  # what a collation calls equal
    return token.user, token


def refused(model: Any, reason: str, token: Any = None) -> AuthenticationFailed:
    """Return the ``AuthenticationFailed`` of a refusal, after its signal and its log record.

    ``reason`` is a word for the log, as ``"expired"``. ``token_refused`` is sent each time; a
    record is written once in a while, with the number of those since the last one.
    """
    if token_refused.receivers:
        # A receiver that fails makes no error of a refusal.
        token_refused.send_robust(
            sender=model, reason=reason, token=token, request=carried.request()
        )
    now = time.monotonic()
    if now < _Unrecorded.next_at:
        _Unrecorded.count += 1
    else:
        others, _Unrecorded.count = _Unrecorded.count, 0
        _Unrecorded.next_at = now + _RECORD_EVERY
        missing = conf.options().missing_peppers
        logger.log(
            logging.ERROR if reason == "pepper_missing" else logging.WARNING,
            "A token was refused: %s%s%s",
            reason,
            f", number {missing}" if reason == "pepper_missing" else "",
            f" ({others} more since the last record)" if others else "",
            extra={"reason": reason, "token_id": token and token.pk, "others": others},
        )
    return refusals.inactive_user() if reason == "inactive" else refusals.invalid_token()
