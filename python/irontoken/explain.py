"""Which authentication classes a project has, and why the tokens of one are not cached."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connections
from django.utils.module_loading import import_string

from irontoken.cache import service as cache
from irontoken.cache.eligibility import uncacheable, uncacheable_model
from irontoken.declared import field_problems, replaced_by
from irontoken.listed import is_ours, listed_classes
from irontoken.lookup.compiler import compile_lookup
from irontoken.lookup.placement import alias_for
from irontoken.routes import routes

#: What overrides a method to do what a subclass may declare.
HINT = (
    "Declare key_field, user_field, select_related, keyword, header, get_key(), principal() or "
    "check() in its place, or call super(); see “Subclassing” in the documentation."
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
    found = listed_classes()
    for route in routes():
        of_view = route.get("authentication_classes")
        found += of_view if isinstance(of_view, (list, tuple)) else ()
    return [each for index, each in enumerate(found) if each not in found[:index]]


def explain(cls: Any) -> Explanation:
    """Return whether the tokens of an authentication class are cached, and why not."""
    if not is_ours(cls):
        name = getattr(cls, "__qualname__", type(cls).__qualname__)
        module = getattr(cls, "__module__", type(cls).__module__)
        return Explanation(f"{module}.{name}", "", "it is not one of irontoken's classes", "")
    name = f"{cls.__module__}.{cls.__qualname__}"
    try:
        authenticator: Any = cls()
        model = authenticator.get_model()
        alias = alias_for(model)
        connection = connections[alias]
        place = f"{model._meta.label} on {alias!r}"
        options = cache.options()
        if options is None:
            hint = 'Write IRONTOKEN = {"CACHE": {"COHERENCE": "host"}}.'
            return Explanation(name, place, "the cache is off", hint)
        if reason := replaced(cls):
            return Explanation(name, place, reason, HINT)
        reason = uncacheable(connection, options)
        reason = reason or uncacheable_lookup(cls, model, alias)
    except Exception as error:  # noqa: BLE001 - the others are explained all the same
        said = " ".join(str(error).split()) or type(error).__name__
        return Explanation(name, "", f"it cannot be asked for its tokens: {said}", "")
    return Explanation(name, place, reason, "")


def uncacheable_lookup(cls: Any, model: Any, alias: str) -> str:
    """Return why what a class finds in a model is not cached; empty where it is."""
    declared = cls.lookup_fields
    for problem, hint in field_problems(model, declared) if declared else ():
        return f"{problem.rstrip('.')}: {hint[0].lower()}{hint[1:].rstrip('.')}"
    lookup = compile_lookup(model, connections[alias], declared)
    return uncacheable_model(model, alias, declared, lookup)


def replaced(cls: Any) -> str:
    """Say which method a class has replaced without calling ``super()``; empty for none."""
    if base := replaced_by(cls, "authenticate_credentials"):
        return f"{base.__qualname__}.authenticate_credentials() does not call super()"
    return ""


def explanations(names: list[str]) -> Iterator[Explanation]:
    """Yield what there is to say of the classes of these paths, or of all where there are none.

    Raises ``ImportError`` for a path that leads to nothing.
    """
    for cls in [import_string(name) for name in names] if names else classes():
        yield explain(cls)
