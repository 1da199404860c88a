"""The way in from REST framework's authtoken and from knox: keys go on working, no client notices.

First every row is copied, with the digest of its key, as a token that is not accepted yet; that
can be done again and again, while the site serves. Then, batch by batch, each row of the source is
removed and its copy accepted in one transaction. A request looks into the source first and into
the copies second, so that it finds one of the two at every moment, and what is revoked meanwhile,
by whatever program, stays revoked. Whoever deletes a row that was moved since it was read revokes
its copy: see ``receivers``.

A row of authtoken is shown as its key, and so reports of errors show no variable of what is here.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens import digests, get_token_model
from irontoken.tokens import settings as conf
from irontoken.tokens.adoption.sources import SOURCES, delete, rows_of
from irontoken.tokens.managers import begin_to_write

#: How often all rows are looked through for new ones, and one batch is tried again.
_PASSES: Final = 3
_PATIENCE: Final = 3


class Unproven(Exception):
    """A row would have been removed whose key nothing else accepts."""


class Adoption:
    """The adoption of all rows of a source."""

    def __init__(self, name: str) -> None:
        """Take ``"authtoken"`` or ``"knox"``.

        Raises ``ImproperlyConfigured`` where that app is not installed, where its keys are not
        honoured, and so nothing could be adopted unnoticed, where its digests cannot be verified
        here, and where a pepper is missing.
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
        self.source.require_verifiable()
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

    @sensitive_variables()
    def unverifiable(self) -> int:
        """Return how many of them are neither copied nor removed.

        Those are rows whose keys no copy would accept, and the source itself refuses too.
        """
        rows = self.rows._base_manager.using(self.alias)
        return sum(not self._is_verifiable(row) for row in rows.iterator())

    def copy(self, batch: int = 2000) -> Iterator[int]:
        """Copy what has no copy yet; yield how many rows have been looked at, batch by batch."""
        __traceback_hide__ = True  # a generator cannot be decorated
        looked_at = 0
        for rows in self._batches(batch):
            self._copy_what_is_there(rows)
            looked_at += len(rows)
            yield looked_at

    def finish(self, batch: int = 900) -> Iterator[int]:
        """Remove the source's rows and accept their copies; yield how many, batch by batch.

        A row stays whose copy the database does not take, or was revoked before, and its key goes
        on being honoured. Raises ``Unproven``, and keeps the rows of that batch, where a row has
        no accepted copy in the end.
        """
        __traceback_hide__ = True
        moved, before = 0, -1
        for _ in range(_PASSES):
            # Again, for what is made meanwhile with a key that comes before those already seen.
            if moved == before:
                break
            before = moved
            for rows in self._batches(batch):
                moved += self._move_patiently(rows)
                yield moved
        if not self.left():
            # Copies whose originals were revoked in between.
            self._tokens().filter(pending=True).delete()

    @sensitive_variables()
    def _move_patiently(self, rows: list[Any]) -> int:
        for _ in range(_PATIENCE):
            with contextlib.suppress(OperationalError):
                return self._move(rows)  # unless a user is being deleted, and both would wait
        return self._move(rows)

    def _move(self, rows: list[Any]) -> int:
        with transaction.atomic(self.alias):
            begin_to_write(self._tokens())
            # In the order of whoever revokes all of a user: the user first.
            users = self.tokens._meta.get_field("user").related_model._base_manager
            ids = {row.user_id for row in rows}
            users = users.using(self.alias).filter(pk__in=ids).order_by("pk")
            list(users.select_for_update().values_list("pk"))
            # Those that somebody has just revoked are not there any more.
            originals = self._originals(rows).order_by("pk").select_for_update()
            found = {self.source.digest(row, self.options): row for row in originals}
            copies = self._up_to_date_copies(found)
            # Before they are accepted: what is deleted has its accepted copy revoked.
            delete(self._originals([found[digest] for digest in copies]))
            accepted = self._tokens().filter(digest__in=copies, pending=True)
            accepted.update(revoked=None, pending=False)
            self._prove({digest: found[digest] for digest in copies})
        return len(copies)

    def _prove(self, moved: dict[str, Any]) -> None:
        """Raise, and so undo the batch, unless each row has a copy that accepts its key."""
        tokens = self._tokens().filter(digest__in=moved, pending=False, revoked=None)
        users = dict(tokens.values_list("digest", "user_id"))
        if any(users.get(digest) != row.user_id for digest, row in moved.items()):
            raise Unproven(
                f"A row of {self.source.name} would have been removed without an accepted copy, "
                "as by a trigger or a receiver that changes tokens. This batch was undone: its "
                "rows are there and their keys are honoured."
            )

    def _up_to_date_copies(self, found: dict[str, Any]) -> list[str]:
        """Make the copies of rows as the rows are now; return the digests of those that are."""
        of_found = (self.source.digests(row, self.options) for row in found.values())
        others = {digest for digests in of_found for digest in digests} - found.keys()
        self._tokens().filter(pending=True, digest__in=others).delete()
        tokens = self._tokens().filter(digest__in=found)
        fields = ("digest", "user_id", "expires", "lifetime")
        held = {copy["digest"]: copy for copy in tokens.values(*fields)}
        self._copy([row for digest, row in found.items() if digest not in held])
        for digest, copy in held.items():
            row = found[digest]
            now = {"user_id": row.user_id, **self.source.changed(row)}
            if any(copy[name] != value for name, value in now.items()):
                tokens.filter(digest=digest, pending=True).update(**now)
        # One that was revoked after an earlier adoption stays so, and its original stays too.
        return list(tokens.filter(pending=True).values_list("digest", flat=True))

    @sensitive_variables()
    def _copy_what_is_there(self, rows: list[Any]) -> None:
        try:
            with transaction.atomic(self.alias):
                self._copy(rows)
        except IntegrityError:
            there = list(self._originals(rows))
            if len(there) == len(rows):
                raise
            # A user was deleted, and the rows with it.
            self._copy_what_is_there(there)

    def _tokens(self) -> Any:
        return self.tokens._base_manager.using(self.alias)

    def _originals(self, rows: list[Any]) -> Any:
        originals = self.rows._base_manager.using(self.alias)
        return originals.filter(pk__in=[row.pk for row in rows])

    def _batches(self, batch: int) -> Iterator[list[Any]]:
        __traceback_hide__ = True
        last = ""
        rows = self.rows._base_manager.using(self.alias).order_by("pk")
        while found := list(rows.filter(pk__gt=last)[:batch]):
            yield [row for row in found if self._is_verifiable(row)]
            last = found[-1].pk

    def _is_verifiable(self, row: Any) -> bool:
        return bool(self.source.is_verifiable(row, self.options))

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
        self._tokens().bulk_create(copies, ignore_conflicts=True)
