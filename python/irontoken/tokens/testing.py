"""For the tests of a project."""

from typing import Any

from irontoken.tokens import get_token_model
from irontoken.tokens.validators import valid_scope


def token_with_scopes(user: Any, *scopes: str) -> Any:
    """Return an unsaved token of ``user``, for ``force_authenticate(user, token)``.

    ``HasScopes`` treats ``force_authenticate(user)`` without a token as a session, which may do
    everything. Raises ``ValidationError`` if a scope is not valid.
    """
    return get_token_model()(user=user, scope=valid_scope(scopes))
