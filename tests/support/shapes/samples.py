"""A token of each shape of model."""

import datetime as dt
from decimal import Decimal

import django
from django.utils import timezone
from rest_framework.authtoken.models import Token

import irontoken
from tests.support.shapes import models


def rich_user():
    return models.RichUser.objects.create(
        name="rich",
        settings={"theme": ["dark", 1, None]},
        born=dt.date(1815, 12, 10),
        alarm=dt.time(6, 30),
        patience=dt.timedelta(minutes=3),
        last_login=timezone.now(),
        document="documents/a.txt",
        portrait="portraits/a.png",
        address="192.0.2.1",
        is_paying=True,
    )


def simple(cls):
    return cls.objects.create(name="someone")


#: How a token of each shape is made, and whether its look-up is compiled.
SHAPES = {
    "stock": (lambda u: Token.objects.create(user=u), True),
    "uuid": (lambda u: models.UUIDToken.objects.create(user=simple(models.UUIDUser)), True),
    "multi-table user": (
        lambda u: models.ChildUserToken.objects.create(
            user=models.ChildUser.objects.create(username="child", motto="onwards")
        ),
        True,
    ),
    "multi-table token": (lambda u: models.ChildToken.objects.create(user=u, label="x"), True),
    "proxy": (lambda u: models.ProxyToken.objects.create(user=u), True),
    "foreign key": (
        lambda u: models.ManyToken.objects.create(user=u, key=irontoken.generate_key()),
        True,
    ),
    "to_field": (lambda u: models.ToFieldToken.objects.create(user=u), True),
    "rich": (lambda u: models.RichToken.objects.create(user=rich_user(), scopes=["a"]), True),
    "measured image": (
        lambda u: models.MeasuredToken.objects.create(user=simple(models.MeasuredUser)),
        True,
    ),
    "__init__ and from_db": (
        lambda u: models.FromDBToken.objects.create(user=simple(models.InitUser)),
        True,
    ),
    "from_db_value": (lambda u: models.ConvertedToken.objects.create(user=u), True),
    "metaclass": (lambda u: models.AnnouncedToken.objects.create(user=u), True),
    "__new__": (lambda u: models.NewToken.objects.create(user=u), True),
    "__setattr__": (lambda u: models.NotingToken.objects.create(user=u), True),
    "descriptor": (lambda u: models.StrippedToken.objects.create(user=u), True),
    "deferred": (lambda u: models.DeferredToken.objects.create(user=u, key="abc"), False),
    "slug": (lambda u: models.SlugToken.objects.create(user=u, key="abc"), False),
    "decimal": (lambda u: models.DecimalToken.objects.create(user=u, key=Decimal("1.50")), False),
    "manager": (lambda u: models.ManagedToken.objects.create(user=u), False),
    "nullable": (lambda u: models.NullableToken.objects.create(user=u), False),
    "number": (lambda u: models.NumberToken.objects.create(user=u, key=42), False),
    "repeated": (lambda u: models.RepeatedToken.objects.create(user=u, key="abc"), False),
}
if django.VERSION < (6, 1):
    SHAPES["static from_db"] = (lambda u: models.StaticToken.objects.create(user=u), False)
