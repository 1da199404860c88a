"""What revokes tokens unasked: a changed password, and a row that another app deletes."""

from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import is_password_usable
from django.db import router
from django.db.models.signals import class_prepared, post_delete, post_save, pre_save
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens import families, get_token_model
from irontoken.tokens import settings as conf
from irontoken.tokens.adoption import sources
from irontoken.tokens.binding import bind_again

_UID: Final = "irontoken.tokens"
#: Attributes of a user: the database whose tokens its save revokes, and that what
#: ``set_password()`` or ``check_password()`` left has been saved: the next save is compared.
_CHANGED: Final = "_irontoken_password_changes"
_SAVED: Final = "_irontoken_password_saved"
#: The hash that a save of `check_password()` replaces, by which tokens may be bound.
_UPGRADED: Final = "_irontoken_password_upgraded"


def connect() -> None:
    """Listen to users that are saved, by whatever proxy or child, and to rows of the sources."""
    for model in apps.get_models():
        _connect(model)
    class_prepared.connect(_connect, dispatch_uid=_UID)
    for source in sources.SOURCES.values():
        rows = sources.rows_of(source)
        if rows is not None:
            post_delete.connect(_revoke_the_copy, sender=rows, dispatch_uid=_UID)


def _connect(sender: Any, **_: Any) -> None:
    # To these alone, since a receiver for all would slow every model's saving down.
    if issubclass(sender, get_user_model()):
        pre_save.connect(_before_a_user_is_saved, sender=sender, dispatch_uid=_UID)
        post_save.connect(_after_a_user_was_saved, sender=sender, dispatch_uid=_UID)


def _before_a_user_is_saved(
    sender: Any,
    instance: Any,
    using: str,
    *,
    raw: bool = False,
    update_fields: Any = None,
    **_: Any,
) -> None:
    # Of a save that failed.
    instance.__dict__.pop(_CHANGED, None)
    instance.__dict__.pop(_UPGRADED, None)
    if raw or instance._state.adding or not conf.options().revoke_on_password_change:
        return
    if update_fields is not None and "password" not in update_fields:
        return
    alias = _alias_of_tokens(sender, instance, using)
    if alias is not None and _changes(sender, instance, using, update_fields):
        # Before the new password is there: should the process die in between, the tokens are gone.
        get_token_model().objects.db_manager(alias).revoke_all(instance)
        instance.__dict__[_CHANGED] = alias


def _after_a_user_was_saved(sender: Any, instance: Any, using: str, **_: Any) -> None:
    if held := instance.__dict__.pop(_UPGRADED, None):
        alias = _alias_of_tokens(sender, instance, using)
        if alias is not None:
            bind_again(get_token_model(), instance, held, alias)
    alias = instance.__dict__.pop(_CHANGED, None)
    if alias is not None:
        # What the old password has got in between.
        get_token_model().objects.db_manager(alias).revoke_all(instance)
    if getattr(instance, "_password", None) is not None:
        instance.__dict__[_SAVED] = True


def _alias_of_tokens(model: Any, user: Any, using: str) -> str | None:
    """Return the database of the tokens of a user who is saved in ``using``, if there is one."""
    tokens = get_token_model()
    if using == router.db_for_write(model, instance=user):
        return router.db_for_write(tokens, instance=user)
    # A copy of the user, in a database that the router would not have chosen.
    return using if router.allow_migrate_model(using, tokens) else None


@sensitive_variables()
def _changes(model: Any, user: Any, using: str, update_fields: Any) -> bool:
    """Tell whether saving ``user`` changes its password.

    A hasher that is brought up to date changes the hash and not the password.
    """
    password = getattr(user, "password", None)
    if password is None:
        return False
    # What `set_password()` leaves until the user has been saved.
    if getattr(user, "_password", None) is not None:
        return True
    # What `check_password()` leaves, which saves at once and once.
    is_upgrade = "_password" in user.__dict__ and _SAVED not in user.__dict__
    found = model._base_manager.using(using).filter(pk=user.pk).values_list("password", flat=True)
    if is_upgrade and update_fields is not None and set(update_fields) == {"password"}:
        user.__dict__[_SAVED] = True
        if conf.options().binds_tokens:
            user.__dict__[_UPGRADED] = found.first()
        return not is_password_usable(password)
    held = found.first()
    if held is None or held == password:
        return False
    return is_password_usable(held) or is_password_usable(password)


@sensitive_variables()  # a row of authtoken is shown as its key
def _revoke_the_copy(sender: Any, instance: Any, using: str, **_: Any) -> None:
    """Revoke what a row has been adopted as: whoever deletes it may have read it before that."""
    model = get_token_model()
    if using != router.db_for_write(model):
        return
    options = conf.options()
    for source in sources.accepted(options):
        if sources.rows_of(source) is sender:
            tokens = model._base_manager.using(using)
            digests = source.digests(instance, options)
            copies = tokens.filter(digest__in=digests, pending=False)
            now = timezone.now()
            # Without a lock of the user, whom an adoption locks before the row that is deleted.
            copies.filter(revoked=None).update(revoked=now)
            for copy in copies:
                families.descendants(copy, tokens).filter(revoked=None).update(revoked=now)
