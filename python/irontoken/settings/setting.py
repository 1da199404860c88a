"""The dict ``IRONTOKEN`` as a whole: its sections, and the apps that they need."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from irontoken.settings import cache
from irontoken.settings.option import did_you_mean, listed

#: What is wrong where a class looks for REST framework's tokens without their app, and a hint.
NO_TOKEN_APP: Final = (
    "REST_FRAMEWORK lists irontoken's class, and the app of its tokens is not installed.",
    'Write INSTALLED_APPS += ["rest_framework.authtoken"].',
)
_NAMES: Final = ("CACHE", "TOKENS", "TOKEN_MODEL", "REPLACE_DRF_CLASS")


def section(name: str) -> dict[str, Any]:
    """Return a section of the setting; empty where there is none, or no dict."""
    setting = getattr(settings, "IRONTOKEN", None)
    found = setting.get(name) if isinstance(setting, dict) else None
    return found if isinstance(found, dict) else {}


def token_model() -> str:
    """Return the label of the model that tokens are in, or an empty text: REST framework's."""
    setting = getattr(settings, "IRONTOKEN", None)
    found = setting.get("TOKEN_MODEL") if isinstance(setting, dict) else None
    return found if isinstance(found, str) else ""


def replaces_drf_class() -> bool:
    """Return whether our class stands in for REST framework's."""
    setting = getattr(settings, "IRONTOKEN", None)
    return isinstance(setting, dict) and setting.get("REPLACE_DRF_CLASS") is True


def cache_options() -> cache.CacheOptions | None:
    """Return what the cache is set to, or ``None`` where it is off or set up wrongly."""
    found = section("CACHE")
    if not found or any(problems()):
        return None
    return cache.options_of(found)


def require() -> None:
    """Raise ``ImproperlyConfigured`` where the setting is wrong, or lacks an app that it needs.

    Before Django is set up, no app is looked for. The message ends with the line to add. It quotes
    no secret.
    """
    for message, hint in (*problems(), *(missing_apps() if apps.apps_ready else ())):
        raise ImproperlyConfigured(f"{message} {hint}")


def missing_apps() -> Iterator[tuple[str, str]]:
    """Yield which apps the setting needs that are not installed, each with the line to add."""
    is_installed, has_tokens = (
        apps.is_installed("irontoken"),
        apps.is_installed("irontoken.tokens"),
    )
    if _looks_in_authtoken() and not (has_tokens or apps.is_installed("rest_framework.authtoken")):
        yield NO_TOKEN_APP
    if section("CACHE") and not is_installed:
        yield (
            "IRONTOKEN['CACHE'] is set and the app is not installed: no write would be seen.",
            'Write INSTALLED_APPS += ["irontoken"].',
        )
    if has_tokens and not is_installed:
        yield (
            "The app 'irontoken.tokens' is installed without 'irontoken', which it needs.",
            'Write INSTALLED_APPS += ["irontoken"].',
        )
    if replaces_drf_class() and not is_installed:
        yield (
            "IRONTOKEN['REPLACE_DRF_CLASS'] is True and the app is not installed.",
            'Write "irontoken" in INSTALLED_APPS, before the apps that import the class.',
        )
    if section("TOKENS") and not has_tokens:
        yield (
            "IRONTOKEN['TOKENS'] is set and the app of issued tokens is not installed.",
            tokens_line(),
        )
    if token_model() and not has_tokens:
        yield (
            f"IRONTOKEN['TOKEN_MODEL'] is {token_model()!r} and its app is not installed.",
            tokens_line(),
        )


def tokens_line() -> str:
    """Return the line that installs the app of issued tokens; an app is named only once."""
    before = "" if apps.is_installed("irontoken") else '"irontoken", '
    return f'Write INSTALLED_APPS += [{before}"irontoken.tokens"].'


def _looks_in_authtoken() -> bool:
    """Tell whether irontoken's own class is a default, which names no other model."""
    listed: Any = (getattr(settings, "REST_FRAMEWORK", None) or {}).get(
        "DEFAULT_AUTHENTICATION_CLASSES"
    )
    return "irontoken.TokenAuthentication" in (listed or ())


def problems() -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the setting, each with a hint; ``TOKENS`` is its app's to check."""
    setting = getattr(settings, "IRONTOKEN", {})
    if not isinstance(setting, dict):
        yield "IRONTOKEN is not a dict.", 'Write IRONTOKEN = {"CACHE": {"COHERENCE": "host"}}.'
        return
    for name, value in setting.items():
        if name in ("TOKEN_MODEL", "REPLACE_DRF_CLASS"):
            yield from _value_problems(name, value)
        elif name not in _NAMES:
            yield f"IRONTOKEN has no section {name!r}.", did_you_mean(name, _NAMES)
        elif not isinstance(value, dict) and name == "TOKENS":
            yield (
                "IRONTOKEN['TOKENS'] is not a dict.",
                'Write {"EXPIRES_IN": …}: see docs/settings.md.',
            )
        elif not isinstance(value, dict):
            names = listed(each.name for each in cache.OPTIONS)
            yield f"IRONTOKEN[{name!r}] is not a dict.", f"Its options are {names}."
        elif name == "CACHE":
            yield from cache.problems(value)


def _value_problems(name: str, value: object) -> Iterator[tuple[str, str]]:
    if name == "REPLACE_DRF_CLASS":
        if not isinstance(value, bool):
            yield f"IRONTOKEN['REPLACE_DRF_CLASS'] is {value!r}.", "It takes True or False."
    elif not isinstance(value, str) or value.count(".") != 1:
        hint = "It takes 'irontoken_tokens.AccessToken', or the label of another model."
        yield f"IRONTOKEN['TOKEN_MODEL'] is {value!r}.", hint
