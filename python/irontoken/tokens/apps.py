"""The app of issued tokens."""

from importlib import import_module

from django.apps import AppConfig, apps


class TokensConfig(AppConfig):
    """``"irontoken.tokens"`` in ``INSTALLED_APPS``."""

    name = "irontoken.tokens"
    label = "irontoken_tokens"
    verbose_name = "Access tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to passwords and to other apps' rows, and register the checks."""
        from django.core import checks

        from irontoken.tokens import receivers
        from irontoken.tokens.checks import (
            check_peppers,
            check_scopes,
            check_throttles,
            check_tokens,
        )

        if apps.is_installed("drf_spectacular"):
            import_module("irontoken.tokens.openapi")
        checks.register(check_tokens)
        checks.register(check_scopes, checks.Tags.urls)
        checks.register(check_throttles, checks.Tags.urls)
        checks.register(check_peppers, checks.Tags.database)
        receivers.connect()
