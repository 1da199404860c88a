"""Django's ORM on models of other shapes: children, parents, proxies, views, other keys."""

from django.contrib.auth.models import User
from django.db.models import F, Value
from django.db.models.functions import Concat
from rest_framework.authtoken.models import Token

import irontoken
from tests.stress.write_paths import models
from tests.stress.write_paths.registry import SERVERS, path
from tests.stress.write_paths.subjects import SUBJECTS


@path("proxy: update of a proxy's user")
def _(row):
    models.ProxyUser.objects.filter(pk=row.pk).update(first_name="by proxy")


@path("proxy: save of a proxy's user")
def _(row):
    user = models.ProxyUser.objects.get(pk=row.pk)
    user.is_active = False
    user.save()


@path("proxy: delete of a proxy's user")
def _(row):
    models.ProxyUser.objects.get(pk=row.pk).delete()


@path("proxy: delete of a proxy's token")
def _(row):
    models.ProxyToken.objects.get(key=row.key).delete()


@path("proxy: asked by the proxy, deleted by the model", subject="proxy token")
def _(row):
    Token.objects.filter(key=row.key).delete()


@path("proxy: asked by the proxy, user updated", subject="proxy token")
def _(row):
    User.objects.filter(pk=row.pk).update(is_active=False)


@path("uuid: update of a user", subject="uuid")
def _(row):
    models.UUIDUser.objects.filter(pk=row.pk).update(is_active=False)


@path("uuid: update by the text of a key", subject="uuid")
def _(row):
    models.UUIDUser.objects.filter(pk=str(row.pk).upper()).update(is_active=False)


@path("uuid: save", subject="uuid")
def _(row):
    row.user.is_active = False
    row.user.save()


@path("uuid: delete of a token", subject="uuid")
def _(row):
    row.token.delete()


@path("uuid: delete of a user", subject="uuid")
def _(row):
    row.user.delete()


@path("to field: update of the user by its id", subject="to field")
def _(row):
    User.objects.filter(pk=row.pk).update(is_active=False)


@path("to field: update of the user by its name", subject="to field")
def _(row):
    User.objects.filter(username=row.user.username).update(first_name="by name")


@path("to field: delete of tokens by the name", subject="to field")
def _(row):
    models.ToFieldToken.objects.filter(user_id=row.user.username).delete()


@path("to field: delete of the user", subject="to field")
def _(row):
    row.user.delete()


@path("many: update by its own id", subject="many")
def _(row):
    models.ManyToken.objects.filter(pk=row.token.pk).update(label="changed")


@path("many: update by its key", subject="many")
def _(row):
    models.ManyToken.objects.filter(key=row.key).update(label="changed")


@path("many: update with F", subject="many")
def _(row):
    models.ManyToken.objects.filter(pk=row.token.pk).update(uses=F("uses") + 1)


@path("many: save with an expression", subject="many", short=True)
def _(row):
    row.token.uses = F("uses") + 1
    row.token.save()


@path("many: save with an expression and update_fields", subject="many")
def _(row):
    row.token.label = Concat(F("label"), Value("!"))
    row.token.save(update_fields=["label"])


@path("many: the key goes to another token", subject="many")
def _(row):
    models.ManyToken.objects.filter(pk=row.token.pk).update(key=irontoken.generate_key())
    models.ManyToken.objects.create(user=row.user, key=row.key, label="new")


@path("many: two tokens exchange their keys", subject="many")
def _(row):
    other = models.ManyToken.objects.create(user=row.user, key=irontoken.generate_key())
    models.ManyToken.objects.filter(pk=row.token.pk).update(key=irontoken.generate_key())
    models.ManyToken.objects.filter(pk=other.pk).update(key=row.key)


def _asks_for_generated():
    return "" if "generated" in SUBJECTS else "this Django has no GeneratedField"


if not _asks_for_generated():

    @path("generated: save", subject="generated", short=True)
    def _(row):
        row.token.uses = 7
        row.token.save()

    @path("generated: save with an expression", subject="generated")
    def _(row):
        row.token.uses = F("uses") + 3
        row.token.save()

    @path("generated: update", subject="generated")
    def _(row):
        models.GeneratedToken.objects.filter(pk=row.key).update(uses=5)

    @path("generated: bulk_update", subject="generated")
    def _(row):
        row.token.uses = 9
        models.GeneratedToken.objects.bulk_update([row.token], ["uses"])


@path("view: update of an unmanaged model of users", short=True)
def _(row):
    models.UserView.objects.filter(pk=row.pk).update(first_name="by view")


@path("view: save of an unmanaged model of users", vendors=SERVERS)
def _(row):
    user = models.UserView.objects.get(pk=row.pk)
    user.is_active = False
    user.save()


@path("view: bulk_update of an unmanaged model of users")
def _(row):
    user = models.UserView(pk=row.pk, first_name="in bulk", is_active=True)
    models.UserView.objects.bulk_update([user], ["first_name"])


@path("view: delete of an unmanaged model of tokens")
def _(row):
    models.TokenView.objects.filter(pk=row.key).delete()


@path("view: _raw_delete of an unmanaged model of tokens")
def _(row):
    models.TokenView.objects.filter(pk=row.key)._raw_delete("default")


@path("second model: update of an unmanaged model of the same table")
def _(row):
    models.UserRow.objects.filter(pk=row.pk).update(first_name="second model")


@path("second model: save of an unmanaged model of the same table")
def _(row):
    user = models.UserRow.objects.get(pk=row.pk)
    user.is_active = False
    user.save()


@path("swapped key: a model made at run time over the same table")
def _(row):
    from django.db import models as fields

    name = f"Made{irontoken.generate_key(4)}"
    meta = type("Meta", (), {"app_label": "made", "db_table": "auth_user", "managed": False})
    made = type(
        name,
        (fields.Model,),
        {
            "__module__": __name__,
            "Meta": meta,
            "first_name": fields.CharField(max_length=150),
        },
    )
    made.objects.filter(pk=row.pk).update(first_name="made at run time")


if "schema token" in SUBJECTS:

    @path("schema in the name: update", ("postgresql",), subject="schema token")
    def _(row):
        models.SchemaToken.objects.filter(pk=row.key).update(label="changed")

    @path("schema in the name: save", ("postgresql",), subject="schema token")
    def _(row):
        row.token.label = "changed"
        row.token.save()

    @path("schema in the name: delete", ("postgresql",), subject="schema token")
    def _(row):
        row.token.delete()

    @path("schema in the name: raw SQL", ("postgresql",), subject="schema token")
    def _(row):
        from tests.stress.write_paths.common import sql

        sql("DELETE FROM wp_schema.token WHERE key = %s", row.key)
