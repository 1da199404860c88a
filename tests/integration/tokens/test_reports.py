"""The mail about an error holds no password, no key and no pepper, whatever failed."""

import contextlib
import json
import logging

import django
import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.db import connection
from django.db.models.signals import post_save, pre_save
from django.utils.log import AdminEmailHandler
from rest_framework.authtoken.models import Token

from irontoken.tokens import digests, handover, managers
from irontoken.tokens.adoption import base as adoption
from irontoken.tokens.signals import token_issued, token_refused, token_revoked
from tests.support.issued import AccessToken, User, setting

# From Django 6.1 on a project names its mailers; what is mailed here is the same without.
pytestmark = pytest.mark.filterwarnings("ignore:.*default mailer")

PASSWORD = "a-password-of-ada"
PEPPER = "a-pepper-of-this-site-for-the-tests"
SENT = {"username": "ada", "password": PASSWORD}


class FailingBackend(ModelBackend):
    def authenticate(self, request, username=None, password=None, **others):
        raise RuntimeError("a failure")


@pytest.fixture
def secrets(issued, monkeypatch):
    """All that no mail may hold, the keys that are made during the test among them."""
    made = [PASSWORD, PEPPER]

    def issue_key(prefix, make=managers.issue_key):
        made.append(make(prefix))
        return made[-1]

    monkeypatch.setattr(managers, "issue_key", issue_key)
    return made


@pytest.fixture
def ada(secrets):
    with setting(PEPPERS={1: PEPPER}):
        yield User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def reported(client, secrets, settings):
    """Ask, and look at the mail about the error: it is of what failed, and holds no secret."""
    address = "admin@example.com"
    settings.ADMINS = [address if django.VERSION >= (6,) else ("An admin", address)]
    settings.DEBUG = False
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    client.raise_request_exception = False
    handler = AdminEmailHandler(include_html=True)
    loggers = [logging.getLogger(name) for name in ("django.request", "django.dispatch")]
    for logger in loggers:
        logger.addHandler(handler)

    def ask(method, path, *arguments, says="a failure", **named):
        status = getattr(client, method)(path, *arguments, **named).status_code
        assert mail.outbox, status
        pages = [page[0] for message in mail.outbox for page in message.alternatives]
        texts = [text for message in mail.outbox for text in (message.subject, message.body)]
        assert any(says in page and "Traceback" in page for page in pages)
        for text in (*pages, *texts):
            assert not [each for each in secrets if each in text]
        return status

    yield ask
    for logger in loggers:
        logger.removeHandler(handler)


def fail(*_, **__):
    raise RuntimeError("a failure")


@contextlib.contextmanager
def failing(signal, sender=None):
    signal.connect(fail, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(fail, sender=sender)


@pytest.mark.parametrize("kind", ["form", "json"])
@pytest.mark.parametrize(
    ("signal", "sender"),
    [(token_issued, None), (post_save, AccessToken), (pre_save, AccessToken)],
)
def test_of_a_receiver_while_a_token_is_obtained(ada, reported, kind, signal, sender):
    sent = {"data": SENT}
    if kind == "json":
        sent = {"data": json.dumps(SENT), "content_type": "application/json"}
    with failing(signal, sender):
        assert reported("post", "/tokens/obtain/", **sent) == 500


def test_of_a_receiver_while_a_hasher_is_brought_up_to_date(ada, reported, settings):
    User.objects.update(password=make_password(PASSWORD, hasher="md5"))
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    with failing(pre_save, User):
        assert reported("post", "/tokens/obtain/", SENT) == 500


def test_of_a_backend_that_has_the_password(ada, reported, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.FailingBackend"]
    assert reported("post", "/tokens/obtain/", SENT) == 500


def test_of_a_receiver_while_a_token_is_rotated(ada, reported):
    _, key = AccessToken.objects.issue(ada)
    with failing(token_issued):
        header = {"HTTP_AUTHORIZATION": f"Token {key}"}
        assert reported("post", "/tokens/rotate/", **header) == 500


def test_of_a_receiver_while_all_are_revoked(ada, reported, secrets):
    AccessToken.objects.issue(ada)
    secrets.append(Token.objects.create(user=ada).key)
    with failing(token_revoked):
        header = {"HTTP_AUTHORIZATION": f"Token {secrets[-1]}"}
        sent = {"keep_current": True}
        assert reported("post", "/tokens/revoke-all/", sent, **header) == 500


def test_of_a_receiver_of_a_refusal_which_stays_one(ada, reported, secrets):
    secrets.append("a-key-that-is-nobodys")
    with failing(token_refused):
        header = {"HTTP_AUTHORIZATION": f"Token {secrets[-1]}"}
        assert reported("get", "/whoami/", **header) == 401


def test_of_a_digest_that_cannot_be_made(ada, reported, monkeypatch):
    _, key = AccessToken.objects.issue(ada)
    monkeypatch.setattr(digests.hmac, "digest", fail)
    assert reported("get", "/whoami/", HTTP_AUTHORIZATION=f"Token {key}") == 500


def test_of_a_database_that_is_gone_while_authtoken_is_asked(ada, reported, secrets):
    secrets.append(Token.objects.create(user=ada).key)
    with connection.execute_wrapper(fail):
        assert reported("get", "/whoami/", HTTP_AUTHORIZATION=f"Token {secrets[-1]}") == 500


def test_of_a_database_that_is_gone_without_issued_tokens(reported, secrets, settings):
    settings.IRONTOKEN = {}
    secrets.append(Token.objects.create(user=User.objects.create_user("ada")).key)
    with connection.execute_wrapper(fail):
        assert reported("get", "/whoami/", HTTP_AUTHORIZATION=f"Token {secrets[-1]}") == 500


def test_of_a_wrong_setting(ada, reported):
    _, key = AccessToken.objects.issue(ada)
    with setting(PEPPERS={1: PEPPER, "2": PEPPER}):
        header = {"HTTP_AUTHORIZATION": f"Token {key}"}
        assert reported("get", "/whoami/", says="a number that is none", **header) == 500


def test_of_a_batch_of_an_adoption(ada, reported, secrets, settings, monkeypatch):
    """Which somebody runs from a view."""
    secrets.append(Token.objects.create(user=ada).key)
    monkeypatch.setattr(adoption.Adoption, "_prove", fail)

    def view(request):
        list(adoption.Adoption("authtoken").finish())

    monkeypatch.setattr("tests.support.urls.WhoAmI.dispatch", lambda self, request: view(request))
    assert reported("get", "/whoami/") == 500


ADMIN = "/admin/{app_label}/{model_name}/add/".format_map(vars(AccessToken._meta))


@pytest.fixture
def form(ada, client):
    """What the admin is sent to issue a token."""
    client.force_login(User.objects.create_superuser("root"))
    return {"user": ada.pk, "name": "", "scope": ""}


def test_of_a_receiver_while_the_admin_issues(form, reported):
    with failing(token_issued):
        assert reported("post", ADMIN, form) == 500


def test_of_the_redirect_with_a_key(form, reported, monkeypatch):
    monkeypatch.setattr(handover, "HttpResponseRedirect", fail)
    assert reported("post", ADMIN, form) == 500


def test_of_the_page_of_a_key(form, reported, client, monkeypatch):
    url = client.post(ADMIN, form).url
    monkeypatch.setattr(handover, "forget", fail)
    assert reported("get", url) == 500
