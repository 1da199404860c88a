"""``manage.py irontoken adopt``: take over the tokens of another app, and give them back."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.base import DeserializationError
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens.adoption import sources
from irontoken.tokens.adoption.base import Adoption, Unproven
from irontoken.tokens.adoption.undo import undo


def counted(count: int, noun: str = "token") -> str:
    """Return a number of things in words: ``1 token``, ``2 tokens``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def add_arguments(actions: Any) -> None:
    """Add the action to those of the command."""
    adopt = actions.add_parser("adopt", help="take over the tokens of another app")
    adopt.add_argument(
        "--from", choices=sorted(sources.SOURCES), default="authtoken", dest="source"
    )
    step = adopt.add_mutually_exclusive_group()
    step.add_argument("--dry-run", action="store_true", help="say what there is to do")
    step.add_argument(
        "--finish", action="store_true", help="remove that app's rows; their keys go on"
    )
    step.add_argument(
        "--undo",
        metavar="FILE",
        help="load that app's rows from what dumpdata has written, but for those whose keys have "
        "been revoked since",
    )


def handle(command: BaseCommand, given: dict[str, Any]) -> None:
    """Copy, finish or undo; raise ``CommandError`` where that cannot be done."""
    source = given["source"]
    try:
        work = Adoption(source)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if given["undo"]:
        _undo(command, work, given["undo"])
        return
    setting = f"ACCEPT_{source.upper()}"
    left = work.left()
    if given["dry_run"]:
        command.stdout.write(f"{source} holds {counted(left)}. Nothing was changed.")
        if unverifiable := work.unverifiable():
            command.stdout.write(
                f"{counted(unverifiable)} of these would stay as they are: {source} refuses them "
                "today, since its settings have changed or their keys look like issued ones."
            )
        return
    title = f"accepted, and removed from {source}" if given["finish"] else "copied"
    try:
        for done in work.finish() if given["finish"] else work.copy():
            command.stdout.write(f"{done} of {left} {title}")
    except Unproven as error:
        raise CommandError(str(error)) from error
    if not given["finish"]:
        command.stdout.write("Run it with --finish once all servers run with TOKEN_MODEL set.")
    elif left := work.left():
        command.stdout.write(
            f"{counted(left)} of {source} stayed: new, or with a revoked copy, or against a "
            f"constraint of the token model, or refused by {source} itself. The keys that "
            f"{source} accepts stay valid while {setting} is on. Run it again, or delete "
            "those rows."
        )
    elif source == "authtoken":
        command.stdout.write(
            "Every key is accepted as before, and the database has its digest only. When "
            f"{source} makes no more keys, set IRONTOKEN['TOKENS']['{setting}'] to False: a "
            "key that is not cached then costs one query less."
        )
    else:
        command.stdout.write(
            f"Every key is accepted as before. Leave {setting} on: these keys need it."
        )


@sensitive_variables()
def _undo(command: BaseCommand, work: Adoption, path: str) -> None:
    try:
        with Path(path).open() as fixture:
            done = undo(work, fixture)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except (DeserializationError, UnicodeDecodeError):
        # What it quotes may be a key.
        raise CommandError(f"{path} is no fixture of manage.py dumpdata in JSON.") from None
    name = work.source.name
    command.stdout.write(f"{counted(done.loaded)} given back to {name}")
    if done.ended:
        command.stdout.write(f"{counted(done.ended)} left out: revoked, rotated or deleted since")
