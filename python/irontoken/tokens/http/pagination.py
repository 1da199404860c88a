"""The pages of a user's tokens."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param


class NewestFirst(BasePagination):
    """Pages of a hundred tokens, the newest first, each with the address of the next.

    A page begins after a token, ``?before=<id>``, and not after a number of them: what is issued
    or revoked meanwhile moves no other past the reader.
    """

    page_size = 100

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any]:  # noqa: ARG002
        """Return the tokens of one page; raise ``NotFound`` for a ``before`` that is nobody's."""
        self._next: str | None = None
        before = request.query_params.get("before")
        if before is not None:
            token = queryset.model.objects.by_id(before)
            if token is None or token.user_id != request.user.pk:
                raise NotFound(_("There is no such page."))
            is_older = Q(created__lt=token.created) | Q(created=token.created, pk__lt=token.pk)
            queryset = queryset.filter(is_older)
        found = list(queryset.order_by("-created", "-pk")[: self.page_size + 1])
        page = found[: self.page_size]
        if len(found) > self.page_size:
            self._next = replace_query_param(request.build_absolute_uri(), "before", page[-1].pk)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Return a page, with the address of the next one, or ``None``."""
        return Response({"next": self._next, "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        """Describe a page."""
        following = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": following, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """Describe ``before``."""
        said = {"description": "The id of a token. The page begins with the next older one."}
        return [{"name": "before", "in": "query", "schema": {"type": "string"}, **said}]
