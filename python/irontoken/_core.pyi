from collections.abc import Callable
from datetime import tzinfo
from os import PathLike
from typing import Any, final

__all__ = [
    "Cache",
    "Converters",
    "InstanceShape",
    "Lease",
    "Line",
    "Road",
    "RowShape",
    "Seam",
    "Ticket",
    "TokenAuthentication",
    "Watch",
    "digest_of",
    "generate_key",
    "generate_keys",
    "is_issued_key",
    "issue_key",
    "keys_equal",
    "parse_authorization",
]

class TokenAuthentication:
    def __new__(cls, *args: Any, **kwargs: Any) -> TokenAuthentication: ...
    def authenticate(self, request: Any) -> tuple[Any, Any] | None: ...
    def authenticate_credentials(self, key: str) -> tuple[Any, Any]: ...
    def get_model(self) -> Any: ...

@final
class InstanceShape:
    def __new__(
        cls,
        class_: type[Any],
        from_db: Callable[..., Any],
        alias: str,
        state: list[tuple[str, Any]],
        direct: bool,
        has_descriptors: bool,
        columns: list[tuple[str, int, bool]],
        relation: Any,
    ) -> InstanceShape: ...

@final
class RowShape:
    def __new__(cls, token: InstanceShape, user: InstanceShape, key_column: int) -> RowShape: ...
    def build(
        self,
        row: tuple[Any, ...],
        converters: Converters,
        sent: Any,
        key: str,
        ticket: Ticket | None,
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

@final
class Cache:
    def __new__(
        cls,
        path: str | PathLike[str] | None,
        max_entries: int,
        max_age: float,
        lease: Lease | None,
    ) -> Cache: ...
    def clear(self) -> bool: ...
    def info(self) -> dict[str, int]: ...
    def failure(self) -> str | None: ...
    def writes(self) -> int: ...
    def unkept(self) -> str | None: ...

@final
class Road:
    def __new__(
        cls,
        cache: Cache,
        space: int,
        shape: RowShape,
        token: tuple[int, str],
        user: tuple[int, str],
        key_column: int | None,
        limits: list[tuple[list[int], float]],
        note: Callable[[Any], None] | None,
        interval: float,
    ) -> Road: ...
    def open(self, seam: Seam, connection: Any) -> Ticket | None: ...

@final
class Ticket: ...

@final
class Watch:
    def __new__(
        cls,
        tables: dict[str, dict[str, tuple[str, str]]],
        others: list[str],
        double_quotes_hold_text: bool,
    ) -> Watch: ...
    def has(self, table: str) -> bool: ...

@final
class Seam:
    def __new__(
        cls,
        cache: Cache,
        watch: Watch,
        in_transaction: bool,
        publish: Callable[[str], None] | None,
    ) -> Seam: ...
    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any: ...
    def ended(self) -> None: ...
    def failed(self) -> None: ...
    def begins(self) -> None: ...
    def closed(self) -> None: ...
    def may_read(self) -> bool: ...

@final
class Lease:
    def __new__(cls, length: float) -> Lease: ...
    def void(self) -> None: ...
    def age(self) -> float | None: ...

@final
class Line:
    def __new__(cls, lease: Lease) -> Line: ...
    def probe(self) -> str | None: ...
    def proves(self, secret: str) -> bool: ...
    def hears(self, message: str) -> str | None: ...
    def due_in(self) -> float: ...
    def is_dead(self) -> bool: ...
    def lost(self) -> None: ...

def generate_key(nbytes: int = 20) -> str: ...
def generate_keys(count: int, nbytes: int = 20) -> list[str]: ...
def parse_authorization(header: bytes | str, keyword: str = "Token") -> str | None: ...
def keys_equal(a: str | bytes, b: str | bytes) -> bool: ...
def issue_key(prefix: str) -> str: ...
def digest_of(key: str) -> str: ...
def is_issued_key(prefix: str, key: str) -> bool: ...
