"""Token authentication for Django REST framework, with its core in Rust.

List ``'irontoken.TokenAuthentication'`` in ``DEFAULT_AUTHENTICATION_CLASSES``. Importing this
package needs no configured Django and imports neither Django nor REST framework; asking for
``TokenAuthentication`` does both.
"""

from irontoken._core import (
    __version__,
    generate_key,
    generate_keys,
    keys_equal,
    parse_authorization,
)
from irontoken.exceptions import InvalidHeader

# Type checkers take this name for true; importing `typing` costs more than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from irontoken.authentication import TokenAuthentication
    from irontoken.cache.service import clear as cache_clear
    from irontoken.cache.service import info as cache_info

__all__ = [
    "InvalidHeader",
    "TokenAuthentication",
    "__version__",
    "cache_clear",
    "cache_info",
    "generate_key",
    "generate_keys",
    "keys_equal",
    "parse_authorization",
]


#: What needs Django, and where it is.
_LAZY = {
    "TokenAuthentication": ("irontoken.authentication", "TokenAuthentication"),
    "cache_clear": ("irontoken.cache.service", "clear"),
    "cache_info": ("irontoken.cache.service", "info"),
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    globals()[name] = found = getattr(import_module(module), attribute)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
