"""The apps whose tokens go on being honoured until they have been adopted.

What is known of REST framework's authtoken and of knox is here, and nothing of how to adopt.
"""

from contextlib import nullcontext
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections, router, transaction
from django.utils.module_loading import import_string
from rest_framework.exceptions import AuthenticationFailed

from irontoken import refusals
from irontoken.authentication import TokenAuthentication
from irontoken.settings import setting
from irontoken.tokens import digests
from irontoken.tokens.adoption import knox
from irontoken.tokens.settings import TokenOptions

#: Characters of an adopted key that are shown: 24 bits of 160.
_SHOWN: Final = 6


class Authtoken:
    """``rest_framework.authtoken``, which holds keys."""

    name = "authtoken"
    label = "authtoken.Token"

    def is_accepted(self, options: TokenOptions) -> bool:
        """Tell whether its keys are honoured: where its model is the default, it needs no help."""
        return options.accept_authtoken and bool(setting.token_model())

    def pair(self, key: str) -> tuple[Any, Any]:
        """Return the user and the token of a key; raise ``AuthenticationFailed``."""
        __traceback_hide__ = True
        authenticator = TokenAuthentication()
        authenticator.model = apps.get_model(self.label)
        return authenticator.authenticate_credentials(key)

    def rows_of(self, rows: Any, key: str, options: TokenOptions) -> list[Any]:  # noqa: ARG002
        """Return those of a query set that hold ``key`` itself."""
        return [row for row in rows.filter(key=key) if row.key == key]

    def require_verifiable(self) -> None:
        """Do nothing: whoever holds a key can make any digest of it."""

    def digest(self, row: Any, options: TokenOptions) -> str:
        """Return the digest that a copy of ``row`` is to have."""
        return digests.of(row.key, options)

    def digests(self, row: Any, options: TokenOptions) -> list[str]:
        """Return all digests that a copy may have, made under whatever peppers there were."""
        return digests.candidates(row.key, options)

    def is_verifiable(self, row: Any, options: TokenOptions) -> bool:
        """Tell whether a copy of ``row`` would accept its key.

        Not one that has the prefix of issued keys without their checksum, which is refused today.
        """
        return bool(self.digests(row, options))

    def copied(self, row: Any) -> dict[str, Any]:
        """Return what a copy has besides."""
        return {"display": row.key[:_SHOWN], "created": row.created}

    def changed(self, row: Any) -> dict[str, Any]:  # noqa: ARG002 - knox' need it
        """Return what of the row, besides its user, may have changed since it was copied."""
        return {}

    def restore(self, row: Any, copy: Any) -> None:
        """Do nothing: a row has nothing that changes."""


class Knox:
    """``knox``, which holds digests of its own."""

    name = "knox"

    @property
    def label(self) -> str:
        """The label of its model, which a project may have swapped."""
        return str(getattr(settings, "KNOX_TOKEN_MODEL", "knox.AuthToken"))

    def is_accepted(self, options: TokenOptions) -> bool:
        """Tell whether its keys are honoured."""
        return options.accept_knox

    def pair(self, key: str) -> tuple[Any, Any]:
        """Return the user and the token of a key; raise ``AuthenticationFailed``."""
        __traceback_hide__ = True
        authenticator = import_string("knox.auth.TokenAuthentication")()
        connection = connections[router.db_for_write(rows_of(self))]
        # Where knox writes in a transaction, what fails in it must not fail all of it.
        writes = import_string("knox.settings.knox_settings").AUTO_REFRESH
        is_inner = writes and connection.in_atomic_block
        inner = transaction.atomic(connection.alias) if is_inner else nullcontext()
        try:
            with inner:
                pair: tuple[Any, Any] = authenticator.authenticate_credentials(key.encode())
        except DatabaseError as error:
            if error.__cause__ is not None:
                raise  # a driver's
            # Adopted while knox wanted to write the later end that this use gives it.
            raise refusals.invalid_token() from None
        return pair

    def rows_of(self, rows: Any, key: str, options: TokenOptions) -> list[Any]:
        """Return those of a query set that hold a digest of ``key``."""
        found = knox.candidates(key, options.knox_algorithms)
        return list(rows.filter(digest__in=[each.split("$")[1] for each in found]))

    def require_verifiable(self) -> None:
        """Raise ``ImproperlyConfigured`` where knox' digests cannot be verified here."""
        knox.algorithm()

    def digest(self, row: Any, options: TokenOptions) -> str:  # noqa: ARG002 - not ours to choose
        """Return knox' digest, as one of ours."""
        return knox.digest(knox.algorithm(), row.digest)

    def digests(self, row: Any, options: TokenOptions) -> list[str]:
        """Return all digests that a copy may have, made under whatever algorithms there were."""
        return [knox.digest(name, row.digest) for name in options.knox_algorithms]

    def is_verifiable(self, row: Any, options: TokenOptions) -> bool:  # noqa: ARG002 - as above
        """Tell whether a digest can be of the algorithm that knox is set to."""
        return len(row.digest) == knox.LENGTHS[knox.algorithm()]

    def copied(self, row: Any) -> dict[str, Any]:
        """Return what a copy has besides."""
        created = {"display": row.token_key[:_SHOWN], "created": row.created}
        return {**created, **self.changed(row)}

    def changed(self, row: Any) -> dict[str, Any]:
        """Return what of the row, besides its user, may have changed: its end, by a use."""
        set_to = import_string("knox.settings.knox_settings")
        slides = row.expiry is not None and set_to.AUTO_REFRESH and set_to.TOKEN_TTL
        lifetime = int(set_to.TOKEN_TTL.total_seconds()) if slides else None
        return {"expires": row.expiry, "lifetime": lifetime}

    def restore(self, row: Any, copy: Any) -> None:
        """Give a row the end that its copy has by now: a use may have renewed it."""
        row.expiry = copy.expires


SOURCES: Final[dict[str, Any]] = {source.name: source for source in (Authtoken(), Knox())}


def rows_of(source: Any) -> Any:
    """Return the model of a source; ``None`` where its app is not installed."""
    try:
        return apps.get_model(source.label)
    except LookupError:
        return None


def accepted(options: TokenOptions) -> list[Any]:
    """Return the sources that are installed and whose keys are honoured."""
    return [
        source
        for source in SOURCES.values()
        if source.is_accepted(options) and rows_of(source) is not None
    ]


def delete(rows: Any) -> int:
    """Delete the rows of a query set by one statement, or with what refers to them.

    No signal tells of the first: one would cost a query for each row.
    """
    meta = rows.model._meta
    if any(
        each.auto_created and not each.concrete for each in meta.get_fields(include_hidden=True)
    ):
        return int(rows.delete()[1].get(meta.label, 0))
    return int(rows._raw_delete(rows.db) or 0)


def pair_of(key: str, options: TokenOptions) -> tuple[Any, Any] | None:
    """Return the user and the token of a key that a source still holds.

    Raises ``AuthenticationFailed`` for an inactive user.
    """
    __traceback_hide__ = True  # here is a key: see `lookup`
    for source in accepted(options):
        pair = _pair_of(key, source)
        if pair is not None:
            return pair
    return None


def _pair_of(key: str, source: Any) -> tuple[Any, Any] | None:
    __traceback_hide__ = True
    try:
        pair: tuple[Any, Any] = source.pair(key)
    except AuthenticationFailed as refusal:
        if refusal.detail != refusals.invalid_token().detail:
            raise
        return None
    return pair
