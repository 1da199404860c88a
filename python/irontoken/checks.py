"""System checks: what ``manage.py check`` says of the setting and of the cache."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Info, Warning  # noqa: A004
from django.db import connections

from irontoken.cache import service as cache
from irontoken.cache.effects import effects_of
from irontoken.cache.eligibility import uncacheable
from irontoken.declared import field_problems
from irontoken.explain import HINT, replaced, uncacheable_lookup
from irontoken.fleet import service as fleet
from irontoken.fleet.bus import BusUnavailable, channel_of
from irontoken.fleet.triggers import Triggers
from irontoken.listed import declared_lookups, import_or_none, is_ours, our_classes
from irontoken.lookup.placement import alias_for
from irontoken.replacement import comparing
from irontoken.settings import setting
from irontoken.settings.cache import CacheOptions


def check_settings(**_: Any) -> list[CheckMessage]:
    """Check the ``IRONTOKEN`` setting."""
    found: list[CheckMessage] = [
        Error(message, hint=hint, id="irontoken.E001") for message, hint in setting.problems()
    ]
    found += [
        Error(message, hint=hint, id="irontoken.E002") for message, hint in setting.missing_apps()
    ]
    return found


def check_cache(**_: Any) -> list[CheckMessage]:
    """Check that the cache that the setting asks for can work."""
    options = cache.options()
    if options is None:
        return []
    hosts = _hosts() if options.coherence == "host" else ()
    return [*_shared_memory(options), *hosts, *_models()]


def check_classes(**_: Any) -> list[CheckMessage]:
    """Check what the listed authentication classes declare, and that they can be asked."""
    found: list[CheckMessage] = [
        Error(said, hint=hint, id="irontoken.E003") for said, hint in _class_problems()
    ]
    if any(_lacks_app(each) for each in our_classes()):
        message, hint = setting.NO_TOKEN_APP
        found.append(Error(message, hint=hint, id="irontoken.E002"))
    return found


def _lacks_app(cls: Any) -> bool:
    try:
        cls().get_model()
    except Exception as error:  # noqa: BLE001 - what else is wrong with it is said above
        return str(error) == " ".join(setting.NO_TOKEN_APP)
    return False


def _class_problems() -> Iterator[tuple[str, str]]:
    declaring, wrong = declared_lookups()
    for name, error in wrong:
        yield (
            f"{name}, which the settings list, cannot be asked which tables it reads: {error}.",
            "Until that is mended each write drops all cached rows.",
        )
    for path in setting.section("CACHE").get("CLASSES") or ():
        cls = import_or_none(path)
        if cls is not None and not is_ours(cls):
            yield (
                f"IRONTOKEN['CACHE']['CLASSES'] has {path!r}, no class of irontoken's.",
                "List subclasses of irontoken.TokenAuthentication.",
            )
    for name, model, declared in declaring:
        for said, hint in field_problems(model, declared):
            yield f"{name}: {said}", hint


def check_packages(**_: Any) -> list[CheckMessage]:
    """Check for packages that take REST framework's class alone for token authentication."""
    ours = our_classes()
    return [
        Warning(
            f"{package} asks whether REST framework's own TokenAuthentication is listed, and "
            "irontoken's is: its login issues no token and its logout revokes none.",
            hint='Write IRONTOKEN = {"REPLACE_DRF_CLASS": True}, and "irontoken" before its app '
            "in INSTALLED_APPS.",
            id="irontoken.W011",
        )
        for package in (comparing() if ours else ())
    ]


def check_bus(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check what can only be told by asking the servers, for ``check --database``."""
    options = cache.options()
    if options is None or options.coherence == "host" or not databases:
        return []
    if options.coherence == "redis":
        return list(_unreachable("", options))
    found: list[CheckMessage] = []
    for alias in databases:
        if not uncacheable(connections[alias], options):
            found += _triggers(alias, options)
            found += _unreachable(alias, options)
    return found


def check_effects(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check which writes have effects that no statement tells, for ``check --database``."""
    options = cache.options()
    if options is None:
        return []
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if uncacheable(connection, options):
            continue
        connection.ensure_connection()
        effects = effects_of(connection)
        if effects is None:
            message = f"The triggers of {alias!r} cannot be asked for."
            hint = "Until they can be, every write to a table of tokens or users drops all rows."
            found.append(Warning(message, hint=hint, id="irontoken.W009"))
        elif effects[0]:
            message = f"{alias!r} has triggers or rules on {', '.join(sorted(effects[0]))}."
            hint = "What they write is not known: a write to such a table drops all cached rows."
            found.append(Warning(message, hint=hint, id="irontoken.W009"))
    return found


def _triggers(alias: str, options: CacheOptions) -> Iterator[CheckMessage]:
    state = Triggers(channel_of(options.project)).installed(connections[alias])
    # Before the first migration there is nothing to put them on.
    if state.tables and state.problem:
        # No error, which would keep the migration from running that installs them.
        yield Warning(
            f"What {alias!r} needs for COHERENCE 'postgres': {state.problem}.",
            hint="Run manage.py irontoken install. Until then every request asks the database.",
            id="irontoken.W006",
        )


def _unreachable(alias: str, options: CacheOptions) -> Iterator[CheckMessage]:
    bus = fleet.connect(alias, options, needs_triggers=False)
    where = f"The server of {alias!r}" if alias else "Redis"
    try:
        bus.open()
    except BusUnavailable as error:
        yield Warning(f"{where} cannot be listened to.", hint=str(error), id="irontoken.W007")
    except Exception as error:  # noqa: BLE001 - whatever the driver raises
        hint = f"{' '.join(str(error).split())}. Until it is, every request asks the database."
        yield Warning(f"{where} is not there to listen to.", hint=hint, id="irontoken.W008")
    finally:
        bus.close()


def _shared_memory(options: CacheOptions) -> Iterator[CheckMessage]:
    for alias in connections:
        if reason := uncacheable(connections[alias], options):
            yield Warning(
                f"The cache stays off for the database {alias!r}.",
                hint=f"{reason[0].upper()}{reason[1:]}.",
                id="irontoken.W002",
            )
    store = cache.store()
    if store is not None and (failure := store.failure()):
        # No error, which would keep every command from running for want of some memory.
        yield Warning(
            f"The version file of the cache cannot be shared: {failure}",
            hint=f"Remove what is there, or set IRONTOKEN['CACHE']['PATH'] to a folder that "
            f"this user may write to (it is {str(options.path)!r}). Until then every request "
            "asks the database.",
            id="irontoken.W003",
        )
    if users := cache.unreachable_users():
        yield Warning(
            f"Other users of the system have version files in {options.path}, which this one "
            f"may not write to: {', '.join(users)}.",
            hint=cache.UNREACHABLE_HINT,
            id="irontoken.W010",
        )


def _hosts() -> Iterator[CheckMessage]:
    local = {"", "localhost", "127.0.0.1", "::1"}
    for alias in connections:
        database = connections[alias].settings_dict
        host = str(database["HOST"] or "")
        if host not in local and not host.startswith("/"):
            yield Warning(
                f"The database {alias!r} is on {host}, and COHERENCE is 'host', which is for one "
                "container and one user.",
                hint="What another container or host writes, this one answers without for up to "
                'MAX_AGE. Write "COHERENCE": "postgres" (or "redis") where there are several.',
                id="irontoken.W004",
            )


def _models() -> Iterator[CheckMessage]:
    for cls in our_classes():
        try:
            authenticator: Any = cls()
            model = authenticator.get_model()
            alias = alias_for(model)
            reason = uncacheable_lookup(cls, model, alias)
        except Exception:  # noqa: BLE001, S112 - REST framework says what is wrong with it
            continue
        if reason:
            yield Warning(
                f"The cache stays off for {model._meta.label}: {reason}.", id="irontoken.W005"
            )
        if reason := replaced(cls):
            yield Info(f"What it finds is not cached: {reason}.", hint=HINT, id="irontoken.I001")
