"""By which fields a token is found, and what is loaded with it, where a class declares them."""

from typing import Any, NamedTuple

from irontoken.lookup.strategy import strategy_of


class LookupFields(NamedTuple):
    """What an authentication class declares of its look-up; the defaults are REST framework's."""

    #: The field that holds the key.
    key_field: str = "key"
    #: The path of foreign keys to the user, with ``__`` between them; ``None`` for no user.
    user_field: str | None = "user"
    #: Paths of what else the query loads, as ``QuerySet.select_related()`` takes them.
    select_related: tuple[str, ...] = ()

    @property
    def paths(self) -> list[str]:
        """All that is loaded with the token, as ``QuerySet.select_related()`` takes it."""
        user = [self.user_field] if self.user_field else []
        return [*user, *self.select_related]

    def tokens(self, model: Any, alias: str) -> Any:
        """Return the query set of the tokens of ``model`` in a database, with what is loaded."""
        tokens = model.objects.using(alias)
        # Without a path it would follow all foreign keys.
        return tokens.select_related(*self.paths) if self.paths else tokens

    def user_of(self, token: Any) -> Any:
        """Return the user of a loaded token; ``None`` where there is none."""
        user = token if self.user_field else None
        for name in self.user_field.split("__") if self.user_field else ():
            user = getattr(user, name) if user is not None else None
        return user


def fields_of(model: Any, declared: LookupFields | None) -> LookupFields:
    """Return by which fields a token of ``model`` is found; ``declared`` is what its class says.

    A model that holds digests names the field of them itself, and has a user.
    """
    fields = declared or LookupFields()
    strategy = strategy_of(model)
    if strategy.holds_digests:
        return LookupFields(strategy.key_field, select_related=fields.select_related)
    return fields
