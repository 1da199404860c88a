"""Scopes: what a token is good for."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission

from irontoken.declared import first_keyword
from irontoken.tokens import settings as conf
from irontoken.tokens.scopes import scopes_of


class HasScopes(BasePermission):
    """Allows a request whose token has the scopes in the view's ``required_scopes``.

    ``required_scopes`` is a list for all methods, or a dict from each method to its list. ``[]``
    requires no scope. In a dict, HEAD requires the scopes of GET, and OPTIONS requires none,
    unless the dict names them.

    A token without scopes may do everything. With ``IRONTOKEN["TOKENS"]["UNSCOPED"] = "refuse"``
    it may do nothing that requires a scope. The same holds for tokens of authtoken and knox. A
    user with a session may do everything. A request without a user is refused.

    Raises ``ImproperlyConfigured`` at the first request of a view if ``required_scopes`` is
    missing, misspelled or no list. For a dict, it does so at the first request of a method that
    the dict lacks. ``manage.py check`` finds such views when they are routed.

    With ``keyword = "Bearer"`` a refusal names the required scopes (RFC 6750, section 3.1).
    """

    _refused: "tuple[Any, Any, frozenset[str]] | None" = None

    def has_permission(self, request: Any, view: Any) -> bool:
        """Tell whether the token of ``request`` has all the scopes that ``view`` asks for.

        Raises ``ImproperlyConfigured`` where the view does not say it as it should.
        """
        required = self.required(request, view)
        if not getattr(request.user, "is_authenticated", False):
            return False
        if allows(request.auth, required):
            return True
        self._refused = request, view, required
        return False

    def required(self, request: Any, view: Any) -> frozenset[str]:
        """Return the scopes that a request needs at a view, as a ``frozenset`` of ``str``.

        A subclass may take them from elsewhere. Raises ``ImproperlyConfigured`` where the view
        does not say which, so that nothing is allowed by default.
        """
        return scopes_of(view, request.method)

    @property
    def message(self) -> str | None:
        """What REST framework answers. It asks for it when it refuses, and at no other time.

        A permission that stands beside another, as in ``HasScopes | IsAdminUser``, is not asked.
        """
        if self._refused is None:
            return None
        request, view, required = self._refused
        words = " ".join(sorted(required))
        keyword = getattr(request.successful_authenticator, "keyword", None)
        is_bearer = first_keyword(keyword) == "Bearer"
        # A method that is only asked about, for the answer to OPTIONS, is not this request's.
        if is_bearer and request.method == request._request.method:
            challenge = f'Bearer error="insufficient_scope", scope="{words}"'
            view.headers["WWW-Authenticate"] = challenge
        return _("The token lacks a scope. Needed: %(scopes)s.") % {"scopes": words}


class ManagesTokens(HasScopes):
    """Lets a token manage its user's tokens if it has the scope ``MANAGE_SCOPE``.

    Where that is ``None`` no token with scopes does. A session does, and a token without scopes as
    ``UNSCOPED`` says.
    """

    def required(self, request: Any, view: Any) -> frozenset[str]:  # noqa: ARG002
        """Return the scope of the setting; where there is none, one that no token has."""
        return frozenset([conf.options().manage_scope or ""])


def allows(token: Any, required: frozenset[str]) -> bool:
    """Tell whether a token, or ``None`` for a session, has all scopes that are required.

    A session may do all that its user may. A token without scopes, as one of authtoken's, may what
    ``UNSCOPED`` says.
    """
    if not required or token is None:
        return True
    # A token of authtoken that has not been adopted yet has no scopes.
    scopes = getattr(token, "scopes", ())
    if not scopes:
        return conf.options().unscoped == "allow"
    return required <= frozenset(scopes)
