"""What a subclass declares: where the key is, who the user is, what is checked on each request."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

import irontoken
from irontoken.tokens.models import AccessToken
from tests.support.comparison import outcome, request_with

pytestmark = pytest.mark.django_db(transaction=True)
factory = APIRequestFactory()


def request(**headers):
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(factory.get("/", headers=found))


def declare(**declared):
    return type("Declared", (irontoken.TokenAuthentication,), declared)


@pytest.fixture(params=["off", "on"])
def cached(request, tmp_path):
    """Whether the cache is on."""
    cache = {"CACHE": {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600}}
    with override_settings(IRONTOKEN=cache if request.param == "on" else {}):
        yield request.param == "on"


def asked(cls, request, *, cached):
    """Ask twice; the second time a cached token costs no query."""
    first = outcome(cls().authenticate, request)
    second = outcome(cls().authenticate, request)
    assert first[:2] == second[:2]
    assert (len(first.queries), len(second.queries)) == (1, 0 if cached else 1)
    return second


class TestWhereTheKeyIs:
    def test_each_of_several_keywords_is_accepted(self, token, cached):
        cls = declare(keyword=("Token", "Bearer"))
        for keyword in ("Token", "bearer"):
            user, found = cls().authenticate(request_with(f"{keyword} {token.key}"))
            assert (user, found) == (token.user, token)
        assert cls().authenticate(request_with(f"Basic {token.key}")) is None
        assert cls().authenticate_header(request_with()) == "Token"

    def test_a_header_of_its_own_has_a_keyword_or_none(self, token, cached):
        cls = declare(header="HTTP_X_API_KEY", keyword=None)
        found = asked(cls, request(x_api_key=token.key), cached=cached)
        assert found.result is not None
        assert cls().authenticate(request(authorization=f"Token {token.key}")) is None
        assert cls().authenticate(request(x_api_key="  ")) is None
        assert cls().authenticate_header(request()) is None
        with_keyword = declare(header="HTTP_X_API_KEY")
        assert with_keyword().authenticate(request(x_api_key=f"Token {token.key}"))[1] == token

    @pytest.mark.parametrize("value", ["a b", "\xff"])
    def test_a_malformed_header_is_refused_without_a_query(
        self, value, db, django_assert_num_queries
    ):
        cls = declare(header="HTTP_X_API_KEY", keyword=None)
        with django_assert_num_queries(0), pytest.raises(AuthenticationFailed, match="Invalid"):
            cls().authenticate(request(x_api_key=value))

    def test_the_keywords_own_refusals_stay(self, db):
        with pytest.raises(AuthenticationFailed, match="No credentials"):
            declare(keyword=("Token", "Bearer"))().authenticate(request_with("Bearer"))

    def test_get_key_is_asked_in_place_of_a_header(self, token, cached):
        cls = declare(get_key=lambda self, request: request.query_params.get("token"))
        of = Request(factory.get("/", {"token": token.key}))
        assert asked(cls, of, cached=cached).result is not None
        assert cls().authenticate(request_with(f"Token {token.key}")) is None


class TestWhoTheUserIs:
    def test_principal_says_it_of_a_token(self, token, cached):
        anonymous = AnonymousUser()
        cls = declare(principal=lambda self, token: anonymous)
        for _ in range(2):
            assert cls().authenticate(request_with(f"Token {token.key}")) == (anonymous, token)

    def test_an_inactive_user_is_refused_all_the_same(self, token, cached):
        User.objects.update(is_active=False)
        cls = declare(principal=lambda self, token: AnonymousUser())
        with pytest.raises(AuthenticationFailed, match="inactive"):
            cls().authenticate(request_with(f"Token {token.key}"))


class TestCheck:
    @pytest.mark.parametrize("kind", [AuthenticationFailed, PermissionDenied, KeyboardInterrupt])
    def test_what_it_raises_refuses_each_request(self, token, cached, kind):
        calls = []

        def check(self, request, user, token):
            calls.append((request.method, user.username, token.key))
            if len(calls) > 2:
                raise kind

        cls = declare(check=check)
        for _ in range(2):
            assert cls().authenticate(request_with(f"Token {token.key}")) is not None
        with pytest.raises(kind):
            cls().authenticate(request_with(f"Token {token.key}"))
        assert calls == [("GET", "ada", token.key)] * 3

    def test_it_costs_no_query_where_the_token_is_cached(self, token, cached):
        cls = declare(check=lambda self, request, user, token: "ignored")
        found = asked(cls, request_with(f"Token {token.key}"), cached=cached)
        assert found.result is not None

    def test_it_sees_the_principal(self, token):
        cls = declare(
            principal=lambda self, token: token.key,
            check=lambda self, request, user, token: seen.append(user),
        )
        seen = []
        cls().authenticate(request_with(f"Token {token.key}"))
        assert seen == [token.key]

    def test_it_is_not_asked_about_what_was_refused(self, db):
        cls = declare(check=lambda *_: pytest.fail("asked"))
        with pytest.raises(AuthenticationFailed):
            cls().authenticate(request_with("Token wrong"))
        assert cls().authenticate(request_with()) is None

    def test_an_authenticate_of_the_classs_own_is_checked_too(self, token):
        """Or else it would be passed by without a word."""

        def authenticate(self, request):
            return irontoken.TokenAuthentication.authenticate(self, request)

        def check(self, request, user, token):
            raise AuthenticationFailed("checked")

        cls = declare(authenticate=authenticate, check=check)
        with pytest.raises(AuthenticationFailed, match="checked"):
            cls().authenticate(request_with(f"Token {token.key}"))

    def test_one_that_is_patched_in_is_asked(self, token, monkeypatch):
        cls = declare()
        monkeypatch.setattr(cls, "check", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cls().authenticate(request_with(f"Token {token.key}"))

    def test_one_of_a_mixin_is_asked(self, token):
        class Mixin:
            def check(self, request, user, token):
                raise AuthenticationFailed("mixed in")

        class Mixed(Mixin, irontoken.TokenAuthentication):
            pass

        with pytest.raises(AuthenticationFailed, match="mixed in"):
            Mixed().authenticate(request_with(f"Token {token.key}"))


def test_they_go_together_and_with_issued_tokens(user, cached):
    _, key = AccessToken.objects.issue(user, name="CI")
    cls = declare(
        model=AccessToken,
        header="HTTP_X_API_KEY",
        keyword=None,
        principal=lambda self, token: token.user,
        check=lambda self, request, user, token: None,
    )
    found = asked(cls, request(x_api_key=key), cached=cached)
    assert found.result is not None


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"keyword": ["Token"]}, "tuple"),
        ({"keyword": ()}, "text"),
        ({"keyword": ("Token", 1)}, "text"),
        ({"header": "X-Api-Key"}, "HTTP_X_API_KEY"),
        ({"header": None}, "HTTP_X_API_KEY"),
        ({"check": "is_active"}, "check is no method"),
        ({"principal": 1}, "principal is no method"),
    ],
)
def test_what_is_no_declaration_is_said_when_the_class_is_made(declared, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        declare(**declared)


def test_a_class_that_declares_nothing_is_not_slowed_down():
    assert irontoken.TokenAuthentication.check is None
    assert declare(keyword="Bearer", model=Token).check is None
