"""The way back to authtoken or to knox: the rows that were moved are loaded once more.

Not those whose key has been revoked since, which would be accepted again. A copy of what is loaded
is no longer accepted, and a later adoption takes it up.
"""

from datetime import timedelta
from typing import IO, Any, Final, NamedTuple

from django.core import serializers
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens.adoption.base import Adoption
from irontoken.tokens.managers import begin_to_write

#: Of a time in a fixture.
_GRAIN: Final = timedelta(milliseconds=1)


class Undone(NamedTuple):
    """What has become of the rows of a fixture."""

    loaded: int
    #: Their keys have been revoked, rotated or deleted since, or their users have been deleted.
    ended: int


@sensitive_variables()
def undo(adoption: Adoption, fixture: IO[str]) -> Undone:
    """Load the rows of a fixture that ``manage.py dumpdata`` has written as JSON.

    All is done in one transaction. Rows that the source still has stay as they are. Raises
    ``DeserializationError`` for what is no such fixture, and ``django.db.Error``.
    """
    loaded = ended = 0
    rows = adoption.rows._base_manager.using(adoption.alias)
    with transaction.atomic(adoption.alias):
        begin_to_write(adoption.tokens._base_manager.using(adoption.alias))
        for found in serializers.deserialize("json", fixture, using=adoption.alias):
            row = found.object
            if not isinstance(row, adoption.rows) or rows.filter(pk=row.pk).exists():
                continue
            if _reject_copy(adoption, row):
                found.save(using=adoption.alias)
                loaded += 1
            else:
                ended += 1
    return Undone(loaded, ended)


def _reject_copy(adoption: Adoption, row: Any) -> bool:
    """Accept the copy of a row no longer, and bring the row up to date by it.

    Returns whether there was one that was accepted.
    """
    copies = adoption.tokens._base_manager.using(adoption.alias)
    copies = copies.filter(user_id=row.user_id, pending=False, revoked=None)
    # One that was rotated, and is in its grace, would live on without an end.
    copies = copies.filter(Q(lifetime=None) | Q(lifetime__gt=0))
    digests = adoption.source.digests(row, adoption.options)
    copy = copies.filter(digest__in=digests).first()
    if copy is None:
        # Its use has put another digest of the same key in place of the source's.
        shown = adoption.source.copied(row)
        created = shown["created"] - _GRAIN, shown["created"] + _GRAIN
        copy = copies.filter(display=shown["display"], created__range=created).first()
    if copy is None:
        return False
    adoption.source.restore(row, copy)
    digest = adoption.source.digest(row, adoption.options)
    copies.filter(pk=copy.pk).update(digest=digest, pending=True, revoked=timezone.now())
    return True
