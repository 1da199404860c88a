"""Related managers, generic relations, and cascades by Django and by the database."""

from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token

import irontoken
from tests.stress.write_paths import models
from tests.stress.write_paths.common import sql
from tests.stress.write_paths.registry import path


@path("related: update by the reverse manager", subject="many")
def _(row):
    row.user.many.update(label="reverse")


@path("related: delete by the reverse manager", subject="many")
def _(row):
    row.user.many.all().delete()


@path("related: update_or_create by the reverse manager", subject="many")
def _(row):
    row.user.many.update_or_create(key=row.key, defaults={"label": "reverse"})


@path("related: add of a token to another user", subject="many")
def _(row):
    other = User.objects.create(username=irontoken.generate_key(8))
    other.many.add(row.token, bulk=True)


@path("related: add without bulk", subject="many")
def _(row):
    other = User.objects.create(username=irontoken.generate_key(8))
    other.many.add(row.token, bulk=False)


@path("related: set of another user's tokens", subject="many")
def _(row):
    other = User.objects.create(username=irontoken.generate_key(8))
    other.many.set([row.token])


@path("related: clear of a nullable relation", subject="many")
def _(row):
    row.team.tokens.clear()


@path("related: remove of a nullable relation", subject="many")
def _(row):
    row.team.tokens.remove(row.token)


@path("related: remove without bulk", subject="many")
def _(row):
    row.team.tokens.remove(row.token, bulk=False)


@path("related: set to nothing", subject="many")
def _(row):
    row.team.tokens.set([])


@path("related: assignment of a foreign key", subject="many")
def _(row):
    row.token.user = User.objects.create(username=irontoken.generate_key(8))
    row.token.save()


@path("related: assignment of the reverse of a one-to-one")
def _(row):
    row.token.user = User.objects.create(username=irontoken.generate_key(8))
    row.token.save(update_fields=["user"])


@path("cascade: SET_NULL by Django", subject="many", short=True)
def _(row):
    row.team.delete()


@path("cascade: SET_NULL by Django, of a queryset", subject="many")
def _(row):
    models.Team.objects.filter(pk=row.team.pk).delete()


@path("cascade: a delete that others set to null", subject="many")
def _(row):
    models.Team.objects.filter(pk=row.team.pk).update(boss=row.user)
    row.user.delete()


@path("generic: delete of what has the tokens", subject="generic")
def _(row):
    row.folder.delete()


@path("generic: delete of a queryset of what has the tokens", subject="generic")
def _(row):
    models.Folder.objects.filter(pk=row.folder.pk).delete()


@path("generic: clear of the relation", subject="generic")
def _(row):
    row.folder.tokens.clear()


@path("generic: remove of the relation", subject="generic")
def _(row):
    row.folder.tokens.remove(row.token)


@path("generic: add to another folder", subject="generic")
def _(row):
    models.Folder.objects.create(name="other").tokens.add(row.token)


@path("generic: assignment of the foreign key", subject="generic")
def _(row):
    row.token.folder = models.Folder.objects.create(name="other")
    row.token.save()


@path("DB_CASCADE: delete of the user above", subject="tree", short=True)
def _(row):
    row.boss.delete()


@path("DB_CASCADE: delete of a queryset of the user above", subject="tree")
def _(row):
    models.TreeUser.objects.filter(pk=row.boss.pk).delete()


@path("DB_CASCADE: raw DELETE of the user above", subject="tree")
def _(row):
    # Without cascades of the database the row below goes first.
    if models.DB_CASCADE is models.models.CASCADE:
        row.boss.delete()
    else:
        sql("DELETE FROM write_paths_treeuser WHERE id = %s", row.boss.pk)


@path("DB_CASCADE: delete of the token above", subject="tree")
def _(row):
    row.above.delete()


@path("DB_CASCADE: delete of the user of the token above", subject="tree")
def _(row):
    models.TreeUser.objects.filter(pk=row.deputy.pk).delete()


@path("DB_SET_NULL: delete of the deputy, whose token is another's", subject="tree")
def _(row):
    models.TreeToken.objects.filter(pk=row.key).update(above=None)
    row.deputy.delete()


@path("DB_CASCADE: delete of the phone between", subject="phone")
def _(row):
    row.phone.delete()


@path("DB_CASCADE: delete of the phone's owner", subject="phone")
def _(row):
    row.owner.delete()


@path("DB_CASCADE: delete of a queryset of the phone's owner", subject="phone")
def _(row):
    models.TreeUser.objects.filter(pk=row.owner.pk).delete()


@path("constraint: delete of the user, whose tokens the database deletes", subject="linked")
def _(row):
    sql("DELETE FROM auth_user WHERE id = %s", row.pk)


@path("constraint: _raw_delete of the user", subject="linked")
def _(row):
    User.objects.filter(pk=row.pk)._raw_delete("default")


@path("constraint: delete of the user by the ORM", subject="linked")
def _(row):
    row.user.delete()


@path("constraint: delete of a team, whose tokens the database deletes", subject="linked")
def _(row):
    row.team.delete()


@path("constraint: raw DELETE of a team", subject="linked")
def _(row):
    sql("DELETE FROM write_paths_team WHERE id = %s", row.team.pk)


@path("constraint: delete of a team, which the database sets to null", subject="linked")
def _(row):
    row.spare.delete()


@path("constraint: raw DELETE of a team that is set to null", subject="linked")
def _(row):
    sql("DELETE FROM write_paths_team WHERE id = %s", row.spare.pk)


@path("constraint: delete of the user above", subject="node", short=True)
def _(row):
    row.boss.delete()


@path("constraint: raw DELETE of the user above", subject="node")
def _(row):
    sql("DELETE FROM write_paths_node WHERE id = %s", row.boss.pk)


@path("constraint: delete of the user itself", subject="node")
def _(row):
    row.user.delete()


@path("m2m: a group's users are cleared")
def _(row):
    from django.contrib.auth.models import Group

    group = Group.objects.create(name=irontoken.generate_key(8))
    group.user_set.set([row.user])
    group.user_set.clear()
    Token.objects.filter(user__in=User.objects.filter(pk=row.pk)).delete()


@path("m2m: users that are found by their group")
def _(row):
    from django.contrib.auth.models import Group

    group = Group.objects.create(name=irontoken.generate_key(8))
    row.user.groups.add(group)
    User.objects.filter(groups=group).update(is_active=False)


@path("m2m: users of a group are deleted")
def _(row):
    from django.contrib.auth.models import Group

    group = Group.objects.create(name=irontoken.generate_key(8))
    row.user.groups.add(group)
    group.user_set.all().delete()
