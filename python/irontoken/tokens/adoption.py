"""The way in from REST framework's authtoken and from knox: keys go on working, no client notices.

First every row is copied, with the digest of its key, as a token that is not accepted yet; that
can be done again and again, while the site serves. Then, batch by batch, each row of the source is
removed and its copy accepted in one transaction. A request looks into the source first and into
the copies second, so that it finds one of the two at every moment, and what is revoked meanwhile,
by whatever program, stays revoked.
"""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import router, transaction
from django.utils import timezone

from irontoken.tokens import conf, digests, get_token_model
from irontoken.tokens.managers import begin_to_write
from irontoken.tokens.sources import SOURCES, rows_of


class Adoption:
    """The adoption of all rows of a source."""

    def __init__(self, name: str) -> None:
        """Take ``"authtoken"`` or ``"knox"``.

        Raises ``ImproperlyConfigured`` where that app is not installed, where its keys are not
        honoured, and so nothing could be adopted unnoticed, and where a pepper is missing.
        """
        self.source = SOURCES[name]
        self.options = conf.options()
        self.rows: Any = rows_of(self.source)
        if self.rows is None:
            raise ImproperlyConfigured(f"{self.source.label} is not in INSTALLED_APPS.")
        if not self.source.is_accepted(self.options):
            model = "" if name == "knox" else "IRONTOKEN['TOKEN_MODEL'] and "
            raise ImproperlyConfigured(
                f"Set {model}IRONTOKEN['TOKENS']['ACCEPT_{name.upper()}'] first, on all servers: "
                f"the keys of {name} are not honoured."
            )
        digests.require_peppers(self.options)
        self.tokens: Any = get_token_model()
        self.alias = router.db_for_write(self.tokens)
        if router.db_for_write(self.rows) != self.alias:
            raise ImproperlyConfigured(
                f"{self.source.label} is in another database than the issued tokens, and no "
                "transaction spans both: let the router write them to one for the adoption."
            )

    def left(self) -> int:
        """Return how many rows the source holds."""
        count: int = self.rows._base_manager.using(self.alias).count()
        return count

    def copy(self, batch: int = 2000) -> Iterator[int]:
        """Copy what has no copy yet; yield how many rows have been looked at, batch by batch."""
        looked_at = 0
        for rows in self._batches(batch):
            self._copy(rows)
            looked_at += len(rows)
            yield looked_at

    def finish(self, batch: int = 900) -> Iterator[int]:
        """Remove the source's rows and accept their copies; yield how many, batch by batch."""
        tokens = self.tokens._base_manager.using(self.alias)
        originals = self.rows._base_manager.using(self.alias)
        moved = 0
        for rows in self._batches(batch):
            with transaction.atomic(self.alias):
                begin_to_write(tokens)
                # Those that somebody has just revoked are not there any more.
                there = originals.select_for_update()
                there = list(there.filter(pk__in=[row.pk for row in rows]))
                found = {self.source.digest(row, self.options): row for row in there}
                held = set(tokens.filter(digest__in=found).values_list("digest", flat=True))
                self._copy([row for digest, row in found.items() if digest not in held])
                others = {each for row in there for each in self.source.digests(row, self.options)}
                copies = tokens.filter(pending=True)
                copies.filter(digest__in=others - found.keys()).delete()
                for digest, row in found.items():
                    if changed := self.source.changed(row):
                        copies.filter(digest=digest).update(**changed)
                copies.filter(digest__in=found).update(revoked=None, pending=False)
                keys = [row.pk for row in there]
                originals.filter(pk__in=keys).delete()
            moved += len(there)
            yield moved
        # Copies whose originals were revoked in between.
        if not self.left():
            tokens.filter(pending=True).delete()

    def _batches(self, batch: int) -> Iterator[list[Any]]:
        last = ""
        rows = self.rows._base_manager.using(self.alias).order_by("pk")
        while found := list(rows.filter(pk__gt=last)[:batch]):
            yield found
            last = found[-1].pk

    def _copy(self, rows: list[Any]) -> None:
        now = timezone.now()
        copies = [
            self.tokens(
                user_id=row.user_id,
                digest=self.source.digest(row, self.options),
                revoked=now,
                pending=True,
                **self.source.copied(row),
            )
            for row in rows
        ]
        self.tokens._base_manager.using(self.alias).bulk_create(copies, ignore_conflicts=True)
