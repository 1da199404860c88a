"""``manage.py irontoken``: what the cache needs, whether it works, and what tokens there are."""

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from irontoken import system
from irontoken.cache import service as cache
from irontoken.cache.eligibility import uncacheable
from irontoken.explain import explanations
from irontoken.fleet import service as fleet
from irontoken.fleet.bus import channel_of
from irontoken.fleet.triggers import Triggers
from irontoken.settings.cache import CacheOptions

#: Seconds.
_LOCK_TIMEOUT = 5
#: What the app of issued tokens adds.
_OF_TOKENS = ("issue", "revoke", "list", "purge", "adopt")


def _commands_of_apps() -> list[Any]:
    """Return the modules with actions of other apps', as their configurations name them."""
    names = [getattr(each, "irontoken_commands", "") for each in apps.get_app_configs()]
    return [import_module(name) for name in names if name]


def _user() -> str:
    number = system.user_number()
    return "this system user" if number is None else f"system user {number}"


def _last(seconds: int | None) -> str:
    if not seconds:
        return ""
    return f" (last write: {datetime.fromtimestamp(seconds, timezone.utc):%F %T} UTC)"


class Command(BaseCommand):
    """The command."""

    help = "Sets up what the cache of irontoken needs, shows its state, and handles issued tokens."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the name of what to do."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="action")
        status = actions.add_parser("status", help="whether the cache works, and who listens")
        status.add_argument(
            "--wait", type=float, default=0.5, help="seconds to wait for the answers of others"
        )
        for action, text in (
            ("install", "install the triggers that COHERENCE 'postgres' needs"),
            ("uninstall", "remove them"),
        ):
            parser_of = actions.add_parser(action, help=text)
            parser_of.add_argument("--sql", action="store_true", help="print what would be run")
            parser_of.add_argument("--database", help="an alias; all of PostgreSQL's if not given")
        explained = actions.add_parser("explain", help="which classes are cached, and why not")
        explained.add_argument(
            "classes",
            nargs="*",
            help="paths of classes; all that are in use if none",
        )
        for commands in _commands_of_apps():
            commands.add_arguments(actions)
        for each in actions.choices.values():
            _add_djangos_options(each)
        for action in _OF_TOKENS:
            if action not in actions.choices:
                # Whatever stands behind it: the answer is which app it needs.
                of_app = actions.add_parser(action, prefix_chars="\0", add_help=False)
                of_app.add_argument("rest", nargs="*", help=argparse.SUPPRESS)

    def handle(self, *_: Any, **given: Any) -> None:
        """Do it; raise ``CommandError`` where it cannot be done or the cache does not work."""
        try:
            self._do(given)
            self.stdout.flush()
        except BrokenPipeError:
            # Who reads has seen enough, as `head`. Python would flush once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())
            sys.exit(1)

    def _do(self, given: dict[str, Any]) -> None:
        if given["action"] == "explain":
            self._explain(given["classes"])
            return
        if given["action"] not in {"status", "install", "uninstall"}:
            if "rest" in given:
                raise CommandError(
                    f"{given['action']} needs the app of issued tokens. "
                    'Write INSTALLED_APPS += ["irontoken.tokens"].'
                )
            for commands in _commands_of_apps():
                commands.handle(self, given)
            return
        options = cache.options()
        if options is None:
            self.stdout.write("The cache is off: every request asks the database.")
        elif given["action"] == "status":
            self._status(options, given["wait"])
        elif options.coherence != "postgres":
            self.stdout.write(f"COHERENCE {options.coherence!r} needs nothing to be installed.")
        else:
            for alias in [given["database"]] if given["database"] else connections:
                if alias not in connections:
                    raise CommandError(f"There is no database {alias!r}.")
                self._install(options, alias, given)

    def _explain(self, names: list[str]) -> None:
        try:
            for explanation in explanations(names):
                self.stdout.write(str(explanation))
        except ImportError as error:
            raise CommandError(f"There is no such class: {error}") from error

    def _install(self, options: CacheOptions, alias: str, given: dict[str, Any]) -> None:
        connection = connections[alias]
        if uncacheable(connection, options):
            self.stdout.write(f"{alias}: passed over, it is not cached.")
            return
        triggers = Triggers(channel_of(options.project))
        installs = given["action"] == "install"
        state = triggers.installed(connection)
        if installs and not state.tables:
            if given["database"]:
                raise CommandError(f"{alias}: there are no tables yet, run manage.py migrate.")
            self.stdout.write(f"{alias}: passed over, there are no tables of tokens and users.")
            return
        if installs and not state.problem and not given["sql"]:
            self.stdout.write(f"{alias}: everything is installed already.")
            return
        statements = triggers.removal(connection)
        if installs:
            statements += triggers.installation(connection)
        if given["sql"]:
            self._print(statements)
            return
        self._run(connection, statements)
        if installs:
            self.stdout.write(
                f"{alias}: installed the function {triggers.function}() and its triggers for "
                f"update, delete and truncate on {', '.join(state.tables)}."
            )
        elif statements:
            self.stdout.write(f"{alias}: removed the function and its triggers.")
        else:
            self.stdout.write(f"{alias}: there was nothing to remove.")

    def _run(self, connection: BaseDatabaseWrapper, statements: list[str]) -> None:
        try:
            with transaction.atomic(connection.alias), connection.cursor() as cursor:
                # Who waits for a lock makes all wait who come after.
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}s'")
                for statement in statements:
                    cursor.execute(statement)
            if not connection.get_autocommit() and not connection.in_atomic_block:
                connection.commit()
        except OperationalError as error:
            raise CommandError(
                f"{connection.alias}: nothing was changed ({str(error).strip()}). Where that was "
                f"a lock, some session has been in a transaction for {_LOCK_TIMEOUT} seconds: "
                "try again."
            ) from error
        except DatabaseError as error:
            self._print(statements)
            raise CommandError(
                f"{connection.alias}: the role {connection.settings_dict['USER'] or 'in use'!r} "
                f"may not do this ({str(error).strip()}). Hand the SQL above to the owner of the "
                "tables; manage.py irontoken status then says whether it worked."
            ) from error
        if not connection.in_atomic_block:
            # The interceptor takes the function's search_path for one of the connection's own.
            connection.close()

    def _print(self, statements: list[str]) -> None:
        self.stdout.write("BEGIN;\n" + "".join(f"{each};\n" for each in statements) + "COMMIT;")

    def _status(self, options: CacheOptions, wait: float) -> None:
        self.stdout.write(
            f"The cache is on: at most {options.max_entries} tokens in each process, "
            f"none cached for longer than {options.max_age:g} seconds."
        )
        failures = list(self._version_file())
        failures += [
            f"{alias}: {problem}"
            for alias in connections
            for problem in self._status_of(connections[alias], options, wait)
        ]
        if options.coherence == "redis":
            problems = self._list_processes("", options, wait)
            failures += [f"Redis: {problem}" for problem in problems]
        self.stdout.write(f"Coherence: {options.coherence}.")
        if failures:
            raise CommandError("The cache is on and does not work. " + " ".join(failures))

    def _version_file(self) -> Iterator[str]:
        """Print where the versions are; yield why they are not."""
        store = cache.store()
        if store is None:
            return
        if failure := store.failure():
            # Of what the system says no part names the file.
            place = str(store.path())
            yield failure if place in failure else f"{place}: {failure}"
            return
        hits, misses, stale = store.usage()
        if hits + misses:
            self.stdout.write(
                f"The version file is {store.path()}, shared by the processes of {_user()}; "
                f"{store.writes()} invalidations since it was made{_last(store.last_write())}.\n"
                f"In these processes since then: hits {hits}, misses {misses}, rows that were "
                f"stale {stale}."
            )
        else:
            # A file that this command has made goes with it.
            self.stdout.write(
                f"No process of {_user()} has read a token yet. The first one makes the version "
                f"file, {store.path()}."
            )
        for user, path in store.other_users():
            last = _last(store.last_write_of(user))
            self.stdout.write(f"System user {user} has a version file too: {path}{last}.")
        if users := cache.unreachable_users():
            # The cache of this user's own processes works all the same.
            said = f"This user may not write to the files of {', '.join(users)}."
            self.stdout.write(self.style.WARNING(f"{said} {cache.UNREACHABLE_HINT}"))

    def _status_of(
        self, connection: BaseDatabaseWrapper, options: CacheOptions, wait: float
    ) -> Iterator[str]:
        alias = connection.alias
        if reason := uncacheable(connection, options):
            self.stdout.write(f"{alias}: not cached: {reason}.")
            return
        if options.coherence == "postgres":
            try:
                state = Triggers(channel_of(options.project)).installed(connection)
            except DatabaseError as error:
                yield f"the database cannot be asked: {' '.join(str(error).split())}"
                return
            if state.problem:
                yield f"{state.problem}; run manage.py irontoken install"
            yield from self._list_processes(alias, options, wait)

    def _list_processes(self, alias: str, options: CacheOptions, wait: float) -> Iterator[str]:
        """Print who listens; yield why nobody could be asked."""
        count = 0
        try:
            for answer in fleet.list_processes(alias, options, wait):
                count += 1
                self.stdout.write(f"    {answer}")
        except Exception as error:  # noqa: BLE001 - whatever the bus raises, it is not heard
            yield f"the bus cannot be reached: {' '.join(str(error).split())}"
            return
        self.stdout.write(
            f"{count} processes listen. Processes that have read no token yet do not listen."
        )


def _add_djangos_options(parser: argparse.ArgumentParser) -> None:
    """Let Django's own options stand behind an action too, where they are looked for."""
    unset: dict[str, Any] = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    parser.add_argument("-v", "--verbosity", type=int, choices=range(4), **unset)
    for name in ("--settings", "--pythonpath"):
        parser.add_argument(name, **unset)
    for name in ("--traceback", "--no-color", "--force-color", "--skip-checks"):
        parser.add_argument(name, action="store_true", **unset)
