"""The classes as these applications have them, by their behaviour."""

from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from examples.real_applications.models import (
    Device,
    OrgToken,
    TeamToken,
    TempToken,
    Token,
    UserToken,
    WorkspaceToken,
)


class _Expiring(TokenAuthentication):
    model = Token

    def authenticate_credentials(self, key):
        try:
            token = Token.objects.select_related("user").get(key=key)
        except Token.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        if token.is_expired:
            raise AuthenticationFailed("Token expired")
        if not token.user.is_active:
            raise AuthenticationFailed("User inactive or deleted.")
        return token.user, token


class Nautobot(_Expiring):
    """Tokens that expire."""


class PeeringManager(_Expiring):
    """Tokens that expire."""


class NetBox(_Expiring):
    """Tokens that expire, are good from some addresses, and say when they were used last."""

    def authenticate(self, request):
        pair = super().authenticate(request)
        if pair is not None and pair[1].allowed_ips:
            address = request.META["REMOTE_ADDR"]
            if address not in pair[1].allowed_ips:
                raise AuthenticationFailed(f"Source IP {address} is not permitted.")
        return pair

    def authenticate_credentials(self, key):
        user, token = super().authenticate_credentials(key)
        now = timezone.now()
        if token.last_used is None or now - token.last_used > timedelta(minutes=1):
            Token.objects.filter(pk=token.pk).update(last_used=now)
        return user, token


class InvenTree(TokenAuthentication):
    """Tokens that can be revoked, expire, and say on which day they were seen last."""

    model = Token

    def authenticate_credentials(self, key):
        user, token = super().authenticate_credentials(key)
        if token.revoked:
            raise AuthenticationFailed("Token has been revoked")
        if token.is_expired:
            raise AuthenticationFailed("Token has expired")
        today = timezone.now().date()
        if token.last_seen != today:
            token.last_seen = today
            token.save()
        return user, token


class Argus(TokenAuthentication):
    """Tokens that are deleted once they are too old."""

    model = Token
    lifetime = timedelta(days=14)

    def authenticate_credentials(self, key):
        user, token = super().authenticate_credentials(key)
        if token.created + self.lifetime < timezone.now():
            token.delete()
            raise AuthenticationFailed("Token has expired.")
        return user, token


class PretixTeam(TokenAuthentication):
    """A team in place of a user."""

    def authenticate_credentials(self, key):
        try:
            token = TeamToken.objects.select_related("team", "team__organizer").get(token=key)
        except TeamToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        if not token.active:
            raise AuthenticationFailed("Token inactive or deleted.")
        return AnonymousUser(), token


class PretixDevice(TokenAuthentication):
    """A device that is its own token, and may ask for some paths."""

    keyword = "Device"

    def authenticate(self, request):
        pair = super().authenticate(request)
        if pair is not None and pair[1].paths and request.path not in pair[1].paths:
            raise PermissionDenied("Request denied by device security profile.")
        return pair

    def authenticate_credentials(self, key):
        try:
            device = Device.objects.select_related("organizer").get(api_token=key)
        except Device.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        if device.initialized is None:
            raise AuthenticationFailed("Device has not been initialized.")
        if device.revoked:
            raise AuthenticationFailed("Device access has been revoked.")
        return AnonymousUser(), device


class RapidPro(TokenAuthentication):
    """A user in an organization, which the request then has."""

    def authenticate(self, request):
        pair = super().authenticate(request)
        if pair is not None:
            request._request.org = pair[1].org
        return pair

    def authenticate_credentials(self, key):
        paths = ("user", "user__settings", "org", "org__parent")
        try:
            token = OrgToken.objects.select_related(*paths).get(key=key, is_active=True)
        except OrgToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token") from None
        if not token.user.is_active:
            raise AuthenticationFailed("Invalid token")
        return token.user, token


class Plane(BaseAuthentication):
    """A header of its own, and a workspace that the path names."""

    def authenticate(self, request):
        key = request.headers.get("X-Api-Key")
        if not key:
            return None
        token = WorkspaceToken.objects.filter(token=key, is_active=True).first()
        if token is None or (token.expired_at is not None and token.expired_at <= timezone.now()):
            raise AuthenticationFailed("Given API token is not valid")
        slug = request.path.strip("/")
        if token.workspace_id and slug and token.workspace.slug != slug:
            raise AuthenticationFailed("Given API token is not valid")
        WorkspaceToken.objects.filter(pk=token.pk).update(last_used=timezone.now())
        return token.user, token.token


class Pretalx(TokenAuthentication):
    """Tokens that expire, in a field of another name, whoever their user is."""

    def authenticate_credentials(self, key):
        tokens = UserToken.objects.filter(Q(expires=None) | Q(expires__gt=timezone.now()))
        try:
            token = tokens.select_related("user").get(token=key)
        except UserToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        return token.user, token


class Ona(TokenAuthentication):
    """A key in the query string, for six hours."""

    lifetime = timedelta(hours=6)

    def authenticate(self, request):
        key = request.query_params.get("temp_token")
        return self.authenticate_credentials(key) if key else None

    def authenticate_credentials(self, key):
        try:
            token = TempToken.objects.get(key=key)
        except TempToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token") from None
        if not token.user.is_active:
            raise AuthenticationFailed("User inactive or deleted")
        if token.created + self.lifetime < timezone.now():
            raise AuthenticationFailed("Token expired")
        return token.user, token


class TacticalRMM(BaseAuthentication):
    """A header of its own, and a key that expires."""

    def authenticate(self, request):
        key = request.headers.get("X-Api-Key")
        if not key:
            return None
        try:
            token = UserToken.objects.select_related("user").get(token=key)
        except UserToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        if not token.user.is_active:
            raise AuthenticationFailed("User inactive or deleted.")
        if token.expires is not None and token.expires < timezone.now():
            raise AuthenticationFailed("The token has expired.")
        return token.user, token.token
