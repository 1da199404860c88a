"""System checks of issued tokens."""

import sys
from collections.abc import Sequence
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connections, router
from rest_framework.settings import api_settings

from irontoken.listed import our_classes
from irontoken.routes import Route, routes
from irontoken.settings import setting
from irontoken.tokens import get_token_model, scopes
from irontoken.tokens import settings as conf
from irontoken.tokens.models import AbstractAccessToken, AccessToken

#: Backends by which tries are not counted, and what becomes of them.
_UNFIT_CACHES: Final = {
    "LocMemCache": "each process counts the tries of passwords for itself",
    "DummyCache": "no tries of passwords are counted",
    "DatabaseCache": "two tries at once count as one, and 300 entries push a counter out",
    "FileBasedCache": "two tries at once count as one, and 300 entries push a counter out",
}


def check_tokens(**_: Any) -> list[CheckMessage]:
    """Check the ``TOKENS`` section of the setting, and the model."""
    found: list[CheckMessage] = [
        Error(message, hint=hint, id="irontoken.E010") for message, hint in conf.problems()
    ]
    try:
        require_model()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="irontoken.E012"))
    return found


def require_model() -> None:
    """Raise ``ImproperlyConfigured`` where ``TOKEN_MODEL`` is no model of issued tokens."""
    hint = "It takes 'irontoken_tokens.AccessToken', or a subclass of AbstractAccessToken."
    try:
        is_ours = issubclass(get_token_model(), AbstractAccessToken)
    except ImproperlyConfigured as error:
        raise ImproperlyConfigured(f"{error} {hint}") from None
    if not is_ours:
        label = setting.token_model()
        raise ImproperlyConfigured(
            f"IRONTOKEN['TOKEN_MODEL'] is {label!r}, which is no model of issued tokens. {hint}"
        )


def check_knox(**_: Any) -> list[CheckMessage]:
    """Check that the header in which clients of knox send their keys is one that is looked for."""
    sent = (getattr(settings, "REST_KNOX", None) or {}).get("AUTH_HEADER_PREFIX", "Token")
    try:
        is_honoured = conf.options().accept_knox
    except ImproperlyConfigured:
        return []  # another check's to say
    ours = our_classes()
    looked_for = [each.keyword for each in ours]
    words = [word for each in looked_for for word in (each if isinstance(each, tuple) else [each])]
    if not is_honoured or not ours or sent.lower() in [str(word).lower() for word in words]:
        return []
    message = f"Clients of knox send {sent!r} before their keys, and no listed class looks for it."
    hint = f"List a subclass of irontoken.TokenAuthentication with keyword = {sent!r}."
    return [Warning(message, hint=hint, id="irontoken.W026")]


def check_peppers(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check, for ``check --database``, that there is each pepper that digests were made under."""
    try:
        model = get_token_model()
        options = conf.options()
    except ImproperlyConfigured:
        return []  # another check's to say
    found: list[CheckMessage] = []
    for alias in databases or ():
        if not router.allow_migrate_model(alias, model):
            continue
        tokens = model.objects.db_manager(alias).live()
        if not options.require_pepper:
            tokens = tokens.filter(digest__startswith="pepper")
        for number in options.peppers:
            tokens = tokens.exclude(digest__startswith=f"pepper{number}$")
        try:
            digests = list(tokens.values_list("digest", flat=True)[:1])
        except DatabaseError:
            continue  # before the first migration there is no table
        for digest in digests:
            scheme = digest.split("$")[0]
            if scheme.startswith("pepper"):
                said = (
                    f"digests under the pepper {scheme.removeprefix('pepper')}, which "
                    "IRONTOKEN['TOKENS']['PEPPERS'] lacks"
                )
                hint = "Add it again, or revoke them."
            else:
                said = "digests without a pepper, and REQUIRE_PEPPER is on"
                hint = "Switch it off until they have been used, which adds one, or revoke them."
            message = f"{alias!r} holds {said}: those tokens are refused."
            found.append(Error(message, hint=hint, id="irontoken.E011"))
    return found


def check_scopes(**_: Any) -> list[CheckMessage]:
    """Check that each routed view with ``HasScopes`` says which scopes it needs."""
    found: dict[str, CheckMessage] = {}
    for route in routes():
        if not _asks_for_scopes(route):
            continue
        required = route.get("required_scopes", scopes.UNSET)
        if not hasattr(required, "__get__"):  # a property, which only a request can tell
            for problem in scopes.problems(route.view, required, route.methods()):
                found[problem] = Error(problem, hint=scopes.HINT, id="irontoken.E020")
    return list(found.values())


def check_throttles(**_: Any) -> list[CheckMessage]:
    """Check that tries of passwords are counted in one place, by addresses that hold.

    Nothing is said under ``DEBUG``: one process serves whoever develops the site.
    """
    if settings.DEBUG:
        return []
    try:
        alias = conf.options().throttle_cache
    except ImproperlyConfigured:
        return []  # another check's to say
    if not any(_is_throttled(route) for route in routes()):
        return []
    found: list[CheckMessage] = []
    backend = str(settings.CACHES[alias].get("BACKEND", ""))
    name = backend.rpartition(".")[2]
    if name in _UNFIT_CACHES:
        hint = (
            f'Write CACHES = {{"{alias}": {{"BACKEND": '
            '"django.core.cache.backends.redis.RedisCache", "LOCATION": '
            '"redis://127.0.0.1:6379"}}, or name another of CACHES in '
            'IRONTOKEN["TOKENS"]["THROTTLE_CACHE"].'
        )
        message = f"The cache {alias!r} is {name}: {_UNFIT_CACHES[name]}."
        found.append(Warning(message, hint=hint, id="irontoken.W020"))
    if api_settings.NUM_PROXIES is None:
        hint = (
            'Write REST_FRAMEWORK["NUM_PROXIES"] = 1, the number of proxies before the site; 0 '
            "where clients reach it themselves."
        )
        message = (
            "REST_FRAMEWORK['NUM_PROXIES'] is not set: the address by which tries of passwords "
            "are counted is whatever a client writes into X-Forwarded-For."
        )
        found.append(Warning(message, hint=hint, id="irontoken.W021"))
    return found


def check_models(**_: Any) -> list[CheckMessage]:
    """Check that the tokens of the routed endpoints are those that are accepted."""
    from rest_framework.authtoken.views import ObtainAuthToken

    from irontoken.tokens.http.views import ObtainView

    views = [route.view for route in routes()]
    found: list[CheckMessage] = []
    if not setting.token_model() and any(issubclass(each, ObtainView) for each in views):
        message = (
            "The endpoint obtain/ is routed and IRONTOKEN['TOKEN_MODEL'] is not set: "
            "irontoken.TokenAuthentication refuses the tokens that it issues."
        )
        hint = 'Write IRONTOKEN["TOKEN_MODEL"] = "irontoken_tokens.AccessToken".'
        if not getattr(settings, "IRONTOKEN", None):
            hint = 'Write IRONTOKEN = {"TOKEN_MODEL": "irontoken_tokens.AccessToken"}.'
        found.append(Warning(message, hint=hint, id="irontoken.W022"))
    try:
        accepts = not setting.token_model() or conf.options().accept_authtoken
    except ImproperlyConfigured:
        return found  # another check's to say
    if not accepts and any(issubclass(each, ObtainAuthToken) for each in views):
        message = (
            "obtain_auth_token is routed and ACCEPT_AUTHTOKEN is False: the keys that it answers "
            "with are refused."
        )
        hint = 'Write path("tokens/", include("irontoken.tokens.urls")) in its place.'
        found.append(Warning(message, hint=hint, id="irontoken.W023"))
    return found


def check_leftovers(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check, for ``check --database``, that the token model has a table and no other is used."""
    try:
        model, options = get_token_model(), conf.options()
    except ImproperlyConfigured:
        return []  # another check's to say
    found: list[CheckMessage] = []
    for alias in databases or ():
        tables = connections[alias].introspection.table_names()
        # Before the first migration there is none, and nothing to say.
        is_migrated = "django_migrations" in tables
        if not router.allow_migrate_model(alias, model) or not is_migrated:
            continue
        if model._meta.db_table not in tables:
            if model is AccessToken and sys.argv[1:2] == ["migrate"]:
                continue  # which is about to make it
            message = f"{alias!r} has no table of IRONTOKEN['TOKEN_MODEL'], {model._meta.label}."
            hint = "Run manage.py migrate."
            if model is not AccessToken:
                hint = (
                    "Run manage.py makemigrations and manage.py migrate. The tokens of another "
                    "model are not taken along: set it back, or move the rows by hand."
                )
            # No error, which would keep the migration from running.
            found.append(Warning(message, hint=hint, id="irontoken.W024"))
        elif model is not AccessToken and _has_rows_of_the_stock_model(alias, tables):
            table = AccessToken._meta.db_table
            message = (
                f"{alias!r} has tokens in {table}, and all are refused: "
                f"IRONTOKEN['TOKEN_MODEL'] is {model._meta.label}."
            )
            hint = f"Move the rows by hand, or drop the table {table}."
            found.append(Warning(message, hint=hint, id="irontoken.W024"))
        if (
            setting.token_model()
            and not options.accept_authtoken
            and apps.is_installed("rest_framework.authtoken")
            and _has_rows(apps.get_model("authtoken", "Token"), alias)
        ):
            message = f"{alias!r} has tokens of rest_framework.authtoken, and all are refused."
            hint = (
                "ACCEPT_AUTHTOKEN is False. Run manage.py irontoken adopt, delete them, and take "
                "out the receiver that makes them."
            )
            found.append(Warning(message, hint=hint, id="irontoken.W025"))
    return found


def _has_rows_of_the_stock_model(alias: str, tables: list[str]) -> bool:
    """Tell whether tokens are left of before another model took the stock one's place."""
    table = AccessToken._meta.db_table
    if table not in tables or get_token_model()._meta.db_table == table:
        return False
    connection = connections[alias]
    with connection.cursor() as cursor:
        # Not by the ORM, for which a swapped model has no manager.
        name = connection.ops.quote_name(table)
        cursor.execute(f"SELECT 1 FROM {name} WHERE revoked IS NULL LIMIT 1")  # noqa: S608
        return cursor.fetchone() is not None


def _has_rows(model: Any, alias: str) -> bool:
    if not router.allow_migrate_model(alias, model):
        return False
    try:
        return bool(model._base_manager.using(alias).exists())
    except DatabaseError:
        return False


def _is_throttled(route: Route) -> bool:
    """Tell whether a view counts tries by one of our throttles that is not switched off."""
    from irontoken.tokens.http.throttling import CountingThrottle

    return any(
        isinstance(each, type) and issubclass(each, CountingThrottle) and each().rate is not None
        for each in route.get("throttle_classes") or ()
    )


def _asks_for_scopes(route: Route) -> bool:
    """Tell whether a view has ``HasScopes`` itself, alone or in a condition."""
    from rest_framework.views import APIView

    from irontoken.tokens.permissions import HasScopes

    if route.view.get_permissions is not APIView.get_permissions:
        return False  # which only a request can tell
    left = list(route.get("permission_classes") or ())
    while left:
        each = left.pop()
        # A subclass that takes them from elsewhere needs no attribute.
        if isinstance(each, type) and issubclass(each, HasScopes):
            return each.required is HasScopes.required
        left += [vars(each)[name] for name in ("op1_class", "op2_class") if name in vars(each)]
    return False
