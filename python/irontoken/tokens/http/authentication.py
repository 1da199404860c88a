"""By which classes the endpoints authenticate."""

import functools
from typing import Any

from rest_framework.settings import api_settings

from irontoken.authentication import TokenAuthentication
from irontoken.tokens import get_token_model


def site_classes() -> list[Any]:
    """Return the site's default classes that are irontoken's, as they find issued tokens.

    What a subclass of the project's own refuses, the endpoints refuse. One that looks for tokens
    of another model is replaced by a subclass of it that looks for issued ones. Where no default
    class is irontoken's, it is ``irontoken.TokenAuthentication``.
    """
    classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    ours = [each for each in classes if issubclass(each, TokenAuthentication)]
    return [
        each if issubclass(each().get_model(), get_token_model()) else _of_issued(each)
        for each in ours or [TokenAuthentication]
    ]


@functools.cache
def _of_issued(cls: Any) -> Any:
    def get_model(self: Any) -> Any:  # noqa: ARG001
        return get_token_model()

    return type(cls.__name__, (cls,), {"get_model": get_model, "__module__": cls.__module__})
