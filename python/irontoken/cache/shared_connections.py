"""Connections that Django's has for a while alone: those of a pool, and those of tenants.

What a program sets on a pool's connection stays on it when Django's gives it back, and the next
that has it finds it there. django-tenants sets the ``search_path`` of a connection for the tenant
of each request.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string

from irontoken._core import WriteInterceptor

#: Pools of which connections may have been used before they were intercepted.
_older_pools: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
#: The attribute of a driver's connection whose names may mean other tables than its settings say.
_MARK: Final = "_irontoken_schema_changed"
_TENANTS_BACKEND: Final = "django_tenants.postgresql_backend.base"


def is_pooled(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection takes the driver's from a pool of psycopg's."""
    return bool(connection.settings_dict.get("OPTIONS", {}).get("pool"))


def note_older_pools() -> None:
    """Take none of the pools' connections that there are now for new."""
    for connection in connections.all(initialized_only=True):
        # Not by `connection.pool`, which would make one.
        pools: dict[str, Any] = getattr(type(connection), "_connection_pools", {})
        _older_pools.update(pools.values())


def is_older(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection's pool was there before its connections were intercepted."""
    pools: dict[str, Any] = getattr(type(connection), "_connection_pools", {})
    return connection.alias in pools and pools[connection.alias] in _older_pools


def inherit(connection: BaseDatabaseWrapper, interceptor: WriteInterceptor) -> None:
    """Let the interceptor know what an earlier user has left on a connection of a pool."""
    if getattr(connection.connection, _MARK, False):
        interceptor.inherit_schema_change()


def marking(
    connection: BaseDatabaseWrapper, interceptor: WriteInterceptor, close: Callable[[], None]
) -> Callable[[], None]:
    """Return what marks a pool's connection before ``close`` gives it back."""

    def mark_and_close() -> None:
        driver = connection.connection
        # Before it is given back: another thread may have it at once.
        if driver is not None and interceptor.schema_changed and is_pooled(connection):
            setattr(driver, _MARK, True)
        close()

    return mark_and_close


def has_tenants(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection is django-tenants', whose tables depend on its ``schema_name``."""
    cls: Any = type(connection)
    return _is_for_tenants(cls)


@functools.cache
def _is_for_tenants(cls: Any) -> bool:
    return any(base.__module__ == _TENANTS_BACKEND for base in cls.__mro__)


def sets_unseen() -> str:
    """Name the setting by which a tenant's schema is not all that decides, or not set anew."""
    # A path that is set once is undone by whatever rolls a transaction back.
    names = ("EXTRA_SET_TENANT_METHOD_PATH", "TENANT_LIMIT_SET_CALLS")
    return next((name for name in names if getattr(settings, name, None)), "")


def schema_of(connection: BaseDatabaseWrapper) -> tuple[Any, Any] | None:
    """Return what a tenant's rows are told from another's by; ``None`` without tenants."""
    if not has_tenants(connection):
        return None
    wrapper: Any = connection
    return wrapper.schema_name, wrapper.include_public_schema


def saw(connection: BaseDatabaseWrapper, schema: tuple[Any, Any] | None) -> bool:
    """Tell whether the statement that has just run saw this schema, without tenants any."""
    if schema is None:
        return True
    wrapper: Any = connection
    is_set = wrapper.search_path_set_schemas == wrapper._get_cursor_search_paths()
    return bool(is_set and schema_of(connection) == schema)


def sets_own_schema(connection: BaseDatabaseWrapper, statement: str) -> bool:
    """Tell whether a statement is by which django-tenants sets the schema that it names.

    In doubt it is not.
    """
    if not has_tenants(connection):
        return False
    wrapper: Any = connection
    quote = import_string("django_tenants.utils.quote_schema_name")
    paths = ",".join(map(quote, wrapper._get_cursor_search_paths()))
    return statement == f"SET search_path = {paths}"
