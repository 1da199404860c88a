"""Management commands and what Django's own code writes."""

import io
import json
from pathlib import Path

from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from rest_framework.authtoken.models import Token

import irontoken
from tests.stress.write_paths.common import users
from tests.stress.write_paths.registry import path
from tests.stress.write_paths.settings import FOLDER

FEW = 3


def load(fixture):
    place = Path(FOLDER) / "fixture.json"
    place.write_text(fixture)
    call_command("loaddata", str(place), verbosity=0)


@path("command: changepassword")
def _(row):
    from django.contrib.auth.management.commands import changepassword

    command = changepassword.Command(stdout=io.StringIO())
    command._get_pass = lambda prompt="": "A long one, 1"
    call_command(command, row.user.username)


@path("command: flush", trials=FEW)
def _(row):
    call_command("flush", interactive=False, verbosity=0)


@path("command: flush with reset_sequences off", trials=FEW)
def _(row):
    call_command("flush", interactive=False, verbosity=0, reset_sequences=False)


@path("command: loaddata over a user", short=True)
def _(row):
    row.user.first_name = "loaded"
    load(serializers.serialize("json", [row.user]))


@path("command: loaddata over a token")
def _(row):
    row.token.user = User.objects.create(username=irontoken.generate_key(8))
    load(serializers.serialize("json", [row.token]))


@path("command: dumpdata, changed, loaddata")
def _(row):
    out = io.StringIO()
    call_command("dumpdata", "auth.user", pks=str(row.pk), stdout=out)
    [found] = json.loads(out.getvalue())
    found["fields"]["is_active"] = False
    load(json.dumps([found]))


@path("command: drf_create_token with a reset")
def _(row):
    call_command("drf_create_token", row.user.username, reset=True, stdout=io.StringIO())


@path("command: createsuperuser, then an update")
def _(row):
    name = irontoken.generate_key(8)
    call_command(
        "createsuperuser", interactive=False, username=name, email="x@example.com", verbosity=0
    )
    User.objects.filter(username=row.user.username).update(is_superuser=True)


@path("command: clearsessions and remove_stale_contenttypes, then an update")
def _(row):
    call_command("clearsessions")
    call_command("remove_stale_contenttypes", interactive=False, verbosity=0)
    users(row).update(first_name="after commands")


@path("command: sqlflush, run statement by statement", trials=FEW)
def _(row):
    from django.core.management.color import no_style
    from django.core.management.sql import sql_flush
    from django.db import connection

    statements = sql_flush(no_style(), connection, allow_cascade=True)
    connection.ops.execute_sql_flush(statements)


@path("command: irontoken clears nothing that is still true")
def _(row):
    irontoken.cache_clear()
    users(row).update(first_name="after cache_clear")


@path("deserialized object: save")
def _(row):
    row.user.first_name = "deserialized"
    text = serializers.serialize("xml", [row.user])
    for found in serializers.deserialize("xml", text):
        found.save()


@path("serializer: of REST framework")
def _(row):
    from rest_framework import serializers as rest

    class UserSerializer(rest.ModelSerializer):
        class Meta:
            model = User
            fields = ["first_name"]

    serializer = UserSerializer(row.user, data={"first_name": "serialized"}, partial=True)
    serializer.is_valid(raise_exception=True)
    serializer.save()


@path("form: of a model")
def _(row):
    from django.forms import modelform_factory

    form = modelform_factory(User, fields=["first_name"])(
        {"first_name": "by form"}, instance=row.user
    )
    form.save()


@path("form: password change")
def _(row):
    from django.contrib.auth.forms import SetPasswordForm

    form = SetPasswordForm(row.user, {"new_password1": "Aa1!bcdef", "new_password2": "Aa1!bcdef"})
    assert form.is_valid(), form.errors
    form.save()


@path("manager: create of the same key for another user, after a deletion")
def _(row):
    Token.objects.filter(key=row.key).delete()
    other = User.objects.create(username=irontoken.generate_key(8))
    Token.objects.create(key=row.key, user=other)
