"""The refusals that REST framework's ``TokenAuthentication`` raises, word for word.

The messages are its own ``msgid``s, so that its translations apply.
"""

from typing import Final

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed

_MALFORMED: Final = {
    "no_credentials": _("Invalid token header. No credentials provided."),
    "contains_spaces": _("Invalid token header. Token string should not contain spaces."),
    "invalid_characters": _(
        "Invalid token header. Token string should not contain invalid characters."
    ),
}
_INVALID: Final = _("Invalid token.")
_INACTIVE: Final = _("User inactive or deleted.")


def malformed_header(reason: str) -> AuthenticationFailed:
    """Return the refusal of a header that is malformed for ``reason``."""
    return AuthenticationFailed(_MALFORMED[reason])


def invalid_token() -> AuthenticationFailed:
    """Return the refusal of a key that belongs to no token."""
    return AuthenticationFailed(_INVALID)


def inactive_user() -> AuthenticationFailed:
    """Return the refusal of a token whose user is not active."""
    return AuthenticationFailed(_INACTIVE)
