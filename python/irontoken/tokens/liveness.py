"""Which tokens are accepted, as conditions of a query; of one token ``refusal()`` says it."""

from datetime import datetime

from django.db.models import Q

from irontoken.tokens import settings as conf


def is_live(now: datetime) -> Q:
    """Return the condition of the tokens that are accepted at ``now``, but for their users."""
    return Q(revoked=None) & (Q(expires=None) | Q(expires__gt=now)) & is_young(now) & is_used(now)


def is_young(now: datetime) -> Q:
    """Return the condition of the tokens that are not past ``MAX_LIFETIME`` at ``now``."""
    longest = conf.options().max_lifetime
    if longest is None:
        return Q()
    after = now - longest
    return Q(first_issued__gt=after) | Q(first_issued=None, created__gt=after)


def is_used(now: datetime) -> Q:
    """Return the condition of the tokens that have not lain idle at ``now``."""
    idle = conf.options().idle_timeout
    if idle is None:
        return Q()
    return Q(last_used__gt=now - idle) | Q(created__gt=now - idle)
