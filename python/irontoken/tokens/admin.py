"""The admin of issued tokens: issuing shows a key once, and nothing else shows one."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens.managers import is_live
from irontoken.tokens.models import AccessToken
from irontoken.tokens.validators import split_scopes

#: Tokens are counted up to here, and no further.
_COUNTED: int = 10_000


class LimitedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a table that may have millions of rows, of which some thousands are counted."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or ``10_000`` where there are more."""
        rows: Any = self.object_list
        return int(rows[:_COUNTED].count())


class StateFilter(admin.SimpleListFilter):
    """Live, expired or revoked."""

    title = _("State")
    parameter_name = "state"

    def lookups(self, *_args: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [("live", _("Live")), ("expired", _("Expired")), ("revoked", _("Revoked"))]

    def queryset(self, _request: Any, queryset: Any) -> Any:
        """Return the tokens of the state that was chosen."""
        now = timezone.now()
        if self.value() == "live":
            return queryset.filter(is_live(now))
        if self.value() == "expired":
            return queryset.filter(revoked=None, expires__lte=now)
        if self.value() == "revoked":
            return queryset.exclude(revoked=None)
        return queryset


class AccessTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Issue, find and revoke tokens."""

    list_display = ("display", "user", "name", "state", "created", "expires", "last_used")
    list_filter = (StateFilter,)
    list_select_related = ("user",)
    search_fields = ("display", "name")
    raw_id_fields = ("user",)
    actions = ("revoke",)
    ordering = ("-pk",)
    paginator = LimitedPaginator
    show_full_result_count = False

    def get_search_fields(self, request: Any) -> Any:
        """Return the token's own, and the field by which users are named."""
        user: Any = self.model._meta.get_field("user").related_model
        return (*super().get_search_fields(request), f"user__{user.USERNAME_FIELD}")

    def get_queryset(self, request: Any) -> Any:
        """Return all but the copies of rows that another app still holds."""
        return super().get_queryset(request).filter(pending=False)

    def get_fields(self, _request: Any, obj: Any = None) -> Any:
        """Return what is asked for a new token, or shown of one that there is."""
        if obj is None:
            return ("user", "name", "scope", "expires")
        return ("display", "user", "name", "scope", "created", "expires", "last_used", "revoked")

    def get_readonly_fields(self, _request: Any, obj: Any = None) -> Any:
        """Return what cannot be changed once a token has been issued: all but its name."""
        return () if obj is None else tuple(f for f in self.get_fields(None, obj) if f != "name")

    def get_changeform_initial_data(self, request: Any) -> dict[str, Any]:
        """Return what a form is filled with, in which an end has two parts."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        parts = [initial.get("expires_0"), initial.get("expires_1")]
        return {**initial, "expires": parts} if any(parts) else initial

    @admin.display(description=_("State"))
    def state(self, token: Any) -> str:
        """Return in a word whether the token is accepted."""
        reason = token.refusal()
        return str(
            {"": _("Live"), "revoked": _("Revoked"), "expired": _("Expired")}.get(reason, reason)
        )

    @sensitive_variables()
    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        """Issue a new token by the manager, with all its limits."""
        if change:
            # Of the rest of the row somebody else may just have revoked or renewed something.
            obj.save(update_fields=["name"])
            return
        expires_in = None if obj.expires is None else obj.expires - timezone.now()
        issued, request._irontoken_key = type(obj).objects.issue(
            obj.user, obj.name, expires_in, split_scopes(obj.scope)
        )
        obj.__dict__.update(issued.__dict__)

    def changeform_view(self, request: Any, *arguments: Any, **named: Any) -> Any:
        """Show what the manager refuses as a message, and change nothing."""
        try:
            return super().changeform_view(request, *arguments, **named)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            # What a page for a new token is filled with.
            request.method, request.GET = "GET", request.POST
            return super().changeform_view(request, *arguments, **named)

    @sensitive_variables()
    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> Any:  # noqa: ARG002
        """Show the key, this once, on a page that nobody keeps."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("The key of the new token"),
            "key": request._irontoken_key,
            "token": obj,
        }
        page = TemplateResponse(request, "irontoken_tokens/issued.html", context)
        page["Cache-Control"] = "no-store"
        return page

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: Any, queryset: Any) -> None:
        """Revoke tokens, and say how many that were."""
        count = sum(token.revoke() for token in queryset)
        said = ngettext("%d token was revoked.", "%d tokens were revoked.", count) % count
        self.message_user(request, said, messages.SUCCESS)


if not AccessToken._meta.swapped:
    admin.site.register(AccessToken, AccessTokenAdmin)
