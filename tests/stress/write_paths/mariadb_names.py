"""Names and quotes of MariaDB, other databases' names, and what goes around Django there."""

from django.conf import settings
from django.db import connection, connections, transaction

from tests.stress.write_paths.common import raw_rename, sql
from tests.stress.write_paths.registry import (
    AROUND_DJANGO,
    MARIADB,
    OTHER_PROGRAMS,
    path,
)
from tests.stress.write_paths.trial import pause

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


@path("mariadb: double quotes round names", MARIADB)
def _(row):
    with connections["ansi"].cursor() as cursor:
        cursor.execute('UPDATE "auth_user" SET "first_name" = \'a\' WHERE "id" = %s', (row.pk,))


@path("mariadb: double quotes by SET sql_mode", MARIADB)
def _(row):
    sql("SET sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'")
    sql('UPDATE "auth_user" SET first_name = \'a\' WHERE "id" = %s', row.pk)


@path("mariadb: NO_BACKSLASH_ESCAPES", MARIADB)
def _(row):
    sql("SET sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES'")
    sql(f"UPDATE auth_user SET first_name = 'a\\' WHERE id = {row.pk} -- '")


@path("mariadb: another database's name", MARIADB, short=True)
def _(row):
    sql(
        f"UPDATE {settings.MAIN}.auth_user SET first_name = 'q' WHERE id = %s",
        row.pk,
        alias="other",
    )


@path("mariadb: another database's quoted name", MARIADB)
def _(row):
    sql(
        f"UPDATE `{settings.MAIN}` . `auth_user` SET first_name = 'q' WHERE id = %s",
        row.pk,
        alias="other",
    )


@path("mariadb: its own database's name", MARIADB)
def _(row):
    sql(f"UPDATE {settings.MAIN}.auth_user SET first_name = 'q' WHERE id = %s", row.pk)


@path("mariadb: DELETE of another database's row, in executemany", MARIADB)
def _(row):
    with connections["other"].cursor() as cursor:
        cursor.executemany(
            f"DELETE FROM {settings.MAIN}.authtoken_token WHERE `key` = %s", [(row.key,)]
        )


@path("mariadb: another database's name in a transaction", MARIADB)
def _(row):
    with transaction.atomic(using="other"):
        sql(
            f"UPDATE {settings.MAIN}.auth_user SET first_name = 'q' WHERE id = %s",
            row.pk,
            alias="other",
        )
        pause()


@path("mariadb: USE of another database, then an unqualified name", MARIADB)
def _(row):
    sql(f"USE {settings.MAIN}", alias="other")
    raw_rename(row, alias="other")


@path("mariadb: USE in an executable comment", MARIADB)
def _(row):
    sql(f"/*! USE {settings.MAIN} */", alias="other")
    raw_rename(row, alias="other")


@path("mariadb: the driver's select_db()", MARIADB, documented=AROUND_DJANGO)
def _(row):
    connections["other"].ensure_connection()
    connections["other"].connection.select_db(settings.MAIN)
    raw_rename(row, alias="other")


@path("mariadb: the driver's query()", MARIADB, documented=AROUND_DJANGO)
def _(row):
    connection.connection.query(f"UPDATE auth_user SET first_name = 'q' WHERE id = {row.pk}")


@path("mariadb: the driver's cursor", MARIADB, documented=AROUND_DJANGO)
def _(row):
    cursor = connection.connection.cursor()
    cursor.execute(UPDATE, (row.pk,))
    cursor.close()


@path("mariadb: callproc()", MARIADB, documented=AROUND_DJANGO)
def _(row):
    with connection.cursor() as cursor:
        cursor.callproc("wp_rename", [row.pk])


@path("mariadb: a connection of the driver's own", MARIADB, documented=OTHER_PROGRAMS)
def _(row):
    import MySQLdb

    place = connection.get_connection_params()
    own = MySQLdb.connect(host=place["host"], user=place["user"], database=place["database"])
    own.query(f"UPDATE auth_user SET first_name = 'own' WHERE id = {row.pk}")
    own.commit()
    own.close()
