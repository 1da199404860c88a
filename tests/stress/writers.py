"""Every way by which a state is written: one in three refuses the token."""

import random
import time

from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from rest_framework.authtoken.models import Token

from tests.stress.history import refuses


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def save(user, **values):
    instance = User.objects.get(pk=user)
    for name, value in values.items():
        setattr(instance, name, value)
    instance.save()


def save_update_fields(user, **values):
    instance = User(pk=user, **values)
    instance.save(update_fields=list(values))


def update(user, **values):
    User.objects.filter(pk=user).update(**values)


def bulk_update(user, **values):
    User.objects.bulk_update([User(pk=user, **values)], list(values))


def raw(user, **values):
    names = ", ".join(f"{name} = %s" for name in values)
    sql(f"UPDATE auth_user SET {names} WHERE id = %s", *values.values(), user)


def raw_unnamed(user, **values):
    names = ", ".join(f"{name} = %s" for name in values)
    table = (
        connection.ops.quote_name("auth_user").upper()
        if connection.vendor == "sqlite"
        else connection.ops.quote_name("auth_user")
    )
    sql(f"update {table} /* odd */ set {names} where 0 + id = {user}", *values.values())


def executemany(user, **values):
    names = ", ".join(f"{name} = %s" for name in values)
    with connection.cursor() as cursor:
        statement = f"UPDATE auth_user SET {names} WHERE id = %s"
        cursor.executemany(statement, [(*values.values(), user)])


def returning(user, **values):
    """Write by a statement whose rows are fetched after it has returned."""
    if connection.vendor == "mysql":
        return raw(user, **values)  # MariaDB's UPDATE returns none
    names = ", ".join(f"{name} = %s" for name in values)
    with connection.cursor() as cursor:
        statement = f"UPDATE auth_user SET {names} WHERE id = %s RETURNING id"
        cursor.execute(statement, [*values.values(), user])
        # SQLite commits when the last row has been fetched, and that may be a while later.
        time.sleep(0.0002)
        return cursor.fetchall()


CHANGES = (save, save_update_fields, update, bulk_update, raw, raw_unnamed, executemany, returning)
DELETIONS = (
    lambda user: Token.objects.get(user=user).delete(),
    lambda user: Token.objects.filter(user=user).delete(),
    lambda user: Token.objects.filter(user=user)._raw_delete("default"),
    lambda user: sql("DELETE FROM authtoken_token WHERE user_id = %s", user),
    lambda user: sql(f"delete from authtoken_token where user_id in ({user})"),
)


def only_named_rows():
    """Leave out what reaches everybody's rows, and would hide the fault that is looked for."""
    global CHANGES, DELETIONS  # noqa: PLW0603 - of a process of the test
    CHANGES = tuple(change for change in CHANGES if change is not raw_unnamed)
    DELETIONS = DELETIONS[:-1]


def write(user, number, key, chance: random.Random):
    """Write one state of a user, by a way and in a kind of transaction taken by chance."""
    while True:
        ways = (plainly, atomically, in_savepoint, by_hand)
        way = chance.choice(ways) if connection.get_autocommit() else and_commit
        try:
            return way(lambda: state(user, number, key, chance))
        except OperationalError as error:
            # SQLite's way of saying that another process was there first.
            if "locked" not in str(error):
                raise


def state(user, number, key, chance):
    change = chance.choice(CHANGES)
    if refuses(number):
        if chance.random() < 0.5:
            chance.choice(DELETIONS)(user)
        else:
            change(user, is_active=False, first_name=str(number))
        return
    with transaction.atomic():
        # In two statements, the second of which is what a reader may not miss.
        change(user, is_active=True, first_name=str(number), email=f"{number}@example.com")
        if not Token.objects.filter(user=user).exists():
            Token.objects.create(user_id=user, key=key)


def plainly(work):
    work()


def atomically(work):
    with transaction.atomic():
        work()


def in_savepoint(work):
    with transaction.atomic():
        try:
            with transaction.atomic():
                work()
                raise RuntimeError
        except RuntimeError:
            pass
        with transaction.atomic():
            work()


def stay_out_of_autocommit():
    """Let this process commit by itself from now on: nothing else ends what it writes."""
    transaction.set_autocommit(False)


def and_commit(work):
    try:
        work()
        transaction.commit()
    except BaseException:
        transaction.rollback()
        raise


def by_hand(work):
    transaction.set_autocommit(False)
    try:
        work()
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
