"""Scopes: what a token is good for."""

from typing import Any

from rest_framework.permissions import BasePermission

from irontoken.tokens import conf


class HasScopes(BasePermission):
    """Asks for the scopes that a view names in ``required_scopes``.

    That is a list for all methods, or a dict from a method to its list; a method that a dict does
    not name needs none. A token without scopes may do everything, or with
    ``IRONTOKEN["TOKENS"]["UNSCOPED"] = "refuse"`` nothing that needs one. A request without an
    issued token, such as one with a session, is not this permission's to judge, and passes.
    """

    def has_permission(self, request: Any, view: Any) -> bool:
        """Tell whether the token of ``request`` has all the scopes that ``view`` asks for."""
        required = getattr(view, "required_scopes", ())
        if isinstance(required, dict):
            required = required.get(request.method, ())
        if not required or not hasattr(request.auth, "irontoken_digest_field"):
            return True
        scopes = request.auth.scopes
        if not scopes:
            return conf.options().unscoped == "allow"
        return set(required) <= set(scopes)
