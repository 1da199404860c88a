"""The app: it installs the write interceptor and registers the checks, and has no models."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks


class IrontokenConfig(AppConfig):
    """``"irontoken"`` in ``INSTALLED_APPS``."""

    name = "irontoken"
    verbose_name = "irontoken"

    def __init__(self, app_name: str, app_module: Any) -> None:
        """Stand in for REST framework's class, if that is set: apps that come later import it."""
        from irontoken.settings import setting

        super().__init__(app_name, app_module)
        if setting.replaces_drf_class():
            from irontoken.replacement import replace

            replace()

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
        from irontoken.checks import (
            check_bus,
            check_cache,
            check_classes,
            check_effects,
            check_packages,
            check_settings,
        )
        from irontoken.settings import setting

        setting.require()
        if apps.is_installed("drf_spectacular"):
            import_module("irontoken.openapi")
        checks.register(check_settings)
        checks.register(check_cache)
        checks.register(check_classes)
        checks.register(check_packages)
        checks.register(check_bus, checks.Tags.database)
        checks.register(check_effects, checks.Tags.database)
        interceptor.start()
