"""A migration operation for projects that set their databases up by migrations alone."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from irontoken.fleet.bus import channel_of
from irontoken.fleet.triggers import Triggers
from irontoken.settings import setting


class InstallTriggers(Operation):
    """Creates the triggers of ``manage.py irontoken install``; its reversal removes them.

    It takes no arguments. It needs the tables of tokens and users: list the migrations that create
    them in ``dependencies``. It does nothing on other databases than PostgreSQL. It works whether
    the cache is on or off. Add a new migration with it when ``manage.py check --database default``
    reports missing or outdated triggers.

    Raises ``django.db.Error`` if the role of the migration may not create triggers.
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
