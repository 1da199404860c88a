"""The admin of issued tokens: issuing shows a key once, and nothing else shows one."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens import handover
from irontoken.tokens import settings as conf
from irontoken.tokens.liveness import is_live, is_young
from irontoken.tokens.models import AccessToken
from irontoken.tokens.validators import split_scopes

#: Tokens are counted up to here, and no further.
_COUNTED: int = 10_000


_STATES: Final = {
    "": _("Live"),
    "revoked": _("Revoked"),
    "expired": _("Expired"),
    "idle": _("Idle"),
    "password_changed": _("Password changed"),
}


def help_of(name: str) -> str:
    """Return what is said below a field of a new token; empty if there is nothing to say."""
    options = conf.options()
    if name == "scope":
        said = gettext("What the token is good for: words with spaces or commas between them.")
        if options.unscoped == "allow":
            return f"{said} {gettext('Left empty, it may do all that its user may.')}"
        return f"{said} {gettext('Left empty, it may do nothing that needs a scope.')}"
    if name == "expires":
        said = gettext("When the token ends.")
        if options.expires_in is None:
            return f"{said} {gettext('Left empty, it does not end by itself.')}"
        now = timezone.now()
        lifetime = timesince(now - options.expires_in, now)
        return f"{said} {gettext('Left empty, it ends in %s.') % lifetime}"
    if name == "name":
        return gettext("What the token is for, such as “laptop”. Its user sees it.")
    return ""


def _date(when: Any) -> str:
    # Without USE_TZ it is not aware of any.
    local = timezone.localtime(when) if timezone.is_aware(when) else when
    exact = f"{local:%Y-%m-%d %H:%M:%S}"
    return format_html('<span class="irontoken-date" title="{}">{}</span>', exact, exact[:10])


class LimitedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a table that may have millions of rows, of which some thousands are counted."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or ``10_000`` where there are more."""
        rows: Any = self.object_list
        return int(rows[:_COUNTED].count())


def may_act_as(issuer: Any, user: Any) -> bool:
    """Tell whether ``issuer`` may issue a token for ``user``.

    It may for itself, as a superuser, and for an active user who has no permission that ``issuer``
    lacks.
    """
    if issuer == user or getattr(issuer, "is_superuser", False):
        return True
    # An inactive user has no permissions, and is not asked for those that it would have.
    if not user.is_active or getattr(user, "is_superuser", True):
        return False
    return bool(user.get_all_permissions() <= issuer.get_all_permissions())


def _revoke_if_live(token: Any) -> None:
    if not token.refusal():
        token.revoke()


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
            is_over = Q(expires__lte=now)
            if young := is_young(now):
                is_over |= ~young
            return queryset.filter(is_over, revoked=None)
        if self.value() == "revoked":
            return queryset.exclude(revoked=None)
        return queryset


class AccessTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Issue, find and revoke tokens."""

    list_display = ("display", "user", "name", "state", "used")
    list_filter = (StateFilter,)
    list_select_related = ("user",)
    search_fields = ("display", "name")
    #: Where users have no admin to look them up in.
    raw_id_fields = ("user",)
    actions = ("revoke",)
    ordering = ("-pk",)
    paginator = LimitedPaginator
    show_full_result_count = False
    change_form_template = "irontoken_tokens/change_form.html"

    class Media:
        """What makes the list fit."""

        css: ClassVar = {"all": ["irontoken_tokens/admin.css"]}

    def get_urls(self) -> list[Any]:
        """Return Django's, and that of the page that shows a new key."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_key"
        view = self.admin_site.admin_view(self.key_view)
        return [path("<path:object_id>/key/", view, name=name), *super().get_urls()]

    def get_search_fields(self, request: Any) -> Any:
        """Return the token's own, and the field by which users are named."""
        user: Any = self.model._meta.get_field("user").related_model
        return (*super().get_search_fields(request), f"user__{user.USERNAME_FIELD}")

    def get_queryset(self, request: Any) -> Any:
        """Return all but the copies of rows that another app still holds."""
        return super().get_queryset(request).filter(pending=False)

    def get_autocomplete_fields(self, request: Any) -> Any:
        """Return the user, where users can be looked up: they may be many."""
        user: Any = self.model._meta.get_field("user").related_model
        found: Any = self.admin_site._registry.get(user)
        if found is None or not found.get_search_fields(request):
            return ()
        return ("user",) if found.has_view_permission(request) else ()

    def get_fieldsets(self, _request: Any, obj: Any = None) -> Any:
        """Return what is asked for a new token, or shown of one that there is."""
        if obj is not None:
            return [(None, {"fields": self.get_fields(None, obj)})]
        said = _("The key is shown once, on the next page. Nothing can show it again.")
        return [(None, {"fields": self.get_fields(None), "description": said})]

    def get_fields(self, _request: Any, obj: Any = None) -> Any:
        """Return the names of the fields."""
        if obj is None:
            return ("user", "name", "scope", "expires")
        return ("display", "user", "name", "scope", "created", "ends", "last_used", "revoked")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **named: Any) -> Any:
        """Return the field of a form, with what there is to know of it."""
        if said := help_of(db_field.name):
            named["help_text"] = said
        return super().formfield_for_dbfield(db_field, request, **named)

    def get_readonly_fields(self, _request: Any, obj: Any = None) -> Any:
        """Return what cannot be changed once a token has been issued: all but its name."""
        return () if obj is None else tuple(f for f in self.get_fields(None, obj) if f != "name")

    def get_changeform_initial_data(self, request: Any) -> dict[str, Any]:
        """Return what a form is filled with, in which an end has two parts."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        parts = [initial.get("expires_0"), initial.get("expires_1")]
        return {**initial, "expires": parts} if any(parts) else initial

    @admin.display(description=_("State"), ordering="expires")
    def state(self, token: Any) -> str:
        """Return whether the token is accepted, and until when."""
        reason = token.refusal()
        said = _STATES.get(reason, reason)
        if reason or token.ends is None:
            return str(said)
        return format_html("{} {}", gettext("Live until"), _date(token.ends))

    @admin.display(description=_("Expires"))
    def ends(self, token: Any) -> Any:
        """Return when it ends at the latest."""
        return token.ends

    @admin.display(description=_("Last used"), ordering="last_used")
    def used(self, token: Any) -> str:
        """Return the day on which it was last used."""
        return "-" if token.last_used is None else _date(token.last_used)

    def get_actions(self, request: Any, action_location: Any = None) -> Any:
        """Return the actions, with that of revoking before Django's of deleting."""
        # Actions have places since Django 6.1.
        place = {} if action_location is None else {"action_location": action_location}
        found = super().get_actions(request, **place)
        return dict(sorted(found.items(), key=lambda each: each[0] != "revoke"))

    @sensitive_variables()
    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        """Issue a new token by the manager, with all its limits."""
        if change:
            # Of the rest of the row somebody else may just have revoked or renewed something.
            obj.save(update_fields=["name"])
            return
        if not may_act_as(request.user, obj.user):
            raise ValidationError(
                _("You cannot issue a token for this user, who may do what you may not.")
            )
        expires_in = None if obj.expires is None else obj.expires - timezone.now()
        issued, request._irontoken_key = type(obj).objects.issue(
            obj.user, obj.name, expires_in, split_scopes(obj.scope)
        )
        obj.__dict__.update(issued.__dict__)

    @sensitive_variables()
    def changeform_view(
        self,
        request: Any,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show what the manager refuses as a message, and change nothing."""
        token = self.get_object(request, unquote(object_id)) if object_id else None
        context = {
            **(extra_context or {}),
            "can_revoke": token is not None
            and token.revoked is None
            and self.has_change_permission(request, token),
            # Only then is the page of the key the next one.
            "show_save_and_add_another": False,
            "show_save_and_continue": token is not None,
        }
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            # What a page for a new token is filled with.
            request.method, request.GET = "GET", request.POST
            return super().changeform_view(request, object_id, form_url, context)

    def response_change(self, request: Any, obj: Any) -> Any:
        """Revoke where that was asked for, and stay on the page."""
        if "_revoke" not in request.POST:
            return super().response_change(request, obj)
        self.revoke(request, [obj])
        return HttpResponseRedirect(request.path)

    @sensitive_variables()
    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> Any:  # noqa: ARG002
        """Redirect to the page that shows the key, which a reload of that page does not issue."""
        return handover.redirect_with(request, obj, request._irontoken_key, self._key_url(obj.pk))

    @sensitive_variables()
    def key_view(self, request: Any, object_id: str) -> Any:
        """Show the key of a token that has just been issued, this once, on a page nobody keeps."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        token = self.get_object(request, unquote(object_id))
        if token is None:
            raise Http404
        key = handover.taken(request, token)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("The key of the new token"),
            "key": key,
            "token": token,
            "has_view_permission": self.has_view_permission(request, token),
        }
        page = TemplateResponse(
            request, "irontoken_tokens/issued.html", context, status=200 if key else 410
        )
        page["Cache-Control"] = "no-store, private"
        handover.forget(page, self._key_url(token.pk))
        # Here, where no report of an error shows a variable.
        return page.render()

    def delete_model(self, request: Any, obj: Any) -> None:
        """Delete the token; one that is accepted takes along what was rotated out of it."""
        _revoke_if_live(obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: Any, queryset: Any) -> None:
        """Delete tokens; those that are accepted take along what was rotated out of them."""
        for token in queryset:
            _revoke_if_live(token)
        super().delete_queryset(request, queryset)

    def _key_url(self, pk: Any) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_key"
        return reverse(f"admin:{name}", args=(quote(pk),), current_app=self.admin_site.name)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: Any, queryset: Iterable[Any]) -> None:
        """Revoke tokens, and say how many that were."""
        count = sum(token.revoke() for token in queryset)
        said = ngettext("%d token was revoked.", "%d tokens were revoked.", count) % count
        self.message_user(request, said, messages.SUCCESS)


if not AccessToken._meta.swapped:
    admin.site.register(AccessToken, AccessTokenAdmin)
