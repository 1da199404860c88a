"""Finding the token of a key: one row, one query.

The query is run by Django's own cursor, so that routers, transactions, execute wrappers and query
logs see what they always saw. A model without a compiled look-up takes REST framework's road.
"""

from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.signals import setting_changed
from django.db import DataError, connections, router
from django.db.models import CharField, Model, TextField

from irontoken import _core, refusals
from irontoken.compiled import CompiledLookup, compile_lookup

_compiled: dict[tuple[type[Model], str], CompiledLookup | None] = {}


def authenticate_credentials(authenticator: Any, model: type[Model], key: Any) -> tuple[Any, Any]:
    """Return the user and the token of ``key``.

    ``authenticator`` is the ``irontoken.TokenAuthentication`` that asks and ``model`` what its
    ``get_model()`` answered. Raises ``AuthenticationFailed`` for a key that belongs to no token
    and for an inactive user, as REST framework does.
    """
    if type(key) is not str or not key:
        return _by_drf(authenticator, key)
    alias = router.db_for_read(model)
    connection = connections[alias]
    try:
        try:
            lookup = _compiled[model, alias]
        except KeyError:
            lookup = _compiled[model, alias] = compile_lookup(model, connection, key)
        parameter = lookup and lookup.parameter(key, connection)
    except (ValidationError, ValueError):
        raise refusals.invalid_token() from None
    if lookup is None:
        return _by_drf(authenticator, key)

    with connection.cursor() as cursor:
        cursor.execute(lookup.sql, (parameter,))
        row = cursor.fetchone()
    pair = row and lookup.shape.build(row, lookup.converters(connection), parameter)
    if not pair:
        raise refusals.invalid_token()
    if not pair[0].is_active:
        raise refusals.inactive_user()
    return pair


def _by_drf(authenticator: Any, key: Any) -> tuple[Any, Any]:
    drf: Any = super(_core.TokenAuthentication, authenticator)
    try:
        user, token = drf.authenticate_credentials(key)
    except ValidationError:
        raise refusals.invalid_token() from None
    except (ValueError, DataError):
        # What the drivers of PostgreSQL say to a text that its server cannot hold.
        if not isinstance(key, str) or "\0" not in key:
            raise
        raise refusals.invalid_token() from None
    if not _bears(token, key):
        raise refusals.invalid_token()
    return user, token


def _bears(token: Any, key: Any) -> bool:
    """Tell whether ``token`` bears ``key`` itself, and not one that a collation calls equal."""
    try:
        field = token._meta.get_field("key")
    except (AttributeError, FieldDoesNotExist):
        return True
    if type(field) not in (CharField, TextField) or not isinstance(key, str):
        return True
    return _core.keys_equal(token.key, key)


def _forget(**_: Any) -> None:
    _compiled.clear()


# A compiled look-up holds what settings said: databases, routers' aliases, time zones.
setting_changed.connect(_forget, dispatch_uid="irontoken.lookup")
