"""The authentication class that settings name, and what it takes from REST framework's."""

from typing import Any

import rest_framework
from rest_framework import authentication
from rest_framework.request import Request

from irontoken import _core, conf, refusals

# A setting that is not what was meant stops the site, before anybody is let in or refused by it.
conf.require()

#: From 3.18 on REST framework reads ``request.headers`` and no longer ``request.META``.
DRF_READS_HEADERS = tuple(int(part) for part in rest_framework.VERSION.split(".")[:2]) >= (3, 18)


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
        if keyword == "Bearer" and hasattr(self.get_model(), "irontoken_digest_field"):
            header = request.META.get("HTTP_AUTHORIZATION", "")
            text = header.decode("latin-1") if isinstance(header, bytes) else str(header)
            if text.lower().startswith("bearer"):
                return 'Bearer realm="api", error="invalid_token"'
            return 'Bearer realm="api"'
        return keyword


def authorization_header(request: Request) -> bytes | str:
    """Return the ``Authorization`` header of a request whose class is not a stock one."""
    try:
        return authentication.get_authorization_header(request)
    except UnicodeEncodeError:
        pass
    # Out of the handler, since the error that it handles quotes the header.
    raise refusals.malformed_header("invalid_characters")


def drf_authenticate(
    authenticator: TokenAuthentication, request: Request
) -> tuple[Any, Any] | None:
    """Authenticate as REST framework's class does, whatever type the header has."""
    return super(_core.TokenAuthentication, authenticator).authenticate(request)
