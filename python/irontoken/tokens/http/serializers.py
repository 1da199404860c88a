"""What the views take and answer."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.authtoken.serializers import AuthTokenSerializer

from irontoken.settings.option import LONGEST as LONGEST_LIFETIME
from irontoken.tokens import get_token_model
from irontoken.tokens import settings as conf
from irontoken.tokens.models import AbstractAccessToken
from irontoken.tokens.validators import LONGEST_NAME, LONGEST_SCOPE, LONGEST_SCOPES

#: Seconds.
_LONGEST: Final = int(LONGEST_LIFETIME.total_seconds())
_LONGEST_PASSWORD: Final = 4096
_MOST_SCOPES: Final = 100
#: What Django's forms add to a body.
_CSRF: Final = "csrfmiddlewaretoken"
#: How many unknown fields are named, and how much of each.
_SHOWN_FIELDS: Final = 10
_SHOWN: Final = 100


def longest_username() -> int:
    """Return how many characters a name may have by which a user logs in."""
    model: Any = get_user_model()
    # As Django's own form of a login has it.
    return model._meta.get_field(model.USERNAME_FIELD).max_length or 254


def id_is_number() -> bool:
    """Tell whether a token's primary key is a number, and not of a type that is shown as text."""
    kind: str = get_token_model()._meta.pk.get_internal_type()
    return kind.endswith(("AutoField", "IntegerField"))


def _id(**options: Any) -> serializers.Field[Any, Any, Any, Any]:
    return (serializers.IntegerField if id_is_number() else serializers.CharField)(**options)


def _shown(name: Any) -> str:
    # Half a character, as JSON may have it, is none that an answer could repeat.
    return str(name)[:_SHOWN].encode(errors="replace").decode()


class AskedSerializer(serializers.Serializer[Any]):
    """What a request asks for; a field that nobody reads is refused, since it was meant."""

    def to_internal_value(self, data: Any) -> Any:
        """Return what is asked for; raise ``ValidationError`` for an unknown field."""
        if isinstance(data, Mapping):
            known = [name for name, field in self.fields.items() if not field.read_only]
            unknown = (name for name in data if name not in known and name != _CSRF)
            if found := [_shown(name) for name in islice(unknown, _SHOWN_FIELDS)]:
                message = _("There is no such field. There is: %s.") % ", ".join(known)
                raise serializers.ValidationError({name: [message] for name in found})
        return super().to_internal_value(data)


class ScopesField(serializers.ListField):
    """A list of scopes, whose length is looked at before what is in it."""

    def __init__(self, **options: Any) -> None:
        """Take what a list field takes."""
        child = serializers.CharField(max_length=LONGEST_SCOPE)
        super().__init__(child=child, max_length=_MOST_SCOPES, **options)

    def to_internal_value(self, data: Any) -> Any:
        """Return the list; raise ``ValidationError``."""
        if isinstance(data, list) and len(data) > _MOST_SCOPES:
            self.fail("max_length", max_length=_MOST_SCOPES)
        return super().to_internal_value(data)


class WishesSerializer(AskedSerializer):
    """What may be wished for of a new token."""

    name = serializers.CharField(
        max_length=LONGEST_NAME, required=False, default="", allow_blank=True
    )
    expires_in = serializers.IntegerField(
        min_value=1,
        max_value=_LONGEST,
        required=False,
        allow_null=True,
        help_text="Seconds; as `EXPIRES_IN` if null.",
    )
    scopes = ScopesField(required=False, default=list)
    scope = serializers.CharField(
        max_length=LONGEST_SCOPES,
        required=False,
        allow_blank=True,
        help_text="The scopes as one text with spaces, instead of `scopes`.",
    )

    def validate_expires_in(self, value: int | None) -> timedelta | None:
        """Return the seconds as a duration; refuse one that the settings do not allow."""
        if value is None:
            return None
        longest = conf.options().longest_wish
        if longest is not None and value > longest.total_seconds():
            self.fields["expires_in"].fail("max_value", max_value=int(longest.total_seconds()))
        return timedelta(seconds=value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what is wished for, with the scopes as a list."""
        text = attrs.pop("scope", None)
        if text is not None:
            if attrs["scopes"]:
                message = _("Send either scope or scopes.")
                raise serializers.ValidationError({"scope": [message]})
            attrs["scopes"] = text.split()
        return attrs


class ObtainSerializer(WishesSerializer, AuthTokenSerializer):
    """A name, a password, and what is wished for."""

    username = serializers.CharField(
        label=_("Username"), max_length=longest_username(), write_only=True
    )
    password = serializers.CharField(
        label=_("Password"),
        max_length=_LONGEST_PASSWORD,
        style={"input_type": "password"},
        trim_whitespace=False,
        write_only=True,
    )

    @sensitive_variables()
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return it with the user; raise ``ValidationError`` for a wrong password."""
        wishes = WishesSerializer.validate(self, attrs)
        found: dict[str, Any] = AuthTokenSerializer.validate(self, wishes)
        return found


class IssuedSerializer(serializers.Serializer[Any]):
    """The answer to a request that issues a token: the only one with a key."""

    token = serializers.CharField(help_text="The key. No other answer has it.")
    id = _id()
    display = serializers.CharField(help_text="The first characters of the key.")
    expires = serializers.DateTimeField(allow_null=True)


class TokenSerializer(serializers.Serializer[Any]):
    """A token, without its key."""

    id = _id(source="pk")
    display = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created = serializers.DateTimeField()
    expires = serializers.DateTimeField(source="ends", allow_null=True)
    last_used = serializers.DateTimeField(allow_null=True)
    current = serializers.SerializerMethodField(help_text="Whether the request has this token.")

    def get_current(self, token: Any) -> bool:
        """Tell whether the request bears this token."""
        return bool(token == self.context["request"].auth)


class RevokeAllSerializer(AskedSerializer):
    """Whether the token of the request is to be spared."""

    keep_current = serializers.BooleanField(default=False)


class RevokedSerializer(serializers.Serializer[Any]):
    """How many tokens were revoked."""

    revoked = serializers.IntegerField()


class RotateSerializer(AskedSerializer):
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
        if not isinstance(request.auth, AbstractAccessToken):
            return None
        found: dict[str, Any] = TokenSerializer(request.auth, context={"request": request}).data
        return found


class RefusalSerializer(serializers.Serializer[Any]):
    """Why nothing was done."""

    detail = serializers.CharField()
