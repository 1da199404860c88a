"""The authentication classes that the settings list, and what these declare of their look-ups.

The settings are what all processes of a project share: one that never imports a view knows by them
which tables the cached rows of others are made of.
"""

import contextlib
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from irontoken.lookup.fields import LookupFields, fields_of
from irontoken.settings import setting

#: They declare nothing, and need not be imported to know that.
_STOCK: Final = ("rest_framework.", "irontoken.TokenAuthentication", "irontoken.authentication.")


def _names() -> list[Any]:
    section = getattr(settings, "REST_FRAMEWORK", None) or {}
    return [
        *(section.get("DEFAULT_AUTHENTICATION_CLASSES") or ()),
        *(setting.section("CACHE").get("CLASSES") or ()),
    ]


def listed_classes() -> list[Any]:
    """Return the authentication classes of the settings, as far as they can be imported.

    What cannot is REST framework's to complain about, or a system check's.
    """
    found = []
    for each in _names():
        with contextlib.suppress(ImportError):
            found.append(import_string(each) if isinstance(each, str) else each)
    return found


def declared_lookups() -> list[tuple[Any, LookupFields]]:
    """Return the model of each listed class that declares fields, and the fields.

    Raises what importing a class, or asking it for its model, raises.
    """
    found = []
    for each in _names():
        if isinstance(each, str) and each.startswith(_STOCK):
            continue
        cls: Any = import_string(each) if isinstance(each, str) else each
        declared = getattr(cls, "lookup_fields", None)
        if isinstance(declared, LookupFields):
            model = cls().get_model()
            found.append((model, fields_of(model, declared)))
    return found
