"""What the endpoints add to a view of REST framework, since passwords and keys pass through them.

Nothing on the way keeps an answer, and no report of an error shows what was sent or worked with.
"""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.utils.decorators import method_decorator
from django.views.debug import get_exception_reporter_filter
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework.exceptions import ParseError
from rest_framework.views import APIView


class _WithoutVariables:
    """The site's filter of reports, which shows no variable of any frame.

    ``sensitive_variables`` is not enough here: Django's own ``authenticate()`` has it for its
    credentials alone, and so the frames of a backend show the password.
    """

    def __init__(self, site: Any) -> None:
        self._site = site

    def __getattr__(self, name: str) -> Any:
        return getattr(self._site, name)

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        """Return stars for all variables, unless the site shows all, as with ``DEBUG``."""
        if not self._site.is_active(request):
            return self._site.get_traceback_frame_variables(request, tb_frame)
        return [(name, self._site.cleansed_substitute) for name in tb_frame.f_locals]


class SecretView(APIView):
    """A view whose answers and errors are for nobody but the client."""

    @method_decorator(sensitive_post_parameters())
    @method_decorator(sensitive_variables())
    def dispatch(self, request: Any, *arguments: Any, **named: Any) -> Any:
        """Answer, with nothing of it in a report of an error."""
        request.exception_reporter_filter = _WithoutVariables(
            get_exception_reporter_filter(request)
        )
        return super().dispatch(request, *arguments, **named)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer 400 for a body that Django refuses, as one that is too large.

        Django itself would answer with its page, which quotes the request.
        """
        if isinstance(exc, SuspiciousOperation):
            exc = ParseError()
        return super().handle_exception(exc)

    def finalize_response(self, request: Any, response: Any, *rest: Any, **named: Any) -> Any:
        """Add the header by which no cache keeps an answer, a refusal included."""
        answer = super().finalize_response(request, response, *rest, **named)
        answer["Cache-Control"] = "no-store, private"
        return answer
