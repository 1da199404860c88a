"""What the Rust core calls, handed over when this module is imported.

The core looks up no module of this package by its name, so that imports go one way: from here to
``_core``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from irontoken import _core, carried, declared, drf, refusals
from irontoken.cache import cursors, databases, effects, service, shared_connections
from irontoken.lookup import plain


class Hooks(NamedTuple):
    """The functions, by the names that the core has for them."""

    #: The token of a key: ``(authenticator, model, fields, key)`` to ``(user, token)``.
    authenticate_credentials: Callable[[Any, Any, Any, Any], tuple[Any, Any]]
    #: A class's own method, with the request beside it: ``(authenticator, request, key)``.
    authenticate_carrying: Callable[[Any, Any, str], Any]
    #: The ``check`` of a class that declares nothing.
    no_check: declared.NoCheck
    #: The header of a request of an unknown class.
    authorization_header: Callable[[Any], bytes | str]
    #: REST framework's ``authenticate``: ``(authenticator, request)``.
    drf_authenticate: Callable[[Any, Any], tuple[Any, Any] | None]
    drf_reads_headers: bool
    #: REST framework's model of tokens.
    drf_token_model: Callable[[], Any]
    #: The refusal of a header that is malformed for a reason.
    malformed_header: Callable[[str], Exception]
    #: The refusal of a user who is not active.
    inactive_user: Callable[[], Exception]
    #: The user of an accepted token, where a class declares fields: ``(authenticator, user)``.
    user_of: Callable[[Any, Any], Any]
    #: The database that each alias was last opened to; empty while the cache is off.
    databases: dict[str, _core.Database]
    #: The database that an alias with these settings would be opened to.
    find_database: Callable[[str, dict[str, Any]], _core.Database | None]
    #: The tables whose writes have unknown effects, whose deletions cascade, whose changes do.
    effects_of: Callable[[Any], tuple[set[str], set[str], set[str]] | None]
    #: Whether a statement sets the schema that its connection names: ``(connection, statement)``.
    sets_own_schema: Callable[[Any, str], bool]
    #: Sees the work of a statement through; whether it may go on: ``(finished, context)``.
    read_to_the_end: Callable[[Callable[[Any], None], Any], bool]
    #: The version file was lost and made anew.
    version_file_lost: Callable[[], None]
    #: Other processes could not be reached, for a reason.
    version_file_unavailable: Callable[[str], None]


_core.install_hooks(
    Hooks(
        authenticate_credentials=plain.authenticate_credentials,
        authenticate_carrying=carried.authenticate_credentials,
        no_check=declared.NO_CHECK,
        authorization_header=drf.authorization_header,
        drf_authenticate=drf.authenticate,
        drf_reads_headers=drf.READS_HEADERS,
        drf_token_model=drf.token_model,
        malformed_header=refusals.malformed_header,
        inactive_user=refusals.inactive_user,
        user_of=declared.user_of,
        databases=databases.databases,
        find_database=databases.find_database,
        effects_of=effects.effects_of,
        sets_own_schema=shared_connections.sets_own_schema,
        read_to_the_end=cursors.read_to_the_end,
        version_file_lost=service.version_file_lost,
        version_file_unavailable=service.version_file_unavailable,
    )
)
