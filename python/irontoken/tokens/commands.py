"""What ``manage.py irontoken`` does with tokens: issue, revoke, list, purge and adopt."""

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DataError, OperationalError, ProgrammingError, connections, router
from django.views.decorators.debug import sensitive_variables

from irontoken.cache import service as cache
from irontoken.settings.option import LONGEST as LONGEST_LIFETIME
from irontoken.tokens import get_token_model, leaks
from irontoken.tokens.adoption import commands as adoption
from irontoken.tokens.validators import split_scopes

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Return the time that a text such as ``90d`` or ``12h`` says.

    The units are ``s``, ``m``, ``h`` and ``d``. Raises ``argparse.ArgumentTypeError`` for another
    text, and for more than a century.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 30s, 15m, 12h or 90d")
    time = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if time > LONGEST_LIFETIME:
        raise argparse.ArgumentTypeError(f"{text!r} is more than a century")
    return time


def add_arguments(actions: Any) -> None:
    """Add what is done with tokens to the actions of the command."""
    issue = actions.add_parser("issue", help="issue a token, and print its key once")
    issue.add_argument("user", help="the user's name")
    issue.add_argument("--name", default="", help="the name of the token")
    issue.add_argument("--expires-in", type=duration, help="such as 90d or 12h")
    issue.add_argument(
        "--scope",
        action="append",
        default=[],
        help="a scope, or several with commas or spaces between them; may be repeated. The "
        "setting UNSCOPED says what a token without scopes may do",
    )
    revoke = actions.add_parser(
        "revoke", help="revoke a token, all tokens of a user, or leaked keys"
    )
    which = revoke.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", help="the token with this id")
    which.add_argument("--user", help="all tokens of this user")
    which.add_argument(
        "--key-file",
        metavar="FILE",
        help="the tokens whose keys, or first characters of keys, are in a file, one a line; - is "
        "the standard input. The output shows no key. If a line matches no token, its number is "
        "printed, and the exit status is 1",
    )
    listing = actions.add_parser("list", help="list tokens, without keys")
    listing.add_argument("user", nargs="?", help="only the tokens of this user")
    listing.add_argument(
        "--live", action="store_true", help="only those that are not revoked, expired or idle"
    )
    purge = actions.add_parser(
        "purge", help="delete the rows of tokens that expired or were revoked long ago"
    )
    purge.add_argument(
        "--older-than",
        type=duration,
        default=timedelta(days=90),
        help="how long ago they ended, such as 12h; 90d if not given",
    )
    for parser in (issue, revoke, listing, purge):
        parser.add_argument("--json", action="store_true", help="print JSON")
    adoption.add_arguments(actions)


@sensitive_variables()
def handle(command: BaseCommand, given: dict[str, Any]) -> None:
    """Do what was asked for; raise ``CommandError`` where that cannot be done."""
    try:
        if given["action"] == "adopt":
            adoption.handle(command, given)
        else:
            _answer(command, given)
    except (OperationalError, ProgrammingError):
        model = get_token_model()
        alias = router.db_for_write(model)
        if model._meta.db_table in connections[alias].introspection.table_names():
            raise
        raise CommandError(
            f"{alias!r} has no table of {model._meta.label}. Run manage.py migrate."
        ) from None


def _answer(command: BaseCommand, given: dict[str, Any]) -> None:
    actions = {"issue": _issue, "revoke": _revoke, "list": _list, "purge": _purge}
    action: Any = actions[given["action"]]
    found = action(given)
    if not isinstance(found, dict):
        # Ended with whoever reads, as `head` does, while there is a connection.
        with contextlib.closing(found):
            _print_rows(command, found, as_json=given["json"])
        return
    command.stdout.write(json.dumps(found, indent=2) if given["json"] else _line(found))
    if found.get("revoked") and (users := cache.unreachable_users()):
        raise CommandError(
            f"Revoked, but the processes of {', '.join(users)} do not know it yet. "
            f"{cache.UNREACHABLE_HINT}"
        )
    if unknown := found.get("unknown"):
        lines = ", ".join(map(str, unknown))
        count = adoption.counted(len(unknown), "line")
        raise CommandError(
            f"{count} matched no token: {lines}. A line is a key, or the first characters of one "
            "as manage.py irontoken list displays them."
        )


def _print_rows(command: BaseCommand, rows: Iterator[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows one by one, since there may be millions."""
    before = "["
    for row in rows:
        if as_json:
            command.stdout.write(f"{before}\n{json.dumps(row)}", ending="")
            before = ","
        else:
            command.stdout.write(_line(row))
    if as_json:
        command.stdout.write("[]" if before == "[" else "\n]")


def _line(row: dict[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in row.items())


def described(token: Any) -> dict[str, Any]:
    """Return what may be shown of a token, by the names that the endpoints have for it."""

    def time(value: Any) -> Any:
        return value and value.isoformat(timespec="seconds")

    return {
        "id": token.pk if isinstance(token.pk, int) else str(token.pk),
        "user": token.user.get_username(),
        "display": token.display,
        "name": token.name,
        "scopes": token.scopes,
        "created": time(token.created),
        "expires": time(token.ends),
        "last_used": time(token.last_used),
        "revoked": time(token.revoked),
    }


def _issue(given: dict[str, Any]) -> dict[str, Any]:
    try:
        token, key = get_token_model().objects.issue(
            _user(given["user"]),
            given["name"],
            given["expires_in"],
            [scope for text in given["scope"] for scope in split_scopes(text)],
        )
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return {"token": key, **described(token)}


def _revoke(given: dict[str, Any]) -> dict[str, Any]:
    tokens = get_token_model().objects
    if given["user"] is not None:
        return {"revoked": tokens.revoke_all(_user(given["user"]))}
    if given["key_file"] is not None:
        return _revoke_leaked(given["key_file"])
    token = tokens.by_id(given["id"])
    if token is None:
        raise CommandError(f"There is no token {given['id']}: see manage.py irontoken list.")
    return {"revoked": int(token.revoke())}


@sensitive_variables()
def _revoke_leaked(path: str) -> dict[str, Any]:
    try:
        # Whatever bytes there are, so that one bad line stops nobody from revoking the rest.
        opened = sys.stdin.fileno() if path == "-" else path
        with open(opened, encoding="utf-8-sig", errors="replace", closefd=path != "-") as lines:
            return leaks.revoke_leaked(lines)._asdict()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _list(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    tokens = get_token_model().objects
    found = (tokens.live() if given["live"] else tokens.all()).filter(pending=False)
    if given["user"] is not None:
        found = found.filter(user=_user(given["user"]))
    rows = found.select_related("user").order_by("pk").iterator()
    # Ended with whoever reads, while there is a connection.
    with contextlib.closing(rows):
        yield from map(described, rows)


def _purge(given: dict[str, Any]) -> dict[str, Any]:
    return {"purged": get_token_model().objects.purge(given["older_than"])}


def _user(name: str) -> Any:
    model: Any = get_user_model()
    users = model._default_manager
    try:
        if hasattr(users, "get_by_natural_key"):
            return users.get_by_natural_key(name)
        return users.get(**{model.USERNAME_FIELD: name})
    except (model.DoesNotExist, ValueError, DataError) as error:
        # A name may hold what no database can: NUL characters, halves of characters.
        raise CommandError(f"There is no user {name!r}.") from error
