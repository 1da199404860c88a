"""What a wheel must do on each platform: keys, headers, the drop-in, and the cache of a host.

Run by the platform's own Python, beside Django, REST framework and the wheel.
"""

import sys
import tempfile

import irontoken

key = irontoken.generate_key()
assert irontoken.parse_authorization(b"Token " + key.encode()) == key

import django
from django.conf import settings

folder = tempfile.mkdtemp()
settings.configure(
    SECRET_KEY="x",
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{folder}/db.sqlite3",
        }
    },
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
        "irontoken",
        "irontoken.tokens",
    ],
    IRONTOKEN={"CACHE": {"COHERENCE": "host", "PATH": folder}},
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": ["irontoken.TokenAuthentication"]},
)
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from irontoken.tokens.models import AccessToken


class Hello(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response(request.user.username)


def answer(key):
    """The status of a request with a key, and how many queries it took."""
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Token {key}")
    with CaptureQueriesContext(connection) as queries:
        response = Hello.as_view()(request)
    return response.status_code, len(queries)


call_command("migrate", verbosity=0)
token = Token.objects.create(user=User.objects.create_user("ada"))
counts = [answer(token.key) for _ in range(3)]
User.objects.update(is_active=False)
refused, _ = answer(token.key)
issued, issued_key = AccessToken.objects.issue(token.user)
gil = getattr(sys, "_is_gil_enabled", lambda: True)()
print(f"Python {sys.version.split()[0]}{'' if gil else ', without the GIL'}", end=": ")
print(f"status and queries {counts}, once inactive {refused}")
assert counts == [(200, 1), (200, 0), (200, 0)]
assert refused == 401
assert issued_key.startswith("it_")
