"""Revoking what has leaked: keys, or as much of them as a report of a leak shows.

What is looked for is never repeated: a result names the numbers of lines, and not what is in them.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db import router
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens import digests, get_token_model, looks_like_key
from irontoken.tokens import settings as conf
from irontoken.tokens.adoption import sources
from irontoken.tokens.managers import SHOWN

#: A line is looked at up to here: no key is longer.
_LONGEST: Final = 1000


class Leaked(NamedTuple):
    """What became of the lines: numbers of tokens, and the lines, from 1 on, that name none."""

    revoked: int
    refused_before: int
    unknown: list[int]


@sensitive_variables()
def revoke_leaked(lines: Iterable[str]) -> Leaked:
    """Revoke the tokens of keys and of first characters, one a line; blank lines are passed over.

    A key is that of an issued token, or of authtoken's or knox' while they are honoured, adopted
    or not. Anything else names the tokens whose ``display`` it is or, where it begins with the
    prefix of issued keys, begins with: a key that was cut off or copied wrongly is found by that.
    """
    revoked, before, unknown = 0, 0, []
    for number, line in enumerate(lines, start=1):
        text = line.strip()[:_LONGEST].encode(errors="replace").decode()
        if not text:
            continue
        # No database holds a NUL character, and some refuse to look for one.
        text = text.replace("\0", "?")
        done = [token.revoke() for token in _tokens_of(text)]
        deleted = _delete_from_sources(text)
        revoked += sum(done) + deleted
        before += len(done) - sum(done)
        if not done and not deleted:
            unknown.append(number)
    return Leaked(revoked, before, unknown)


def _tokens_of(text: str) -> list[Any]:
    options = conf.options()
    model = get_token_model()
    tokens = model.objects.using(router.db_for_write(model)).filter(pending=False)
    digested = digests.candidates(text, options)
    named = [token for token in tokens.filter(digest__in=digested) if token.digest in digested]
    if named or looks_like_key(text):
        return named
    shown = text.rstrip("….*")
    alike = Q(display=shown)
    if shown.startswith(options.key_prefix):
        alike |= Q(display=shown[: len(options.key_prefix) + SHOWN])
    # By Python again, since a collation takes other letters for the same.
    return [token for token in tokens.filter(alike) if shown.startswith(token.display)]


def _delete_from_sources(text: str) -> int:
    """Delete the row of a key in another app, which knows no other way of revoking."""
    options = conf.options()
    deleted = 0
    for source in sources.accepted(options):
        rows = sources.rows_of(source)
        for row in source.rows_of(
            rows._base_manager.using(router.db_for_write(rows)), text, options
        ):
            row.delete()
            deleted += 1
    return deleted
