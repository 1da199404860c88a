"""The authentication class of the endpoints."""

from typing import Any

from rest_framework.settings import api_settings

from irontoken.authentication import TokenAuthentication
from irontoken.tokens import get_token_model


class AccessTokenAuthentication(TokenAuthentication):
    """Authentication by issued tokens, with the keyword of the site's default class."""

    @property
    def keyword(self) -> str:  # type: ignore[override]
        """That of the first of ``DEFAULT_AUTHENTICATION_CLASSES`` that is irontoken's."""
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        for each in classes:
            keyword = getattr(each, "keyword", None)
            if issubclass(each, TokenAuthentication) and isinstance(keyword, str):
                return keyword
        return "Token"

    def get_model(self) -> Any:
        """Return the model of issued tokens."""
        return get_token_model()
