"""Families: a token, and those that were rotated out of it, one after the other.

A token has a family from its first rotation on. What was rotated out of a token is newer than it,
by ``created``. A key that is presented after it was rotated away and its grace is over is in two
hands: RFC 9700, section 4.14, has all of its family revoked.
"""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import OperationalError, connections, router
from django.utils import timezone

from irontoken.tokens import uses
from irontoken.tokens.signals import token_reuse_detected, token_revoked


def new_family() -> str:
    """Return the name of a family that there was not before."""
    return uuid.uuid4().hex


def of(token: Any, tokens: Any) -> Any:
    """Return those of a query set of tokens that are of the family of ``token``, itself too."""
    if not token.family:
        return tokens.filter(pk=token.pk)
    return tokens.filter(user_id=token.user_id, family=token.family)


def descendants(token: Any, tokens: Any) -> Any:
    """Return those of a query set of tokens that were rotated out of ``token``."""
    if not token.family:
        return tokens.none()
    return of(token, tokens).filter(created__gt=token.created)


def refused(token: Any, reason: str) -> None:
    """Revoke the family of a refused token that was rotated away and is past its grace.

    ``token_reuse_detected`` is sent.

    Nothing is done where no other token of the family is left, as when this has been done before.
    In a transaction, which a refusal rolls back, it is left to the thread that writes uses.
    """
    if token.lifetime is None or token.lifetime > 0 or not token.family or reason == "idle":
        return
    if timezone.now() < token.created - timedelta(seconds=token.lifetime):
        return  # in its grace: something else has ended it
    alias = router.db_for_write(type(token), instance=token)
    tokens = type(token).objects.using(alias).filter(revoked=None)
    if not of(token, tokens).exclude(pk=token.pk).exists():
        return
    place = uses.place_of(token)
    if place is None or not connections[alias].in_atomic_block:
        try:
            _revoke(token, alias)
        except OperationalError:
            # As where SQLite is locked: a refusal is no error of the server's.
            if place is None:
                raise
        else:
            return
    uses.later("family", place, partial(_revoke, token, alias))


def _revoke(token: Any, alias: str) -> None:
    manager = type(token).objects.db_manager(alias)
    if manager.revoke_family(token):
        token_reuse_detected.send_robust(sender=type(token), token=token)


def tell_of_revoked(tokens: Any, when: Any, *, robust: bool = False) -> None:
    """Send ``token_revoked`` for those of a query set that were revoked at ``when``.

    With ``robust`` a receiver that fails is written to the log, and the others are told.
    """
    model = tokens.model
    if token_revoked.has_listeners(model):
        send = token_revoked.send_robust if robust else token_revoked.send
        for token in tokens.filter(revoked=when, pending=False).iterator(chunk_size=1000):
            send(sender=model, token=token)
