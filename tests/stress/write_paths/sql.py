"""SQL through a cursor of Django's: verbs and parameters that all databases share."""

from django.db import connection

import irontoken
from tests.stress.write_paths.common import KEY, raw_rename, sql
from tests.stress.write_paths.registry import EVERY, path

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


DELETE = f"DELETE FROM authtoken_token WHERE {KEY} = %s"


@path("sql: UPDATE with parameters", short=True)
def _(row):
    raw_rename(row)


@path("sql: UPDATE with parameters in a tuple")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))


@path("sql: UPDATE with parameters in a list")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [row.pk])


@path("sql: UPDATE with parameters by name")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE auth_user SET first_name = %(name)s WHERE id = %(id)s",
            {"id": row.pk, "name": "by name"},
        )


@path("sql: UPDATE with one name used twice")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE auth_user SET last_name = %(n)s, first_name = %(n)s WHERE id = %(id)s",
            {"n": "twice", "id": row.pk},
        )


@path("sql: UPDATE with its values in the text")
def _(row):
    sql(f"UPDATE auth_user SET first_name = 'in the text' WHERE id = {row.pk}")


@path("sql: UPDATE without parameters and with None")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE auth_user SET first_name = 'none' WHERE id = {row.pk}", None)


@path("sql: UPDATE of all rows, with empty parameters")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET first_name = 'everybody'", ())


@path("sql: UPDATE with the id as text")
def _(row):
    if connection.vendor == "postgresql":
        sql("UPDATE auth_user SET first_name = 'text' WHERE id = CAST(%s AS integer)", str(row.pk))
    else:
        sql("UPDATE auth_user SET first_name = 'text' WHERE id = %s", f"{row.pk}")


@path("sql: UPDATE with the id as text with zeros", vendors=("sqlite", "mysql"))
def _(row):
    sql("UPDATE auth_user SET first_name = 'zeros' WHERE id = %s", f"000{row.pk}")


@path("sql: UPDATE with the id as a float")
def _(row):
    sql("UPDATE auth_user SET first_name = 'float' WHERE id = %s", float(row.pk))


@path("sql: UPDATE with the id as a Decimal")
def _(row):
    from decimal import Decimal

    sql("UPDATE auth_user SET first_name = 'decimal' WHERE id = %s", Decimal(row.pk))


@path("sql: UPDATE by a comparison with a bool")
def _(row):
    sql("UPDATE auth_user SET first_name = 'bool' WHERE (id = %s) = %s", row.pk, True)


@path("sql: UPDATE by a sum of parameters")
def _(row):
    sql("UPDATE auth_user SET first_name = 'sum' WHERE id = %s + %s", row.pk - 1, 1)


@path("sql: UPDATE by OR")
def _(row):
    sql("UPDATE auth_user SET first_name = 'or' WHERE id = %s OR id = %s", row.pk - 1, row.pk)


@path("sql: UPDATE by NOT")
def _(row):
    sql("UPDATE auth_user SET first_name = 'not' WHERE NOT id = %s", row.pk - 1)


@path("sql: UPDATE by IN")
def _(row):
    sql("UPDATE auth_user SET first_name = 'in' WHERE id IN (%s, %s)", row.pk - 1, row.pk)


@path("sql: UPDATE by IN of a subquery")
def _(row):
    sql(
        "UPDATE auth_user SET first_name = 'in' WHERE id IN "
        f"(SELECT user_id FROM authtoken_token WHERE {KEY} = %s)",
        row.key,
    )


@path("sql: UPDATE by BETWEEN")
def _(row):
    sql("UPDATE auth_user SET first_name = 'b' WHERE id BETWEEN %s AND %s", row.pk, row.pk + 5)


@path("sql: UPDATE by LIKE")
def _(row):
    sql("UPDATE auth_user SET first_name = 'l' WHERE username LIKE %s", f"{row.user.username}%")


@path("sql: UPDATE by LIKE with a doubled percent sign")
def _(row):
    sql(
        "UPDATE auth_user SET first_name = 'l' WHERE username LIKE 'u%%' AND id = %s",
        row.pk,
    )


@path("sql: UPDATE that sets the id that names others")
def _(row):
    sql(
        "UPDATE authtoken_token SET user_id = user_id + 0, created = created WHERE user_id = %s",
        row.pk,
    )
    sql(f"UPDATE authtoken_token SET {KEY} = %s WHERE user_id = %s", "k" * 40, row.pk)
    sql(f"DELETE FROM authtoken_token WHERE {KEY} = %s", "k" * 40)


@path("sql: UPDATE in lower case and with odd blanks")
def _(row):
    sql("\n\tupdate\fauth_user\n set first_name='odd'\twhere\nid=%s", row.pk)


@path("sql: UPDATE that ends with a semicolon")
def _(row):
    sql(f"{UPDATE};", row.pk)


@path("sql: UPDATE in quoted names")
def _(row):
    name = connection.ops.quote_name
    sql(
        f"UPDATE {name('auth_user')} SET {name('first_name')} = 'q' WHERE {name('id')} = %s",
        row.pk,
    )


@path("sql: UPDATE with an alias of the table", vendors=EVERY)
def _(row):
    prefix = "u." if connection.vendor == "mysql" else ""
    alias = "u" if connection.vendor == "mysql" else "AS u"
    sql(f"UPDATE auth_user {alias} SET {prefix}first_name = 'a' WHERE u.id = %s", row.pk)


@path("sql: UPDATE by EXISTS")
def _(row):
    sql(
        "UPDATE auth_user SET first_name = 'e' WHERE EXISTS "
        f"(SELECT 1 FROM authtoken_token t WHERE t.user_id = auth_user.id AND t.{KEY} = %s)",
        row.key,
    )


@path("sql: UPDATE of a column by a subquery")
def _(row):
    sql(
        f"UPDATE auth_user SET first_name = (SELECT MAX({KEY}) FROM authtoken_token "
        "WHERE user_id = %s) WHERE id = %s",
        row.pk,
        row.pk,
    )


@path("sql: DELETE with a parameter", short=True)
def _(row):
    sql(DELETE, row.key)


@path("sql: DELETE by the user")
def _(row):
    sql("DELETE FROM authtoken_token WHERE user_id = %s", row.pk)


@path("sql: DELETE with its value in the text")
def _(row):
    sql(f"DELETE FROM authtoken_token WHERE {KEY} = '{row.key}'")


@path("sql: DELETE by a subquery")
def _(row):
    sql(
        "DELETE FROM authtoken_token WHERE user_id IN "
        "(SELECT id FROM auth_user WHERE username = %s)",
        row.user.username,
    )


@path("sql: DELETE of all rows")
def _(row):
    sql("DELETE FROM write_paths_childtoken")
    sql("DELETE FROM authtoken_token")


@path("sql: DELETE with the key in a concatenation")
def _(row):
    joined = "CONCAT(%s, %s)" if connection.vendor == "mysql" else "CAST(%s AS text) || %s"
    sql(f"DELETE FROM authtoken_token WHERE {KEY} = {joined}", row.key[:5], row.key[5:])


@path("sql: DELETE with the key in upper case and UPPER")
def _(row):
    sql(f"DELETE FROM authtoken_token WHERE UPPER({KEY}) = %s", row.key.upper())


@path("sql: a token moved by DELETE and INSERT")
def _(row):
    sql(DELETE, row.key)
    now = "NOW()" if connection.vendor != "sqlite" else "'2001-01-01 00:00:00'"
    sql(
        f"INSERT INTO authtoken_token ({KEY}, created, user_id) VALUES (%s, {now}, %s)",
        row.key,
        row.pk,
    )


@path("sql: INSERT ... SELECT after a DELETE")
def _(row):
    now = "NOW()" if connection.vendor != "sqlite" else "'2001-01-01 00:00:00'"
    sql(DELETE, row.key)
    sql(
        f"INSERT INTO authtoken_token ({KEY}, created, user_id) "
        f"SELECT %s, {now}, id FROM auth_user WHERE id = %s",
        row.key,
        row.pk,
    )


@path("sql: WITH before UPDATE, as a filter", vendors=("sqlite", "postgresql"))
def _(row):
    sql(
        "WITH found AS (SELECT %s AS id) UPDATE auth_user SET first_name = 'with' "
        "WHERE id IN (SELECT CAST(id AS integer) FROM found)",
        row.pk,
    )


@path("sql: WITH before DELETE", vendors=("sqlite", "postgresql"))
def _(row):
    sql(
        "WITH found AS (SELECT CAST(%s AS text) AS k) "
        "DELETE FROM authtoken_token WHERE key IN (SELECT k FROM found)",
        row.key,
    )


@path("sql: WITH RECURSIVE before DELETE", vendors=("sqlite", "postgresql"))
def _(row):
    sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
        "DELETE FROM authtoken_token WHERE key = %s AND EXISTS (SELECT 1 FROM n)",
        row.key,
    )


@path("sql: INSERT with ON CONFLICT DO UPDATE", vendors=("sqlite", "postgresql"), short=True)
def _(row):
    sql(
        "INSERT INTO authtoken_token (key, created, user_id) VALUES (%s, %s, %s) "
        "ON CONFLICT (key) DO UPDATE SET created = '2001-01-01 00:00:00'",
        row.key,
        "2002-01-01 00:00:00",
        row.pk,
    )


@path("sql: INSERT with ON CONFLICT by another column", vendors=("sqlite", "postgresql"))
def _(row):
    sql(
        "INSERT INTO authtoken_token (key, created, user_id) VALUES (%s, %s, %s) "
        "ON CONFLICT (user_id) DO UPDATE SET key = excluded.key",
        irontoken.generate_key(),
        "2002-01-01 00:00:00",
        row.pk,
    )


@path("sql: UPDATE ... FROM", vendors=("sqlite", "postgresql"))
def _(row):
    sql(
        "UPDATE auth_user SET first_name = 'from' FROM authtoken_token t "
        "WHERE t.user_id = auth_user.id AND t.key = %s",
        row.key,
    )
