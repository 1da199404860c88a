"""REST framework's own code, for what is not as it is in almost every request."""

from typing import Any, Final

import rest_framework
from rest_framework import authentication
from rest_framework.request import Request

from irontoken import _core, refusals

#: From 3.18 on REST framework reads ``request.headers`` and no longer ``request.META``.
READS_HEADERS: Final = tuple(int(part) for part in rest_framework.VERSION.split(".")[:2]) >= (
    3,
    18,
)


def authorization_header(request: Request) -> bytes | str:
    """Return the ``Authorization`` header of a request whose class is not a stock one.

    As REST framework's ``get_authorization_header()`` does, whatever the project has made of it.
    Raises ``AuthenticationFailed`` where REST framework's raises ``UnicodeEncodeError``, which
    would be a 500 and quote the header.
    """
    try:
        return authentication.get_authorization_header(request)
    except UnicodeEncodeError:
        pass
    # Out of the handler, since the error that it handles quotes the header.
    raise refusals.malformed_header("invalid_characters")


def authenticate(authenticator: Any, request: Request) -> tuple[Any, Any] | None:
    """Authenticate as REST framework's class does, whatever type the header has."""
    found: tuple[Any, Any] | None = super(_core.TokenAuthentication, authenticator).authenticate(
        request
    )
    return found
