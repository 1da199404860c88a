"""What is done with tokens. Limits and expiry are kept here, and so by every view and command."""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connections, models, router, transaction
from django.db.models import F, Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from irontoken._core import issue_key
from irontoken.tokens import conf, digests, sources
from irontoken.tokens.insertion import insert
from irontoken.tokens.signals import token_issued, token_revoked

#: Characters of a key that are shown, besides its prefix: 36 bits of 190.
_SHOWN: Final = 6
#: A century, after which calendars end and sums of times overflow.
LONGEST_LIFETIME: Final = timedelta(days=36_525)
#: Characters of a name, and of one scope.
_LONGEST: Final = 100
_LONGEST_SCOPES: Final = 1000


class LimitReached(ValidationError):
    """A user has as many live tokens as the setting allows."""


class AccessTokenManager(models.Manager[Any]):
    """The manager of issued tokens."""

    def issue(
        self,
        user: Any,
        name: str = "",
        expires_in: timedelta | None = None,
        scopes: Iterable[str] = (),
    ) -> tuple[Any, str]:
        """Make a token for ``user``; return it and its key, which nothing else holds.

        ``expires_in`` is the setting's ``EXPIRES_IN`` if it is ``None``. Raises
        ``ValidationError`` for a name, scopes or a duration that no token can have, and
        ``LimitReached``, which is one, past ``MAX_PER_USER``.
        """
        options = conf.options()
        now = timezone.now()
        lifetime = expires_in if expires_in is not None else options.expires_in
        if lifetime is not None and lifetime <= timedelta(0):
            raise ValidationError({"expires_in": _("A token cannot expire before it is issued.")})
        if lifetime is not None and lifetime > LONGEST_LIFETIME:
            raise ValidationError({"expires_in": _("A token lives for a century at most.")})
        if options.max_lifetime is not None:
            lifetime = min(lifetime or options.max_lifetime, options.max_lifetime)
        key = issue_key(options.key_prefix)
        token = self.model(
            user=user,
            digest=digests.of(key, options),
            display=key[: len(options.key_prefix) + _SHOWN],
            name=_name(name),
            scope=_scope(scopes),
            created=now,
            expires=None if lifetime is None else now + lifetime,
            lifetime=None if lifetime is None else int(lifetime.total_seconds()) or 1,
        )
        if options.max_per_user is None:
            insert(token, self._alias())
        else:
            with self._alone_with(token.user_id, self._alias()):
                insert(token, self._alias())
                self._keep_the_limit(token, options.max_per_user, options.on_limit)
            self._tell_of_revoked(token.user_id, now)
        token_issued.send(sender=self.model, token=token)
        return token, key

    def live(self) -> "models.QuerySet[Any]":
        """Return the tokens that are neither revoked nor expired."""
        return self.filter(is_live(timezone.now()))

    def by_id(self, pk: Any) -> Any:
        """Return the token of a primary key that somebody has written, or ``None``."""
        field = self.model._meta.pk
        try:
            value = field.to_python(pk)
        except ValidationError:
            return None
        # What no database can hold is nobody's.
        if isinstance(value, int) and not abs(value) < 2**63:
            return None
        return self.filter(pk=value).first()

    def revoke(self, token: Any) -> bool:
        """Refuse a token from now on; return whether it was not refused already."""
        now = timezone.now()
        # By a condition, so that of two who revoke one has done it, and the first time stays.
        tokens = self.using(self._alias(token))
        changed = tokens.filter(pk=token.pk, revoked=None).update(revoked=now)
        if changed:
            token.revoked = now
            token_revoked.send(sender=self.model, token=token)
        return bool(changed)

    def revoke_all(self, user: Any, keep: Any = None) -> int:
        """Revoke all tokens of ``user``, except ``keep``; return how many that were.

        What authtoken or knox still holds of the user's, while their keys are honoured, is
        deleted: those apps know no other way of revoking. ``keep`` may be such a token.
        """
        now = timezone.now()
        with self._alone_with(user.pk, self._alias()):
            deleted = self._delete_from_sources(user, keep)
            tokens = self.using(self._alias()).filter(user_id=user.pk, revoked=None)
            if isinstance(keep, self.model):
                tokens = tokens.exclude(pk=keep.pk)
            revoked = tokens.update(revoked=now)
        self._tell_of_revoked(user.pk, now)
        return int(revoked) + deleted

    def rotate(self, token: Any, grace: timedelta) -> tuple[Any, str]:
        """Issue a token like ``token``, which lives for ``grace`` and no longer."""
        if not timedelta(0) <= grace <= LONGEST_LIFETIME:
            raise ValueError("the grace of a rotation must not be negative or over a century")
        alias = self._alias(token)
        now = timezone.now()
        with self._alone_with(token.user_id, alias):
            # Read again: of two who rotate one token, the second finds it rotated.
            found = self.using(alias).filter(pk=token.pk).first()
            if found is None or found.refusal(now) or found.lifetime == 0:
                raise ValueError("a token that is refused or was rotated cannot be rotated")
            end = now + grace
            if found.expires is not None:
                end = min(end, found.expires)
            changes = {"lifetime": 0, **({"expires": end} if grace else {"revoked": now})}
            self.using(alias).filter(pk=token.pk).update(**changes)
            lifetime = None if found.lifetime is None else timedelta(seconds=found.lifetime)
            bound: Any = self.db_manager(alias)
            issued: tuple[Any, str] = bound.issue(found.user, found.name, lifetime, found.scopes)
        for name, value in changes.items():
            setattr(token, name, value)
        if not grace:
            token_revoked.send(sender=self.model, token=token)
        return issued

    def purge(self, older_than: timedelta, batch: int = 1000) -> int:
        """Delete what has been expired or revoked for ``older_than``; return how many."""
        before = timezone.now() - older_than
        dead = self.using(self._alias()).filter(Q(expires__lt=before) | Q(revoked__lt=before))
        deleted = 0
        while found := list(dead.values_list("pk", flat=True)[:batch]):
            deleted += self.using(self._alias()).filter(pk__in=found).delete()[0]
        return deleted

    def _alias(self, token: Any = None) -> str:
        """Return the database that is written to: for a token, as its ``save()`` would."""
        hints = {} if token is None else {"instance": token}
        return self._db or router.db_for_write(self.model, **hints)

    @contextlib.contextmanager
    def _alone_with(self, user_id: Any, alias: str) -> Iterator[None]:
        """Make others wait, in a transaction, who issue, rotate or revoke all for this user."""
        with transaction.atomic(alias):
            if connections[alias].features.has_select_for_update:
                users = self.model._meta.get_field("user").related_model._base_manager
                _lock(users.using(alias).filter(pk=user_id), connections[alias].vendor)
            else:
                begin_to_write(self.using(alias))
            yield

    def _keep_the_limit(self, token: Any, most: int, on_limit: str) -> None:
        # After the insertion, for which SQLite lets one connection in at a time.
        others = self.using(self._alias()).filter(is_live(timezone.now()), user_id=token.user_id)
        others = others.exclude(pk=token.pk).order_by("created", "pk")
        excess = others.count() + 1 - most
        if excess <= 0:
            return
        if on_limit == "refuse":
            raise LimitReached(
                _("This user has %(count)d tokens already, and may have no more."),
                params={"count": most},
            )
        # By where they end, since they may be more than a statement has room for.
        created, pk = others.values_list("created", "pk")[excess - 1]
        oldest = Q(created__lt=created) | Q(created=created, pk__lte=pk)
        others.order_by().filter(oldest).update(revoked=token.created)

    def _delete_from_sources(self, user: Any, keep: Any) -> int:
        deleted = 0
        for source in sources.accepted(conf.options()):
            rows = sources.rows_of(source)
            found = rows._base_manager.using(router.db_for_write(rows)).filter(user_id=user.pk)
            if isinstance(keep, rows):
                found = found.exclude(pk=keep.pk)
            deleted += found.delete()[0]
        return deleted

    def _tell_of_revoked(self, user_id: Any, when: datetime) -> None:
        """Tell of those that were revoked together, by the time that they have in common."""
        if token_revoked.has_listeners(self.model):
            tokens = self.using(self._alias()).filter(user_id=user_id, revoked=when)
            for token in tokens.iterator(chunk_size=1000):
                token_revoked.send(sender=self.model, token=token)


def begin_to_write(tokens: Any) -> None:
    """Begin a transaction by a write, which changes nothing.

    SQLite lets one connection write at a time, and none that has read before it writes.
    """
    tokens.filter(pk=None).update(name="")


def _lock(users: Any, vendor: str) -> None:
    """Lock the row of a user for the transaction."""
    level = Func(Value("transaction_isolation"), function="current_setting")
    asked = level if vendor == "postgresql" else Value("")
    found = users.select_for_update().values_list(asked).first()
    if found and found[0] == "repeatable read":
        # Who waited for a lock alone would go on with what there was before: who waited for a
        # write is told by the database to begin again.
        pk = users.model._meta.pk.name
        users.update(**{pk: F(pk)})


def is_live(now: datetime) -> Q:
    """Return the condition of the tokens that are neither revoked nor expired at ``now``."""
    return Q(revoked=None) & (Q(expires=None) | Q(expires__gt=now))


def no_control_characters(text: str) -> None:
    """Raise ``ValidationError`` for a text that would break a line, a log or a terminal."""
    if not text.isprintable():
        raise ValidationError(_("A name has no control characters and no line breaks."))


def _name(name: str) -> str:
    if not isinstance(name, str) or len(name) > _LONGEST:
        raise ValidationError({"name": _("A name is a text of at most 100 characters.")})
    try:
        no_control_characters(name)
    except ValidationError as error:
        raise ValidationError({"name": error}) from None
    return name


def _scope(scopes: Iterable[str]) -> str:
    if isinstance(scopes, str):
        raise ValidationError({"scopes": _("Scopes are a list of words, not one text.")})
    found = list(dict.fromkeys(scopes))
    for scope in found:
        # RFC 6749, section 3.3, with a length.
        is_word = isinstance(scope, str) and 0 < len(scope) <= _LONGEST
        if not is_word or not all("!" <= each <= "~" and each not in '"\\' for each in scope):
            raise ValidationError(
                {"scopes": _("A scope is a word of printable ASCII without spaces and quotes.")}
            )
    joined = " ".join(found)
    if len(joined) > _LONGEST_SCOPES:
        raise ValidationError({"scopes": _("All scopes together are too long.")})
    return joined
