"""What a subclass of the authentication class declares in place of overriding its methods."""

import inspect
import re
from collections.abc import Iterator
from types import CodeType
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured

from irontoken import refusals
from irontoken.lookup.fields import LookupFields
from irontoken.lookup.strategy import strategy_of


class NoCheck:
    """A ``check`` that accepts everything, and can be called by one that calls ``super()``."""

    def __call__(self, request: Any, user: Any, token: Any) -> None:
        """Accept the token of a request."""


#: That of a class that declares nothing: the core looks no further.
NO_CHECK: Final = NoCheck()
#: That of a class that declares something else.
_DECLARES: Final = NoCheck()
_HOOKS: Final = ("get_key", "principal", "check")
#: Kinds of functions that run when somebody awaits or iterates what they return.
_DEFERRED: Final = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)


def note(cls: Any) -> None:
    """See to it that what a class declares is looked at on each request.

    The core looks at ``check`` alone, so that a class which declares nothing pays for one look.
    Raises ``ImproperlyConfigured`` for a declaration that would mean nothing, or be passed by.
    """
    check = _check_of(cls)
    if check is None and _declares(cls):
        check = _DECLARES
    for problem in _problems(cls, is_hooked=check is not None):
        raise ImproperlyConfigured(f"{cls.__module__}.{cls.__qualname__}: {problem}")
    # One that a base of its own, or ours, would stand before.
    if check is not None and inspect.getattr_static(cls, "check") is not check:
        cls.check = check
    fields = LookupFields(cls.key_field, cls.user_field, tuple(cls.select_related))
    cls.lookup_fields = fields if _declares_fields(cls) else None


def _declares_fields(cls: Any) -> bool:
    """Tell whether a class, or a base of it, says how a token is found, the defaults included."""
    bases = (base for base in cls.__mro__ if not _is_of_irontoken(base))
    return any(name in vars(base) for base in bases for name in LookupFields._fields)


def user_of(authenticator: Any, user: Any) -> Any:
    """Return ``request.user`` for an accepted token of a class that declares fields.

    ``user`` is whom the token's ``user_field`` leads to, or ``None``. A class without a
    ``user_field`` gets an ``AnonymousUser``, which its ``principal`` may replace. Raises
    ``AuthenticationFailed`` for a user who is not there, or is inactive.
    """
    if authenticator.user_field is None:
        from django.contrib.auth.models import AnonymousUser

        return AnonymousUser()
    if user is None or not getattr(user, "is_active", True):
        raise refusals.inactive_user()
    return user


def require_fields(model: Any, fields: LookupFields) -> None:
    """Raise ``ImproperlyConfigured`` where a class declares fields that its model has not."""
    for problem, hint in field_problems(model, fields):
        raise ImproperlyConfigured(f"{problem} {hint}")


def field_problems(model: Any, fields: LookupFields) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the fields that a class declares for a model, with a hint."""
    label = model._meta.label
    if strategy_of(model).holds_digests:
        if (fields.key_field, fields.user_field) != LookupFields()[:2]:
            yield f"{label} holds digests of keys, and a user.", "Declare select_related alone."
    elif not getattr(_end_of(model, fields.key_field), "concrete", False):
        yield f"{label} has no field {fields.key_field!r}.", 'Write key_field = "token".'
    for path in fields.paths:
        end = _end_of(model, path)
        if end is None or not (end.many_to_one or end.one_to_one):
            yield (
                f"{label} has no path of foreign keys {path!r}.",
                'Write it as for select_related(): "team__owner".',
            )
        elif path == fields.user_field:
            if not end.concrete:
                yield (
                    f"{path!r} of {label} ends in what refers to it.",
                    "Write a path of foreign keys, and principal() for anybody else.",
                )
            elif not hasattr(end.related_model, "is_authenticated"):
                yield (
                    f"{end.related_model._meta.label} has no is_authenticated.",
                    "Permissions ask it: give the model is_authenticated = True.",
                )


def _end_of(model: Any, path: str) -> Any:
    """Return the field or the relation at the end of a path; ``None`` where there is none."""
    found = None
    for name in path.split("__"):
        try:
            found = model._meta.get_field(name) if model is not None else None
        except FieldDoesNotExist:
            return None
        model = found and found.related_model
    return found


def first_keyword(keyword: Any) -> Any:
    """Return the keyword that a challenge names: the first of several."""
    return keyword[0] if isinstance(keyword, tuple) else keyword


def replaced_by(cls: Any, name: str) -> Any:
    """Return the class whose method a class has, if it is a project's and calls no ``super()``."""
    base = next(base for base in cls.__mro__ if name in vars(base))
    return None if _is_of_irontoken(base) or _calls_super(vars(base)[name]) else base


def _is_of_irontoken(cls: Any) -> bool:
    module: str = cls.__module__
    return module.partition(".")[0] == "irontoken"


def _calls_super(function: Any) -> bool:
    """Tell whether a method, or a function within it, calls ``super()`` for the same method.

    One that calls a base by its name may pass others by, and does not count.
    """
    try:
        unwrapped = inspect.unwrap(function)
    except ValueError:
        return False  # it wraps itself
    code, method = getattr(unwrapped, "__code__", None), getattr(unwrapped, "__name__", "")
    if not isinstance(code, CodeType):
        return False
    names = {name for each in _codes(code) for name in each.co_names}
    return {"super", method} <= names


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _check_of(cls: Any) -> Any:
    """Return the nearest ``check`` that checks something, if there is one."""
    found = (vars(base)["check"] for base in cls.__mro__ if "check" in vars(base))
    return next((each for each in found if not isinstance(each, NoCheck)), None)


def _declares(cls: Any) -> bool:
    return (
        cls.get_key is not None
        or cls.principal is not None
        or cls.header != "HTTP_AUTHORIZATION"
        or cls.keyword is None
        or isinstance(cls.keyword, tuple)
    )


def _problems(cls: Any, *, is_hooked: bool) -> Iterator[str]:
    if not (isinstance(cls.key_field, str) and cls.key_field.isidentifier()) or (
        "__" in cls.key_field
    ):
        yield 'key_field must be the name of a field. Write key_field = "token".'
    if not (cls.user_field is None or (isinstance(cls.user_field, str) and cls.user_field)):
        yield 'user_field must be a path of foreign keys, or None. Write user_field = "owner".'
    if not isinstance(cls.select_related, (tuple, list)) or not all(
        isinstance(each, str) and each for each in cls.select_related
    ):
        yield 'select_related must be a tuple of paths. Write select_related = ("team",).'
    keyword = cls.keyword
    if isinstance(keyword, (list, set)) or (
        isinstance(keyword, tuple) and not (keyword and all(map(_is_word, keyword)))
    ):
        yield 'keyword must be a str or a tuple of them. Write keyword = ("Token", "Bearer").'
    header = cls.header
    if not isinstance(header, str) or not re.fullmatch(r"(?!X_)[A-Z]+(_[A-Z0-9]+)+", header):
        yield (
            'header must be a name of request.META. Write header = "HTTP_X_API_KEY" for X-Api-Key.'
        )
    for name in _HOOKS:
        hook = getattr(cls, name)
        if hook is not None and not callable(hook):
            yield f"{name} must be a method."
        if any(is_deferred(hook) for is_deferred in _DEFERRED):
            yield f"{name}() must be a plain method: nobody awaits what it returns."
    if is_hooked and (base := replaced_by(cls, "authenticate")):
        yield (
            f"{base.__qualname__}.authenticate() does not call super().authenticate(request), "
            "and what the class declares would be passed by."
        )


def _is_word(text: Any) -> bool:
    return isinstance(text, str) and text != "" and not any(map(str.isspace, text))
