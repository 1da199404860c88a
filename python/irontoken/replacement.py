"""Standing in for REST framework's class, for packages that ask for that very one.

django-rest-registration looks whether ``rest_framework.authentication.TokenAuthentication`` is one
of the default classes. With ``IRONTOKEN = {"REPLACE_DRF_CLASS": True}`` that name is ours.
"""

from importlib import import_module
from typing import Any, Final

from django.apps import apps

#: Apps that compare with REST framework's class: their package, and the module where they do.
COMPARING: Final = {
    "rest_registration": ("django-rest-registration", "rest_registration.api.views.login"),
}


def replace() -> None:
    """Let ``rest_framework.authentication.TokenAuthentication`` be ours from now on.

    Whoever has imported it before keeps REST framework's own.
    """
    from rest_framework import authentication

    from irontoken.authentication import TokenAuthentication

    ours: Any = TokenAuthentication
    authentication.TokenAuthentication = ours  # type: ignore[misc]


def comparing() -> list[str]:
    """Return the packages of the installed apps that ask for a class which is not ours."""
    from irontoken.authentication import TokenAuthentication

    return [
        package
        for app, (package, module) in COMPARING.items()
        if apps.is_installed(app)
        and import_module(module).TokenAuthentication is not TokenAuthentication
    ]
