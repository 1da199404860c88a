"""Users, tokens and what surrounds them, in shapes that differ in how a write names its row."""

import uuid

import django
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from rest_framework.authtoken.models import Token

import irontoken

#: Cascades that the database carries out, since Django 6.1.
DB_CASCADE = getattr(models, "DB_CASCADE", models.CASCADE)
DB_SET_NULL = getattr(models, "DB_SET_NULL", models.SET_NULL)


class BaseToken(models.Model):
    key = models.CharField(max_length=40, primary_key=True, default=irontoken.generate_key)

    class Meta:
        abstract = True


class Team(models.Model):
    """What some tokens belong to."""

    name = models.CharField(max_length=40)
    #: To `django.contrib.auth`'s users, whose table has no such column.
    boss = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="led")


class ManyToken(models.Model):
    """Many tokens for a user, under a primary key that is not the key."""

    key = models.CharField(max_length=64, unique=True, db_column="secret")
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="many", db_column="owner"
    )
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="tokens")
    uses = models.IntegerField(default=0)
    label = models.CharField(max_length=40, default="")


class LinkedToken(BaseToken):
    """A token whose foreign keys cascade in the database only, by statements of `schema`."""

    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="linked")
    team = models.ForeignKey(
        Team, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    spare = models.ForeignKey(
        Team, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )


class ChildUser(User):
    motto = models.CharField(max_length=40)


class ChildUserToken(BaseToken):
    user = models.ForeignKey(ChildUser, on_delete=models.CASCADE, related_name="child_tokens")


class Employee(User):
    """A child with a primary key of its own, beside authtoken on the parent."""

    number = models.AutoField(primary_key=True)
    user_row = models.OneToOneField(User, on_delete=models.CASCADE, parent_link=True)
    motto = models.CharField(max_length=40)


class EmployeeToken(BaseToken):
    user = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="employee_tokens")


class Device(models.Model):
    device_id = models.AutoField(primary_key=True)
    label = models.CharField(max_length=40)


class DeviceToken(BaseToken):
    """A token of the second parent, which makes it a user too."""

    user = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")


class Account(User, Device):
    """Two parents, of which one's primary key is not the child's."""


class AccountToken(BaseToken):
    user = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")


class ChildToken(Token):
    """A token that is itself a child."""

    label = models.CharField(max_length=40)


class ProxyUser(User):
    class Meta:
        proxy = True


class ProxyToken(Token):
    class Meta:
        proxy = True


class UUIDUser(AbstractBaseUser):
    ident = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    USERNAME_FIELD = "name"


class UUIDToken(models.Model):
    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(UUIDUser, on_delete=models.CASCADE, related_name="+")


class ToFieldToken(BaseToken):
    user = models.ForeignKey(User, to_field="username", on_delete=models.CASCADE, related_name="+")


class TextToken(BaseToken):
    """Its key has a collation that ignores control characters on MariaDB, see `schema`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class TreeUser(AbstractBaseUser):
    """A user under another one, who goes with it."""

    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    boss = models.ForeignKey("self", null=True, on_delete=DB_CASCADE, related_name="below")
    deputy = models.ForeignKey("self", null=True, on_delete=DB_SET_NULL, related_name="+")
    USERNAME_FIELD = "name"


class TreeToken(BaseToken):
    user = models.ForeignKey(TreeUser, on_delete=DB_CASCADE, related_name="tokens")
    above = models.ForeignKey("self", null=True, on_delete=DB_CASCADE, related_name="+")


class Phone(models.Model):
    """Between a user and the token of a device."""

    user = models.ForeignKey(TreeUser, on_delete=DB_CASCADE, related_name="+")


class PhoneToken(BaseToken):
    user = models.ForeignKey(TreeUser, on_delete=DB_CASCADE, related_name="+")
    phone = models.ForeignKey(Phone, on_delete=DB_CASCADE, related_name="+")


class Node(AbstractBaseUser):
    """A user under another one, whose constraint is made by `schema` and unknown to Django."""

    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    boss = models.ForeignKey(
        "self", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    USERNAME_FIELD = "name"


class NodeToken(BaseToken):
    user = models.ForeignKey(Node, on_delete=models.DO_NOTHING, related_name="+")


class Folder(models.Model):
    """What has generic tokens."""

    name = models.CharField(max_length=40)
    tokens = GenericRelation("GenericToken")


class GenericToken(BaseToken):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    content_type = models.ForeignKey(ContentType, null=True, on_delete=models.CASCADE)
    object_id = models.PositiveBigIntegerField(null=True)
    folder = GenericForeignKey()


class Partitioned(BaseToken):
    """A table with partitions, which `schema` makes in the place of Django's."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    label = models.CharField(max_length=40, default="")


if django.VERSION >= (5, 0):

    class GeneratedToken(BaseToken):
        """A column that the database computes, which Django 6.1 reads back when it saves."""

        user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
        uses = models.IntegerField(default=0)
        doubled = models.GeneratedField(
            expression=models.F("uses") * 2, output_field=models.IntegerField(), db_persist=True
        )


class Mood(models.Model):
    """A table that is none of tokens or users, which triggers and cascades start from."""

    name = models.CharField(max_length=60)


class UserView(models.Model):
    """An updatable view of the users."""

    id = models.IntegerField(primary_key=True)
    first_name = models.CharField(max_length=150)
    is_active = models.BooleanField()

    class Meta:
        managed = False


class TokenView(models.Model):
    """An updatable view of the tokens."""

    key = models.CharField(max_length=40, primary_key=True)
    user_id = models.IntegerField()

    class Meta:
        managed = False


class UserRow(models.Model):
    """The table of users under a second, unmanaged model."""

    id = models.IntegerField(primary_key=True)
    first_name = models.CharField(max_length=150)
    is_active = models.BooleanField()

    class Meta:
        managed = False
        db_table = User._meta.db_table


if settings.VENDOR == "postgresql":

    class SchemaToken(BaseToken):
        """A table that is named with its schema."""

        # `flush` does not know a table by such a name, and could not empty what it refers to.
        user = models.ForeignKey(
            User, on_delete=models.CASCADE, related_name="+", db_constraint=False
        )
        label = models.CharField(max_length=40, default="")

        class Meta:
            db_table = 'wp_schema"."token'
