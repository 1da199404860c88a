"""A changed password kills the user's tokens, as Django kills sessions."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import pre_save

from irontoken.tokens import conf, get_token_model


def connect() -> None:
    """Listen to users that are saved."""
    pre_save.connect(
        _revoke_with_the_password, sender=get_user_model(), dispatch_uid="irontoken.tokens"
    )


def _revoke_with_the_password(
    instance: Any, *, update_fields: Any = None, raw: bool = False, **_: Any
) -> None:
    # What `set_password()` leaves until the user has been saved. A hasher that is brought up to
    # date changes the hash and not the password, and leaves nothing.
    changes = getattr(instance, "_password", None) is not None
    if raw or not changes or instance.pk is None or not conf.options().revoke_on_password_change:
        return
    if update_fields is None or "password" in update_fields:
        # Before the new password is there: should the process die in between, the tokens are gone.
        get_token_model().objects.revoke_all(instance)
