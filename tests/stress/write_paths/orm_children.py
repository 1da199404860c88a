"""Children of users and tokens in tables of their own, and their parents."""

from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token

from tests.stress.write_paths import models
from tests.stress.write_paths.registry import path


@path("child user: update of the parent's column by the parent", subject="child user")
def _(row):
    User.objects.filter(pk=row.pk).update(first_name="by the parent")


@path("child user: update of the parent's column by the child", subject="child user")
def _(row):
    models.ChildUser.objects.filter(pk=row.pk).update(first_name="by the child")


@path("child user: update of the child's column", subject="child user")
def _(row):
    models.ChildUser.objects.filter(pk=row.pk).update(motto="changed")


@path("child user: update of columns of both", subject="child user")
def _(row):
    models.ChildUser.objects.filter(pk=row.pk).update(motto="both", first_name="both")


@path("child user: save", subject="child user")
def _(row):
    row.user.motto, row.user.last_name = "saved", "saved"
    row.user.save()


@path("child user: save of the parent", subject="child user")
def _(row):
    parent = User.objects.get(pk=row.pk)
    parent.is_active = False
    parent.save()


@path("child user: bulk_update", subject="child user")
def _(row):
    row.user.motto, row.user.last_name = "in bulk", "in bulk"
    models.ChildUser.objects.bulk_update([row.user], ["motto", "last_name"])


@path("child user: update by the parent's name", subject="child user")
def _(row):
    models.ChildUser.objects.filter(username=row.user.username).update(motto="by name")


@path("child user: delete of the parent", subject="child user")
def _(row):
    User.objects.get(pk=row.pk).delete()


@path("child user: delete with keep_parents", subject="child user")
def _(row):
    row.user.delete(keep_parents=True)


@path("own key: update by the parent", subject="employee", short=True)
def _(row):
    User.objects.filter(pk=row.user.user_row_id).update(first_name="by the parent")


@path("own key: save of the parent", subject="employee")
def _(row):
    parent = User.objects.get(pk=row.user.user_row_id)
    parent.is_active = False
    parent.save()


@path("own key: save of the parent's update_fields", subject="employee")
def _(row):
    User(pk=row.user.user_row_id, is_active=False).save(update_fields=["is_active"])


@path("own key: bulk_update of the parent", subject="employee")
def _(row):
    parent = User(pk=row.user.user_row_id, first_name="in bulk")
    User.objects.bulk_update([parent], ["first_name"])


@path("own key: update of the parent's column by the child", subject="employee")
def _(row):
    models.Employee.objects.filter(pk=row.pk).update(first_name="by the child")


@path("own key: update of the child's column", subject="employee")
def _(row):
    models.Employee.objects.filter(pk=row.pk).update(motto="changed")


@path("own key: update by the child's link", subject="employee")
def _(row):
    models.Employee.objects.filter(user_row=row.user.user_row_id).update(motto="by link")


@path("own key: save", subject="employee")
def _(row):
    row.user.first_name = "saved"
    row.user.save()


@path("own key: delete of the parent", subject="employee")
def _(row):
    User.objects.get(pk=row.user.user_row_id).delete()


@path("own key: delete by a queryset of the parent", subject="employee")
def _(row):
    User.objects.filter(pk=row.user.user_row_id).delete()


@path("own key: _raw_delete of the child's row", subject="employee")
def _(row):
    models.EmployeeToken.objects.filter(user=row.pk)._raw_delete("default")


@path("own key: last_login of the parent", subject="employee")
def _(row):
    from django.contrib.auth.models import update_last_login

    update_last_login(None, User.objects.get(pk=row.user.user_row_id))


@path("two parents: update of the second parent", subject="account", short=True)
def _(row):
    models.Device.objects.filter(pk=row.user.device_id).update(label="second parent")


@path("two parents: save of the second parent", subject="account")
def _(row):
    device = models.Device.objects.get(pk=row.user.device_id)
    device.label = "saved"
    device.save()


@path("two parents: update of the second parent's column by the child", subject="account")
def _(row):
    models.Account.objects.filter(pk=row.pk).update(label="by the child")


@path("two parents: update of the first parent", subject="account")
def _(row):
    User.objects.filter(pk=row.pk).update(is_active=False)


@path("two parents: save", subject="account")
def _(row):
    row.user.label, row.user.first_name = "saved", "saved"
    row.user.save()


@path("child token: update of the parent's column", subject="child token")
def _(row):
    Token.objects.filter(key=row.key).update(created="2001-01-01T00:00:00Z")


@path("child token: update of its own column", subject="child token")
def _(row):
    models.ChildToken.objects.filter(pk=row.key).update(label="changed")


@path("child token: delete of the parent", subject="child token")
def _(row):
    Token.objects.get(key=row.key).delete()


@path("child token: delete with keep_parents", subject="child token")
def _(row):
    row.token.delete(keep_parents=True)


@path("child token: by the parent's class, its child deleted")
def _(row):
    child = models.ChildToken(token_ptr_id=row.key, label="child")
    child.__dict__.update(user_id=row.pk, created=row.token.created)
    child.save_base(raw=True)
    models.ChildToken.objects.filter(pk=row.key).delete()
