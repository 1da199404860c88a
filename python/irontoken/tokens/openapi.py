"""What drf-spectacular says of the views; imported where it is there.

The scheme it knows: that of REST framework's ``TokenAuthentication``, with the keyword of ours.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.utils import extend_schema

from irontoken.tokens import serializers


def _answers(target: str, method: str, answer: Any) -> None:
    """Note what a view answers, which is not what it takes."""

    def view_replacement(self: Any) -> Any:
        view: Any = self.target_class
        described = extend_schema(responses=answer)(getattr(view, method))
        return type(view.__name__, (view,), {method: described, "__doc__": view.__doc__})

    name = f"irontoken.tokens.views.{target}"
    type(
        target,
        (OpenApiViewExtension,),
        {"target_class": name, "view_replacement": view_replacement},
    )


_answers("ObtainView", "post", serializers.IssuedSerializer)
_answers("TokensView", "get", serializers.TokenSerializer(many=True))
_answers("TokenView", "delete", None)
_answers("RevokeAllView", "post", serializers.RevokedSerializer)
_answers("RotateView", "post", serializers.IssuedSerializer)
_answers("WhoAmIView", "get", serializers.WhoAmISerializer)
