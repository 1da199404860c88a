"""Finding the token of a key that its model holds itself, as REST framework's does.

A model without a compiled look-up is REST framework's to find, or Django's where the class
declares the fields.
"""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model
from django.db.models.base import ModelBase
from django.views.decorators.debug import sensitive_variables

from irontoken import _core, declared, refusals
from irontoken.lookup.compiler import TEXT_FIELDS, key_field_of
from irontoken.lookup.fields import LookupFields
from irontoken.lookup.placement import alias_for
from irontoken.lookup.shared import compiled_for, fetch

#: No database has an integer type that goes further.
_LARGEST: Final = 2**63


def authenticate_credentials(
    authenticator: Any, model: type[Model], fields: LookupFields | None, key: Any
) -> tuple[Any, Any]:
    """Return the user and the token of ``key``.

    ``authenticator`` is the ``irontoken.TokenAuthentication`` that asks, ``model`` what its
    ``get_model()`` answered and ``fields`` what its class declares of them. Raises
    ``AuthenticationFailed`` for a key that belongs to no token and for an inactive user, as REST
    framework does.
    """
    # Django's reports of errors leave out what says so, even with DEBUG on: here is a key.
    __traceback_hide__ = True
    strategy = getattr(model, "irontoken_lookup", None)
    if strategy is not None:
        found: tuple[Any, Any] = strategy.authenticate_credentials(model, fields, key)
        return found
    return _authenticate(authenticator, model, fields, key)


@sensitive_variables()
def _authenticate(
    authenticator: Any, model: type[Model], fields: LookupFields | None, key: Any
) -> tuple[Any, Any]:
    # By the decorator the reports show no variable of what is called from here either.
    __traceback_hide__ = True
    if fields is not None and (not isinstance(key, str) or not key):
        raise refusals.invalid_token()
    if type(key) is not str or not key or not isinstance(model, ModelBase):
        return _by_drf(authenticator, model, fields, key)
    lookup, connection = compiled_for(model, fields)
    if lookup is None:
        return _by_drf(authenticator, model, fields, key)
    parameter = lookup.parameter(key, connection)
    if parameter is None:
        raise refusals.invalid_token()

    row = fetch(model, fields, lookup, connection, (parameter,))
    pair = row and row.pair(parameter, key)
    if not pair:
        raise refusals.invalid_token()
    if fields is not None:
        return declared.user_of(authenticator, pair[0]), pair[1]
    if not pair[0].is_active:
        raise refusals.inactive_user()
    return pair


def _by_drf(
    authenticator: Any, model: type[Model], fields: LookupFields | None, key: Any
) -> tuple[Any, Any]:
    drf: Any = super(_core.TokenAuthentication, authenticator)
    field = key_field_of(model, fields)
    pair: tuple[Any, Any]
    try:
        if fields is None:
            pair = drf.authenticate_credentials(key)
        else:
            pair = _by_django(authenticator, model, fields, key)
    except (ValidationError, ValueError, OverflowError, DataError):
        if _could_be_held(field, key):
            raise
    else:
        if _bears(pair[1], field, key):
            return pair
    # Out of the handler, since the error that it handles may quote the key.
    raise refusals.invalid_token()


def _by_django(authenticator: Any, model: Any, fields: LookupFields, key: Any) -> tuple[Any, Any]:
    try:
        token = fields.tokens(model, alias_for(model)).get(**{fields.key_field: key})
    except model.DoesNotExist:
        raise refusals.invalid_token() from None
    return declared.user_of(authenticator, fields.user_of(token)), token


def _bears(token: Any, field: Any, key: Any) -> bool:
    """Tell whether ``token`` bears ``key`` itself, and not one that a collation calls equal."""
    # Not by `getattr`, which would ask the database for a deferred one.
    found = vars(token).get(field.attname) if field is not None else None
    if type(field) not in TEXT_FIELDS or not isinstance(found, str) or not isinstance(key, str):
        return True
    return _core.keys_equal(found, key)


def _could_be_held(field: Any, key: Any) -> bool:
    """Tell whether an error is not for want of a key that the field and its column can take."""
    if field is None or not isinstance(key, str):
        return True
    try:
        prepared = field.get_prep_value(key)
    except (ValidationError, ValueError):
        return False
    return not (isinstance(prepared, int) and abs(prepared) >= _LARGEST) and "\0" not in key
