"""How the token of a key is found, where a model says so by ``irontoken_lookup``.

A model without it holds the keys themselves in a field ``key``, as REST framework's does.
"""

from collections.abc import Callable
from typing import Any, Final

from django.db.models import Model

#: Columns of times, and the seconds after the last of them at which a cached row ends.
Limits = list[tuple[list[int], float]]


class Strategy:
    """Plain keys, and what a subclass says otherwise."""

    #: The field by which a key is looked up.
    key_field: str = "key"
    #: Whether that field holds a digest of the key, and not the key.
    holds_digests: bool = False
    #: The field that is written by use alone, and that no cached row is read anew for.
    unwatched_field: str | None = None

    def authenticate_credentials(
        self, model: type[Model], fields: Any, key: Any
    ) -> tuple[Any, Any]:
        """Return the user and the token of ``key``, as REST framework's method of the name does.

        ``model`` is the class of the token and ``fields`` what the authentication class declares,
        a ``LookupFields`` or ``None``. Raises ``AuthenticationFailed`` where the key is
        malformed or unknown, or its user inactive.
        """
        raise NotImplementedError

    def limits(self, columns: dict[str, int]) -> Limits:  # noqa: ARG002 - a subclass needs it
        """Return what ends a cached row, besides a write.

        ``columns`` maps the names of the token's fields to their columns in the row.
        """
        return []

    def use_recorder(self) -> tuple[Callable[[Any], None] | None, float]:
        """Return what records the use of a token on a hit, and at most once in how many seconds.

        The function takes the token. ``None`` records nothing.
        """
        return None, 0.0


_PLAIN: Final = Strategy()


def strategy_of(model: Any) -> Strategy:
    """Return how the tokens of a model are found."""
    found: Strategy = getattr(model, "irontoken_lookup", _PLAIN)
    return found
