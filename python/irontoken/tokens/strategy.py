"""How the cache and the look-up find issued tokens: by digests of their keys."""

import math
from collections.abc import Callable
from typing import Any

from django.db.models import Model

from irontoken.lookup.strategy import Limits, Strategy
from irontoken.tokens import lookup, uses
from irontoken.tokens import settings as conf


class DigestStrategy(Strategy):
    """Digests in a field ``digest``."""

    key_field = "digest"
    holds_digests = True
    unwatched_field = "last_used"

    def authenticate_credentials(
        self, model: type[Model], fields: Any, key: Any
    ) -> tuple[Any, Any]:
        """Return the user and the token of ``key``; raise ``AuthenticationFailed``."""
        __traceback_hide__ = True  # as there
        return lookup.authenticate_credentials(model, fields, key)

    def limits(self, columns: dict[str, int]) -> Limits:
        """Return until when a cached row is answered from: revocation, expiry and the limits."""
        options = conf.options()
        # A revoked token is over whenever its clock, which may be another host's, says so.
        limits = [([columns["revoked"]], -math.inf), ([columns["expires"]], 0.0)]
        if options.max_lifetime is not None:
            # Whichever is first: one that was never rotated has but the second.
            longest = options.max_lifetime.total_seconds()
            limits += [([columns["first_issued"]], longest), ([columns["created"]], longest)]
        if options.idle_timeout is not None:
            idle = options.idle_timeout.total_seconds()
            limits.append(([columns["created"], columns["last_used"]], idle))
        return limits

    def use_recorder(self) -> tuple[Callable[[Any], None] | None, float]:
        """Return what records a use, if uses are recorded, and once in how many seconds."""
        options = conf.options()
        return (
            uses.record if options.records_uses else None,
            options.last_used_interval.total_seconds(),
        )
