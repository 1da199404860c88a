"""The same, declared: each costs no query for a token seen before.

Those that declare `key_field`, `user_field` or `select_related` stand in
`DEFAULT_AUTHENTICATION_CLASSES`, or in `IRONTOKEN["CACHE"]["CLASSES"]`.
"""

from datetime import timedelta

from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

import irontoken
from examples.real_applications.models import (
    Device,
    OrgToken,
    TeamToken,
    TempToken,
    Token,
    UserToken,
    WorkspaceToken,
)


class _Expiring(irontoken.TokenAuthentication):
    model = Token

    def check(self, request, user, token):
        if token.is_expired:
            raise AuthenticationFailed("Token expired")


class Nautobot(_Expiring):
    """Tokens that expire."""


class PeeringManager(_Expiring):
    """Tokens that expire."""


class NetBox(_Expiring):
    """Tokens that expire, are good from some addresses, and say when they were used last."""

    def check(self, request, user, token):
        super().check(request, user, token)
        address, now = request.META["REMOTE_ADDR"], timezone.now()
        if token.last_used is None or now - token.last_used > timedelta(minutes=1):
            Token.objects.filter(pk=token.pk).update(last_used=now)
        if token.allowed_ips and address not in token.allowed_ips:
            raise AuthenticationFailed(f"Source IP {address} is not permitted.")


class InvenTree(irontoken.TokenAuthentication):
    """Tokens that can be revoked, expire, and say on which day they were seen last."""

    model = Token

    def check(self, request, user, token):
        if token.revoked:
            raise AuthenticationFailed("Token has been revoked")
        if token.is_expired:
            raise AuthenticationFailed("Token has expired")
        if token.last_seen != (today := timezone.now().date()):
            token.last_seen = today
            token.save()


class Argus(irontoken.TokenAuthentication):
    """Tokens that are deleted once they are too old."""

    model = Token
    lifetime = timedelta(days=14)

    def check(self, request, user, token):
        if token.created + self.lifetime < timezone.now():
            token.delete()
            raise AuthenticationFailed("Token has expired.")


class PretixTeam(irontoken.TokenAuthentication):
    """A team in place of a user."""

    model = TeamToken
    key_field = "token"
    user_field = None
    select_related = ("team", "team__organizer")

    def check(self, request, user, token):
        if not token.active:
            raise AuthenticationFailed("Token inactive or deleted.")


class PretixDevice(irontoken.TokenAuthentication):
    """A device that is its own token, and may ask for some paths."""

    model = Device
    keyword = "Device"
    key_field = "api_token"
    user_field = None
    select_related = ("organizer",)

    def check(self, request, user, token):
        if token.initialized is None:
            raise AuthenticationFailed("Device has not been initialized.")
        if token.revoked:
            raise AuthenticationFailed("Device access has been revoked.")
        if token.paths and request.path not in token.paths:
            raise PermissionDenied("Request denied by device security profile.")


class RapidPro(irontoken.TokenAuthentication):
    """A user in an organization, which the request then has."""

    model = OrgToken
    select_related = ("user__settings", "org", "org__parent")

    def check(self, request, user, token):
        if not token.is_active:
            raise AuthenticationFailed("Invalid token")
        request._request.org = token.org


class Plane(irontoken.TokenAuthentication):
    """A header of its own, and a workspace that the path names."""

    model = WorkspaceToken
    header = "HTTP_X_API_KEY"
    keyword = None
    key_field = "token"
    user_field = None
    select_related = ("user", "workspace")

    def principal(self, token):
        return token.user

    def check(self, request, user, token):
        now, slug = timezone.now(), request.path.strip("/")
        is_expired = token.expired_at is not None and token.expired_at <= now
        is_elsewhere = token.workspace and slug and token.workspace.slug != slug
        if not token.is_active or is_expired or is_elsewhere:
            raise AuthenticationFailed("Given API token is not valid")
        # Once a minute, since each write makes the next request read the row anew.
        if token.last_used is None or now - token.last_used > timedelta(minutes=1):
            WorkspaceToken.objects.filter(pk=token.pk).update(last_used=now)


class Pretalx(irontoken.TokenAuthentication):
    """Tokens that expire, in a field of another name, whoever their user is."""

    model = UserToken
    key_field = "token"
    user_field = None
    select_related = ("user",)

    def principal(self, token):
        return token.user

    def check(self, request, user, token):
        if token.expires is not None and token.expires <= timezone.now():
            raise AuthenticationFailed("Invalid token.")


class Ona(irontoken.TokenAuthentication):
    """A key in the query string, for six hours."""

    model = TempToken
    lifetime = timedelta(hours=6)

    def get_key(self, request):
        return request.query_params.get("temp_token") or None

    def check(self, request, user, token):
        if token.created + self.lifetime < timezone.now():
            raise AuthenticationFailed("Token expired")


class TacticalRMM(irontoken.TokenAuthentication):
    """A header of its own, and a key that expires."""

    model = UserToken
    header = "HTTP_X_API_KEY"
    keyword = None
    key_field = "token"

    def check(self, request, user, token):
        if token.expires is not None and token.expires < timezone.now():
            raise AuthenticationFailed("The token has expired.")
