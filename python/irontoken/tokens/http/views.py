"""What a client does with tokens over HTTP. No answer but that of issuing holds a key."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework import generics, serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response

from irontoken.tokens import get_token_model
from irontoken.tokens.http.authentication import site_classes
from irontoken.tokens.http.pagination import NewestFirst
from irontoken.tokens.http.secrecy import SecretView
from irontoken.tokens.http.serializers import (
    IssuedSerializer,
    ObtainSerializer,
    RevokeAllSerializer,
    RevokedSerializer,
    RotateSerializer,
    TokenSerializer,
    WhoAmISerializer,
    WishesSerializer,
)
from irontoken.tokens.http.throttling import AddressThrottle, NameThrottle, RotationThrottle
from irontoken.tokens.models import AbstractAccessToken
from irontoken.tokens.permissions import ManagesTokens


class SafeJSONParser(JSONParser):
    """REST framework's, for which a text that is nested too deep is malformed, too."""

    def parse(self, *arguments: Any, **named: Any) -> Any:
        """Return what the text says; raise ``ParseError`` where it says nothing."""
        try:
            return super().parse(*arguments, **named)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deep") from None


class _View(SecretView, generics.GenericAPIView[Any]):
    #: ``None`` for the site's and sessions.
    authentication_classes: Any = None
    permission_classes: Any = (IsAuthenticated,)
    parser_classes: Any = (SafeJSONParser, FormParser, MultiPartParser)
    pagination_class: Any = None

    def get_authenticators(self) -> list[Any]:
        """Return what authenticates a request."""
        classes = self.authentication_classes
        if classes is None:
            classes = (*site_classes(), SessionAuthentication)
        return [each() for each in classes]

    def _asked(self, request: Any, serializer: Any = None) -> dict[str, Any]:
        found = (serializer or self.get_serializer_class())(
            data=request.data, context=self.get_serializer_context()
        )
        if not found.is_valid():
            # As a plain dict, without the serializer: a page of the browsable API would fill its
            # form with what was sent, the password too.
            raise serializers.ValidationError(dict(found.errors))
        asked: dict[str, Any] = found.validated_data
        return asked

    @sensitive_variables()
    def _issued(self, issue: Any) -> Response:
        """Answer with the token and the key that ``issue`` returns."""
        try:
            token, key = issue()
        except ValidationError as error:
            raise serializers.ValidationError(serializers.as_serializer_error(error)) from error
        except IntegrityError:
            # A constraint of the project's own model. What it says may quote values.
            message = _("There is a token already that this one would conflict with.")
            raise serializers.ValidationError({"non_field_errors": [message]}) from None
        answer = {
            "token": key,
            "id": token.pk,
            "display": token.display,
            "expires": token.expires,
        }
        return Response(dict(IssuedSerializer(answer).data))


class ObtainView(_View):
    """Issues a token for a name and a password, or for a session.

    A client that was written for REST framework's ``ObtainAuthToken`` finds ``token`` where it
    was. The same time and the same message answer an unknown name and a wrong password.
    """

    authentication_classes: Any = (SessionAuthentication,)
    permission_classes: Any = (AllowAny,)
    throttle_classes: Any = (AddressThrottle, NameThrottle)
    #: The throttle that has counted this request as a try of a password.
    irontoken_tries: NameThrottle | None = None
    serializer_class = ObtainSerializer

    @sensitive_variables()
    def post(self, request: Any) -> Response:
        """Issue a token; answer 200 with ``token``, ``id``, ``display`` and ``expires``.

        Takes ``username`` and ``password``. A request with a session needs neither. Optional
        fields are ``name``, ``expires_in`` in seconds, and ``scopes``. Answers 400 for a wrong
        field, and 429 after too many attempts.
        """
        has_name = not isinstance(request.data, Mapping) or "username" in request.data
        by_session = request.user.is_authenticated and not has_name
        asked = self._asked(request, WishesSerializer if by_session else None)
        if self.irontoken_tries is not None:
            self.irontoken_tries.succeeded()
        user = request.user if by_session else asked["user"]
        wishes = asked["name"], asked.get("expires_in"), asked["scopes"]
        tokens = get_token_model().objects
        raw = None if by_session else asked["password"]

        def check(alias: str) -> None:
            _must_be_as_it_was(user, alias, raw)

        return self._issued(lambda: tokens.issue(user, *wishes, check=check))


@sensitive_variables()
def _must_be_as_it_was(user: Any, alias: str, raw: str | None) -> None:
    """Refuse where the user is gone, inactive or has another password than was just checked.

    Checking one takes its time, in which it may be changed; that revokes what was issued before.
    """
    users = user._meta.model._base_manager.using(alias).select_for_update()
    found = users.filter(pk=user.pk).first()
    is_there = found is not None and found.is_active
    # The hash of one password changes too, when another login brings its hasher up to date.
    if is_there and (_password(found) == _password(user) or (raw and found.check_password(raw))):
        if hasattr(found, "password"):
            user.password = found.password  # by which the token is bound
        return
    message = _("Unable to log in with provided credentials.")
    raise ValidationError(message, code="authorization")


def _password(user: Any) -> Any:
    return getattr(user, "password", None)


class TokensView(_View):
    """Lists the live tokens of the user, newest first, a hundred to a page."""

    permission_classes: Any = (IsAuthenticated, ManagesTokens)
    serializer_class = TokenSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> Any:
        """Return the user's tokens."""
        return get_token_model().objects.live().filter(user=self.request.user)

    def get(self, _request: Any) -> Response:
        """Answer 200 with a page of the user's tokens, without keys.

        Answers 403 if the scopes of the token do not allow it.
        """
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class TokenView(_View):
    """One token of the user. A token revokes itself whatever its scopes."""

    serializer_class = TokenSerializer

    def delete(self, request: Any, pk: str) -> Response:
        """Revoke a token of this user; answer 204.

        Answers 404 if the user has no such token, and 403 if the scopes of the request's token do
        not allow it.
        """
        token = get_token_model().objects.by_id(pk)
        if token is None or token != request.auth:
            permission = ManagesTokens()
            if not permission.has_permission(request, self):
                self.permission_denied(request, message=permission.message)
        if token is None or token.user_id != request.user.pk:
            raise NotFound
        token.revoke()
        return Response(status=status.HTTP_204_NO_CONTENT)


class RevokeAllView(_View):
    """All tokens of the user, or all others."""

    permission_classes: Any = (IsAuthenticated, ManagesTokens)
    serializer_class = RevokeAllSerializer

    def post(self, request: Any) -> Response:
        """Revoke all tokens of this user; answer 200 with their number as ``revoked``.

        With ``keep_current``, the token of this request is not revoked.
        """
        keep = request.auth if self._asked(request)["keep_current"] else None
        revoked = get_token_model().objects.revoke_all(request.user, keep=keep)
        return Response(RevokedSerializer({"revoked": revoked}).data)


class RotateView(_View):
    """The token of the request, whatever its scopes, for a new one."""

    throttle_classes: Any = (RotationThrottle,)
    serializer_class = RotateSerializer

    def post(self, request: Any) -> Response:
        """Replace the token of this request by a new one; answer as ``obtain/`` does.

        Takes ``grace``, the seconds for which the old token stays valid. Answers 400 if the token
        of the request is not an issued one, and if ``grace`` is out of bounds.
        """
        grace = timedelta(seconds=self._asked(request)["grace"])
        token = request.auth
        if not isinstance(token, AbstractAccessToken):
            message = _("Only an issued token can be rotated.")
            raise serializers.ValidationError({"non_field_errors": [message]})

        def rotate() -> Any:
            try:
                return token.rotate(grace)
            except ValueError as error:
                raise ValidationError(str(error)) from error

        return self._issued(rotate)


class WhoAmIView(_View):
    """Who asks, and by which token."""

    serializer_class = WhoAmISerializer

    def get(self, request: Any) -> Response:
        """Answer 200 with the user and the token of this request, without its key."""
        return Response(self.get_serializer(request).data)
