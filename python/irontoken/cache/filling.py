"""Filling the cache: the permit to store a row, and the cached lookup that it belongs to."""

import itertools
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from irontoken._core import CachedLookup, FillPermit
from irontoken.cache import shared_connections
from irontoken.cache.databases import identity
from irontoken.cache.eligibility import (
    is_written_elsewhere,
    lags_behind,
    uncacheable,
    uncacheable_model,
    written_elsewhere,
)
from irontoken.cache.service import options, store
from irontoken.cache.tables import owner_of, sql_names_of
from irontoken.fleet import service as fleet
from irontoken.lookup.compiler import CompiledLookup
from irontoken.lookup.fields import LookupFields
from irontoken.lookup.strategy import strategy_of
from irontoken.runtime import Stage, forget_on_change
from irontoken.settings.cache import CacheOptions

_spaces: Final = itertools.count()
_reasons: Final[dict[Any, str]] = {}


def fill_permit(
    model: type[Model],
    declared: LookupFields | None,
    connection: BaseDatabaseWrapper,
    lookup: CompiledLookup,
) -> FillPermit | None:
    """Return the permit to store the row that ``lookup`` is about to read from ``connection``.

    Returns ``None`` where that row must not be stored. To be called before the query: the permit
    holds the version from before it. Connects where there is no connection yet, and raises what
    Django raises then.
    """
    if connection.connection is None:
        connection.ensure_connection()  # which is intercepted; the query would do it next
    interceptor = connection.__dict__.get("_irontoken_interceptor")
    found = options()
    reason = _reason_for_connection(connection, interceptor, found)
    if not reason and is_written_elsewhere(model, connection.alias, lookup):
        reason = written_elsewhere(connection.alias)
    if found is None or interceptor is None or reason:
        count_uncacheable(reason)
        return None
    database = interceptor.database
    schema = shared_connections.schema_of(connection)
    place: Any = model if declared is None else (model, declared)
    if schema is not None:
        place = (model, declared, schema)
    cached_lookup: CachedLookup | None = database.lookups.get(place)
    if cached_lookup is None:
        if reason := _reason_for_model(model, connection.alias, declared, lookup):
            count_uncacheable(reason)
            return None
        cached_lookup = _build_cached_lookup(model, connection, lookup, found)
        database.lookups[place] = cached_lookup
    if found.coherence != "host" and not _is_heard_of(connection, lookup, found):
        count_uncacheable("the bus does not answer yet for its tables")
        return None
    return cached_lookup.open(interceptor, connection)


def count_uncacheable(reason: str) -> None:
    """Count a look-up whose row is not stored, by the reason, for ``cache_info()``."""
    cache = store()
    if cache is not None and reason:
        cache.count_uncacheable(reason)


def _reason_for_connection(
    connection: BaseDatabaseWrapper, interceptor: Any, options: CacheOptions | None
) -> str:
    if options is None or interceptor is None or interceptor not in connection.execute_wrappers:
        return "its connection is not intercepted"
    if not interceptor.is_cacheable:
        return uncacheable(connection, options) or "its database has been changed in the settings"
    if lags_behind(connection):
        return "its connection may be shown what was true before: a standby, or an open cursor"
    return ""


def _reason_for_model(
    model: type[Model], alias: str, declared: LookupFields | None, lookup: CompiledLookup
) -> str:
    place = (model, alias, declared)
    if place not in _reasons:
        _reasons[place] = uncacheable_model(model, alias, declared, lookup)
    return _reasons[place]


def _build_cached_lookup(
    model: type[Model],
    connection: BaseDatabaseWrapper,
    lookup: CompiledLookup,
    options: CacheOptions,
) -> CachedLookup:
    cache = store()
    assert cache is not None  # noqa: S101 - the options say that it is on
    strategy = strategy_of(model)
    key_column = lookup.key_column if lookup.key_field is None and not lookup.is_digest else None
    return CachedLookup(
        cache,
        fleet.lease_for(connection, identity(connection), options),
        next(_spaces),
        lookup.decoder,
        _identifying_columns(lookup),
        key_column,
        strategy.limits({field.name: column for field, column in lookup.columns[0].items()}),
        *strategy.use_recorder(),
    )


def _identifying_columns(lookup: CompiledLookup) -> list[tuple[int, str, str]]:
    """Return the columns of a row by which a write names it, each with its owner and its kind.

    A write names a row of a table by any column that identifies rows of it, and so the row lies
    under the values of all of them.
    """
    # Of a foreign key and what it refers to, one will do.
    same = {
        part.link.foreign_key
        for part in lookup.parts
        if part.link is not None
        and part.link.field.target_field == part.model._meta.pk
        and owner_of(part.link.field) == owner_of(part.model._meta.pk)
    }
    return [
        (column, *owner)
        for columns in lookup.columns
        for field, column in columns.items()
        if column not in same and (owner := owner_of(field))
    ]


def _is_heard_of(
    connection: BaseDatabaseWrapper, lookup: CompiledLookup, options: CacheOptions
) -> bool:
    tables = [name for part in lookup.parts for name in sql_names_of(part.model)]
    return fleet.may_store(connection, identity(connection), tables, options)


def _forget() -> None:
    _reasons.clear()


# The settings decide which tables are tracked, and which database is written to.
forget_on_change(Stage.LOOKUPS, _forget)
