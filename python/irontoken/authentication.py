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

    It replaces ``rest_framework.authentication.TokenAuthentication``, with the same results, the
    same refusals and the same single query. Subclasses may override the same attributes and
    methods: ``keyword``, ``model``, ``get_model()``, ``authenticate(request)``,
    ``authenticate_credentials(key)`` and ``authenticate_header(request)``.

    ``authenticate`` returns ``(user, token)``, or ``None`` for a request without the header or
    with another scheme. It raises ``rest_framework.exceptions.AuthenticationFailed`` for a
    malformed header, an unknown key and an inactive user.

    A subclass may also declare the following in its body. It is as fast as this class then, and a
    cached token costs no query:

    ``keyword``
        The scheme, or a tuple of schemes. A 401 names the first. With ``None``, the key is the
        whole value of the header, and a refusal is a 403. Such a class reads a header of any
        scheme as a key: list it last, or give it a header of its own.
    ``header``
        The name in ``request.META`` of the header that has the key.
    ``key_field``
        The field of the model that has the key.
    ``user_field``
        The path of foreign keys from the token to the user, or ``None`` if a token has no user. A
        user that has ``is_active`` must be active.
    ``select_related``
        Paths of further objects that the query loads, as in ``QuerySet.select_related()``.
    ``get_key(request)``
        Returns the key as a ``str``, in place of ``header`` and ``keyword``. It returns ``None``
        for a request that is for another class.
    ``principal(token)``
        Returns ``request.user`` for a token. It must have ``is_authenticated``.
    ``check(request, user, token)``
        Is called for each request with an accepted key, cached or not, after the use of the token
        was recorded. It raises an exception to refuse the request, and returns ``None``.

    List a class with ``key_field``, ``user_field`` or ``select_related`` in
    ``DEFAULT_AUTHENTICATION_CLASSES`` or in ``IRONTOKEN["CACHE"]["CLASSES"]``, so that all
    processes know which tables it reads.

    ``authenticate_credentials(key)`` calls none of ``get_key()``, ``principal()`` and ``check()``.
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
