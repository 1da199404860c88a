"""SQL that PostgreSQL alone has, and psycopg's ways of sending it."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction

from tests.stress.write_paths.common import fetched, raw_rename, sql, users
from tests.stress.write_paths.registry import OTHER_PROGRAMS, POSTGRESQL, path
from tests.stress.write_paths.trial import pause

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


COPIED = "(id, key, created, user_id)"


@path("postgresql: COPY FROM PROGRAM", POSTGRESQL)
def _(row):
    sql("DELETE FROM authtoken_token WHERE key = %s", row.key)
    pause()
    line = rf"{row.key}\\t2001-01-01 00:00:00\\t{row.pk}"
    sql(f"COPY authtoken_token (key, created, user_id) FROM PROGRAM 'printf \"{line}\"'")


@path("postgresql: COPY of an UPDATE to a program", POSTGRESQL)
def _(row):
    sql(
        f"COPY (UPDATE auth_user SET first_name = 'copied' WHERE id = {row.pk} RETURNING id) "
        "TO PROGRAM 'cat > /dev/null'"
    )


@path("postgresql: MERGE that updates", POSTGRESQL, short=True)
def _(row):
    sql(
        "MERGE INTO auth_user u USING (SELECT %s AS id) s ON u.id = s.id "
        "WHEN MATCHED THEN UPDATE SET first_name = 'merged'",
        row.pk,
    )


@path("postgresql: MERGE that deletes", POSTGRESQL)
def _(row):
    sql(
        "MERGE INTO authtoken_token t USING (SELECT %s::text AS key) s ON t.key = s.key "
        "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING",
        row.key,
    )


@path("postgresql: WITH before MERGE", POSTGRESQL)
def _(row):
    sql(
        "WITH s AS (SELECT %s::text AS key) MERGE INTO authtoken_token t USING s "
        "ON t.key = s.key WHEN MATCHED THEN DELETE",
        row.key,
    )


@path("postgresql: TRUNCATE ... CASCADE", POSTGRESQL, trials=3)
def _(row):
    sql("TRUNCATE authtoken_token CASCADE")


@path("postgresql: TRUNCATE ONLY of several tables", POSTGRESQL, trials=3)
def _(row):
    sql("TRUNCATE ONLY write_paths_childtoken, ONLY authtoken_token")


@path("postgresql: TRUNCATE in a transaction", POSTGRESQL, trials=3)
def _(row):
    with transaction.atomic():
        sql("TRUNCATE TABLE authtoken_token CASCADE")


@path("postgresql: DELETE ... USING", POSTGRESQL)
def _(row):
    sql(
        "DELETE FROM authtoken_token t USING auth_user u WHERE u.id = t.user_id AND u.id = %s",
        row.pk,
    )


@path("postgresql: UPDATE of a row constructor", POSTGRESQL)
def _(row):
    sql("UPDATE auth_user SET (first_name, last_name) = ROW('a', 'b') WHERE id = %s", row.pk)


@path("postgresql: UPDATE WHERE CURRENT OF", POSTGRESQL)
def _(row):
    with transaction.atomic():
        sql("DECLARE c CURSOR FOR SELECT id FROM auth_user WHERE id = %s FOR UPDATE", row.pk)
        fetched("FETCH c")
        sql("UPDATE auth_user SET first_name = 'current' WHERE CURRENT OF c")
        pause()


@path("postgresql: PREPARE and EXECUTE", POSTGRESQL)
def _(row):
    sql("PREPARE wp (integer) AS UPDATE auth_user SET first_name = 'p' WHERE id = $1")
    sql("EXECUTE wp(%s)", row.pk)
    sql("DEALLOCATE wp")


@path("postgresql: EXECUTE in EXPLAIN ANALYZE", POSTGRESQL)
def _(row):
    sql("PREPARE wp (integer) AS UPDATE auth_user SET first_name = 'e' WHERE id = $1")
    fetched(f"EXPLAIN ANALYZE EXECUTE wp({row.pk})")
    sql("DEALLOCATE ALL")


@path("postgresql: CREATE TABLE AS of an EXECUTE", POSTGRESQL)
def _(row):
    sql(f"PREPARE wp AS UPDATE auth_user SET first_name = 'e' WHERE id = {row.pk} RETURNING id")
    sql("EXECUTE wp")
    sql("DEALLOCATE wp")


@path("postgresql: CALL of a procedure", POSTGRESQL)
def _(row):
    sql("CALL wp_procedure(%s)", row.pk)


@path("postgresql: CALL of a procedure that commits", POSTGRESQL)
def _(row):
    sql("CALL wp_committing(%s)", row.pk)


@path("postgresql: CALL in a transaction", POSTGRESQL)
def _(row):
    with transaction.atomic():
        sql("CALL wp_procedure(%s)", row.pk)
        pause()


@path("postgresql: DO with a loop", POSTGRESQL)
def _(row):
    sql(
        "DO $body$ DECLARE r record; BEGIN FOR r IN SELECT id FROM auth_user "
        f"WHERE id = {row.pk} LOOP UPDATE auth_user SET first_name = 'loop' "
        "WHERE id = r.id; END LOOP; END $body$"
    )


@path("postgresql: DO that commits", POSTGRESQL)
def _(row):
    sql(
        f"DO $$BEGIN UPDATE auth_user SET first_name = 'a' WHERE id = {row.pk}; COMMIT; "
        f"UPDATE auth_user SET first_name = 'b' WHERE id = {row.pk}; ROLLBACK; END$$"
    )


@path("postgresql: SET ROLE, then UPDATE", POSTGRESQL)
def _(row):
    sql("SET ROLE NONE")
    raw_rename(row)


@path("postgresql: LOCK TABLE, then UPDATE", POSTGRESQL)
def _(row):
    with transaction.atomic():
        sql("LOCK TABLE auth_user IN SHARE ROW EXCLUSIVE MODE")
        raw_rename(row)
        pause()


@path("postgresql: SET LOCAL in a transaction", POSTGRESQL)
def _(row):
    with transaction.atomic():
        sql("SET LOCAL statement_timeout = 5000")
        raw_rename(row)
        pause()


@path("postgresql: a partition is updated", POSTGRESQL, subject="partitioned")
def _(row):
    for number in (0, 1):
        sql(f"UPDATE wp_part_{number} SET label = 'part' WHERE key = %s", row.key)


@path("postgresql: a partition is detached", POSTGRESQL, subject="partitioned", trials=3)
def _(row):
    for number in (0, 1):
        sql(f"ALTER TABLE write_paths_partitioned DETACH PARTITION wp_part_{number}")
        sql(f"DELETE FROM wp_part_{number}")
        sql(
            f"ALTER TABLE write_paths_partitioned ATTACH PARTITION wp_part_{number} "
            f"FOR VALUES WITH (MODULUS 2, REMAINDER {number})"
        )


@path("postgresql: a partition is truncated", POSTGRESQL, subject="partitioned")
def _(row):
    sql("TRUNCATE wp_part_0, wp_part_1")


@path("postgresql: a child table is written", POSTGRESQL, subject="text")
def _(row):
    sql(
        "WITH m AS (DELETE FROM ONLY write_paths_texttoken WHERE key = %s RETURNING *) "
        "INSERT INTO wp_heir SELECT * FROM m",
        row.key,
    )
    pause()
    sql("DELETE FROM wp_heir WHERE key = %s", row.key)


@path("postgresql: a child table's row is another user's", POSTGRESQL, subject="text")
def _(row):
    other = User.objects.create(username=f"o{row.key[:20]}")
    sql("DELETE FROM ONLY write_paths_texttoken WHERE key = %s", row.key)
    sql("INSERT INTO wp_heir (key, user_id) VALUES (%s, %s)", row.key, row.pk)
    pause()
    sql("UPDATE wp_heir SET user_id = %s WHERE key = %s", other.pk, row.key)


@path("postgresql: the parent of a child table is updated", POSTGRESQL, subject="text")
def _(row):
    sql("UPDATE write_paths_texttoken SET key = %s WHERE key = %s", "x" + row.key[1:], row.key)


@path("postgresql: search_path, then an unqualified name", POSTGRESQL)
def _(row):
    sql("SET search_path TO wp_tenant, public")
    sql("UPDATE public.auth_user SET first_name = 'public' WHERE id = %s", row.pk)
    row.may_ask_here = False


@path("postgresql: a temporary table of the same name", POSTGRESQL)
def _(row):
    sql("CREATE TEMP TABLE auth_user (LIKE public.auth_user)")
    sql("UPDATE public.auth_user SET first_name = 'public' WHERE id = %s", row.pk)
    row.may_ask_here = False


def _missing_dblink():
    try:
        sql("CREATE EXTENSION IF NOT EXISTS dblink")
    except Exception as error:
        return f"no dblink: {str(error).splitlines()[0]}"
    finally:
        connection.close()
    return ""


@path(
    "postgresql: dblink and others, by another connection's statement",
    POSTGRESQL,
    documented=OTHER_PROGRAMS,
    missing=_missing_dblink,
)
def _(row):
    place = connection.settings_dict
    text = f"host={place['HOST']} user={place['USER']} dbname={settings.MAIN}"
    fetched(
        "SELECT dblink_exec(%s, %s)",
        text,
        f"UPDATE auth_user SET first_name = 'linked' WHERE id = {row.pk}",
    )


@path("postgresql: a large object and other things between", POSTGRESQL)
def _(row):
    with transaction.atomic():
        fetched("SELECT pg_advisory_xact_lock(1)")
        sql("NOTIFY wp, 'x'")
        raw_rename(row)
        pause()


@path("postgresql: SELECT ... FOR UPDATE that waits", POSTGRESQL)
def _(row):
    with transaction.atomic():
        fetched("SELECT id FROM auth_user WHERE id = %s FOR UPDATE SKIP LOCKED", row.pk)
        raw_rename(row)
        pause()


@path("postgresql: serializable", POSTGRESQL)
def _(row):
    with transaction.atomic(using="serializable"):
        User.objects.using("serializable").filter(pk=row.pk).update(first_name="serial")
        pause()


@path("postgresql: readers under REPEATABLE READ", POSTGRESQL, subject="token by repeatable")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="repeatable")
        pause()


@path("postgresql: readers under SERIALIZABLE", POSTGRESQL, subject="token by serializable")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="serializable")
        pause()
