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
