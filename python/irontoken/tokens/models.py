"""The model of issued tokens: one to use, and one to build upon."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from irontoken.settings.setting import token_model
from irontoken.tokens import binding, digests
from irontoken.tokens import settings as conf
from irontoken.tokens.managers import AccessTokenManager, keyless
from irontoken.tokens.strategy import DigestStrategy
from irontoken.tokens.validators import no_control_characters

if not hasattr(settings, "IRONTOKEN_TOKEN_MODEL"):
    # What Django swaps a model by is a setting of its own.
    settings.IRONTOKEN_TOKEN_MODEL = token_model() or "irontoken_tokens.AccessToken"


class AbstractAccessToken(models.Model):
    """A token of a user, with the digest of its key and without the key itself.

    ``objects.issue()`` returns a token and its key. ``display`` has the first characters of the
    key, so that people can recognise a token. ``scopes`` is the list of its scopes, and ``scope``
    the same as text (RFC 6749, section 3.3). ``name``, ``created``, ``expires``, ``last_used`` and
    ``revoked`` are fields, too. A revoked token stays in the table until it is purged.
    """

    #: How tokens are found by their keys.
    irontoken_lookup: ClassVar[DigestStrategy] = DigestStrategy()

    user: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="access_tokens",
        verbose_name=_("User"),
    )
    digest: "models.CharField[Any, Any]" = models.CharField(
        max_length=digests.MAX_LENGTH, unique=True, editable=False
    )
    display: "models.CharField[Any, Any]" = models.CharField(
        _("Key"), max_length=32, editable=False
    )
    name: "models.CharField[Any, Any]" = models.CharField(
        _("Name"),
        max_length=100,
        blank=True,
        validators=[no_control_characters],
    )
    scope: "models.CharField[Any, Any]" = models.CharField(
        _("Scopes"), max_length=1000, blank=True
    )
    created: "models.DateTimeField[Any, Any]" = models.DateTimeField(
        _("Created"), default=timezone.now, editable=False
    )
    expires: "models.DateTimeField[Any, Any]" = models.DateTimeField(
        _("Expires"), null=True, blank=True, db_index=True
    )
    last_used: "models.DateTimeField[Any, Any]" = models.DateTimeField(
        _("Last used"), null=True, blank=True, editable=False
    )
    revoked: "models.DateTimeField[Any, Any]" = models.DateTimeField(
        _("Revoked"), null=True, blank=True, editable=False
    )
    #: The seconds that it was issued for, which a use renews. One that was rotated is neither
    #: renewed nor rotated again: it has 0 or less, which is minus the seconds from ``created`` to
    #: the end of its grace.
    lifetime: "models.BigIntegerField[Any, Any]" = models.BigIntegerField(
        null=True, blank=True, editable=False
    )
    #: What a token shares with those that it was rotated out of and into; empty before that.
    family: "models.CharField[Any, Any]" = models.CharField(
        max_length=32, blank=True, default="", editable=False
    )
    #: When the first of its family was issued; ``None`` for that one, and where there is none.
    first_issued: "models.DateTimeField[Any, Any]" = models.DateTimeField(
        null=True, blank=True, editable=False
    )
    #: A copy of another app's row, which is still there and is the one that counts: see
    #: ``adoption``.
    pending: "models.BooleanField[Any, Any]" = models.BooleanField(default=False, editable=False)

    #: What binds it to its user's password; empty where nothing does: see ``binding``.
    session_hash: "models.CharField[Any, Any]" = models.CharField(
        max_length=64, default="", blank=True, editable=False
    )

    objects: ClassVar[AccessTokenManager] = AccessTokenManager()

    class Meta:
        """For subclasses to take over."""

        abstract = True
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        """Return the key's first characters and the name."""
        return f"{self.display}… {self.name}".strip()

    def save(self, *arguments: Any, **named: Any) -> None:
        """Save the row, as ``Model.save()`` does.

        Raises ``TypeError`` for one without a digest, which would have no key.
        """
        if "digest" in self.__dict__ and not self.digest:
            raise keyless(type(self), "save()")
        super().save(*arguments, **named)

    #: It does nothing else: what has a digest may be saved by a compiled statement.
    save.irontoken_checks_digest = True  # type: ignore[attr-defined]

    @property
    def is_rotated(self) -> bool:
        """Whether another token was rotated out of it: a ``bool``."""
        return self.lifetime is not None and self.lifetime <= 0

    @property
    def scopes(self) -> list[str]:
        """The scopes as a list of ``str`` (RFC 6749, section 3.3); empty where it has none."""
        text: str = self.scope
        return text.split()

    @property
    def first_issue(self) -> datetime:
        """When the first token of its family was issued, as an aware ``datetime``."""
        found: datetime = self.first_issued or self.created
        return found

    @property
    def ends(self) -> datetime | None:
        """When it ends at the latest, as an aware ``datetime``; ``None`` for never.

        That is the earlier of ``expires`` and ``MAX_LIFETIME`` after ``first_issue``. An
        ``IDLE_TIMEOUT`` may end it before.
        """
        longest = conf.options().max_lifetime
        expires: datetime | None = self.expires
        if longest is None:
            return expires
        end = self.first_issue + longest
        return end if expires is None else min(end, expires)

    def refusal(self, now: datetime | None = None) -> str:
        """Say why the token is refused at ``now``; empty if it is not.

        ``"revoked"``, ``"password_changed"``, ``"expired"`` or ``"idle"``. ``now`` is an aware
        ``datetime``.
        """
        if self.revoked is not None:
            return "revoked"
        options = conf.options()
        if options.binds_tokens and binding.is_broken(self):
            return "password_changed"
        idle = options.idle_timeout
        end = self.expires if options.max_lifetime is None else self.ends
        if end is None and idle is None:
            return ""
        now = now or timezone.now()
        if end is not None and end <= now:
            return "expired"
        if idle is not None and max(self.created, self.last_used or self.created) + idle <= now:
            return "idle"
        return ""

    def revoke(self) -> bool:
        """Revoke the token, and the newer tokens that replaced it by rotation.

        Returns ``False`` if all of them were revoked already. See the manager's ``revoke()``.
        """
        revoked: bool = type(self).objects.revoke(self)
        return revoked

    @sensitive_variables()
    def rotate(self, grace: timedelta = timedelta(0)) -> tuple[Any, str]:
        """Issue a token in place of this one; return the new token and its key.

        This one stays valid for ``grace``. See the manager's ``rotate()`` for the exceptions.
        """
        rotated: tuple[Any, str] = type(self).objects.rotate(self, grace)
        return rotated


class AccessToken(AbstractAccessToken):
    """The model of issued tokens, unless a project has one of its own."""

    class Meta(AbstractAccessToken.Meta):
        """Swapped as Django's own user model is."""

        abstract = False
        swappable = "IRONTOKEN_TOKEN_MODEL"
