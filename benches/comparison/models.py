"""Tokens of an application of its own, for the rows of declared classes."""

from django.contrib.auth.models import User
from django.db import models


class Team(models.Model):
    name = models.CharField(max_length=40)
    slug = models.SlugField()
    size = models.IntegerField(default=5)
    is_open = models.BooleanField(default=True)


class TeamToken(models.Model):
    key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE)


class SettledToken(models.Model):
    key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField(default=dict)
