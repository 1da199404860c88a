"""What a view says about scopes, and what is wrong with it."""

import difflib
from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from irontoken.tokens.validators import is_scope

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
#: How alike a mistyped attribute is, from 0 to 1: ``required_scope`` is 0.97.
_ALIKE: Final = 0.92
HINT: Final = (
    'Write required_scopes = ["read"], {"GET": ["read"], "POST": ["write"]}, or [] where none '
    "is needed."
)
#: In place of the attribute that a view does not have.
UNSET: Final[Any] = object()


def scopes_of(view: Any, method: str) -> frozenset[str]:
    """Return the scopes that a request with ``method`` needs at ``view``.

    Raises ``ImproperlyConfigured`` where ``required_scopes`` is missing, mistyped or does not name
    a method that the view answers. HEAD follows GET. OPTIONS and a method that the view does not
    answer need none unless a dict names them.
    """
    required: Any = getattr(view, "required_scopes", UNSET)
    handler = method.lower()
    answered = [method] if handler in view.http_method_names and hasattr(view, handler) else []
    for problem in problems(type(view), required, answered):
        raise ImproperlyConfigured(f"{problem} {HINT}")
    if isinstance(required, dict):
        by_method = {name.upper(): scopes for name, scopes in required.items()}
        default = by_method.get("GET", ()) if method == "HEAD" else ()
        required = by_method.get(method, default)
    return frozenset(required)


def problems(view: Any, required: Any, methods: Iterable[str]) -> list[str]:
    """Return what is wrong with ``required`` scopes of a view class that answers ``methods``.

    Each is a sentence for ``manage.py check`` and ``ImproperlyConfigured``; the list is empty
    where nothing is wrong.
    """
    name = f"{view.__module__}.{view.__qualname__}"
    if mistyped := _mistyped(view):
        return [f"{name} has {mistyped!r}, which HasScopes does not read."]
    if required is UNSET:
        return [f"{name} has HasScopes and no required_scopes."]
    if not isinstance(required, dict):
        problem = _problem_of_list(required)
        return [f"{name}.required_scopes {problem}."] if problem else []
    return [
        f"{name}.required_scopes {problem}." for problem in _problems_of_dict(required, methods)
    ]


def _mistyped(view: Any) -> str:
    """Return an attribute that was meant to be ``required_scopes``; looked for once in a class."""
    found: str | None = view.__dict__.get("_irontoken_mistyped")
    if found is None:
        names = [name for name in dir(view) if name != "required_scopes" and name[0] != "_"]
        found = next(iter(difflib.get_close_matches("required_scopes", names, 1, _ALIKE)), "")
        view._irontoken_mistyped = found
    return found


def _problems_of_dict(required: dict[Any, Any], methods: Iterable[str]) -> list[str]:
    found = [
        f"names the method {each!r}"
        for each in required
        if not isinstance(each, str) or each.upper() not in _METHODS
    ]
    if found:
        return found
    named = {each.upper() for each in required}
    if "GET" in named:
        named.add("HEAD")
    found = [f"does not name {each}" for each in methods if each not in {*named, "OPTIONS"}]
    for method, scopes in required.items():
        problem = _problem_of_list(scopes)
        if problem:
            found.append(f"of {method} {problem}")
    return found


def _problem_of_list(scopes: Any) -> str:
    if not isinstance(scopes, (list, tuple, set, frozenset)):
        return f"is of type {type(scopes).__name__}, not a list"
    wrong = [each for each in scopes if not is_scope(each)]
    return f"holds {wrong[0]!r}, which is no scope" if wrong else ""
