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


def _refusal(text: str) -> OpenApiResponse:
    return OpenApiResponse(serializers.RefusalSerializer, text)


_REFUSALS: Final = {
    400: OpenApiResponse(OpenApiTypes.OBJECT, "The errors, by field or as `detail`."),
    401: _refusal("The request has no key, or the key is refused."),
    403: _refusal("The session has no CSRF token, or the token lacks a scope."),
    404: _refusal("The user has no such token."),
    429: _refusal("Too many attempts; see `Retry-After`."),
}


def _answers(
    target: str, method: str, answer: dict[int, Any], *refusals: int, **more: Any
) -> None:
    """Note what a view answers, which is not what it takes."""
    others = {status: _REFUSALS[status] for status in refusals}
    responses = dict(sorted({**answer, **others}.items()))

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


_ISSUED: Final = {
    200: serializers.IssuedSerializer,
    403: _refusal("The session has no CSRF token."),
}
_answers("ObtainView", "post", _ISSUED, 400, 429)
_answers(
    "TokensView",
    "get",
    {
        200: serializers.TokenSerializer(many=True),
        403: _refusal("The token lacks a scope."),
        404: _refusal("The user has no token with the id `before`."),
    },
    401,
)
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
_answers("RotateView", "post", _ISSUED, 400, 401, 429)
_answers("WhoAmIView", "get", {200: serializers.WhoAmISerializer}, 401)
