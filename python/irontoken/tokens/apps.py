"""The app of issued tokens."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    """``"irontoken.tokens"`` in ``INSTALLED_APPS``."""

    name = "irontoken.tokens"
    label = "irontoken_tokens"
    verbose_name = "Access tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Revoke a user's tokens with the password, and register the checks."""
        from django.core import checks

        from irontoken.tokens import receivers
        from irontoken.tokens.checks import check_tokens

        checks.register(check_tokens)
        receivers.connect()
