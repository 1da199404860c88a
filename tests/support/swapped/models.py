"""A project's own users and tokens, with primary keys that are no numbers."""

import uuid

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from irontoken.tokens.models import AbstractAccessToken


class Person(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class Member(Person, AbstractUser):
    """A user in two tables."""

    objects = UserManager()


class DeviceToken(AbstractAccessToken):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    device = models.CharField(max_length=20, default="unknown")

    class Meta(AbstractAccessToken.Meta):
        pass
