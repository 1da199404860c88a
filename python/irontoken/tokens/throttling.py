"""How often somebody may try a password: by address, and by the name that is tried."""

import hashlib
import unicodedata
from typing import Any

from rest_framework.throttling import SimpleRateThrottle


class _Throttle(SimpleRateThrottle):
    rate_unless_set = ""

    def get_rate(self) -> str | None:
        """Return the rate of REST framework's ``DEFAULT_THROTTLE_RATES``, or this class's own.

        ``None`` there switches it off.
        """
        rate: str | None = self.THROTTLE_RATES.get(self.scope or "", self.rate_unless_set)
        return rate


class AddressThrottle(_Throttle):
    """At most so many tries from one address: ``irontoken_address``, 30 a minute unless set."""

    scope = "irontoken_address"
    rate_unless_set = "30/min"

    def get_cache_key(self, request: Any, view: Any) -> str:  # noqa: ARG002
        """Return the name under which tries are counted."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class NameThrottle(_Throttle):
    """At most so many tries of one user's name: ``irontoken_name``, 10 a minute unless set."""

    scope = "irontoken_name"
    rate_unless_set = "10/min"

    def get_cache_key(self, request: Any, view: Any) -> str | None:  # noqa: ARG002
        """Return the name under which tries are counted; ``None`` where no name is tried."""
        data = request.data
        name = data.get("username") if hasattr(data, "get") else None
        if not name:
            return None
        # A digest, since what is sent may be of any length and hold any character.
        name = unicodedata.normalize("NFKC", str(name)).strip().casefold()
        ident = hashlib.sha256(name.encode(errors="replace")).hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": ident}
