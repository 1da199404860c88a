"""A migration operation for projects that adopt another app's tokens with their migrations."""

from typing import Any

from django.db import router
from django.db.migrations.operations.base import Operation
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens.adoption.base import Adoption
from irontoken.tokens.adoption.sources import SOURCES, rows_of


class AdoptTokens(Operation):
    """Runs ``manage.py irontoken adopt`` in a migration, or ``adopt --finish`` with ``finish``.

    ``source`` is ``"authtoken"`` or ``"knox"``. List the migrations that create the tables in
    ``dependencies``. Set ``atomic = False`` in the migration, so that each batch is committed as
    soon as it is done. The reversal of the migration changes nothing.
    """

    reduces_to_sql = False
    reversible = True

    def __init__(self, source: str = "authtoken", *, finish: bool = False) -> None:
        """Take the source, and whether its rows are to be removed."""
        if source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {source!r}")
        self.source = source
        self.finish = finish

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change no model."""

    @sensitive_variables()
    def database_forwards(self, _app: str, schema_editor: Any, *_: Any) -> None:
        """Adopt the rows of the database that is migrated, if tokens are written to it.

        Nothing is asked of the settings where there is nothing to adopt, as in a new database.
        """
        rows = rows_of(SOURCES[self.source])
        alias = schema_editor.connection.alias
        if rows is None or router.db_for_write(rows) != alias:
            return
        if rows._base_manager.using(alias).exists():
            work = Adoption(self.source)
            for _done in work.finish() if self.finish else work.copy():
                pass

    def database_backwards(self, *_: Any) -> None:
        """Leave everything: copies do no harm, and keys cannot be made from digests."""

    def describe(self) -> str:
        """Return what ``sqlmigrate`` says of it."""
        return f"Adopt the tokens of {self.source}"
