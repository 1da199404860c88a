"""A migration operation for projects that set their databases up by migrations alone."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from irontoken.fleet.bus import channel_of
from irontoken.fleet.triggers import Triggers
from irontoken.settings import setting


class InstallTriggers(Operation):
    """Installs what ``manage.py irontoken install`` does; undone, it removes it.

    It needs the tables of tokens and users: name the migrations that make them among the
    ``dependencies``. It takes no arguments. On other databases than PostgreSQL it does nothing,
    and whether the cache is on makes no difference. Add it anew, in a migration of its own, when
    ``manage.py check --database default`` says that the triggers are missing or out of date.

    Raises ``django.db.Error`` where the role of the migration may not make triggers.
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
            statements = triggers.installation(connection, unseen=schema_editor.collect_sql)
            _run(schema_editor, triggers.removal(connection) + statements)

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
    project = setting.section("CACHE").get("PROJECT", "")
    return Triggers(channel_of(str(project)))


def _run(schema_editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement, None)
