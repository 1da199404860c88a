"""The classes as these applications have them, by their behaviour."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from examples.real_applications.models import Token


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
