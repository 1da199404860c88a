"""What an answer leaves behind: no cache keeps it, no page repeats a password, and its schema."""

from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.serializers import CharField, Serializer
from rest_framework.test import APIClient
from rest_framework.views import APIView

from tests.support.issued import AccessToken

HTML = {"HTTP_ACCEPT": "text/html"}


@pytest.fixture(autouse=True)
def no_tries_yet():
    cache.clear()


@pytest.mark.parametrize(
    ("asked", "sent", "status"),
    [
        ("POST obtain/", {"username": "ada", "password": "lovelace"}, 200),
        ("POST obtain/", {"username": "ada", "password": "wrong"}, 400),
        ("GET obtain/", {}, 405),
        ("OPTIONS obtain/", {}, 200),
        ("GET ", {}, 200),
        ("GET who-am-i/", {}, 200),
        ("POST rotate/", {}, 200),
        ("POST revoke-all/", {}, 200),
        ("DELETE 0/", {}, 404),
    ],
)
@pytest.mark.parametrize("has_token", [True, False])
def test_no_cache_keeps_an_answer(ada, asked, sent, status, has_token):
    client = APIClient()
    if has_token:
        client.credentials(HTTP_AUTHORIZATION=f"Token {AccessToken.objects.issue(ada)[1]}")
    method, place = asked.split(" ")
    answer = getattr(client, method.lower())(f"/tokens/{place}", sent)
    assert answer.status_code == status if has_token or "obtain" in place else 401
    assert answer["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize("sent", [{"username": "ada"}, {"username": "ada", "scopes": "a b"}, {}])
@pytest.mark.parametrize("form", ["multipart", "json"])
def test_a_page_repeats_no_password(ada, sent, form):
    sent = {**sent, "password": "a-password-of-ada"}
    answer = APIClient().post("/tokens/obtain/", sent, format=form, **HTML)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert 'name="password"' in page
    assert "a-password-of-ada" not in page


def test_the_page_of_a_new_key_shows_it_once(ada):
    sent = {"username": "ada", "password": "lovelace"}
    answer = APIClient().post("/tokens/obtain/", sent, **HTML)
    page = answer.content.decode()
    assert page.count(answer.data["token"]) == 1
    assert "lovelace" not in page


class Own(APIView):
    """A view of a site's own."""

    class OwnSerializer(Serializer):
        word = CharField()

    serializer_class = OwnSerializer

    def get(self, request):
        """Say a word."""
        return Response({"word": "hello"})


urlpatterns = [
    path("own/", Own.as_view()),
    path("tokens/", include("irontoken.tokens.urls")),
]


def test_spectacular_finds_nothing_to_warn_of(issued, settings):
    pytest.importorskip("drf_spectacular")
    schema_class = "drf_spectacular.openapi.AutoSchema"
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_SCHEMA_CLASS": schema_class}
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "drf_spectacular"]
    import irontoken.tokens.http.openapi  # noqa: F401 - registers itself

    out, err = StringIO(), StringIO()
    with override_settings(ROOT_URLCONF=__name__):
        call_command("spectacular", "--fail-on-warn", "--validate", stdout=out, stderr=err)
    assert "/own/" in out.getvalue()
    assert "/tokens/obtain/" in out.getvalue()
