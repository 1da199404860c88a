"""The refusals that REST framework's ``TokenAuthentication`` raises, word for word.

The messages are its own ``msgid``s, so that its translations apply. They are translated when the
exception is made, which is when it would read a lazy one.
"""

from typing import Final

from django.utils.translation import gettext
from rest_framework.exceptions import AuthenticationFailed

_MALFORMED: Final = {
    "no_credentials": "Invalid token header. No credentials provided.",
    "contains_spaces": "Invalid token header. Token string should not contain spaces.",
    "invalid_characters": (
        "Invalid token header. Token string should not contain invalid characters."
    ),
}


def malformed_header(reason: str) -> AuthenticationFailed:
    """Return the refusal of a header that is malformed for ``reason``."""
    return AuthenticationFailed(gettext(_MALFORMED[reason]))


def invalid_token() -> AuthenticationFailed:
    """Return the refusal of a key that belongs to no token."""
    return AuthenticationFailed(gettext("Invalid token."))


def inactive_user() -> AuthenticationFailed:
    """Return the refusal of a token whose user is not active."""
    return AuthenticationFailed(gettext("User inactive or deleted."))
