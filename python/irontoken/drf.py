"""REST framework's own code, for what is not as it is in almost every request."""

from typing import Any, Final

import rest_framework
from django.core.exceptions import ImproperlyConfigured
from rest_framework import authentication
from rest_framework.request import Request

from irontoken import _core, refusals
from irontoken.settings.setting import NO_TOKEN_APP

#: From 3.18 on REST framework reads ``request.headers`` and no longer ``request.META``.
READS_HEADERS: Final = tuple(int(part) for part in rest_framework.VERSION.split(".")[:2]) >= (
    3,
    18,
)


def token_model() -> Any:
    """Return REST framework's ``Token``.

    Raises ``ImproperlyConfigured`` where its app is not installed: the model is abstract then.
    """
    from rest_framework.authtoken.models import Token

    if Token._meta.abstract:
        raise ImproperlyConfigured(" ".join(NO_TOKEN_APP))
    return Token


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
