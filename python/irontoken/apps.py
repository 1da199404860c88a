"""The app: it installs the write interceptor and registers the checks, and has no models."""

from importlib import import_module

from django.apps import AppConfig, apps
from django.core import checks


class IrontokenConfig(AppConfig):
    """``"irontoken"`` in ``INSTALLED_APPS``."""

    name = "irontoken"
    verbose_name = "irontoken"

    def import_models(self) -> None:
        """Intercept the connections from here on: another app's ``ready()`` may write."""
        from irontoken.cache import interceptor

        super().import_models()
        interceptor.listen()

    def ready(self) -> None:
        """Install the write interceptor where the cache is on, and register the checks.

        Raises ``ImproperlyConfigured`` where the setting is wrong.
        """
        from irontoken.cache import interceptor
        from irontoken.checks import check_bus, check_cache, check_effects, check_settings
        from irontoken.settings import setting

        setting.require()
        if apps.is_installed("drf_spectacular"):
            import_module("irontoken.openapi")
        checks.register(check_settings)
        checks.register(check_cache)
        checks.register(check_bus, checks.Tags.database)
        checks.register(check_effects, checks.Tags.database)
        interceptor.start()
