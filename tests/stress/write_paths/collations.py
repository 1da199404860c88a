"""Keys that a collation calls equal, and partitions, of MariaDB."""

from tests.stress.write_paths.common import sql
from tests.stress.write_paths.registry import (
    MARIADB,
    path,
)


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
