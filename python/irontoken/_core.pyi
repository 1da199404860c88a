from datetime import tzinfo
from typing import Any, final

__all__ = [
    "Converters",
    "InstanceShape",
    "RowShape",
    "TokenAuthentication",
    "generate_key",
    "generate_keys",
    "keys_equal",
    "parse_authorization",
]

class TokenAuthentication:
    def __new__(cls, *_args: Any, **_kwargs: Any) -> TokenAuthentication: ...
    def authenticate(self, request: Any) -> tuple[Any, Any] | None: ...
    def authenticate_credentials(self, key: str) -> tuple[Any, Any]: ...
    def get_model(self) -> Any: ...

@final
class InstanceShape:
    def __new__(
        cls,
        class_: type[Any],
        alias: str,
        direct: bool,
        columns: list[tuple[str, int, bool]],
        relation: Any,
    ) -> InstanceShape: ...

@final
class RowShape:
    def __new__(cls, token: InstanceShape, user: InstanceShape, key_column: int) -> RowShape: ...
    def build(
        self, row: tuple[Any, ...], converters: Converters, sent: Any
    ) -> tuple[Any, Any] | None: ...

@final
class Converters:
    def __new__(
        cls,
        connection: Any,
        columns: list[tuple[int, Any, list[Any]]],
        booleans: set[int],
        datetimes: set[int],
        zone: tzinfo | None,
    ) -> Converters: ...

def generate_key(nbytes: int = 20) -> str: ...
def generate_keys(count: int, nbytes: int = 20) -> list[str]: ...
def parse_authorization(header: bytes | str, keyword: str = "Token") -> str | None: ...
def keys_equal(a: str | bytes, b: str | bytes) -> bool: ...
