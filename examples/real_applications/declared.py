"""The same, declared: each costs no query for a token seen before."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from examples.real_applications.models import Token


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
