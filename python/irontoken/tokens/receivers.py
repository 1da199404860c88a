"""A changed password kills the user's tokens, as Django kills sessions."""

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import is_password_usable
from django.db.models.signals import class_prepared, pre_save

from irontoken.tokens import conf, get_token_model


def connect() -> None:
    """Listen to users that are saved, by whatever proxy or child of their model."""
    for model in apps.get_models():
        _connect(model)
    class_prepared.connect(_connect, dispatch_uid="irontoken.tokens")


def _connect(sender: Any, **_: Any) -> None:
    # To these alone, since a receiver for all would slow every model's saving down.
    if issubclass(sender, get_user_model()):
        pre_save.connect(_revoke_with_the_password, sender=sender, dispatch_uid="irontoken.tokens")


def _revoke_with_the_password(
    sender: Any, instance: Any, *, raw: bool = False, update_fields: Any = None, **_: Any
) -> None:
    if raw or instance._state.adding:
        return
    if update_fields is not None and "password" not in update_fields:
        return
    if conf.options().revoke_on_password_change and _changes(sender, instance):
        # Before the new password is there: should the process die in between, the tokens are gone.
        get_token_model().objects.revoke_all(instance)


def _changes(model: Any, user: Any) -> bool:
    """Tell whether saving ``user`` changes its password.

    A hasher that is brought up to date changes the hash and not the password.
    """
    # What `set_password()` leaves until the user has been saved.
    if getattr(user, "_password", None) is not None:
        return True
    if is_password_usable(user.password):
        return False
    # Made unusable just now, or long ago.
    held = model._base_manager.filter(pk=user.pk).values_list("password", flat=True).first()
    return held is not None and is_password_usable(held)
