"""What a subclass of the authentication class declares in place of overriding its methods."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured


def note(cls: Any) -> None:
    """See to it that what a class declares is looked at on each request.

    The core looks at ``check`` alone, so that a class which declares nothing pays for one look; a
    class which declares something else gets one that accepts everything. Raises
    ``ImproperlyConfigured`` for a declaration that means nothing.
    """
    for problem in _problems(cls):
        raise ImproperlyConfigured(f"{cls.__module__}.{cls.__qualname__}: {problem}")
    if cls.check is None and _declares(cls):
        cls.check = _accept


def _declares(cls: Any) -> bool:
    return (
        cls.get_key is not None
        or cls.principal is not None
        or cls.header != "HTTP_AUTHORIZATION"
        or cls.keyword is None
        or isinstance(cls.keyword, tuple)
    )


def _problems(cls: Any) -> list[str]:
    found = []
    keyword = cls.keyword
    if isinstance(keyword, tuple) and not (
        keyword and all(isinstance(each, str) for each in keyword)
    ):
        found.append('keyword is no text. Write keyword = ("Token", "Bearer").')
    if isinstance(keyword, list):
        found.append("keyword is a list. Write a tuple in its place.")
    if not isinstance(cls.header, str) or cls.header != cls.header.upper().replace("-", "_"):
        found.append(
            'header is no name in request.META. Write header = "HTTP_X_API_KEY" for X-Api-Key.'
        )
    for name in ("get_key", "principal", "check"):
        hook = getattr(cls, name)
        if hook is not None and not callable(hook):
            found.append(f"{name} is no method.")
    return found


def _accept(_self: Any, _request: Any, _user: Any, _token: Any) -> None:
    """Accept what has been found."""
