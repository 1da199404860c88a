"""What drf-spectacular says of the authentication class, where a subclass declares something.

The apps import it where drf-spectacular is installed. A project that has neither of them, and
declares where its key is, writes ``import irontoken.openapi`` beside the class.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object

from irontoken.declared import first_keyword


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key in a header, behind the first of its keywords or alone."""

    target_class = "irontoken.authentication.TokenAuthentication"
    name = "tokenAuth"
    match_subclasses = True

    def get_security_definition(self, _auto_schema: Any) -> Any:
        """Return the security scheme of OpenAPI 3, as REST framework's class has it."""
        cls: Any = self.target
        keyword = first_keyword(cls.keyword)
        if keyword is not None:
            return build_bearer_security_scheme_object(cls.header, keyword)
        name = cls.header.removeprefix("HTTP_").replace("_", "-").title()
        return {"type": "apiKey", "in": "header", "name": name}
