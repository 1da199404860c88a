"""The way in from REST framework's authtoken and from knox: keys go on working, no client notices.

First every row is copied, with the digest of its key, as a token that is not accepted yet; that
can be done again and again, while the site serves. Then, batch by batch, each row of the source is
removed and its copy accepted in one transaction. A request looks into the source first and into
the copies second, so that it finds one of the two at every moment, and what is revoked meanwhile,
by whatever program, stays revoked.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import router, transaction
from django.utils import timezone

from irontoken.tokens import conf, digests, get_token_model

#: Characters of an adopted key that are shown: 24 bits of 160.
_SHOWN: Final = 6


class Authtoken:
    """The source ``rest_framework.authtoken``, which holds keys."""

    app = "authtoken"
    model = "Token"

    def digest(self, row: Any) -> str:
        """Return the digest of the row's key."""
        return digests.of(row.key, conf.options())

    def digests(self, row: Any) -> list[str]:
        """Return all digests that a copy may have, made under whatever peppers there were."""
        return digests.candidates(row.key, conf.options())

    def copy(self, row: Any) -> dict[str, Any]:
        """Return what its copy has besides."""
        return {"display": row.key[:_SHOWN], "created": row.created}


class Knox:
    """The source ``knox``, which holds digests of its own."""

    app = "knox"
    model = "AuthToken"

    def digest(self, row: Any) -> str:
        """Return knox' digest, as one of ours."""
        return digests.of_knox(row.digest)

    def digests(self, row: Any) -> list[str]:
        """Return all digests that a copy may have: this one."""
        return [self.digest(row)]

    def copy(self, row: Any) -> dict[str, Any]:
        """Return what its copy has besides."""
        return {
            "display": row.token_key[:_SHOWN],
            "created": row.created,
            "expires": row.expiry,
        }


SOURCES: Final[dict[str, Any]] = {"authtoken": Authtoken(), "knox": Knox()}


class Adoption:
    """The adoption of all rows of a source."""

    def __init__(self, name: str) -> None:
        """Take ``"authtoken"`` or ``"knox"``.

        Raises ``ImproperlyConfigured`` where that app is not installed.
        """
        self.source = SOURCES[name]
        try:
            self.rows: Any = apps.get_model(self.source.app, self.source.model)
        except LookupError as error:
            raise ImproperlyConfigured(f"{self.source.app} is not in INSTALLED_APPS.") from error
        self.tokens: Any = get_token_model()
        self.alias = router.db_for_write(self.tokens)

    def left(self) -> int:
        """Return how many rows the source holds."""
        count: int = self.rows.objects.using(self.alias).count()
        return count

    def copy(self, batch: int = 2000) -> Iterator[int]:
        """Copy what has no copy yet; yield how many rows have been looked at, batch by batch."""
        looked_at = 0
        for rows in self._batches(batch):
            self._copy(rows)
            looked_at += len(rows)
            yield looked_at

    def finish(self, batch: int = 500) -> Iterator[int]:
        """Remove the source's rows and accept their copies; yield how many, batch by batch."""
        tokens = self.tokens._base_manager.using(self.alias)
        moved = 0
        for rows in self._batches(batch):
            with transaction.atomic(self.alias):
                # Those that somebody has just revoked are not there any more.
                there = self.rows.objects.using(self.alias).select_for_update()
                there = list(there.filter(pk__in=[row.pk for row in rows]))
                self._copy(there)
                found = {self.source.digest(row) for row in there}
                others = {each for row in there for each in self.source.digests(row)} - found
                tokens.filter(digest__in=others, pending=True).delete()
                tokens.filter(digest__in=found, pending=True).update(revoked=None, pending=False)
                keys = [row.pk for row in there]
                self.rows.objects.using(self.alias).filter(pk__in=keys).delete()
            moved += len(there)
            yield moved
        # Copies whose originals were revoked in between.
        if not self.left():
            tokens.filter(pending=True).delete()

    def _batches(self, batch: int) -> Iterator[list[Any]]:
        last = ""
        rows = self.rows.objects.using(self.alias).order_by("pk")
        while found := list(rows.filter(pk__gt=last)[:batch]):
            yield found
            last = found[-1].pk

    def _copy(self, rows: list[Any]) -> None:
        now = timezone.now()
        copies = [
            self.tokens(
                user_id=row.user_id,
                digest=self.source.digest(row),
                revoked=now,
                pending=True,
                **self.source.copy(row),
            )
            for row in rows
        ]
        self.tokens._base_manager.using(self.alias).bulk_create(copies, ignore_conflicts=True)
