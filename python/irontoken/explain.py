"""Which authentication classes a project has, and why the tokens of one are not cached."""

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.utils.module_loading import import_string

from irontoken import _core
from irontoken.cache import service as cache
from irontoken.cache.eligibility import uncacheable, uncacheable_model
from irontoken.lookup.compiler import compile_lookup
from irontoken.routes import routes

#: What overrides a method to do what a subclass may declare.
HINT = (
    "Declare keyword, header, get_key(), principal() or check() in its place, or call super(); "
    "see “Subclassing” in the README."
)


class Explanation(NamedTuple):
    """What there is to say of one class."""

    name: str
    #: The model and the database that its tokens are in; empty where that cannot be told.
    place: str
    #: Why they are not cached; empty where they are.
    reason: str
    #: What to do about it; empty where there is nothing, or nothing to be done.
    hint: str

    def __str__(self) -> str:
        """Return the line that ``manage.py irontoken explain`` prints."""
        place = f" ({self.place})" if self.place else ""
        if not self.reason:
            return f"{self.name}{place}: cached."
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.name}{place}: not cached: {self.reason}.{hint}"


def classes() -> list[Any]:
    """Return the authentication classes of the settings and of the routed views, each once."""
    named = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES", ())
    found = [import_string(each) if isinstance(each, str) else each for each in named]
    for route in routes():
        found += route.get("authentication_classes") or ()
    return list(dict.fromkeys(found))


def explain(cls: Any) -> Explanation:
    """Return whether the tokens of an authentication class are cached, and why not."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    if not (inspect.isclass(cls) and issubclass(cls, _core.TokenAuthentication)):
        return Explanation(name, "", "it is none of irontoken's", "")
    try:
        authenticator: Any = cls()
        model = authenticator.get_model()
    except (ImproperlyConfigured, TypeError) as error:
        return Explanation(name, "", f"it cannot be asked for its model: {error}", "")
    alias = router.db_for_read(model)
    connection = connections[alias]
    place = f"{model._meta.label} on {alias!r}"
    options = cache.options()
    if options is None:
        hint = 'Add \'irontoken\' to INSTALLED_APPS and IRONTOKEN = {"CACHE": {"COHERENCE": …}}.'
        return Explanation(name, place, "the cache is off", hint)
    if reason := replaced(cls):
        return Explanation(name, place, reason, HINT)
    reason = uncacheable(connection, options)
    reason = reason or uncacheable_model(model, alias, compile_lookup(model, connection))
    return Explanation(name, place, reason, "")


def replaced(cls: Any) -> str:
    """Say which method a class has replaced without calling ``super()``; empty for none."""
    for method in ("authenticate", "authenticate_credentials"):
        for base in cls.__mro__:
            if base.__module__.startswith("irontoken."):
                break
            function = inspect.unwrap(vars(base).get(method, None) or _nothing)
            code = getattr(function, "__code__", None)
            if method in vars(base) and not (code and _goes_on(code)):
                return f"{base.__qualname__} has an own {method}() that does not call super()"
    return ""


def _nothing() -> None:
    """Stand for a method that a class does not have."""


def _goes_on(code: Any) -> bool:
    """Tell whether a method calls the one that it overrides, or the one that looks a key up."""
    return not {"super", "authenticate", "authenticate_credentials"}.isdisjoint(code.co_names)


def explanations(names: list[str]) -> Iterator[Explanation]:
    """Yield what there is to say of the classes of these paths, or of all where there are none.

    Raises ``ImportError`` for a path that leads to nothing.
    """
    for cls in [import_string(name) for name in names] if names else classes():
        yield explain(cls)
