"""Deletions by Django's ORM, and what it does beside other statements of its own."""

from django.contrib.auth.models import Group, Permission, User
from rest_framework.authtoken.models import Token

import irontoken
from tests.stress.write_paths.common import users
from tests.stress.write_paths.registry import path


@path("orm: a deleted token that is created again")
def _(row):
    Token.objects.filter(key=row.key).delete()
    Token.objects.get_or_create(user=row.user, defaults={"key": row.key})


@path("orm: delete of a token", short=True)
def _(row):
    row.token.delete()


@path("orm: delete of a token that was not read")
def _(row):
    Token(key=row.key).delete()


@path("orm: delete of tokens by a queryset")
def _(row):
    Token.objects.filter(user=row.user).delete()


@path("orm: delete of tokens by a join")
def _(row):
    Token.objects.filter(user__username=row.user.username).delete()


@path("orm: delete of tokens by a subquery")
def _(row):
    found = User.objects.filter(username=row.user.username)
    Token.objects.filter(user__in=found).delete()


@path("orm: delete of all tokens", trials=6)
def _(row):
    Token.objects.all().delete()


@path("orm: _raw_delete of a token", short=True)
def _(row):
    Token.objects.filter(key=row.key)._raw_delete("default")


@path("orm: _raw_delete by the user")
def _(row):
    Token.objects.filter(user_id=row.pk)._raw_delete("default")


@path("orm: _raw_delete of all tokens")
def _(row):
    Token.objects.all()._raw_delete("default")


@path("orm: delete of a user, with its cascade", short=True)
def _(row):
    row.user.delete()


@path("orm: delete of users by a queryset, with its cascade")
def _(row):
    users(row).delete()


@path("orm: delete of a user with groups and permissions")
def _(row):
    row.user.groups.add(Group.objects.create(name=irontoken.generate_key(8)))
    row.user.user_permissions.add(Permission.objects.first())
    row.user.delete()


@path("orm: groups of a user, which change nothing")
def _(row):
    group = Group.objects.create(name=irontoken.generate_key(8))
    row.user.groups.add(group)
    row.user.groups.clear()


@path("orm: a user by the reverse of its token")
def _(row):
    token = Token.objects.select_related("user").get(key=row.key)
    token.user.is_active = False
    token.user.save()


@path("orm: select_for_update and save")
def _(row):
    from django.db import transaction

    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=row.pk)
        user.first_name = "locked"
        user.save()


@path("orm: a write that the database refuses, then one that it takes")
def _(row):
    import contextlib

    from django.db import IntegrityError

    with contextlib.suppress(IntegrityError):
        User.objects.create(username=row.user.username)
    users(row).update(first_name="after an error")


@path("orm: in_bulk and save of each")
def _(row):
    for user in User.objects.in_bulk([row.pk]).values():
        user.first_name = "in bulk"
        user.save()


@path("orm: save while an iterator is open", short=True)
def _(row):
    rows = User.objects.order_by("pk").iterator(chunk_size=1)
    next(rows)
    row.user.first_name = "beside an iterator"
    row.user.save()
    rows.close()


@path("orm: save in the loop over an iterator")
def _(row):
    for user in User.objects.filter(pk__gte=row.pk).iterator(chunk_size=1):
        user.first_name = "in a loop"
        user.save()


@path("orm: raw() for the instance, save()")
def _(row):
    [user] = User.objects.raw("SELECT * FROM auth_user WHERE id = %s", [row.pk])
    user.first_name = "raw"
    user.save()


@path("orm: create_user, then its deletion")
def _(row):
    User.objects.create_user(irontoken.generate_key(8)).delete()
    users(row).update(first_name="after another one")
