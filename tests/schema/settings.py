"""A project of the endpoints of issued tokens alone, with their description."""

from tests.support.settings import *  # noqa: F403
from tests.support.settings import DATABASES, REST_FRAMEWORK

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {"default": DATABASES["default"]}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "irontoken",
    "irontoken.tokens",
]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
IRONTOKEN = {"TOKEN_MODEL": "irontoken_tokens.AccessToken"}
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # As many tries as a fuzzer makes.
    "DEFAULT_THROTTLE_RATES": {
        "irontoken_address": "1000000/min",
        "irontoken_name": "1000000/min",
        "irontoken_rotate": "1000000/min",
    },
}
ROOT_URLCONF = "tests.schema.urls"
