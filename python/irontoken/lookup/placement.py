"""Which database a token is looked up in."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, router

from irontoken.cache import service as cache


def alias_for(model: Any) -> str:
    """Return the alias that the routers pick for reading a token of ``model``.

    With ``REPLICAS`` "primary-versioned" it is the one that they pick for writing: what is cached
    is read where it was written, and no replica's delay is cached along.
    """
    if not router.routers:
        return DEFAULT_DB_ALIAS  # the only one that Django then has to pick
    options = cache.options()
    pick = router.db_for_write if options and options.replicas else router.db_for_read
    alias: str = pick(model)
    return alias
