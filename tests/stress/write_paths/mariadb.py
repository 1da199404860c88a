"""SQL that MariaDB alone has, and mysqlclient's ways of sending it."""

from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.stress.write_paths.common import fetched, sql, users
from tests.stress.write_paths.registry import (
    MARIADB,
    path,
)

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


JOINED = "auth_user u JOIN authtoken_token t ON t.user_id = u.id"


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
