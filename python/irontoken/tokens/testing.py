"""For the tests of a project."""

from typing import Any

from irontoken.tokens import get_token_model
from irontoken.tokens.validators import valid_scope


def token_with_scopes(user: Any, *scopes: str) -> Any:
    """Return a token of ``user`` that is in no database, for ``force_authenticate(user, token)``.

    ``force_authenticate(user)`` alone is a session to ``HasScopes``, which lets it pass. Raises
    ``ValidationError`` for what is no scope.
    """
    return get_token_model()(user=user, scope=valid_scope(scopes))
