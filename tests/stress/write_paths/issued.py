"""Issued tokens: what irontoken itself writes."""

import io
from datetime import timedelta

from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

import irontoken
from tests.stress.write_paths.common import KEY, sql
from tests.stress.write_paths.registry import path
from tests.stress.write_paths.trial import pause

AccessToken = apps.get_model("irontoken_tokens", "AccessToken")
TABLE = AccessToken._meta.db_table


def command(*arguments):
    call_command("irontoken", *arguments, stdout=io.StringIO())


@path("issued: revoke", subject="issued", short=True)
def _(row):
    row.token.revoke()


@path("issued: revoke by the manager", subject="issued")
def _(row):
    AccessToken.objects.revoke(row.token)


@path("issued: revoke_all", subject="issued")
def _(row):
    AccessToken.objects.revoke_all(row.user)


@path("issued: revoke_all but another", subject="issued")
def _(row):
    kept, _ = AccessToken.objects.issue(row.user)
    AccessToken.objects.revoke_all(row.user, keep=kept)


@path("issued: rotate", subject="issued")
def _(row):
    row.token.rotate()


@path("issued: rotate with a grace", subject="issued")
def _(row):
    row.token.rotate(timedelta(hours=1))


@path("issued: the password is changed", subject="issued", short=True)
def _(row):
    row.user.set_password("another")
    row.user.save()


@path("issued: the user is made inactive", subject="issued")
def _(row):
    User.objects.filter(pk=row.pk).update(is_active=False)


@path("issued: the user is deleted", subject="issued")
def _(row):
    row.user.delete()


@path("issued: the token is deleted", subject="issued")
def _(row):
    row.token.delete()


@path("issued: update of the scopes", subject="issued")
def _(row):
    AccessToken.objects.filter(pk=row.token.pk).update(name="renamed")


@path("issued: update of the expiry", subject="issued")
def _(row):
    AccessToken.objects.filter(pk=row.token.pk).update(expires=timezone.now())


@path("issued: raw DELETE", subject="issued")
def _(row):
    sql(f"DELETE FROM {TABLE} WHERE user_id = %s", row.pk)


@path("issued: revoke in a transaction", subject="issued")
def _(row):
    with transaction.atomic():
        row.token.revoke()
        pause()


@path("issued: revoke in a transaction that is rolled back", subject="issued")
def _(row):
    with transaction.atomic():
        row.token.revoke()
        pause()
        transaction.set_rollback(True)


@path("issued: irontoken revoke", subject="issued")
def _(row):
    command("revoke", "--id", str(row.token.pk))


@path("issued: irontoken revoke of a user", subject="issued")
def _(row):
    command("revoke", "--user", row.user.username)


@path("issued: irontoken purge", subject="issued")
def _(row):
    AccessToken.objects.filter(pk=row.token.pk).update(
        revoked=timezone.now() - timedelta(days=200)
    )
    pause()
    command("purge")


@path("authtoken: irontoken revokes all of a user")
def _(row):
    AccessToken.objects.revoke_all(row.user)
    sql(f"DELETE FROM authtoken_token WHERE {KEY} = %s", row.key)


@path("issued: a second token of the same user is revoked first", subject="issued")
def _(row):
    other, _ = AccessToken.objects.issue(row.user)
    other.revoke()
    row.token.revoke()
    irontoken.cache_info()
