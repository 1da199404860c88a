"""The query of a look-up: compiled once for each model and database, and run for each miss.

Django's own cursor runs it, so that routers, transactions, execute wrappers and query logs see
what they always saw.
"""

from typing import Any, Final, NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from irontoken._core import FillPermit, decode_row
from irontoken.cache import filling, shared_connections
from irontoken.cache import service as cache
from irontoken.cache.eligibility import uncacheable_model
from irontoken.declared import require_fields
from irontoken.lookup.compiler import CompiledLookup, compile_lookup
from irontoken.lookup.fields import LookupFields
from irontoken.lookup.placement import alias_for
from irontoken.runtime import Stage, forget_on_change
from irontoken.settings import setting

_Place = tuple[type[Model], LookupFields | None, str, int]
_compiled: Final[dict[_Place, CompiledLookup | None]] = {}


class Found(NamedTuple):
    """A row that was read for a key, and the permit to store it, if it may be."""

    model: type[Model]
    row: tuple[Any, ...]
    lookup: CompiledLookup
    connection: BaseDatabaseWrapper
    permit: FillPermit | None

    def pair(self, sent: Any, key: str, *, stores: bool = True) -> tuple[Any, Any] | None:
        """Return the user and the token; ``None`` where the row's key is not what was ``sent``.

        The user is ``None`` where the row has none.

        ``None`` also for a row that ``from_db`` or a receiver hides by the model's
        ``DoesNotExist``. Raises what else these raise.
        """
        lookup, permit = self.lookup, self.permit if stores else None
        try:
            return decode_row(
                lookup.decoder, self.row, self.connection, lookup.converters, sent, key, permit
            )
        except self.model.DoesNotExist:
            return None


def compiled_for(
    model: type[Model], declared: LookupFields | None = None, count: int = 1
) -> tuple[CompiledLookup | None, BaseDatabaseWrapper]:
    """Return the look-up of one of ``count`` keys in ``model``, and the connection to run it on.

    ``declared`` is what the authentication class says of its fields. ``None`` stands for a look-up
    that cannot be compiled. Raises ``ImproperlyConfigured`` for fields that the model has not.
    """
    alias = alias_for(model)
    connection = connections[alias]
    place = (model, declared, alias, count)
    try:
        lookup = _compiled[place]
    except KeyError:
        # Here once more: the class may have been imported before the apps were known.
        setting.require()
        if declared is not None:
            require_fields(model, declared)
        lookup = _compiled[place] = compile_lookup(model, connection, declared, count)
    if lookup is not None and lookup.backend is not type(connection):
        lookup = None
    if lookup is None and cache.options() is not None:
        filling.count_uncacheable(uncacheable_model(model, alias, declared, lookup))
    return lookup, connection


def fetch(
    model: type[Model],
    declared: LookupFields | None,
    lookup: CompiledLookup,
    connection: BaseDatabaseWrapper,
    parameters: Any,
) -> Found | None:
    """Run the compiled query of ``lookup`` on ``connection``; return its first row, or ``None``.

    ``parameters`` are those of its SQL, one for each key or digest. What is returned carries the
    permit to store the row, where it may be cached. Raises what the database raises, and the
    model's ``MultipleObjectsReturned`` where two rows have a key.
    """
    __traceback_hide__ = True
    is_on = cache.options() is not None
    permit = filling.fill_permit(model, declared, connection, lookup) if is_on else None
    schema = shared_connections.schema_of(connection) if permit is not None else None
    with connection.cursor() as cursor:
        cursor.execute(lookup.sql, parameters)
        row = cursor.fetchone()
        if not lookup.is_unique and row and cursor.fetchone():
            message = f"Two rows of {model._meta.label} have the same key."
            raise model.MultipleObjectsReturned(message)
    if not shared_connections.saw(connection, schema):
        permit = None
    return Found(model, row, lookup, connection, permit) if row else None


def _forget() -> None:
    _compiled.clear()


# A compiled look-up holds what settings said: databases, routers' aliases, time zones.
forget_on_change(Stage.LOOKUPS, _forget)
