"""One model with what the tokens of these applications have."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Token(models.Model):
    key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(null=True)
    revoked = models.BooleanField(default=False)
    last_seen = models.DateField(null=True)
    last_used = models.DateTimeField(null=True)
    allowed_ips = models.JSONField(default=list)

    class Meta:
        app_label = "real_applications"

    @property
    def is_expired(self):
        return self.expires is not None and self.expires <= timezone.now()


class Organizer(models.Model):
    name = models.CharField(max_length=40)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

    class Meta:
        app_label = "real_applications"


class Team(models.Model):
    organizer = models.ForeignKey(Organizer, on_delete=models.CASCADE)

    class Meta:
        app_label = "real_applications"


class TeamToken(models.Model):
    """pretix' token of a team, which has no user, and whose key no constraint keeps unique."""

    token = models.CharField(max_length=64)
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    active = models.BooleanField(default=True)

    class Meta:
        app_label = "real_applications"


class Device(models.Model):
    """pretix' device, which is its own token."""

    api_token = models.CharField(max_length=190, unique=True, null=True)
    organizer = models.ForeignKey(Organizer, on_delete=models.CASCADE)
    initialized = models.DateTimeField(null=True)
    revoked = models.BooleanField(default=False)
    paths = models.JSONField(default=list)

    class Meta:
        app_label = "real_applications"


class Settings(models.Model):
    """RapidPro's settings of a user."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="settings"
    )
    language = models.CharField(max_length=8, default="eng")

    class Meta:
        app_label = "real_applications"


class OrgToken(models.Model):
    """RapidPro's token of a user in an organization."""

    key = models.CharField(max_length=40, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    org = models.ForeignKey(Organizer, on_delete=models.PROTECT)
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "real_applications"


class Workspace(models.Model):
    slug = models.SlugField(unique=True)

    class Meta:
        app_label = "real_applications"


class WorkspaceToken(models.Model):
    """Plane's token, which may be good in one workspace alone."""

    token = models.CharField(max_length=255, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.CASCADE)
    expired_at = models.DateTimeField(null=True)
    last_used = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "real_applications"


class UserToken(models.Model):
    """pretalx' token, and with another name of the key Tactical RMM's."""

    token = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires = models.DateTimeField(null=True)

    class Meta:
        app_label = "real_applications"


class TempToken(models.Model):
    """Ona's token for links."""

    key = models.CharField(max_length=40, primary_key=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "real_applications"
