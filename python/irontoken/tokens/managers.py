"""What is done with tokens. Limits and expiry are kept here, and so by every view and command."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connections, models, router, transaction
from django.db.models import F, Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from irontoken._core import issue_key
from irontoken.settings.option import LONGEST as LONGEST_LIFETIME
from irontoken.tokens import digests, families
from irontoken.tokens import settings as conf
from irontoken.tokens.adoption import sources
from irontoken.tokens.binding import binding_of
from irontoken.tokens.insertion import insert
from irontoken.tokens.liveness import is_live, is_used, is_young
from irontoken.tokens.signals import token_issued, token_revoked
from irontoken.tokens.validators import valid_name, valid_scope

#: Characters of a key that are shown, besides its prefix: 36 bits of 190.
SHOWN: Final = 6


class LimitReached(ValidationError):
    """A user has as many live tokens as ``MAX_PER_USER`` allows.

    A ``ValidationError`` of Django's, which forms and serializers show as their own.
    """


class _TokenQuerySet(models.QuerySet[Any]):
    def create(self, **values: Any) -> Any:
        """Save a row; raise ``TypeError`` for one without a digest, which would have no key."""
        if not values.get("digest"):
            raise keyless(self.model, "create()")
        return super().create(**values)

    def bulk_create(self, objs: Iterable[Any], *arguments: Any, **named: Any) -> Any:
        """Save rows; raise ``TypeError`` if one has no digest."""
        rows = list(objs)
        if not all(row.digest for row in rows):
            raise keyless(self.model, "bulk_create()")
        return super().bulk_create(rows, *arguments, **named)


def keyless(model: Any, done: str) -> TypeError:
    """Return the ``TypeError`` for ``done``, as ``"save()"``, which saves a row without a key."""
    name = model.__name__
    return TypeError(
        f"{done} makes no key. Write token, key = {name}.objects.issue(user) in its place."
    )


class AccessTokenManager(models.Manager[Any]):
    """The manager of issued tokens: what issues, revokes, rotates and deletes them.

    Each of its methods that changes several rows does so in one transaction, on the database that
    the routers pick for writing tokens. The signals of ``irontoken.tokens.signals`` are sent after
    it.
    """

    _queryset_class = _TokenQuerySet

    @sensitive_variables()
    def issue(
        self,
        user: Any,
        name: str = "",
        expires_in: timedelta | None = None,
        scopes: Iterable[str] = (),
        *,
        check: Callable[[str], None] | None = None,
    ) -> tuple[Any, str]:
        """Create a token for ``user``; return the token and its key.

        The key is not stored. If ``expires_in`` is ``None``, the setting ``EXPIRES_IN`` applies.
        ``check`` is a function that is called with the alias of the database before the token is
        saved. It may raise an exception to prevent that. While it runs, nobody else issues or
        rotates a token of this user, or revokes all of them.

        Raises ``TypeError`` if ``expires_in`` is not a ``timedelta``, ``ValidationError`` for a
        wrong name, scope or duration, and ``LimitReached``, a ``ValidationError``, if the user
        would have more than ``MAX_PER_USER`` tokens.
        """
        token, key = self._build_token(user, name, expires_in, scopes)
        alias = self._alias(user)
        if check is None:
            self._save(token, alias)
        else:
            with self._lock_user(token.user_id, alias):
                check(alias)
                self._save(token, alias)
        self._tell_of_issued(token)
        return token, key

    def live(self) -> "models.QuerySet[Any]":
        """Return a ``QuerySet`` of the tokens that are not revoked, expired or idle now.

        It does not look at the users: a token of an inactive user is among them, and so is one
        that is refused for a changed password.
        """
        return self.filter(is_live(timezone.now()))

    def by_id(self, pk: Any) -> Any:
        """Return the token of a primary key that somebody has written, or ``None``.

        ``pk`` is anything, such as a part of a URL: what no primary key can be is nobody's, and
        raises nothing.
        """
        field = self.model._meta.pk
        try:
            value = field.to_python(pk)
        except ValidationError:
            return None
        # What no database can hold is nobody's.
        if (isinstance(value, int) and not abs(value) < 2**63) or "\0" in str(value):
            return None
        return self.filter(pk=value, pending=False).first()

    def revoke(self, token: Any) -> bool:
        """Revoke a token, and the newer tokens that replaced it by rotation.

        Returns ``False`` if all of them were revoked already. Otherwise sets ``token.revoked``,
        and sends ``token_revoked`` for each.
        """
        now = timezone.now()
        alias = self._alias(token)
        tokens = self.using(alias)
        with self._lock_user(token.user_id, alias):
            # By a condition, so that of two who revoke one has done it, and the first time stays.
            changed = tokens.filter(pk=token.pk, revoked=None).update(revoked=now)
            # Read in here: somebody may have rotated it since it was read.
            found = tokens.select_for_update().filter(pk=token.pk).first()
            others = families.descendants(found or token, tokens)
            revoked = others.filter(revoked=None).update(revoked=now)
        if changed:
            token.revoked = now
            token_revoked.send(sender=self.model, token=token)
        if revoked:
            families.tell_of_revoked(others, now)
        return bool(changed or revoked)

    def revoke_family(self, token: Any) -> int:
        """Revoke ``token`` and all tokens of its family; return how many were not revoked before.

        If a receiver of ``token_revoked`` raises an exception, the exception is logged and not
        raised.
        """
        now = timezone.now()
        alias = self._alias(token)
        with self._lock_user(token.user_id, alias):
            members = families.of(token, self.using(alias))
            revoked = members.filter(revoked=None).update(revoked=now)
        families.tell_of_revoked(members, now, robust=True)
        return int(revoked)

    @sensitive_variables()
    def revoke_all(self, user: Any, keep: Any = None) -> int:
        """Revoke all tokens of ``user`` except ``keep``; return how many were revoked.

        This also deletes the user's tokens of authtoken and knox if their keys are accepted, since
        these apps cannot revoke a token otherwise. ``keep`` may be a token of theirs.
        """
        now = timezone.now()
        alias = self._alias(user)
        with self._lock_user(user.pk, alias):
            deleted = self._delete_from_sources(user, keep)
            tokens = self.using(alias).filter(user_id=user.pk, revoked=None)
            if isinstance(keep, self.model):
                tokens = tokens.exclude(pk=keep.pk)
            revoked = tokens.update(revoked=now)
        self._tell_of_revoked(user.pk, now, alias)
        return int(revoked) + deleted

    @sensitive_variables()
    def rotate(self, token: Any, grace: timedelta) -> tuple[Any, str]:
        """Issue a token in place of ``token``; return the new token and its key.

        The new token has the name, the scopes and the family of the old one. Its lifetime is that
        of the old one, or ``EXPIRES_IN`` if that has none. The old one stays valid for ``grace``,
        a ``timedelta``.

        Raises ``ValueError`` if the token is revoked, expired or idle, if it was rotated already,
        and if ``grace`` is negative or more than a century. Raises ``LimitReached``, a
        ``ValidationError``, if the user would have more than ``MAX_PER_USER`` tokens.
        """
        if not timedelta(0) <= grace <= LONGEST_LIFETIME:
            raise ValueError("the grace of a rotation must not be negative or over a century")
        alias = self._alias(token)
        tokens = self.using(alias)
        now = timezone.now()
        with self._lock_user(token.user_id, alias):
            # Read again: of two who rotate one token, the second finds it rotated.
            found = tokens.filter(pk=token.pk).select_related("user").first()
            if found is None or found.refusal(now) or found.is_rotated:
                raise ValueError("a token that is refused or was rotated cannot be rotated")
            family = found.family or families.new_family()
            end, lifetime = now + grace, found.lifetime and timedelta(seconds=found.lifetime)
            if found.expires is not None:
                end = min(end, found.expires)
                # One that was adopted has an end, and nothing that a use would renew.
                lifetime = lifetime or found.expires - found.created
            changes = {
                "lifetime": -int((now + grace - found.created).total_seconds()),
                "family": family,
                **({"expires": end} if grace else {"revoked": now}),
            }
            # Whoever revokes it by an update of his own does not wait, and comes before.
            is_as_found = Q(lifetime=None) | Q(lifetime__gt=0)
            if not tokens.filter(is_as_found, pk=token.pk, revoked=None).update(**changes):
                raise ValueError("the token has just been revoked or rotated by somebody else")
            new, key = self._build_token(found.user, found.name, lifetime, found.scopes, found)
            new.family = family
            self._save(new, alias)
        for name, value in changes.items():
            setattr(token, name, value)
        self._tell_of_issued(new)
        if not grace:
            token_revoked.send(sender=self.model, token=token)
        return new, key

    def purge(self, older_than: timedelta, batch: int = 1000) -> int:
        """Delete the tokens that ended more than ``older_than`` ago; return how many rows.

        A token ends when it expires, is revoked or is idle. The number includes rows that are
        deleted by cascade. Each transaction deletes ``batch`` tokens, so that it does not hold
        locks for long. Raises ``ValueError`` for a negative ``older_than``.
        """
        if older_than < timedelta(0):
            raise ValueError("older_than must not be negative: tokens that are accepted would go")
        before = timezone.now() - min(older_than, LONGEST_LIFETIME)
        is_over = Q(expires__lt=before) | Q(revoked__lt=before)
        for is_alive in (is_young(before), is_used(before)):
            if is_alive:
                is_over |= ~is_alive
        dead = rest = self.using(self._alias()).filter(is_over, pending=False)
        deleted = 0
        while found := list(rest.order_by("pk").values_list("pk", flat=True)[:batch]):
            deleted += dead.filter(pk__in=found).delete()[0]
            rest = dead.filter(pk__gt=found[-1])
        return deleted

    @contextlib.contextmanager
    def _lock_user(self, user_id: Any, alias: str) -> Iterator[None]:
        """Make others wait, in a transaction, who issue, rotate or revoke all for this user."""
        with transaction.atomic(alias):
            if connections[alias].features.has_select_for_update:
                users = self.model._meta.get_field("user").related_model._base_manager
                _lock(users.using(alias).filter(pk=user_id), connections[alias].vendor)
            else:
                begin_to_write(self.using(alias))
            yield

    @sensitive_variables()
    def _build_token(
        self,
        user: Any,
        name: str,
        expires_in: timedelta | None,
        scopes: Iterable[str],
        parent: Any = None,
    ) -> tuple[Any, str]:
        """Return a token that is not saved yet, and its key.

        ``parent`` is the token that it is rotated out of, than which it is newer.
        """
        options = conf.options()
        now = timezone.now()
        if not isinstance(expires_in, timedelta | None):
            raise TypeError(
                "expires_in is a datetime.timedelta, such as timedelta(hours=1), or None, and not "
                f"of type {type(expires_in).__name__}."
            )
        if parent is not None:
            # Whatever clock the other was issued by.
            now = max(now, parent.created + timedelta(microseconds=1))
        lifetime = expires_in if expires_in is not None else options.expires_in
        if lifetime is not None and lifetime <= timedelta(0):
            raise ValidationError({"expires_in": _("A token cannot expire before it is issued.")})
        if lifetime is not None and lifetime > LONGEST_LIFETIME:
            raise ValidationError({"expires_in": _("A token lives for a century at most.")})
        if options.max_lifetime is not None:
            lifetime = min(lifetime or options.max_lifetime, options.max_lifetime)
        expires = None if lifetime is None else now + lifetime
        first_issued = None if parent is None else parent.first_issue
        if first_issued is not None and expires is not None and options.max_lifetime is not None:
            expires = min(expires, first_issued + options.max_lifetime)
        key = issue_key(options.key_prefix)
        token = self.model(
            user=user,
            digest=digests.of(key, options),
            display=key[: len(options.key_prefix) + SHOWN],
            name=valid_name(name),
            scope=valid_scope(scopes),
            created=now,
            expires=expires,
            first_issued=first_issued,
            lifetime=None if lifetime is None else int(lifetime.total_seconds()) or 1,
        )
        return token, key

    def _save(self, token: Any, alias: str) -> None:
        """Save a new token within the limit."""
        options = conf.options()
        if options.binds_tokens:
            token.session_hash = binding_of(token.user)
        if options.max_per_user is None:
            insert(token, alias)
            return
        with self._lock_user(token.user_id, alias):
            insert(token, alias)
            # After the insertion, for which SQLite lets one connection in at a time.
            others = self.using(alias).filter(is_live(timezone.now()), user_id=token.user_id)
            others = others.exclude(pk=token.pk).order_by("created", "pk")
            excess = others.count() + 1 - options.max_per_user
            if excess <= 0:
                return
            if options.on_limit == "refuse":
                most = options.max_per_user
                said = ngettext(
                    "This user has %(count)d token already, and may have no more.",
                    "This user has %(count)d tokens already, and may have no more.",
                    most,
                )
                raise LimitReached(said, params={"count": most})
            # By where they end, since they may be more than a statement has room for.
            created, pk = others.values_list("created", "pk")[excess - 1]
            oldest = Q(created__lt=created) | Q(created=created, pk__lte=pk)
            others.order_by().filter(oldest).update(revoked=token.created)

    def _alias(self, of: Any = None) -> str:
        """Return the database that is written to: for a user or a token, that of its row."""
        hints = {} if of is None else {"instance": of}
        return self._db or router.db_for_write(self.model, **hints)

    def _delete_from_sources(self, user: Any, keep: Any) -> int:
        deleted = 0
        for source in sources.accepted(conf.options()):
            rows = sources.rows_of(source)
            alias = router.db_for_write(rows, instance=user)
            found = rows._base_manager.using(alias).filter(user_id=user.pk)
            if isinstance(keep, rows):
                found = found.exclude(pk=keep.pk)
            deleted += sources.delete(found)
        return deleted

    def _tell_of_issued(self, token: Any) -> None:
        if conf.options().max_per_user is not None:
            self._tell_of_revoked(token.user_id, token.created, token._state.db)
        token_issued.send(sender=self.model, token=token)

    def _tell_of_revoked(self, user_id: Any, when: datetime, alias: str) -> None:
        """Tell of those that were revoked together, by the time that they have in common."""
        families.tell_of_revoked(self.using(alias).filter(user_id=user_id), when)


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
