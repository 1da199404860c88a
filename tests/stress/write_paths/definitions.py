"""Data definition and migrations, which change what a row is or where it lies."""

import contextlib

from django.contrib.auth.models import User
from django.db import connection, migrations, models, transaction
from django.db.migrations.state import ProjectState
from rest_framework.authtoken.models import Token

from tests.stress.write_paths import models as models_
from tests.stress.write_paths.common import KEY, VENDOR, sql, users
from tests.stress.write_paths.registry import EVERY, MARIADB, POSTGRESQL, SERVERS, SQLITE, path
from tests.stress.write_paths.trial import pause, warm_again

FEW = 4


def migrate(*operations):
    """Run operations as a migration of `django.contrib.auth` would."""
    migration = migrations.Migration("wp", "auth")
    migration.operations = list(operations)
    state = ProjectState.from_apps(_apps())
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(state, editor)


def _apps():
    from django.apps import apps

    return apps


@path("migration: RunPython", short=True)
def _(row):
    def forwards(apps, editor):
        apps.get_model("auth", "User").objects.filter(pk=row.pk).update(first_name="migrated")

    migrate(migrations.RunPython(forwards))


@path("migration: RunPython that saves")
def _(row):
    def forwards(apps, editor):
        for user in apps.get_model("auth", "User").objects.filter(pk=row.pk):
            user.first_name = "saved"
            user.save()

    migrate(migrations.RunPython(forwards))


@path("migration: RunPython that deletes tokens")
def _(row):
    def forwards(apps, editor):
        apps.get_model("authtoken", "Token").objects.filter(key=row.key).delete()

    migrate(migrations.RunPython(forwards))


@path("migration: RunSQL")
def _(row):
    migrate(migrations.RunSQL(f"UPDATE auth_user SET first_name = 'r' WHERE id = {row.pk}"))


@path("migration: RunSQL of several statements")
def _(row):
    text = f"SELECT 1; UPDATE auth_user SET first_name = 'r' WHERE id = {row.pk};"
    if VENDOR == "mysql":
        text = text.removeprefix("SELECT 1; ")
    migrate(migrations.RunSQL(text))


@path("migration: RunSQL with parameters")
def _(row):
    statement = ("UPDATE auth_user SET first_name = %s WHERE id = %s", ["p", row.pk])
    migrate(migrations.RunSQL([statement]))


@path("migration: AlterField that changes values", SERVERS, subject="child user", trials=FEW)
def _(row):
    models_.ChildUser.objects.filter(pk=row.pk).update(motto="a long one")
    pause()
    if VENDOR == "mysql":
        sql("ALTER IGNORE TABLE write_paths_childuser MODIFY motto varchar(3) NOT NULL")
        sql("ALTER TABLE write_paths_childuser MODIFY motto varchar(40) NOT NULL")
    else:
        sql(
            "ALTER TABLE write_paths_childuser ALTER motto TYPE varchar(40) USING upper(motto)",
        )


@path("migration: AlterField by the schema editor", subject="child user", trials=FEW)
def _(row):
    field = models_.ChildUser._meta.get_field("motto")
    longer = models.CharField(max_length=200, blank=True)
    longer.set_attributes_from_name("motto")
    longer.model = models_.ChildUser
    with connection.schema_editor() as editor:
        editor.alter_field(models_.ChildUser, field, longer)
    users(row).update(first_name="after AlterField")
    with connection.schema_editor() as editor:
        editor.alter_field(models_.ChildUser, longer, field)


@path("migration: AddField with a default, and RemoveField", subject="child user", trials=FEW)
def _(row):
    field = models.CharField(max_length=9, default="new")
    field.set_attributes_from_name("wp_added")
    field.model = models_.ChildUser
    with connection.schema_editor() as editor:
        editor.add_field(models_.ChildUser, field)
    users(row).update(first_name="in between")
    with connection.schema_editor() as editor:
        editor.remove_field(models_.ChildUser, field)


@path("ddl: a table that is renamed, and another in its place", trials=FEW)
def _(row):
    with connection.schema_editor() as editor:
        editor.alter_db_table(Token, "authtoken_token", "wp_elsewhere")
    try:
        pause()
        sql(f"DELETE FROM wp_elsewhere WHERE {KEY} = %s", row.key)
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Token, "wp_elsewhere", "authtoken_token")


@path("ddl: RENAME by SQL, written under the other name", EVERY, trials=FEW)
def _(row):
    sql("ALTER TABLE write_paths_mood RENAME TO wp_mood")
    sql("ALTER TABLE auth_user RENAME TO wp_users")
    try:
        sql("UPDATE wp_users SET first_name = 'renamed' WHERE id = %s", row.pk)
    finally:
        sql("ALTER TABLE wp_users RENAME TO auth_user")
        sql("ALTER TABLE wp_mood RENAME TO write_paths_mood")


@path("ddl: tables that exchange names", MARIADB, subject="to field", trials=FEW)
def _(row):
    sql("CREATE OR REPLACE TABLE wp_swap LIKE write_paths_tofieldtoken")
    sql("INSERT INTO wp_swap SELECT * FROM write_paths_tofieldtoken WHERE `key` <> %s", row.key)
    exchange = (
        "RENAME TABLE write_paths_tofieldtoken TO wp_old, wp_swap TO write_paths_tofieldtoken, "
        "wp_old TO wp_swap"
    )
    sql(exchange)
    sql("DROP TABLE wp_swap")


@path("ddl: DROP COLUMN and ADD COLUMN", SERVERS, subject="child user", trials=FEW)
def _(row):
    table = "ALTER TABLE write_paths_childuser"
    sql(f"{table} DROP COLUMN motto")
    sql(f"{table} ADD COLUMN motto varchar(40) NOT NULL DEFAULT 'added'")
    sql(f"{table} ALTER COLUMN motto DROP DEFAULT")


@path("ddl: a default that changes nothing, then an update", SERVERS)
def _(row):
    sql("ALTER TABLE auth_user ALTER COLUMN last_name SET DEFAULT 'x'")
    sql("ALTER TABLE auth_user ALTER COLUMN last_name DROP DEFAULT")
    users(row).update(first_name="after")


@path("ddl: CREATE INDEX, then an update")
def _(row):
    sql("CREATE INDEX wp_some ON auth_user (first_name)")
    users(row).update(first_name="indexed")
    sql("DROP INDEX wp_some" + (" ON auth_user" if VENDOR == "mysql" else ""))


@path("ddl: CREATE TABLE AS SELECT, then a deletion")
def _(row):
    sql("CREATE TABLE wp_copy AS SELECT id, username FROM auth_user")
    sql(f"DELETE FROM authtoken_token WHERE {KEY} = %s", row.key)
    sql("DROP TABLE wp_copy")


@path("ddl: a table made anew from a copy", SQLITE, trials=FEW)
def _(row):
    sql("PRAGMA foreign_keys = OFF")
    sql("PRAGMA legacy_alter_table = ON")
    sql("CREATE TABLE wp_new AS SELECT * FROM write_paths_texttoken")
    sql("DROP TABLE wp_new")
    users(row).update(first_name="after")
    connection.close()


@path("ddl: rolled back", SQLITE + POSTGRESQL, subject="child user", trials=FEW)
def _(row):
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        sql("ALTER TABLE write_paths_childuser RENAME COLUMN motto TO wp_motto")
        pause()
        sql("UPDATE write_paths_childuser SET wp_motto = 'never' WHERE user_ptr_id = %s", row.pk)
        raise ZeroDivisionError


@path("ddl: two columns that exchange their names", POSTGRESQL, trials=FEW)
def _(row):
    users(row).update(first_name="first", last_name="last")
    pause()
    with transaction.atomic():
        sql("ALTER TABLE auth_user RENAME COLUMN first_name TO wp_x")
        sql("ALTER TABLE auth_user RENAME COLUMN last_name TO first_name")
        sql("ALTER TABLE auth_user RENAME COLUMN wp_x TO last_name")


@path("ddl: a trigger that is made, and its write", trials=FEW)
def _(row):
    """Of the same table, so that it may be asked for. It stays, and concerns no other row."""
    other = User.objects.create(username=f"o{row.key[:20]}")
    if VENDOR == "postgresql":
        sql(
            "CREATE OR REPLACE FUNCTION wp_made() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
            f"UPDATE auth_user SET first_name = 'made' WHERE id = {row.pk} AND "
            f"NEW.id = {other.pk}; RETURN NEW; END$$"
        )
        sql(
            "CREATE OR REPLACE TRIGGER wp_made AFTER UPDATE OF email ON auth_user FOR EACH ROW "
            "EXECUTE FUNCTION wp_made()"
        )
    elif VENDOR == "sqlite":
        sql("DROP TRIGGER IF EXISTS wp_made")
        sql(
            f"CREATE TRIGGER wp_made AFTER UPDATE OF email ON auth_user WHEN NEW.id = {other.pk} "
            f"BEGIN UPDATE auth_user SET first_name = 'made' WHERE id = {row.pk}; END"
        )
    else:
        sql(
            "CREATE OR REPLACE TRIGGER wp_made AFTER UPDATE ON auth_user FOR EACH ROW "
            f"DELETE FROM authtoken_token WHERE user_id = {row.pk} AND NEW.id = {other.pk}"
        )
    warm_again()
    User.objects.filter(pk=other.pk).update(email="x@example.com")
