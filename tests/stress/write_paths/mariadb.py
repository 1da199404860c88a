"""SQL that MariaDB alone has, and mysqlclient's ways of sending it."""

import contextlib
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, connections, transaction

from tests.stress.write_paths.common import fetched, raw_rename, sql, users
from tests.stress.write_paths.registry import (
    AROUND_DJANGO,
    IN_THE_DATABASE,
    MARIADB,
    OTHER_PROGRAMS,
    path,
)
from tests.stress.write_paths.trial import pause

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"
JOINED = "auth_user u JOIN authtoken_token t ON t.user_id = u.id"


def read_all(cursor):
    """Read every result of what has been executed, as a caller of procedures does."""
    while True:
        if cursor.description:
            cursor.fetchall()
        if not cursor.nextset():
            return


@path("mariadb: REPLACE", MARIADB)
def _(row):
    sql(
        "REPLACE INTO authtoken_token (`key`, created, user_id) VALUES (%s, '2001-01-01', %s)",
        row.key,
        row.pk,
    )


@path("mariadb: REPLACE ... SET", MARIADB)
def _(row):
    sql(
        "REPLACE authtoken_token SET `key` = %s, created = '2001-01-01', user_id = %s",
        row.key,
        row.pk,
    )


@path("mariadb: REPLACE by another key", MARIADB)
def _(row):
    sql(
        "REPLACE INTO authtoken_token (`key`, created, user_id) VALUES (%s, '2001-01-01', %s)",
        "r" + row.key[1:],
        row.pk,
    )


@path("mariadb: REPLACE ... SELECT", MARIADB)
def _(row):
    sql(
        "REPLACE INTO authtoken_token (`key`, created, user_id) "
        "SELECT `key`, '2001-01-01', user_id FROM authtoken_token WHERE `key` = %s",
        row.key,
    )


@path("mariadb: INSERT ... ON DUPLICATE KEY UPDATE", MARIADB, short=True)
def _(row):
    sql(
        "INSERT INTO authtoken_token (`key`, created, user_id) VALUES (%s, NOW(), %s) "
        "ON DUPLICATE KEY UPDATE created = '2001-01-01'",
        row.key,
        row.pk,
    )


@path("mariadb: INSERT ... SET ... ON DUPLICATE KEY UPDATE", MARIADB)
def _(row):
    sql(
        "INSERT INTO authtoken_token SET `key` = %s, created = NOW(), user_id = %s "
        "ON DUPLICATE KEY UPDATE `key` = VALUES(`key`)",
        "d" + row.key[1:],
        row.pk,
    )


@path("mariadb: INSERT IGNORE of a row that is there", MARIADB)
def _(row):
    sql(
        "INSERT IGNORE INTO authtoken_token (`key`, created, user_id) VALUES (%s, NOW(), %s)",
        row.key,
        row.pk,
    )
    users(row).update(last_name="afterwards")


@path("mariadb: UPDATE of two tables", MARIADB, short=True)
def _(row):
    sql(f"UPDATE {JOINED} SET u.first_name = 'two' WHERE t.`key` = %s", row.key)


@path("mariadb: UPDATE of two tables, both changed", MARIADB)
def _(row):
    sql(
        f"UPDATE {JOINED} SET u.first_name = 'two', t.created = '2001-01-01' WHERE u.id = %s",
        row.pk,
    )


@path("mariadb: UPDATE of two tables by a comma", MARIADB)
def _(row):
    sql(
        "UPDATE authtoken_token t, auth_user u SET u.first_name = 'comma' "
        "WHERE t.user_id = u.id AND t.`key` = %s",
        row.key,
    )


@path("mariadb: UPDATE of another table joined to ours", MARIADB)
def _(row):
    sql("INSERT INTO write_paths_mood (name) VALUES (%s)", f"join {row.pk}")
    sql(
        "UPDATE write_paths_mood m JOIN auth_user u ON m.name = CONCAT('join ', u.id) "
        "SET u.first_name = 'joined' WHERE m.name = %s",
        f"join {row.pk}",
    )


@path("mariadb: UPDATE of a derived table joined to ours", MARIADB)
def _(row):
    sql(
        "UPDATE (SELECT %s AS id) AS d JOIN auth_user u ON u.id = d.id SET u.first_name = 'd'",
        row.pk,
    )


@path("mariadb: DELETE of two tables", MARIADB)
def _(row):
    sql(f"DELETE t FROM {JOINED} WHERE u.id = %s", row.pk)


@path("mariadb: DELETE ... USING", MARIADB)
def _(row):
    sql(
        "DELETE FROM authtoken_token USING authtoken_token JOIN auth_user "
        "ON authtoken_token.user_id = auth_user.id WHERE auth_user.id = %s",
        row.pk,
    )


@path("mariadb: DELETE of an alias", MARIADB)
def _(row):
    sql("DELETE x FROM authtoken_token AS x WHERE x.`key` = %s", row.key)


@path("mariadb: DELETE from another table joined to ours", MARIADB)
def _(row):
    sql("INSERT INTO write_paths_mood (name) VALUES (%s)", f"del {row.pk}")
    sql(
        "DELETE m, t FROM write_paths_mood m JOIN authtoken_token t "
        "ON m.name = CONCAT('del ', t.user_id) WHERE m.name = %s",
        f"del {row.pk}",
    )


@path("mariadb: DELETE QUICK ... LIMIT", MARIADB)
def _(row):
    sql("DELETE QUICK FROM authtoken_token WHERE `key` = %s LIMIT 1", row.key)


@path("mariadb: DELETE HISTORY and TRUNCATE", MARIADB, trials=3)
def _(row):
    sql("SET FOREIGN_KEY_CHECKS = 0")
    sql("TRUNCATE TABLE authtoken_token")
    sql("SET FOREIGN_KEY_CHECKS = 1")


@path("mariadb: TRUNCATE without TABLE", MARIADB, trials=3)
def _(row):
    sql("SET FOREIGN_KEY_CHECKS = 0")
    sql("TRUNCATE authtoken_token")
    sql("SET FOREIGN_KEY_CHECKS = 1")


def _missing_file():
    [[local]] = fetched("SELECT @@local_infile")
    connection.close()
    return "" if local else "the server does not allow LOAD DATA LOCAL"


@path("mariadb: LOAD DATA", MARIADB, missing=_missing_file)
def _(row):
    place = Path(settings.FOLDER) / "tokens.txt"
    place.write_text(f"{row.key}\t2001-01-01\t{row.pk}\n")
    sql(
        f"LOAD DATA LOCAL INFILE '{place}' REPLACE INTO TABLE authtoken_token "
        "(`key`, created, user_id)",
        alias="local",
    )


@path("mariadb: CALL of a procedure", MARIADB)
def _(row):
    sql("CALL wp_rename(%s)", row.pk)


@path("mariadb: CALL whose first result is a set, read to the end", MARIADB, short=True)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute("CALL wp_set_first(%s)", (row.pk,))
        cursor.fetchall()
        pause()
        read_all(cursor)


@path("mariadb: CALL whose first result is a set, the rest unread", MARIADB)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute("CALL wp_set_first(%s)", (row.pk,))
        cursor.fetchall()


@path("mariadb: CALL of a procedure that commits", MARIADB)
def _(row):
    sql("CALL wp_committing(%s)", row.pk)


@path("mariadb: CALL of a procedure that writes and fails", MARIADB)
def _(row):
    with contextlib.suppress(DatabaseError):
        sql("CALL wp_failing(%s)", row.pk)


@path("mariadb: CALL in a transaction", MARIADB)
def _(row):
    with transaction.atomic():
        sql("CALL wp_rename(%s)", row.pk)
        pause()


@path("mariadb: CALL in an executable comment", MARIADB)
def _(row):
    sql(f"/*! CALL wp_rename({row.pk}) */")


@path("mariadb: SELECT of a function that writes", MARIADB, documented=IN_THE_DATABASE)
def _(row):
    fetched("SELECT wp_function(%s)", row.pk)


@path("mariadb: DO of a function that writes", MARIADB)
def _(row):
    sql("DO wp_function(%s)", row.pk)


@path("mariadb: SET of a variable to a function that writes", MARIADB, documented=IN_THE_DATABASE)
def _(row):
    sql("SET @found = wp_function(%s)", row.pk)


@path(
    "mariadb: a function that writes in another table's INSERT",
    MARIADB,
    documented=IN_THE_DATABASE,
)
def _(row):
    sql("INSERT INTO write_paths_mood (name) VALUES (wp_function(%s))", row.pk)


@path("mariadb: PREPARE and EXECUTE", MARIADB)
def _(row):
    sql("PREPARE wp FROM \"UPDATE auth_user SET first_name = 'p' WHERE id = ?\"")
    sql("SET @who = %s", row.pk)
    sql("EXECUTE wp USING @who")
    sql("DEALLOCATE PREPARE wp")


@path("mariadb: EXECUTE IMMEDIATE with a variable", MARIADB)
def _(row):
    sql("SET @text = %s", f"UPDATE auth_user SET first_name = 'v' WHERE id = {row.pk}")
    sql("EXECUTE IMMEDIATE @text")


@path("mariadb: several statements, read to the end", MARIADB, short=True)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            "SELECT 1; DO SLEEP(0.01); "
            f"UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}; SELECT 2"
        )
        read_all(cursor)


@path("mariadb: several statements, a slow one between, the rest unread", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"SELECT 1; DO SLEEP(0.02); UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}"
        )
        cursor.fetchall()


@path("mariadb: several statements, the write first", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}; DO SLEEP(0.01)"
        )
        read_all(cursor)


@path("mariadb: several statements with a transaction", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"BEGIN; UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}; "
            "DO SLEEP(0.02); COMMIT"
        )
        read_all(cursor)


@path("mariadb: several statements with parameters", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(f"SELECT 1; DO SLEEP(0.01); {UPDATE}", (row.pk,))
        read_all(cursor)


@path("mariadb: nextset() between two pauses", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"SELECT 1; UPDATE auth_user SET first_name = 'n' WHERE id = {row.pk}; SELECT 2"
        )
        pause()
        cursor.nextset()
        pause()
        cursor.nextset()


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
    connections["other"].close()


@path("mariadb: USE in an executable comment", MARIADB)
def _(row):
    sql(f"/*! USE {settings.MAIN} */", alias="other")
    raw_rename(row, alias="other")
    connections["other"].close()


@path("mariadb: the driver's select_db()", MARIADB, documented=AROUND_DJANGO)
def _(row):
    connections["other"].ensure_connection()
    connections["other"].connection.select_db(settings.MAIN)
    raw_rename(row, alias="other")
    connections["other"].close()


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


@path(
    "mariadb: readers under READ UNCOMMITTED, rolled back",
    MARIADB,
    subject="token by uncommitted",
    short=True,
)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="never committed")
        pause(4)
        transaction.set_rollback(True)


@path(
    "mariadb: readers under READ UNCOMMITTED, made active and rolled back",
    MARIADB,
    subject="inactive by uncommitted",
)
def _(row):
    with transaction.atomic():
        users(row).update(is_active=True)
        pause(4)
        transaction.set_rollback(True)


@path(
    "mariadb: readers under READ UNCOMMITTED, a created token rolled back",
    MARIADB,
    subject="revoked by uncommitted",
)
def _(row):
    with transaction.atomic():
        type(row.token).objects.create(key=row.key, user=row.user)
        pause(4)
        transaction.set_rollback(True)


@path(
    "mariadb: readers under READ UNCOMMITTED, a writer that is killed",
    MARIADB,
    subject="inactive by uncommitted",
)
def _(row):
    from tests.stress.write_paths.common import die, in_child

    def work():
        with transaction.atomic():
            users(row).update(is_active=True)
            pause(4)
            die()

    in_child(work, dies=True)
    # The server rolls back when it finds the connection gone.
    with transaction.atomic():
        User.objects.select_for_update().get(pk=row.pk)


@path(
    "mariadb: readers under READ UNCOMMITTED, committed", MARIADB, subject="token by uncommitted"
)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="committed")
        pause()


@path("mariadb: readers under REPEATABLE READ", MARIADB, subject="token by repeatable")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="repeatable")
        pause()


@path("mariadb: readers under SERIALIZABLE", MARIADB, subject="token by serializable")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="serializable")


@path("mariadb: SET TRANSACTION READ UNCOMMITTED of the writer", MARIADB)
def _(row):
    sql("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
    with transaction.atomic():
        users(row).update(first_name="dirty")
        pause()


@path("collation: DELETE by a key with a control character", MARIADB, subject="text", short=True)
def _(row):
    sql("DELETE FROM write_paths_texttoken WHERE `key` = %s", row.key + "\x01")


@path("collation: DELETE by a key with another one", MARIADB, subject="text")
def _(row):
    sql("DELETE FROM write_paths_texttoken WHERE `key` = %s", "\x02" + row.key)


@path("collation: DELETE by a key with a zero-width space", MARIADB, subject="text")
def _(row):
    sql("DELETE FROM write_paths_texttoken WHERE `key` = %s", row.key + "\u200b")


@path("collation: the ORM with a control character", MARIADB, subject="text")
def _(row):
    from tests.stress.write_paths.models import TextToken

    TextToken.objects.filter(pk=row.key + "\x01").delete()


@path("collation: _raw_delete with a control character", MARIADB, subject="text")
def _(row):
    from tests.stress.write_paths.models import TextToken

    TextToken.objects.filter(pk__in=["\x01" + row.key])._raw_delete("default")


@path("collation: DELETE by a key in upper case", MARIADB, subject="text")
def _(row):
    sql("DELETE FROM write_paths_texttoken WHERE `key` = %s", row.key.upper())


@path("collation: DELETE by a key with trailing blanks", MARIADB, subject="text")
def _(row):
    sql("DELETE FROM write_paths_texttoken WHERE `key` = %s", row.key + "  ")


@path("collation: DELETE by a key with an accent", MARIADB, subject="text")
def _(row):
    sql(
        "DELETE FROM write_paths_texttoken WHERE `key` = %s",
        row.key.replace("a", "á").replace("e", "é"),
    )


@path("collation: DELETE by a key in full width", MARIADB, subject="text")
def _(row):
    wide = "".join(chr(0xFEE0 + ord(letter)) for letter in row.key)
    sql("DELETE FROM write_paths_texttoken WHERE `key` = %s", wide)


@path("collation: DELETE by another collation's comparison", MARIADB, subject="text")
def _(row):
    sql(
        "DELETE FROM write_paths_texttoken WHERE `key` COLLATE utf8mb4_general_ci = %s",
        row.key.upper(),
    )


@path("mariadb: a table with partitions", MARIADB, subject="partitioned")
def _(row):
    sql("UPDATE write_paths_partitioned SET label = 'p' WHERE `key` = %s", row.key)


@path("mariadb: a partition by name", MARIADB, subject="partitioned")
def _(row):
    sql("DELETE FROM write_paths_partitioned PARTITION (p0, p1, p2) WHERE `key` = %s", row.key)


@path("mariadb: TRUNCATE of a partition", MARIADB, subject="partitioned")
def _(row):
    sql("ALTER TABLE write_paths_partitioned TRUNCATE PARTITION ALL")


@path("mariadb: EXCHANGE PARTITION", MARIADB, subject="partitioned", trials=3)
def _(row):
    sql("CREATE OR REPLACE TABLE wp_exchange LIKE write_paths_partitioned")
    sql("ALTER TABLE wp_exchange REMOVE PARTITIONING")
    for number in range(3):
        sql(
            f"ALTER TABLE write_paths_partitioned EXCHANGE PARTITION p{number} "
            "WITH TABLE wp_exchange"
        )
        sql("DELETE FROM wp_exchange")
