"""Token authentication for Django REST framework, with its core in Rust.

List ``'irontoken.TokenAuthentication'`` in ``DEFAULT_AUTHENTICATION_CLASSES``. Importing this
package needs no configured Django and imports neither Django nor REST framework; asking for
``TokenAuthentication`` does both.
"""

from irontoken._core import generate_key, generate_keys, keys_equal, parse_authorization
from irontoken.exceptions import InvalidHeader

# Type checkers take this name for true; importing `typing` costs more than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from irontoken.authentication import TokenAuthentication

__all__ = [
    "InvalidHeader",
    "TokenAuthentication",
    "generate_key",
    "generate_keys",
    "keys_equal",
    "parse_authorization",
]


def __getattr__(name: str) -> object:
    if name == "TokenAuthentication":
        from irontoken.authentication import TokenAuthentication

        globals()[name] = TokenAuthentication
        return TokenAuthentication
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
