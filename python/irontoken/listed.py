"""The authentication classes that the settings list, and what these declare of their look-ups.

The settings are what all processes of a project share: one that never imports a view knows by them
which tables the cached rows of others are made of.
"""

from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from irontoken import _core
from irontoken.lookup.fields import LookupFields
from irontoken.settings import setting

#: They declare nothing, and need not be imported to know that.
_STOCK: Final = ("rest_framework.", "irontoken.TokenAuthentication", "irontoken.authentication.")


def _names() -> list[Any]:
    section = getattr(settings, "REST_FRAMEWORK", None) or {}
    return [
        *(section.get("DEFAULT_AUTHENTICATION_CLASSES") or ()),
        *(setting.section("CACHE").get("CLASSES") or ()),
    ]


def import_or_none(path: Any) -> Any:
    """Return what a path leads to, or ``None`` where it cannot be imported."""
    try:
        return import_string(path) if isinstance(path, str) else path
    except ImportError:
        return None


def is_ours(cls: Any) -> bool:
    """Tell whether something is irontoken's authentication class, or a subclass of it."""
    return isinstance(cls, type) and issubclass(cls, _core.TokenAuthentication)


def listed_classes() -> list[Any]:
    """Return the authentication classes of the settings, as far as they can be imported.

    What cannot is REST framework's to complain about, or a system check's.
    """
    found = map(import_or_none, _names())
    return [each for each in found if each is not None]


def our_classes() -> list[Any]:
    """Return those of ``listed_classes()`` that are irontoken's class, or subclasses of it."""
    return [each for each in listed_classes() if is_ours(each)]


def declared_lookups() -> tuple[list[tuple[str, Any, LookupFields]], list[tuple[str, str]]]:
    """Return the name, the model and the fields of each listed class that declares fields.

    The second are those that cannot be imported or asked for their model, each with the error.
    """
    found, wrong = [], []
    for each in _names():
        if isinstance(each, str) and each.startswith(_STOCK):
            continue
        name = each if isinstance(each, str) else getattr(each, "__qualname__", repr(each))
        try:
            cls: Any = import_string(each) if isinstance(each, str) else each
            declared = getattr(cls, "lookup_fields", None)
            if isinstance(declared, LookupFields):
                found.append((name, cls().get_model(), declared))
        except Exception as error:  # noqa: BLE001 - a project's own, while its module is imported
            wrong.append((name, f"{type(error).__name__}: {' '.join(str(error).split())}"))
    return found, wrong
