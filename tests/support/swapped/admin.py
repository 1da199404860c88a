from django.contrib import admin

from irontoken.tokens.admin import AccessTokenAdmin
from tests.support.swapped.models import DeviceToken

admin.site.register(DeviceToken, AccessTokenAdmin)
