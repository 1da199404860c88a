"""SQL that SQLite alone has, and what goes around Django there."""

import contextlib
import sqlite3

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from tests.stress.write_paths.common import fetched, raw_rename, sql
from tests.stress.write_paths.registry import (
    AROUND_DJANGO,
    IN_THE_DATABASE,
    OTHER_PROGRAMS,
    SQLITE,
    path,
)
from tests.stress.write_paths.trial import pause

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = ?"


@path("sqlite: REPLACE", SQLITE)
def _(row):
    sql(
        "REPLACE INTO authtoken_token (key, created, user_id) VALUES (%s, %s, %s)",
        row.key,
        "2001-01-01 00:00:00",
        row.pk,
    )


@path("sqlite: INSERT OR REPLACE by another key", SQLITE)
def _(row):
    sql(
        "INSERT OR REPLACE INTO authtoken_token (key, created, user_id) VALUES (%s, %s, %s)",
        "r" + row.key[1:],
        "2001-01-01 00:00:00",
        row.pk,
    )


@path("sqlite: INSERT OR REPLACE ... SELECT", SQLITE)
def _(row):
    sql(
        "INSERT OR REPLACE INTO authtoken_token (key, created, user_id) "
        "SELECT key, '2001-01-01 00:00:00', user_id FROM authtoken_token WHERE key = %s",
        row.key,
    )


@path("sqlite: UPDATE OR REPLACE that removes another row", SQLITE)
def _(row):
    other = row.user.__class__.objects.create(username=f"o{row.key[:20]}")
    token = row.token.__class__.objects.create(user=other, key="o" + row.key[1:])
    sql("UPDATE OR REPLACE authtoken_token SET key = %s WHERE key = %s", row.key, token.key)


@path("sqlite: UPDATE OR FAIL that fails in the middle", SQLITE)
def _(row):
    other = row.user.__class__.objects.create(username=f"o{row.key[:20]}")
    with contextlib.suppress(IntegrityError):
        sql(
            "UPDATE OR FAIL auth_user SET first_name = 'kept', "
            "username = 'same' || %s WHERE id IN (%s, %s)",
            row.key[:10],
            row.pk,
            other.pk,
        )


@path("sqlite: UPDATE by rowid", SQLITE)
def _(row):
    sql("UPDATE auth_user SET first_name = 'rowid' WHERE rowid = %s", row.pk)


@path("sqlite: UPDATE that changes rowid", SQLITE)
def _(row):
    sql("UPDATE auth_user SET first_name = 'oid', _rowid_ = _rowid_ WHERE oid = %s", row.pk)


@path("sqlite: PRAGMA foreign_keys off, then DELETE of the user", SQLITE)
def _(row):
    sql("PRAGMA foreign_keys = OFF")
    sql("DELETE FROM auth_user WHERE id = %s", row.pk)
    connection.close()
    sql("DELETE FROM authtoken_token WHERE user_id = %s", row.pk)


@path("sqlite: a view's INSTEAD OF trigger", SQLITE)
def _(row):
    sql("UPDATE write_paths_userview SET first_name = 'by view' WHERE id = %s", row.pk)


@path("sqlite: a view's INSTEAD OF DELETE", SQLITE)
def _(row):
    sql("DELETE FROM write_paths_userview WHERE id = %s", row.pk)


@path("sqlite: a temporary view's trigger", SQLITE)
def _(row):
    sql("CREATE TEMP VIEW wp_temporary AS SELECT id, first_name FROM auth_user")
    sql(
        "CREATE TEMP TRIGGER wp_t INSTEAD OF UPDATE ON wp_temporary BEGIN "
        "UPDATE auth_user SET first_name = NEW.first_name WHERE id = OLD.id; END"
    )
    sql("UPDATE wp_temporary SET first_name = 'temporary' WHERE id = %s", row.pk)


@path("sqlite: a temporary trigger on another table", SQLITE, documented=IN_THE_DATABASE)
def _(row):
    sql(
        "CREATE TEMP TRIGGER wp_t AFTER INSERT ON write_paths_mood BEGIN "
        "UPDATE auth_user SET first_name = 'by temp' WHERE 't' || id = NEW.name; END"
    )
    sql("INSERT INTO write_paths_mood (name) VALUES (%s)", f"t{row.pk}")


@path("sqlite: a temporary trigger on the same table", SQLITE)
def _(row):
    other = row.user.__class__.objects.create(username=f"o{row.key[:20]}")
    sql(
        "CREATE TEMP TRIGGER wp_t AFTER UPDATE OF email ON main.auth_user BEGIN UPDATE auth_user "
        f"SET first_name = 'by temp' WHERE id = {row.pk}; END"
    )
    users_of_other = other.__class__.objects.filter(pk=other.pk)
    users_of_other.update(email="x@example.com")


@path("sqlite: ATTACH of the same file", SQLITE)
def _(row):
    sql(f"ATTACH DATABASE '{settings.MAIN}' AS again")
    sql("UPDATE again.auth_user SET first_name = 'attached' WHERE id = %s", row.pk)
    sql("DETACH DATABASE again")


@path("sqlite: ATTACH of the database from another one", SQLITE, short=True)
def _(row):
    sql(f"ATTACH DATABASE '{settings.MAIN}' AS main_one", alias="other")
    sql("UPDATE main_one.auth_user SET first_name = 'a' WHERE id = %s", row.pk, alias="other")


@path("sqlite: ATTACH, and an INSERT with a conflict", SQLITE)
def _(row):
    sql(f"ATTACH DATABASE '{settings.MAIN}' AS x", alias="other")
    sql(
        "INSERT INTO x.authtoken_token (key, created, user_id) VALUES (%s, %s, %s) "
        "ON CONFLICT (key) DO UPDATE SET created = '2001-01-01 00:00:00'",
        row.key,
        "2002-01-01 00:00:00",
        row.pk,
        alias="other",
    )


@path("sqlite: ATTACH and a name without a schema", SQLITE, subject="partitioned")
def _(row):
    """It is the attached table, since the database itself has none of that name."""
    sql(f"ATTACH DATABASE '{settings.MAIN}' AS x", alias="other")
    sql("DROP TABLE IF EXISTS main.write_paths_partitioned", alias="other")
    sql("UPDATE write_paths_partitioned SET label = 'a' WHERE key = %s", row.key, alias="other")


@path("sqlite: executescript", SQLITE, documented=AROUND_DJANGO)
def _(row):
    with connection.cursor() as cursor:
        cursor.executescript(f"UPDATE auth_user SET first_name = 'script' WHERE id = {row.pk};")


@path("sqlite: the driver's execute", SQLITE, documented=AROUND_DJANGO)
def _(row):
    connection.connection.execute(UPDATE, (row.pk,))


@path("sqlite: the driver's cursor", SQLITE, documented=AROUND_DJANGO)
def _(row):
    cursor = connection.connection.cursor()
    cursor.execute(UPDATE, (row.pk,))
    cursor.close()


@path("sqlite: the driver's executemany", SQLITE, documented=AROUND_DJANGO)
def _(row):
    connection.connection.executemany(UPDATE, [(row.pk,)])


@path("sqlite: a connection of the driver's own", SQLITE, documented=OTHER_PROGRAMS)
def _(row):
    own = sqlite3.connect(settings.MAIN, timeout=30)
    own.execute(UPDATE, (row.pk,))
    own.commit()
    own.close()


@path("sqlite: backup over the database", SQLITE, documented=OTHER_PROGRAMS, trials=4)
def _(row):
    copy = sqlite3.connect(f"{settings.FOLDER}/copy.db")
    source = sqlite3.connect(settings.MAIN, timeout=30)
    source.backup(copy)
    copy.execute(UPDATE, (row.pk,))
    copy.commit()
    copy.backup(source)
    source.close()
    copy.close()


@path("sqlite: a function of Python's in an UPDATE", SQLITE)
def _(row):
    connection.connection.create_function("wp_shout", 1, lambda text: text.upper())
    sql("UPDATE auth_user SET first_name = wp_shout(username) WHERE id = %s", row.pk)


@path(
    "sqlite: the driver's commit, after a statement of Django's", SQLITE, documented=AROUND_DJANGO
)
def _(row):
    sql("BEGIN")
    raw_rename(row)
    pause()
    connection.connection.commit()


@path("sqlite: the driver's context manager", SQLITE, documented=AROUND_DJANGO)
def _(row):
    sql("BEGIN IMMEDIATE")
    with connection.connection:
        raw_rename(row)
        pause()


@path("sqlite: PRAGMA and SELECT between", SQLITE)
def _(row):
    with transaction.atomic():
        fetched("SELECT 1")
        raw_rename(row)
        fetched("PRAGMA table_info(auth_user)")


@path("sqlite: VACUUM after a write", SQLITE, trials=3)
def _(row):
    raw_rename(row)
    sql("VACUUM")


@path("sqlite: a write that finds the database locked", SQLITE, trials=3)
def _(row):
    own = sqlite3.connect(settings.MAIN, timeout=30)
    own.execute("BEGIN IMMEDIATE")
    sql("PRAGMA busy_timeout = 1")
    with contextlib.suppress(DatabaseError):
        raw_rename(row, "locked out")
    own.rollback()
    own.close()
    raw_rename(row, "afterwards")
