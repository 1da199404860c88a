"""Scopes: what a token is good for."""

from typing import Any

from rest_framework.permissions import BasePermission

from irontoken.tokens import conf


class HasScopes(BasePermission):
    """Asks for the scopes that a view names in ``required_scopes``.

    That is a list for all methods, or a dict from a method to its list; a method that a dict does
    not name needs none. A token without scopes may do everything, or with
    ``IRONTOKEN["TOKENS"]["UNSCOPED"] = "refuse"`` nothing that needs one; so may tokens of another
    kind. A user with a session and no token passes. A request without a user does not, whatever
    the view asks for.
    """

    def has_permission(self, request: Any, view: Any) -> bool:
        """Tell whether the token of ``request`` has all the scopes that ``view`` asks for."""
        required = getattr(view, "required_scopes", ())
        if isinstance(required, dict):
            by_method = {method.upper(): scopes for method, scopes in required.items()}
            # What answers GET answers HEAD, unless it is named.
            default = by_method.get("GET", ()) if request.method == "HEAD" else ()
            required = by_method.get(request.method, default)
        if not getattr(request.user, "is_authenticated", False):
            return False
        if not required or request.auth is None:
            return True
        # A token of authtoken that has not been adopted yet has no scopes.
        scopes = getattr(request.auth, "scopes", ())
        if not scopes:
            return conf.options().unscoped == "allow"
        return set(required) <= set(scopes)
