"""The authentication class that settings name, and what it takes from REST framework's."""

from rest_framework import authentication
from rest_framework.request import Request

import irontoken.hooks  # noqa: F401 - what the core calls
from irontoken import _core
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
    """

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401: the keyword, as REST framework's class does.

        For ``keyword = "Bearer"`` and issued tokens it is that of RFC 6750, section 3: a request
        that had a token is told that it is not valid.
        """
        keyword: str = self.keyword
        if keyword == "Bearer" and strategy_of(self.get_model()).holds_digests:
            header = request.META.get("HTTP_AUTHORIZATION", "")
            text = header.decode("latin-1") if isinstance(header, bytes) else str(header)
            if text.lower().startswith("bearer"):
                return 'Bearer realm="api", error="invalid_token"'
            return 'Bearer realm="api"'
        return keyword
