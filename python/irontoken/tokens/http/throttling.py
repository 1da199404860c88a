"""How often somebody may try a password: by address, and by the account that is tried.

Each try adds one to a counter of Django's cache, by its ``incr()``, so that processes that share a
cache share the count. A counter is for one stretch of time, which is part of its name: it holds
for that long whatever the cache does with ``timeout``.
"""

import hashlib
import unicodedata
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.cache import caches
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from irontoken.tokens import settings as conf
from irontoken.tokens.http.serializers import longest_username

#: Bits of an IPv6 address that tell one network from another: who has one has all of the rest.
_NETWORK: Final = 64


class CountingThrottle(SimpleRateThrottle):
    """REST framework's throttle, whose tries are counted by the cache and not by a process."""

    #: In place of a rate that ``DEFAULT_THROTTLE_RATES`` does not have.
    rate_unless_set = ""
    #: What the rate says: how many in how many seconds.
    num_requests: Any
    duration: Any

    def get_rate(self) -> str | None:
        """Return the rate of REST framework's ``DEFAULT_THROTTLE_RATES``, or this class's own.

        ``None`` there switches it off.
        """
        rate: str | None = self.THROTTLE_RATES.get(self.scope or "", self.rate_unless_set)
        return rate

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count a try, and tell whether it is one of those that are allowed."""
        if self.rate is None:
            return True
        key = self.get_cache_key(request, view)
        is_allowed = key is None or self.count(key) <= self.num_requests
        request.irontoken_is_throttled = not is_allowed
        return is_allowed

    def wait(self) -> float:
        """Return the seconds until the tries are counted anew."""
        duration: float = self.duration
        return duration - self.timer() % duration

    def count(self, key: str) -> int:
        """Add a try to a counter; return how many there are in this stretch of time."""
        cache, name = caches[conf.options().throttle_cache], self._name(key)
        if cache.add(name, 1, timeout=2 * self.duration):
            return 1
        try:
            return int(cache.incr(name) or 0)
        except ValueError:
            # It was there and is gone: dropped for want of room, or a cache that holds nothing.
            cache.add(name, 1, timeout=2 * self.duration)
            return 1

    def forget(self, key: str) -> None:
        """Set a counter to nothing."""
        caches[conf.options().throttle_cache].delete(self._name(key))

    def key_of(self, *parts: object) -> str:
        """Return a cache key of what is counted, which may be of any length and characters."""
        text = "\0".join(map(str, parts))
        ident = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": ident}

    def _name(self, key: str) -> str:
        return f"{key}_{int(self.timer() // self.duration)}"


class AddressThrottle(CountingThrottle):
    """At most so many tries from one address: ``irontoken_address``, 30 a minute unless set."""

    scope = "irontoken_address"
    rate_unless_set = "30/min"

    def get_cache_key(self, request: Any, view: Any) -> str:  # noqa: ARG002
        """Return the name under which tries are counted."""
        return self.key_of(network_of(self.get_ident(request)))


class NameThrottle(CountingThrottle):
    """At most so many tries of one account: ``irontoken_name``, 10 a minute unless set.

    Past that, a try from an address that has not failed at this account is still allowed, so that
    nobody is locked out by a stranger's failures.
    """

    scope = "irontoken_name"
    rate_unless_set = "10/min"
    _tried: str | None = None

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count a try of the account, and tell whether it is allowed."""
        if self.rate is None:
            return True
        key = self.get_cache_key(request, view)
        if key is None:
            return True
        if getattr(request, "irontoken_is_throttled", False):
            return True  # which another throttle has refused: no try of this account
        self._tried = self.key_of(key, self._address_of(request))
        # Both are counted before the password is looked at: tries at once do not get past.
        of_account, from_here = self.count(key), self.count(self._tried)
        view.irontoken_tries = self
        return of_account <= self.num_requests or from_here == 1

    def _address_of(self, request: Any) -> str:
        # What a client says of itself gives it no further try.
        is_known = api_settings.NUM_PROXIES is not None
        return network_of(self.get_ident(request) if is_known else request.META.get("REMOTE_ADDR"))

    def succeeded(self) -> None:
        """Take back that the address of the request has tried: the password was right."""
        if self._tried is not None:
            self.forget(self._tried)

    def get_cache_key(self, request: Any, view: Any) -> str | None:  # noqa: ARG002
        """Return the name under which tries are counted; ``None`` where no name is tried.

        That is the primary key of the user who is found by the name, however it is spelled, or
        else the name, in one form. One that no user can have is not looked at: it is refused.
        """
        data = request.data
        name = data.get("username") if hasattr(data, "get") else None
        if not isinstance(name, (str, int, float)):
            return None
        name = str(name).strip()
        if not 0 < len(name) <= longest_username():
            return None
        pk = _pk_of(name)
        if pk is not None:
            return self.key_of("user", pk)
        return self.key_of("name", unicodedata.normalize("NFKC", name).strip().casefold())


class RotationThrottle(CountingThrottle):
    """At most so many rotations of one user: ``irontoken_rotate``, 10 a minute unless set."""

    scope = "irontoken_rotate"
    rate_unless_set = "10/min"

    def get_cache_key(self, request: Any, view: Any) -> str:  # noqa: ARG002
        """Return the name under which rotations are counted."""
        return self.key_of(request.user.pk)


def network_of(address: str | None) -> str:
    """Return the address, or for IPv6 the network, that an address is counted as.

    A port, as some proxies add it, and the zone of a link are left out. What is no address is
    returned as it is.
    """
    text = address = (address or "").strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{int(found) >> (128 - _NETWORK):x}/{_NETWORK}"


def _pk_of(name: str) -> Any:
    """Return the primary key of the user whom a login would find; ``None`` for nobody."""
    model: Any = get_user_model()
    users = model._default_manager
    if "\0" in name or not hasattr(users, "get_by_natural_key"):
        return None
    try:
        name.encode()
        return users.get_by_natural_key(name).pk
    except (model.DoesNotExist, model.MultipleObjectsReturned, ValueError):
        return None
