"""The app of issued tokens."""

from importlib import import_module

from django.apps import AppConfig, apps


class TokensConfig(AppConfig):
    """``"irontoken.tokens"`` in ``INSTALLED_APPS``."""

    name = "irontoken.tokens"
    label = "irontoken_tokens"
    verbose_name = "Access tokens"
    #: The module with the actions of ``manage.py irontoken`` for tokens.
    irontoken_commands = "irontoken.tokens.commands"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to passwords and to other apps' rows, and register the checks.

        Raises ``ImproperlyConfigured`` where the setting is wrong.
        """
        from django.core import checks

        from irontoken.settings import setting
        from irontoken.tokens import default_model, receivers
        from irontoken.tokens import settings as conf
        from irontoken.tokens.checks import (
            check_knox,
            check_leftovers,
            check_models,
            check_peppers,
            check_scopes,
            check_throttles,
            check_tokens,
            require_model,
        )

        setting.require()
        conf.options()
        require_model()
        if apps.is_installed("drf_spectacular"):
            import_module("irontoken.tokens.http.openapi")
        checks.register(check_tokens)
        checks.register(check_scopes, checks.Tags.urls)
        checks.register(check_knox, checks.Tags.urls)
        checks.register(check_throttles, checks.Tags.urls)
        checks.register(check_peppers, checks.Tags.database)
        checks.register(check_models, checks.Tags.urls)
        checks.register(check_leftovers, checks.Tags.database)
        receivers.connect()
        default_model.start()
