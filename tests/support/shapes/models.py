"""Models of every shape that a token and its user may have."""

import hashlib
import uuid
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import models
from rest_framework.authtoken.models import Token

import irontoken


class BaseToken(models.Model):
    key = models.CharField(max_length=40, primary_key=True, default=irontoken.generate_key)

    class Meta:
        abstract = True


class UUIDUser(AbstractBaseUser):
    """Another primary key than an integer called ``id``."""

    ident = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    USERNAME_FIELD = "name"


class UUIDToken(models.Model):
    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.OneToOneField(UUIDUser, on_delete=models.CASCADE, related_name="token")


class ChildUser(User):
    """A multi-table child: a row in two tables."""

    motto = models.CharField(max_length=40)


class ChildUserToken(BaseToken):
    user = models.OneToOneField(ChildUser, on_delete=models.CASCADE, related_name="child_token")


class ChildToken(Token):
    """A token that is itself a multi-table child."""

    label = models.CharField(max_length=40)


class ProxyToken(Token):
    class Meta:
        proxy = True


class ManyToken(BaseToken):
    """Many tokens for a user, in a column of another name."""

    number = models.AutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True, db_column="secret")
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="many", db_column="owner"
    )


class ToFieldToken(BaseToken):
    user = models.ForeignKey(User, to_field="username", on_delete=models.CASCADE, related_name="+")


class RichUser(AbstractBaseUser):
    """Fields whose values pass through converters or descriptors."""

    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    is_paying = models.BooleanField(null=True)
    balance = models.DecimalField(max_digits=12, decimal_places=3, default=Decimal("1.500"))
    settings = models.JSONField(default=dict)
    born = models.DateField(null=True)
    alarm = models.TimeField(null=True)
    patience = models.DurationField(null=True)
    score = models.FloatField(default=0.5)
    blob = models.BinaryField(default=b"\0\xff")
    document = models.FileField(upload_to="documents", blank=True)
    portrait = models.ImageField(upload_to="portraits", blank=True)
    address = models.GenericIPAddressField(null=True)
    USERNAME_FIELD = "name"


class RichToken(BaseToken):
    user = models.OneToOneField(RichUser, on_delete=models.CASCADE, related_name="token")
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(auto_now_add=True)
    serial = models.UUIDField(default=uuid.uuid4)


class SettledUser(AbstractBaseUser):
    """A value that can be changed in place, as many projects have one."""

    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    settings = models.JSONField(default=dict)
    USERNAME_FIELD = "name"


class SettledToken(BaseToken):
    user = models.OneToOneField(SettledUser, on_delete=models.CASCADE, related_name="token")
    scopes = models.JSONField(default=list)


class MeasuredUser(AbstractBaseUser):
    """An image whose dimensions Django reads when an instance is made."""

    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    portrait = models.ImageField(
        upload_to="portraits", blank=True, width_field="width", height_field="height"
    )
    width = models.IntegerField(null=True)
    height = models.IntegerField(null=True)
    USERNAME_FIELD = "name"


class MeasuredToken(BaseToken):
    user = models.OneToOneField(MeasuredUser, on_delete=models.CASCADE, related_name="token")


class InitUser(AbstractBaseUser):
    """A class with something to do when an instance is made."""

    name = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    USERNAME_FIELD = "name"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initialised = True


class FromDBToken(BaseToken):
    """A class with something to do when a row is read."""

    user = models.OneToOneField(InitUser, on_delete=models.CASCADE, related_name="token")

    @classmethod
    def from_db(cls, db, field_names, values, **kwargs):
        instance = super().from_db(db, field_names, values, **kwargs)
        instance.loaded_from = db
        return instance


class SuspendedUser(AbstractBaseUser):
    """A user whose activity is no column."""

    name = models.CharField(max_length=40, unique=True)
    is_active = property(lambda self: False)
    USERNAME_FIELD = "name"


class SuspendedToken(BaseToken):
    user = models.OneToOneField(SuspendedUser, on_delete=models.CASCADE, related_name="token")


class UpperCaseField(models.CharField):
    """A field with a converter."""

    def from_db_value(self, value, expression, connection):
        return value.upper()


class ConvertedToken(BaseToken):
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="converted")
    label = UpperCaseField(max_length=40, default="label")


class LiveManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(live=True)


class ManagedToken(BaseToken):
    """A manager that hides rows: REST framework's code finds it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="managed")
    live = models.BooleanField(default=True)
    objects = LiveManager()
    everything = models.Manager()


class NullableToken(BaseToken):
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="nullable")


class NumberToken(models.Model):
    """A key that is not a text."""

    key = models.IntegerField(unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class RepeatedToken(models.Model):
    """A key that several rows may share."""

    key = models.CharField(max_length=40)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class Announcing(models.base.ModelBase):
    """A metaclass with something to do when an instance is made."""

    def __call__(cls, *args, **kwargs):
        instance = super().__call__(*args, **kwargs)
        instance.announced = True
        return instance


class AnnouncedToken(BaseToken, metaclass=Announcing):
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="announced")


class NewToken(BaseToken):
    """A `__new__` of its own."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")

    def __new__(cls, *args, **kwargs):
        instance = super().__new__(cls)
        instance.__dict__["made"] = True
        return instance


class NotingToken(BaseToken):
    """A `__setattr__` of its own."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "key":
            super().__setattr__("noted", len(value))


class StrippedDescriptor(models.query_utils.DeferredAttribute):
    def __set__(self, instance, value):
        instance.__dict__[self.field.attname] = value.strip()


class StrippedField(models.CharField):
    descriptor_class = StrippedDescriptor


class StrippedToken(BaseToken):
    """A descriptor of its own."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    label = StrippedField(max_length=40, default="label")


class StaticToken(BaseToken):
    """A `from_db` that is no class method, which Django allows up to 6.0."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")

    @staticmethod
    def from_db(db, field_names, values):
        return models.Model.from_db.__func__(StaticToken, db, field_names, values)


class HidingToken(BaseToken):
    """A `from_db` that hides rows."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")

    @classmethod
    def from_db(cls, db, field_names, values, **kwargs):
        raise cls.DoesNotExist


class BoundToken(BaseToken):
    """A manager bound to a database."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    objects = models.Manager().db_manager("other")


class SlugToken(BaseToken):
    """A key of another text field, and a manager."""

    key = models.SlugField(max_length=40, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    live = models.BooleanField(default=True)
    objects = LiveManager()


class DeferringManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().defer("key")


class DeferredToken(BaseToken):
    number = models.AutoField(primary_key=True)
    key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    objects = DeferringManager()


class HashedField(models.CharField):
    """A key that is stored as its digest."""

    def get_prep_value(self, value):
        return hashlib.sha256(value.encode()).hexdigest()


class HashedToken(BaseToken):
    key = HashedField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class DecimalToken(BaseToken):
    key = models.DecimalField(max_digits=6, decimal_places=2, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class Machine(models.Model):
    """A token, and the user of another."""

    key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    is_active = models.BooleanField(default=True)


class MachineToken(BaseToken):
    user = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="+")


class Device(models.Model):
    device_id = models.AutoField(primary_key=True)
    label = models.CharField(max_length=40)


class Account(User, Device):
    """Two parents, of which one's primary key is not the child's."""


class AccountToken(BaseToken):
    user = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")


class Organizer(models.Model):
    name = models.CharField(max_length=40)
    settings = models.JSONField(default=dict)


class Followed(models.Model):
    """What a constraint of the database's own may follow."""

    name = models.CharField(max_length=40, unique=True)

    class Meta:
        db_table = "shapes_follow"


class Team(models.Model):
    """What a token belongs to in place of a user, and whose user it may act as."""

    name = models.CharField(max_length=40)
    organizer = models.ForeignKey(Organizer, on_delete=models.CASCADE)
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    service_user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")


class Profile(models.Model):
    """What refers to a user, and not the other way around."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    motto = models.CharField(max_length=40)


class TeamToken(models.Model):
    token = models.CharField(max_length=64, unique=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tokens")
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    active = models.BooleanField(default=True)


class LooseToken(models.Model):
    """A key that several rows may share, and references that no constraint holds."""

    secret = models.CharField(max_length=64)
    team = models.ForeignKey(
        Team, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    kin = models.ForeignKey(ChildUser, null=True, on_delete=models.CASCADE, related_name="+")
