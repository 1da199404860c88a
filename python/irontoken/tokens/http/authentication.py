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
    class is irontoken's, it is ``irontoken.TokenAuthentication``. Their ``request.user`` is the
    token's user, whatever ``principal()`` says: tokens belong to users.
    """
    classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    ours = [each for each in classes if issubclass(each, TokenAuthentication)]
    return [
        each if _is_of_issued(each) else _of_issued(each) for each in ours or [TokenAuthentication]
    ]


def _is_of_issued(cls: Any) -> bool:
    return cls.principal is None and issubclass(cls().get_model(), get_token_model())


@functools.cache
def _of_issued(cls: Any) -> Any:
    def get_model(self: Any) -> Any:  # noqa: ARG001
        return get_token_model()

    overrides = {"get_model": get_model, "principal": None, "__module__": cls.__module__}
    return type(cls.__name__, (cls,), overrides)
