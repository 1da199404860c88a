"""A project of django-tenants: users and tokens in each tenant's schema, and users in `public`."""

from tests.support.settings import *  # noqa: F403
from tests.support.settings import DEFAULT

DATABASES = {"default": {**DEFAULT, "ENGINE": "django_tenants.postgresql_backend"}}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
SHARED_APPS = [
    "django_tenants",
    "tests.support.tenants",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "irontoken",
]
TENANT_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework.authtoken",
]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]
MIGRATION_MODULES = {"tenants": None}
TENANT_MODEL = "tenants.Client"
TENANT_DOMAIN_MODEL = "tenants.Domain"
