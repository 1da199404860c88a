"""A migration operation for projects that set their databases up by migrations alone."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from irontoken import cache
from irontoken.fleet.bus import channel_of
from irontoken.fleet.triggers import Triggers


class InstallTriggers(Operation):
    """Installs what ``manage.py irontoken install`` does; undone, it removes it.

    It needs the tables of tokens and users: name the migrations that make them among the
    ``dependencies``. On other databases than PostgreSQL it does nothing. Add it anew, in a
    migration of its own, when ``manage.py check --database default`` says that the triggers are
    missing or out of date.
    """

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change no model."""

    def database_forwards(
        self, _app: str, schema_editor: BaseDatabaseSchemaEditor, *_: Any
    ) -> None:
        """Install the triggers."""
        if triggers := _triggers(schema_editor):
            connection = schema_editor.connection
            _run(schema_editor, triggers.removal(connection) + triggers.installation(connection))

    def database_backwards(
        self, _app: str, schema_editor: BaseDatabaseSchemaEditor, *_: Any
    ) -> None:
        """Remove the triggers."""
        if triggers := _triggers(schema_editor):
            _run(schema_editor, triggers.removal(schema_editor.connection))

    def describe(self) -> str:
        """Return what ``sqlmigrate`` says of it."""
        return "Install irontoken's triggers"


def _triggers(schema_editor: BaseDatabaseSchemaEditor) -> Triggers | None:
    if schema_editor.connection.vendor != "postgresql":
        return None
    options = cache.options()
    if options is None:
        raise ImproperlyConfigured(
            "The triggers carry the news of the cache, which is off: set "
            'IRONTOKEN = {"CACHE": {"COHERENCE": "postgres"}} and install the app.'
        )
    return Triggers(channel_of(options.project))


def _run(schema_editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement, None)
