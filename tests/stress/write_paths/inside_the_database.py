"""What the database does by itself: triggers, rules, views and functions."""

from django.contrib.auth.models import User
from django.db import transaction

import irontoken
from tests.stress.write_paths.common import fetched, sql, users
from tests.stress.write_paths.models import ManyToken, Mood
from tests.stress.write_paths.registry import (
    IN_THE_DATABASE,
    POSTGRESQL,
    SERVERS,
    SQLITE,
    path,
)
from tests.stress.write_paths.trial import pause

#: MariaDB lets no trigger write to the table that sets it off.
BOTH = SQLITE + POSTGRESQL


def other_user():
    return User.objects.create(username=irontoken.generate_key(8))


@path("trigger: another table's, by the ORM", documented=IN_THE_DATABASE, short=True)
def _(row):
    mood = Mood.objects.create(name="before")
    mood.name = f"user {row.pk}"
    mood.save()


@path("trigger: another table's, by update()", documented=IN_THE_DATABASE)
def _(row):
    mood = Mood.objects.create(name="before")
    Mood.objects.filter(pk=mood.pk).update(name=f"user {row.pk}")


@path("trigger: another table's, by raw SQL in a transaction", documented=IN_THE_DATABASE)
def _(row):
    mood = Mood.objects.create(name="before")
    with transaction.atomic():
        sql("UPDATE write_paths_mood SET name = %s WHERE id = %s", f"user {row.pk}", mood.pk)
        pause()


@path("trigger: other rows of the same table, by save", BOTH, short=True)
def _(row):
    other = other_user()
    other.last_name = f"other {row.pk}"
    other.save()


@path("trigger: other rows of the same table, by update()", BOTH)
def _(row):
    other = other_user()
    User.objects.filter(pk=other.pk).update(last_name=f"other {row.pk}")


@path("trigger: other rows of the same table, by save of update_fields", BOTH)
def _(row):
    other = other_user()
    other.last_name = f"other {row.pk}"
    other.save(update_fields=["last_name"])


@path("trigger: other rows of the same table, by bulk_update", BOTH)
def _(row):
    other = other_user()
    other.last_name = f"other {row.pk}"
    User.objects.bulk_update([other], ["last_name"])


@path("trigger: other rows of the same table, by raw SQL", BOTH)
def _(row):
    other = other_user()
    sql("UPDATE auth_user SET last_name = %s WHERE id = %s", f"other {row.pk}", other.pk)


@path("trigger: other rows of the same table, in a transaction", BOTH)
def _(row):
    other = other_user()
    with transaction.atomic():
        User.objects.filter(pk=other.pk).update(last_name=f"other {row.pk}")
        pause()


@path("trigger: another token of the same table", BOTH, subject="many")
def _(row):
    other = ManyToken.objects.create(user=row.user, key=irontoken.generate_key())
    ManyToken.objects.filter(pk=other.pk).update(label=f"other {row.token.pk}")


@path("trigger: another token of the same table, by executemany", BOTH, subject="many")
def _(row):
    from django.db import connection

    other = ManyToken.objects.create(user=row.user, key=irontoken.generate_key())
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE write_paths_manytoken SET label = %s WHERE id = %s",
            [(f"other {row.token.pk}", other.pk)],
        )


@path("view: raw UPDATE of a view of users", short=True)
def _(row):
    sql("UPDATE write_paths_userview SET first_name = 'view' WHERE id = %s", row.pk)


@path("view: raw DELETE of a view of tokens")
def _(row):
    sql("DELETE FROM write_paths_tokenview WHERE user_id = %s", row.pk)


@path("view: raw UPDATE of a view in a transaction")
def _(row):
    with transaction.atomic():
        sql("UPDATE write_paths_userview SET first_name = 'view' WHERE id = %s", row.pk)
        pause()


@path("view: one that is made for the write", SERVERS)
def _(row):
    sql("CREATE VIEW wp_new AS SELECT id, first_name FROM auth_user")
    sql("UPDATE wp_new SET first_name = 'new view' WHERE id = %s", row.pk)
    sql("DROP VIEW wp_new")


@path("view: by executemany")
def _(row):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE write_paths_userview SET first_name = 'many' WHERE id = %s", [(row.pk,)]
        )


@path("rule: INSTEAD of an update of a view", POSTGRESQL, short=True)
def _(row):
    sql("UPDATE wp_ruled SET first_name = 'ruled' WHERE id = %s", row.pk)


@path("rule: ALSO on another table", POSTGRESQL, documented=IN_THE_DATABASE)
def _(row):
    mood = Mood.objects.create(name=f"rule {row.pk}")
    mood.delete()


@path("function: SELECT of one that writes", POSTGRESQL, documented=IN_THE_DATABASE, short=True)
def _(row):
    fetched("SELECT wp_rename(%s)", row.pk)


@path("function: FROM one that writes", POSTGRESQL, documented=IN_THE_DATABASE)
def _(row):
    fetched("SELECT * FROM wp_rename(%s)", row.pk)


@path("function: in an annotation of the ORM", POSTGRESQL, documented=IN_THE_DATABASE)
def _(row):
    from django.db.models import F, Func, IntegerField

    renamed = Func(F("pk"), function="wp_rename", output_field=IntegerField())
    list(users(row).annotate(renamed=renamed).values_list("renamed"))


@path("function: in a transaction", POSTGRESQL, documented=IN_THE_DATABASE)
def _(row):
    with transaction.atomic():
        fetched("SELECT wp_rename(%s)", row.pk)
        pause()


@path("function: in the UPDATE of another user", POSTGRESQL)
def _(row):
    """The statement names one row, and the function in it writes another."""
    other = other_user()
    sql(
        "UPDATE auth_user SET last_name = wp_rename(%s)::text WHERE id = %s",
        row.pk,
        other.pk,
    )


@path("function: in the INSERT into another table", POSTGRESQL, documented=IN_THE_DATABASE)
def _(row):
    sql("INSERT INTO write_paths_mood (name) VALUES (wp_rename(%s)::text)", row.pk)
