"""What applications override the class for can be declared, to the same answers and no query."""

import itertools
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from examples.real_applications import declared, originals
from examples.real_applications.models import Token
from tests.support.comparison import described, outcome

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["Argus", "InvenTree", "Nautobot", "NetBox", "PeeringManager"]
NOW = timezone.now()
HOUR = timedelta(hours=1)
#: What a token is, and what its user is.
TOKENS = {
    "valid": ({}, {}),
    "expired": ({"expires": NOW - HOUR}, {}),
    "to expire": ({"expires": NOW + HOUR}, {}),
    "old": ({"created": NOW - timedelta(days=15)}, {}),
    "revoked": ({"revoked": True}, {}),
    "from here": ({"allowed_ips": ["127.0.0.1", "192.0.2.1"]}, {}),
    "from elsewhere": ({"allowed_ips": ["192.0.2.1"]}, {}),
    "of an inactive user": ({}, {"is_active": False}),
}
HEADERS = ["Token {}", "token  {}", "Bearer {}", "{}", "Token", "Token a {}", "Token {}x", None]


@pytest.fixture(autouse=True)
def cache_on(tmp_path):
    setting = {"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600}}
    with override_settings(IRONTOKEN=setting):
        yield


def make(kind):
    of_token, of_user = TOKENS[kind]
    user = User.objects.create_user("ada", **of_user)
    return Token.objects.create(key="9944b09199c62bcf", user=user, **of_token)


def asked(cls, header):
    headers = {} if header is None else {"authorization": header}
    try:
        pair = cls().authenticate(Request(APIRequestFactory().get("/", headers=headers)))
    except Exception as error:
        return described(error)
    return pair and tuple(each.pk for each in pair)


@pytest.mark.parametrize("name", NAMES)
def test_a_declared_class_answers_as_the_original_does(name):
    for kind, header in itertools.product(TOKENS, HEADERS):
        answers = []
        for place in (originals, declared):
            token = make(kind)
            header_of_it = header and header.format(token.key)
            first = asked(getattr(place, name), header_of_it)
            again = asked(getattr(place, name), header_of_it)
            left = Token.objects.values_list("expires", "last_seen", "revoked").first()
            used = Token.objects.exclude(last_used=None).exists()
            ids = (token.user_id, token.pk)
            answers.append([first == ids or first, again == ids or again, left, used])
            User.objects.all().delete()
        assert answers[0] == answers[1], (kind, header)


@pytest.mark.parametrize("name", NAMES)
def test_a_token_seen_before_costs_no_query(name):
    token = make("valid")
    cls = getattr(declared, name)
    request = Request(
        APIRequestFactory().get("/", headers={"authorization": f"Token {token.key}"})
    )
    for _ in range(2):
        cls().authenticate(request)
    found = outcome(cls().authenticate, request)
    assert found.exception is None
    assert found.queries == ()
