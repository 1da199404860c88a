"""What a process keeps of the settings is forgotten when one of them changes: as tests do it.

Whoever keeps something says so here, with its place in the order: what is read from settings is
forgotten before what was made of it, and connections are intercepted anew at the end.
"""

import enum
from collections.abc import Callable
from typing import Any, Final

from django.core.signals import setting_changed

#: The settings that something is kept of; no other empties the cache.
SETTINGS: Final = frozenset(
    {
        "AUTH_USER_MODEL",
        "CACHES",
        "DATABASE_ROUTERS",
        "DATABASES",
        "INSTALLED_APPS",
        "IRONTOKEN",
        "KNOX_TOKEN_MODEL",
        "REST_FRAMEWORK",
        "REST_KNOX",
        "TIME_ZONE",
        "USE_TZ",
    }
)


class Stage(enum.IntEnum):
    """When something is forgotten."""

    SETTINGS = 0
    LOOKUPS = 1
    CACHE = 2
    CONNECTIONS = 3


_kept: Final[dict[tuple[Stage, str], Callable[[], None]]] = {}


def forget_on_change(stage: Stage, forget: Callable[[], None]) -> None:
    """Call ``forget``, a function of a module, when one of ``SETTINGS`` changes.

    The functions of an earlier stage are called first. A function that is registered again, as by
    a reload of its module, takes the place of the former.
    """
    _kept[stage, f"{forget.__module__}.{forget.__qualname__}"] = forget


def _changed(setting: str, **_: Any) -> None:
    if setting in SETTINGS:
        for place in sorted(_kept):
            _kept[place]()


setting_changed.connect(_changed, dispatch_uid="irontoken.runtime")
