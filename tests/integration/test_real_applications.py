"""What applications override the class for can be declared, to the same answers and no query."""

import itertools
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from examples.real_applications import declared, originals
from examples.real_applications.models import (
    Device,
    Organizer,
    OrgToken,
    Settings,
    Team,
    TeamToken,
    TempToken,
    Token,
    UserToken,
    Workspace,
    WorkspaceToken,
)
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


KEY = "9944b09199c62bcf"


def team_of(**values):
    return Team.objects.create(organizer=Organizer.objects.create(**values))


def user_of(**values):
    return User.objects.create_user("ada", **values)


def org_token(*, settled=True, active=True, **values):
    user = user_of(is_active=active)
    if settled:
        Settings.objects.create(user=user)
    org = Organizer.objects.create(name="org", parent=Organizer.objects.create(name="all"))
    OrgToken.objects.create(key=KEY, user=user, org=org, **values)


def workspace_token(*, slug=None, active=True, **values):
    space = Workspace.objects.create(slug=slug) if slug else None
    user = user_of(is_active=active)
    WorkspaceToken.objects.create(token=KEY, user=user, workspace=space, **values)


def user_token(*, active=True, **values):
    UserToken.objects.create(token=KEY, user=user_of(is_active=active), **values)


def temp_token(*, active=True, **values):
    TempToken.objects.create(key=KEY, user=user_of(is_active=active), **values)


def device(**values):
    organizer = Organizer.objects.create()
    Device.objects.create(
        **{"api_token": KEY, "organizer": organizer, "initialized": NOW, **values}
    )


def team_token(**values):
    TeamToken.objects.create(token=KEY, team=team_of(), **values)


BY_API_KEY = [{"HTTP_X_API_KEY": text} for text in (KEY, "no", "")] + [{}]
BY_TOKEN = [{"HTTP_AUTHORIZATION": text.format(KEY)} for text in ("Token {}", "Token x", "A {}")]
EXPIRY = [{"expires": None}, {"expires": NOW - HOUR}, {"expires": NOW + HOUR}, {"active": False}]
#: Of each: what makes its token, with which values, and how it is asked.
OTHERS = {
    "PretixTeam": (team_token, [{}, {"active": False}], BY_TOKEN),
    "PretixDevice": (
        device,
        [{}, {"initialized": None}, {"revoked": True}, {"paths": ["/"]}, {"paths": ["/other"]}],
        [{"HTTP_AUTHORIZATION": f"{word} {KEY}"} for word in ("Device", "device", "Token")],
    ),
    "RapidPro": (
        org_token,
        [{}, {"is_active": False}, {"active": False}, {"settled": False}],
        BY_TOKEN,
    ),
    "Plane": (
        workspace_token,
        [
            {},
            {"slug": "here"},
            {"slug": "elsewhere"},
            {"active": False},
            {"is_active": False},
            {"expired_at": NOW - HOUR},
            {"expired_at": NOW + HOUR},
        ],
        [*BY_API_KEY, {"HTTP_X_API_KEY": KEY, "PATH_INFO": "/here"}],
    ),
    "Pretalx": (user_token, EXPIRY, BY_TOKEN),
    "Ona": (
        temp_token,
        [{}, {"active": False}, {"created": NOW - timedelta(hours=7)}],
        [{"QUERY_STRING": f"temp_token={key}"} for key in (KEY, "no", "")] + [{}],
    ),
    "TacticalRMM": (user_token, EXPIRY, BY_API_KEY),
}
#: What an irontoken class says of an unknown key and of an inactive user, in their words.
THEIRS = {
    "RapidPro": {"Invalid token.": "Invalid token", "User inactive or deleted.": "Invalid token"},
    "Plane": {"Invalid token.": "Given API token is not valid"},
    "Ona": {
        "Invalid token.": "Invalid token",
        "User inactive or deleted.": "User inactive or deleted",
    },
}


@pytest.fixture(autouse=True)
def cache_on(tmp_path):
    cache = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600}
    classes = [f"{declared.__name__}.{name}" for name in OTHERS]
    setting = {"CACHE": {**cache, "CLASSES": classes}}
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


def answer(cls, meta):
    """Who somebody is taken for, by which key, with what was set on the request; or a refusal."""
    request = Request(APIRequestFactory().get("/"))
    request.META.update(meta)
    request._request.path = meta.get("PATH_INFO", "/")
    try:
        pair = cls().authenticate(request)
    except Exception as error:
        return described(error)
    if pair is None:
        return None
    user, auth = pair
    fields = (getattr(auth, name, None) for name in ("key", "token", "api_token"))
    key = auth if isinstance(auth, str) else next(filter(None, fields))
    return str(user), key, str(getattr(request._request, "org", None))


@pytest.mark.parametrize("name", OTHERS)
def test_one_that_declares_fields_answers_as_the_original_does(name):
    make, kinds, requests = OTHERS[name]
    for values in kinds:
        make(**values)
        for meta in requests:
            expected = answer(getattr(originals, name), meta)
            for _ in range(2):
                found = answer(getattr(declared, name), meta)
                if found is not None and found[0] is AuthenticationFailed:
                    text = THEIRS.get(name, {}).get(found[1], found[1])
                    found = (found[0], text, *found[2:])
                assert found == expected, (values, meta)
        for model in (OrgToken, TeamToken, Device, TempToken, UserToken, WorkspaceToken):
            model.objects.all().delete()
        for model in (User, Workspace, Organizer):
            model.objects.all().delete()


@pytest.mark.parametrize("name", OTHERS)
def test_one_that_declares_fields_costs_no_query_for_a_token_seen_before(name):
    make, _, [meta, *_] = OTHERS[name]
    make()
    cls = getattr(declared, name)
    for _ in range(3):
        assert answer(cls, meta) is not None
    with CaptureQueriesContext(connection) as context:
        _, key, _ = answer(cls, meta)
    assert (key, len(context)) == (KEY, 0)
