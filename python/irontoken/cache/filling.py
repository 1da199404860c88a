"""Filling the cache: the permit to store a row, and the cached lookup that it belongs to."""

import itertools
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from irontoken._core import CachedLookup, FillPermit
from irontoken.cache.databases import identity
from irontoken.cache.eligibility import is_written_elsewhere, lags_behind, uncacheable_model
from irontoken.cache.service import options, store
from irontoken.cache.tables import kind_of, sql_names_of
from irontoken.fleet import service as fleet
from irontoken.lookup.compiler import CompiledLookup
from irontoken.lookup.strategy import strategy_of
from irontoken.settings.cache import CacheOptions

_spaces: Final = itertools.count()


def fill_permit(
    model: type[Model], connection: BaseDatabaseWrapper, lookup: CompiledLookup
) -> FillPermit | None:
    """Return the permit to store the row that ``lookup`` is about to read from ``connection``.

    Returns ``None`` where that row must not be stored. To be called before the query: the permit
    holds the version from before it. Connects where there is no connection yet, and raises what
    Django raises then.
    """
    if connection.connection is None:
        connection.ensure_connection()  # which is intercepted; the query would do it next
    interceptor = connection.__dict__.get("_irontoken_interceptor")
    if interceptor is None or interceptor not in connection.execute_wrappers:
        return None
    found, database = options(), interceptor.database
    if found is None or database is None or not interceptor.is_cacheable:
        return None
    if lags_behind(connection) or is_written_elsewhere(model, connection.alias, lookup):
        return None
    cached_lookup = database.lookups.get(model) or _build_cached_lookup(model, connection, lookup)
    if found.coherence != "host" and not _is_heard_of(connection, lookup, found):
        return None
    return cached_lookup and cached_lookup.open(interceptor, connection)


def _build_cached_lookup(
    model: type[Model], connection: BaseDatabaseWrapper, lookup: CompiledLookup
) -> CachedLookup | None:
    cache, found = store(), options()
    if cache is None or found is None or uncacheable_model(model, connection.alias, lookup):
        return None
    strategy = strategy_of(model)
    (token, token_pk), (user, user_pk) = lookup.primary_keys
    cached_lookup = CachedLookup(
        cache,
        fleet.lease_for(connection, identity(connection), found),
        next(_spaces),
        lookup.decoder,
        (token, kind_of(token_pk) or ""),
        (user, kind_of(user_pk) or ""),
        lookup.key_column if lookup.key_field is None and not lookup.is_digest else None,
        strategy.limits(lookup.columns),
        *strategy.use_recorder(),
    )
    connection.__dict__["_irontoken_interceptor"].database.lookups[model] = cached_lookup
    return cached_lookup


def _is_heard_of(
    connection: BaseDatabaseWrapper, lookup: CompiledLookup, options: CacheOptions
) -> bool:
    tables = [name for _, field in lookup.primary_keys for name in sql_names_of(field.model)]
    return fleet.may_store(connection, identity(connection), tables, options)
