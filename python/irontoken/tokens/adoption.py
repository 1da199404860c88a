"""The way in from REST framework's authtoken: its keys go on working, and are no longer held.

First every row is copied, with the digest of its key, as a token that is not accepted yet; that
can be done again and again, while the site serves. Then, batch by batch, each row of authtoken is
removed and its copy accepted in one transaction. A request looks into authtoken first and into the
copies second, so that it finds one of the two at every moment, and what is revoked meanwhile, by
whatever program, stays revoked.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db import router, transaction
from django.utils import timezone

from irontoken.tokens import conf, digests, get_token_model

#: Characters of an adopted key that are shown: 24 bits of 160.
_SHOWN: Final = 6


def left() -> int:
    """Return how many rows authtoken holds."""
    source, alias = _source()
    count: int = source.objects.using(alias).count()
    return count


def copy(batch: int = 2000) -> Iterator[int]:
    """Copy what has no copy yet; yield how many rows have been looked at, after each batch."""
    source, alias = _source()
    looked_at = 0
    for rows in _batches(source, alias, batch):
        _copy(rows, alias)
        looked_at += len(rows)
        yield looked_at


def finish(batch: int = 500) -> Iterator[int]:
    """Remove the rows of authtoken and accept their copies; yield how many, after each batch."""
    source, alias = _source()
    model = get_token_model()
    moved = 0
    for rows in _batches(source, alias, batch):
        with transaction.atomic(alias):
            keys = [row.pk for row in rows]
            # Those that somebody has just revoked are not there any more.
            there = list(source.objects.using(alias).select_for_update().filter(pk__in=keys))
            _copy(there, alias)
            found = [digests.of(row.key, conf.options()) for row in there]
            model.objects.using(alias).filter(digest__in=found, pending=True).update(
                revoked=None, pending=False
            )
            source.objects.using(alias).filter(pk__in=[row.pk for row in there]).delete()
        moved += len(there)
        yield moved
    # Copies whose originals were revoked in between.
    model.objects.using(alias).filter(pending=True).delete()


def _source() -> tuple[Any, str]:
    source: Any = apps.get_model("authtoken", "Token")
    return source, router.db_for_write(get_token_model())


def _batches(source: Any, alias: str, batch: int) -> Iterator[list[Any]]:
    last = ""
    while rows := list(source.objects.using(alias).filter(pk__gt=last).order_by("pk")[:batch]):
        yield rows
        last = rows[-1].pk


def _copy(rows: list[Any], alias: str) -> None:
    model = get_token_model()
    options = conf.options()
    now = timezone.now()
    copies = [
        model(
            user_id=row.user_id,
            digest=digests.of(row.key, options),
            display=row.key[:_SHOWN],
            created=row.created,
            revoked=now,
            pending=True,
        )
        for row in rows
    ]
    model.objects.using(alias).bulk_create(copies, ignore_conflicts=True)
