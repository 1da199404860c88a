from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tests.support.tenants"
    label = "tenants"
