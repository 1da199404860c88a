"""The request that is being authenticated, for receivers of a refusal who ask for it.

``authenticate_credentials(key)`` is REST framework's hook and has no place for a request. It is
carried beside it only where somebody listens, since each request would pay for it.
"""

from contextvars import ContextVar
from typing import Any, Final

from irontoken import _core

_request: Final[ContextVar[Any]] = ContextVar("irontoken_request", default=None)


def start() -> None:
    """Carry requests from now on, in all threads of this process."""
    _core.carry_requests()


def request() -> Any:
    """Return the request that is being authenticated here, or ``None`` where there is none."""
    return _request.get()


def authenticate_credentials(authenticator: Any, request: Any, key: str) -> Any:
    """Return what ``authenticator.authenticate_credentials(key)`` does, carrying ``request``."""
    __traceback_hide__ = True
    before = _request.set(request)
    try:
        return authenticator.authenticate_credentials(key)
    finally:
        _request.reset(before)
