"""What revokes tokens unasked: a changed password, and a row that another app deletes."""

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import is_password_usable
from django.db import router
from django.db.models.signals import class_prepared, post_delete, post_save, pre_save
from django.utils import timezone

from irontoken.tokens import conf, get_token_model, sources

_UID = "irontoken.tokens"


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
    if raw or instance._state.adding:
        return
    if update_fields is not None and "password" not in update_fields:
        return
    model = get_token_model()
    if not conf.options().revoke_on_password_change or not router.allow_migrate_model(
        using, model
    ):
        return
    if _changes(sender, instance, using, update_fields):
        # Before the new password is there: should the process die in between, the tokens are gone.
        model.objects.db_manager(using).revoke_all(instance)
        instance._irontoken_password_changes = True


def _after_a_user_was_saved(sender: Any, instance: Any, using: str, **_: Any) -> None:  # noqa: ARG001
    if instance.__dict__.pop("_irontoken_password_changes", False):
        # What the old password has got in between.
        get_token_model().objects.db_manager(using).revoke_all(instance)


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
    is_upgrade = "_password" in user.__dict__ and update_fields is not None
    if is_upgrade and set(update_fields) == {"password"} and is_password_usable(password):
        return False
    found = model._base_manager.using(using).filter(pk=user.pk)
    held = found.values_list("password", flat=True).first()
    both_unusable = held is not None and not is_password_usable(held)
    both_unusable = both_unusable and not is_password_usable(password)
    return held is not None and held != password and not both_unusable


def _revoke_the_copy(sender: Any, instance: Any, **_: Any) -> None:
    """Revoke what a row has been adopted as: whoever deletes it may have read it before that."""
    options = conf.options()
    for source in sources.accepted(options):
        if sources.rows_of(source) is sender:
            model = get_token_model()
            tokens = model._base_manager.using(router.db_for_write(model))
            digests = source.digests(instance, options)
            copies = tokens.filter(digest__in=digests, pending=False, revoked=None)
            copies.update(revoked=timezone.now())
