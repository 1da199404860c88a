"""The authentication class that settings name, and what it takes from REST framework's."""

from typing import Any

from rest_framework import authentication
from rest_framework.request import Request

import irontoken.hooks  # noqa: F401 - what the core calls
from irontoken import _core, declared
from irontoken.lookup.fields import LookupFields
from irontoken.lookup.strategy import strategy_of
from irontoken.settings import setting

# A setting that is not what was meant stops the site, before anybody is let in or refused by it.
setting.require()


class TokenAuthentication(_core.TokenAuthentication, authentication.TokenAuthentication):
    """Token authentication by ``Authorization: Token <key>``.

    A drop-in for ``rest_framework.authentication.TokenAuthentication``: the same results, the
    same refusals and the same single query, with every attribute and method of that class open
    to subclasses: ``keyword``, ``model``, ``get_model()``, ``authenticate(request)``,
    ``authenticate_credentials(key)`` and ``authenticate_header(request)``.

    ``authenticate`` returns ``(user, token)``, or ``None`` for a request without the header or
    with another scheme, and raises ``rest_framework.exceptions.AuthenticationFailed`` for a
    malformed header, an unknown key and an inactive user.

    What applications override those methods for, a subclass declares in its body; it then stays
    on the fast path, and a cached token still costs no query:

    ``keyword``
        May be a tuple, each of which is accepted; a 401 names the first. ``None`` takes the
        header's whole value for the key, and a refusal is a 403. A class with ``None`` refuses
        other schemes of the same header, and so is the last of its list, or has a header of its
        own.
    ``header``
        The name in ``request.META`` of the header that holds the key.
    ``key_field``, ``user_field``, ``select_related``
        The field that holds the key. The path of foreign keys to the user, or ``None`` for a token
        that has none. Paths of what else the query loads, as ``QuerySet.select_related()`` takes
        them. The user's ``is_active`` is asked where it has one. Such a class stands in
        ``DEFAULT_AUTHENTICATION_CLASSES`` or in ``IRONTOKEN["CACHE"]["CLASSES"]``, by which all
        processes know which tables it reads.
    ``get_key(request)``
        Returns the key as a ``str``, in place of ``header`` and ``keyword``; ``None`` for a
        request that is not for this class.
    ``principal(token)``
        Returns ``request.user`` for a token. Permissions ask it for ``is_authenticated``.
    ``check(request, user, token)``
        Is called for each request whose key was accepted, cached or not. Raises what refuses it,
        and returns ``None``. The use of the token has been recorded by then.

    ``authenticate_credentials(key)`` knows no request, and calls none of them.
    """

    key_field: str = "key"
    user_field: str | None = "user"
    select_related: tuple[str, ...] = ()
    header: str = "HTTP_AUTHORIZATION"
    get_key: Any = None
    principal: Any = None
    check: Any = declared.NO_CHECK
    #: What is declared of the look-up, noted when the class is made; ``None`` for nothing.
    lookup_fields: LookupFields | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Note what a subclass declares; raise ``ImproperlyConfigured`` where it is wrong."""
        super().__init_subclass__(**options)
        declared.note(cls)

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401: the keyword, as REST framework's class does.

        For ``keyword = "Bearer"`` and issued tokens it is that of RFC 6750, section 3: a request
        that had a token is told that it is not valid.
        """
        keyword: Any = declared.first_keyword(self.keyword)
        if keyword == "Bearer" and strategy_of(self.get_model()).holds_digests:
            header = request.META.get(self.header, "")
            text = header.decode("latin-1") if isinstance(header, bytes) else str(header)
            if text.lower().startswith("bearer"):
                return 'Bearer realm="api", error="invalid_token"'
            return 'Bearer realm="api"'
        challenge: str = keyword
        return challenge
