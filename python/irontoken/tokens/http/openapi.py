"""What drf-spectacular says of the views; imported where it is there.

The scheme it knows: that of REST framework's ``TokenAuthentication``, with the keyword of ours.
"""

from typing import Any, Final

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from irontoken.tokens.http import serializers
from irontoken.tokens.http.authentication import site_classes

for _each in site_classes():
    # A subclass of the site's own class has its keyword, and is one scheme with it:
    # `spectacular --fail-on-warn` would take them for two of one name.
    set_override(_each, "suppress_collision_warning", True)  # noqa: FBT003

_ID: Final = OpenApiTypes.INT if serializers.id_is_number() else OpenApiTypes.STR
_REFUSALS: Final = {
    400: OpenApiResponse(OpenApiTypes.OBJECT, "The errors, by field or as `detail`."),
    401: OpenApiResponse(
        serializers.RefusalSerializer, "The request has no token, or the token is refused."
    ),
    403: OpenApiResponse(
        serializers.RefusalSerializer,
        "The session has no CSRF token, or the token lacks a scope.",
    ),
    404: OpenApiResponse(serializers.RefusalSerializer, "The user has no such token."),
    429: OpenApiResponse(serializers.RefusalSerializer, "Too many attempts; see `Retry-After`."),
}


def _answers(
    target: str, method: str, answer: dict[int, Any], *refusals: int, **more: Any
) -> None:
    """Note what a view answers, which is not what it takes."""
    responses = {**answer, **{status: _REFUSALS[status] for status in refusals}}

    def view_replacement(self: Any) -> Any:
        view: Any = self.target_class
        described = extend_schema(responses=responses, **more)(getattr(view, method))
        return type(view.__name__, (view,), {method: described, "__doc__": view.__doc__})

    name = f"irontoken.tokens.http.views.{target}"
    type(
        target,
        (OpenApiViewExtension,),
        {"target_class": name, "view_replacement": view_replacement},
    )


_answers("ObtainView", "post", {200: serializers.IssuedSerializer}, 400, 403, 429)
_answers("TokensView", "get", {200: serializers.TokenSerializer(many=True)}, 401, 403, 404)
_answers(
    "TokenView",
    "delete",
    {204: None},
    401,
    403,
    404,
    parameters=[OpenApiParameter("id", _ID, OpenApiParameter.PATH)],
)
_answers("RevokeAllView", "post", {200: serializers.RevokedSerializer}, 400, 401, 403)
_answers("RotateView", "post", {200: serializers.IssuedSerializer}, 400, 401, 403, 429)
_answers("WhoAmIView", "get", {200: serializers.WhoAmISerializer}, 401)
