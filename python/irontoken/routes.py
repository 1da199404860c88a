"""What the project's URLs lead to, for the system checks and for ``explain``."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import get_resolver


class Route(NamedTuple):
    """A view class of REST framework's, and what its ``as_view()`` was given."""

    view: Any
    initkwargs: dict[str, Any]
    #: By HTTP method, in lower case, the name of what handles it; a view set's alone.
    actions: dict[str, str] | None

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute that an instance is going to have."""
        return self.initkwargs.get(name, getattr(self.view, name, default))

    def methods(self) -> list[str]:
        """Return the HTTP methods that are answered, in upper case."""
        if self.actions is not None:
            return [method.upper() for method in self.actions]
        names = self.view.http_method_names
        return [method.upper() for method in names if hasattr(self.view, method)]


def routes() -> Iterator[Route]:
    """Yield where the URLs lead, as far as that is a view of REST framework's."""
    if getattr(settings, "ROOT_URLCONF", None):
        yield from _routes(get_resolver().url_patterns)


def _routes(patterns: Any) -> Iterator[Route]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _routes(pattern.url_patterns)
            continue
        callback = pattern.callback
        # Decorators that are well made keep what REST framework notes on its views.
        view = getattr(callback, "cls", None)
        if view is not None and hasattr(view, "permission_classes"):
            initkwargs = getattr(callback, "initkwargs", {})
            yield Route(view, initkwargs, getattr(callback, "actions", None))
