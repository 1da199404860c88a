"""What the views take and answer."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers
from rest_framework.authtoken.serializers import AuthTokenSerializer

from irontoken.tokens import get_token_model
from irontoken.tokens.conf import LONGEST_LIFETIME

#: Seconds.
_LONGEST: int = int(LONGEST_LIFETIME.total_seconds())


def id_is_number() -> bool:
    """Tell whether a token's primary key is a number, and not of a type that is shown as text."""
    kind: str = get_token_model()._meta.pk.get_internal_type()
    return kind.endswith(("AutoField", "IntegerField"))


def _id(**options: Any) -> serializers.Field[Any, Any, Any, Any]:
    return (serializers.IntegerField if id_is_number() else serializers.CharField)(**options)


class WishesSerializer(serializers.Serializer[Any]):
    """What may be wished for of a new token."""

    name = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    expires_in = serializers.IntegerField(
        min_value=1, max_value=_LONGEST, required=False, allow_null=True, help_text="Seconds."
    )
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, default=list, max_length=100
    )

    def validate_expires_in(self, value: int | None) -> timedelta | None:
        """Return the seconds as a duration."""
        return None if value is None else timedelta(seconds=value)


class ObtainSerializer(WishesSerializer, AuthTokenSerializer):
    """A name, a password, and what is wished for."""


class IssuedSerializer(serializers.Serializer[Any]):
    """The answer of issuing, which alone holds a key."""

    token = serializers.CharField(help_text="The key. It is shown this once.")
    id = _id()
    display = serializers.CharField(help_text="The key's first characters.")
    expires = serializers.DateTimeField(allow_null=True)


class TokenSerializer(serializers.Serializer[Any]):
    """What may be shown of a token."""

    id = _id(source="pk")
    display = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created = serializers.DateTimeField()
    expires = serializers.DateTimeField(allow_null=True)
    last_used = serializers.DateTimeField(allow_null=True)
    current = serializers.SerializerMethodField(help_text="It is the one of this request.")

    def get_current(self, token: Any) -> bool:
        """Tell whether the request bears this token."""
        return bool(token == self.context["request"].auth)


class RevokeAllSerializer(serializers.Serializer[Any]):
    """Whether the token of the request is to be spared."""

    keep_current = serializers.BooleanField(default=False)


class RevokedSerializer(serializers.Serializer[Any]):
    """How many tokens were revoked."""

    revoked = serializers.IntegerField()


class RotateSerializer(serializers.Serializer[Any]):
    """How long the old token is to live on."""

    grace = serializers.IntegerField(
        min_value=0, max_value=_LONGEST, default=0, help_text="Seconds."
    )


class WhoAmISerializer(serializers.Serializer[Any]):
    """The user of a request, and its token, if it bears an issued one."""

    user = serializers.CharField(source="user.get_username")
    token = serializers.SerializerMethodField()

    def get_token(self, request: Any) -> dict[str, Any] | None:
        """Return what may be shown of the token."""
        if not hasattr(request.auth, "irontoken_digest_field"):
            return None
        found: dict[str, Any] = TokenSerializer(request.auth, context={"request": request}).data
        return found


class RefusalSerializer(serializers.Serializer[Any]):
    """Why nothing was done."""

    detail = serializers.CharField()
