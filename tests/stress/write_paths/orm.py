"""Django's ORM on a user and its token, without a transaction of the program's own."""

from django.contrib.auth.models import User, update_last_login
from django.db import connection
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Concat, Now, Upper
from rest_framework.authtoken.models import Token

import irontoken
from tests.stress.write_paths.common import users
from tests.stress.write_paths.registry import path


@path("orm: save", short=True)
def _(row):
    row.user.first_name = "changed"
    row.user.save()


@path("orm: save of an instance that was read anew")
def _(row):
    user = User.objects.get(pk=row.pk)
    user.is_active = False
    user.save()


@path("orm: save of update_fields")
def _(row):
    row.user.is_active = False
    row.user.save(update_fields=["is_active"])


@path("orm: save of a set of update_fields")
def _(row):
    row.user.is_active = False
    row.user.save(update_fields={"is_active", "first_name"})


@path("orm: save with force_update")
def _(row):
    row.user.first_name = "changed"
    row.user.save(force_update=True)


@path("orm: save of an instance that was not read")
def _(row):
    User(pk=row.pk, username=row.user.username, first_name="made").save()


@path("orm: save of update_fields of an instance that was not read")
def _(row):
    User(pk=row.pk, first_name="made").save(update_fields=["first_name"])


@path("orm: save of a deferred instance")
def _(row):
    user = User.objects.only("id", "first_name").get(pk=row.pk)
    user.first_name = "changed"
    user.save()


@path("orm: save with using")
def _(row):
    row.user.first_name = "changed"
    row.user.save(using="default")


@path("orm: save_base, as fixtures do", short=True)
def _(row):
    row.user.first_name = "changed"
    row.user.save_base(raw=True)


@path("orm: save with an expression", short=True)
def _(row):
    row.user.first_name = Concat(F("username"), Value("!"))
    row.user.save()


@path("orm: save with an expression and update_fields")
def _(row):
    row.user.date_joined = Now()
    row.user.save(update_fields=["date_joined"])


@path("orm: set_password and save")
def _(row):
    row.user.set_password("a new one")
    row.user.save()


@path("orm: check_password that upgrades the hash")
def _(row):
    users(row).update(password="")
    row.user.set_password("secret")
    row.user.save()


@path("orm: update_last_login")
def _(row):
    update_last_login(None, row.user)


@path("orm: refresh, change, save")
def _(row):
    row.user.refresh_from_db()
    row.user.email = "new@example.com"
    row.user.save()


@path("orm: update", short=True)
def _(row):
    users(row).update(is_active=False)


@path("orm: update with F")
def _(row):
    users(row).update(first_name=F("username"))


@path("orm: update with a function")
def _(row):
    users(row).update(first_name=Upper("username"))


@path("orm: update with Case")
def _(row):
    users(row).update(
        first_name=Case(When(is_active=True, then=Value("active")), default=Value("not"))
    )


@path("orm: update with a Case over several users")
def _(row):
    User.objects.filter(pk__in=[row.pk, row.pk - 1]).update(
        first_name=Case(When(pk=row.pk, then=Value("it")), default=F("first_name"))
    )


@path("orm: update with a subquery as value")
def _(row):
    keys = Token.objects.filter(user=OuterRef("pk")).values("key")[:1]
    users(row).update(last_name=Subquery(keys))


@path("orm: update of what a subquery finds")
def _(row):
    found = Token.objects.filter(key=row.key).values("user_id")
    User.objects.filter(pk__in=found).update(is_active=False)


@path("orm: update of what Exists finds")
def _(row):
    tokens = Token.objects.filter(user=OuterRef("pk"), key=row.key)
    User.objects.filter(Exists(tokens)).update(is_active=False)


@path("orm: update by a join")
def _(row):
    User.objects.filter(auth_token__key=row.key).update(first_name="by a join")


@path("orm: update by the username")
def _(row):
    User.objects.filter(username=row.user.username).update(is_active=False)


@path("orm: update by Q with OR")
def _(row):
    User.objects.filter(Q(pk=row.pk) | Q(username="nobody")).update(is_active=False)


@path("orm: update by exclude")
def _(row):
    User.objects.exclude(pk__lt=row.pk).update(first_name="excluded")


@path("orm: update by a range")
def _(row):
    User.objects.filter(pk__gte=row.pk, pk__lte=row.pk).update(is_active=False)


@path("orm: update by pk__in")
def _(row):
    User.objects.filter(pk__in=[row.pk - 1, row.pk]).update(first_name="one of two")


@path("orm: update by pk__in of a long list")
def _(row):
    User.objects.filter(pk__in=range(row.pk, row.pk + 400)).update(first_name="of many")


@path("orm: update of all users")
def _(row):
    User.objects.update(first_name=irontoken.generate_key(4))


@path("orm: update of all users by the base manager")
def _(row):
    User._base_manager.filter(pk=row.pk).update(first_name="base")


@path("orm: update in an order")
def _(row):
    users(row).order_by("username").update(first_name="ordered")


@path("orm: update of the primary key by which others name it")
def _(row):
    Token.objects.filter(pk=row.key).update(key=irontoken.generate_key())


@path("orm: update of a token's owner")
def _(row):
    other = User.objects.create(username=irontoken.generate_key(8))
    Token.objects.filter(key=row.key).update(user=other)


@path("orm: update of a token's time")
def _(row):
    Token.objects.filter(user_id=row.pk).update(created="2001-01-01T00:00:00Z")


@path("orm: bulk_update")
def _(row):
    row.user.first_name = "in bulk"
    User.objects.bulk_update([row.user], ["first_name"])


@path("orm: bulk_update in batches")
def _(row):
    others = [
        User.objects.create(username=irontoken.generate_key(8), first_name="") for _ in range(3)
    ]
    for user in (row.user, *others):
        user.first_name = "in batches"
    User.objects.bulk_update([*others, row.user], ["first_name"], batch_size=2)


@path("orm: bulk_update with expressions")
def _(row):
    row.user.first_name = Upper("username")
    User.objects.bulk_update([row.user], ["first_name"])


@path("orm: bulk_create that updates conflicts", short=True)
def _(row):
    options = {} if connection.vendor == "mysql" else {"unique_fields": ["username"]}
    User.objects.bulk_create(
        [User(username=row.user.username, first_name="conflict")],
        update_conflicts=True,
        update_fields=["first_name"],
        **options,
    )


@path("orm: bulk_create of new rows among conflicts")
def _(row):
    options = {} if connection.vendor == "mysql" else {"unique_fields": ["username"]}
    rows = [User(username=irontoken.generate_key(8)) for _ in range(2)]
    rows.append(User(username=row.user.username, is_active=False))
    User.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["is_active"], batch_size=1, **options
    )


@path("orm: bulk_create that ignores conflicts")
def _(row):
    rows = [User(username=row.user.username), User(username=irontoken.generate_key(8))]
    User.objects.bulk_create(rows, ignore_conflicts=True)


@path("orm: update_or_create that updates")
def _(row):
    User.objects.update_or_create(
        username=row.user.username, defaults={"first_name": "or created"}
    )


@path("orm: update_or_create of a token")
def _(row):
    other = User.objects.create(username=irontoken.generate_key(8))
    Token.objects.update_or_create(key=row.key, defaults={"user": other})


@path("orm: get_or_create that finds")
def _(row):
    user, _ = User.objects.get_or_create(username=row.user.username)
    user.first_name = "got"
    user.save()
