"""REPLACE_DRF_CLASS, with a package that asks for REST framework's very class."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from django.conf import settings

given = json.loads(sys.argv[1])
settings.configure(
    SECRET_KEY="x",
    ROOT_URLCONF="rest_registration.api.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *given["apps"]],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [given["class"]]},
    REST_REGISTRATION={
        f"{name}_VERIFICATION_ENABLED": False
        for name in ("REGISTER", "REGISTER_EMAIL", "RESET_PASSWORD")
    },
    IRONTOKEN=given["setting"],
)
import django
django.setup()
from django.contrib.auth.models import User
from django.core import checks
from django.core.management import call_command
from rest_framework import authentication
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

call_command("migrate", verbosity=0)
User.objects.create_user("ada", password="password")
client = APIClient()
answer = client.post("/login/", {"login": "ada", "password": "password"}, format="json")
key = answer.json().get("token")
made = Token.objects.count()
if key:
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    out = client.post("/logout/", {"revoke_token": True}, format="json").status_code
print(json.dumps({
    "issued": made,
    "left": Token.objects.count(),
    "class": authentication.TokenAuthentication.__module__,
    "checks": [f"{each.id} {each.msg} {each.hint}" for each in checks.run_checks()
               if each.id.startswith("irontoken")],
}))
"""
APPS = ["rest_framework", "rest_framework.authtoken"]
OURS = "irontoken.TokenAuthentication"


def run(apps, setting, listed=OURS):
    given = json.dumps({"apps": apps, "setting": setting, "class": listed})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, given],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("listed", [OURS, "rest_framework.authentication.TokenAuthentication"])
def test_our_class_stands_in_and_the_package_issues_and_revokes(listed):
    apps = ["irontoken", "rest_registration", *APPS]
    found = run(apps, {"REPLACE_DRF_CLASS": True}, listed)
    assert found == {
        "issued": 1,
        "left": 0,
        "class": "irontoken.authentication",
        "checks": [],
    }


def test_without_the_setting_the_check_names_the_package_and_the_line():
    found = run(["irontoken", "rest_registration", *APPS], {})
    assert (found["issued"], found["class"]) == (0, "rest_framework.authentication")
    [said] = found["checks"]
    assert said.startswith("irontoken.W011 django-rest-registration asks")
    assert '"REPLACE_DRF_CLASS": True' in said


def test_with_rest_frameworks_class_nothing_is_said():
    listed = "rest_framework.authentication.TokenAuthentication"
    found = run(["irontoken", "rest_registration", *APPS], {}, listed)
    assert (found["issued"], found["left"], found["checks"]) == (1, 0, [])
