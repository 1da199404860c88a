"""What a subclass declares: where the key is, who the user is, what is checked on each request."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from rest_framework import authentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

import irontoken
from irontoken.declared import NO_CHECK
from irontoken.tokens import uses
from irontoken.tokens.models import AccessToken
from tests.support.comparison import outcome, request_with

pytestmark = pytest.mark.django_db
factory = APIRequestFactory()


def request(**headers):
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(factory.get("/", headers=found))


def declare(**declared):
    return type("Declared", (irontoken.TokenAuthentication,), declared)


@pytest.fixture(params=["off", "on"])
def cached(request, tmp_path, transactional_db):
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

    @pytest.mark.parametrize("key", ["\ud800", "", "\0", "x" * 100_000, b"bytes", 5, ["x"], {}])
    def test_what_get_key_returns_is_refused_if_it_is_no_key(self, key, db):
        cls = declare(get_key=lambda self, request: key)
        with pytest.raises(AuthenticationFailed):
            cls().authenticate(request_with())

    @pytest.mark.parametrize("keyword", [("Token", "Bearer"), None])
    def test_the_keyword_of_an_instance_may_be_any(self, keyword, token):
        authenticator = irontoken.TokenAuthentication()
        authenticator.keyword = keyword
        header = f"Bearer {token.key}" if keyword else token.key
        assert authenticator.authenticate(request_with(header))[1] == token


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
        cls = declare(check=lambda self, request, user, token: None)
        found = asked(cls, request_with(f"Token {token.key}"), cached=cached)
        assert found.result is not None

    def test_it_sees_the_principal(self, token):
        seen = []
        cls = declare(
            principal=lambda self, token: token.key,
            check=lambda self, request, user, token: seen.append(user),
        )
        cls().authenticate(request_with(f"Token {token.key}"))
        assert seen == [token.key]

    def test_it_is_not_asked_about_what_was_refused(self, db):
        cls = declare(check=lambda *_: pytest.fail("asked"))
        with pytest.raises(AuthenticationFailed):
            cls().authenticate(request_with("Token wrong"))
        assert cls().authenticate(request_with()) is None

    def test_an_authenticate_of_the_classs_own_is_checked_too(self, token):
        class Own(irontoken.TokenAuthentication):
            def authenticate(self, request):
                return super().authenticate(request)

            def check(self, request, user, token):
                raise AuthenticationFailed("checked")

        with pytest.raises(AuthenticationFailed, match="checked"):
            Own().authenticate(request_with(f"Token {token.key}"))

    def test_an_authenticate_that_would_pass_it_by_is_refused(self):
        """Of the class or of a base, or else it would be passed by without a word."""

        def authenticate(self, request):
            return self.authenticate_credentials("key")

        def half(self, request):
            return self.authenticate_credentials(super().get_model())

        class Other(authentication.TokenAuthentication):
            def authenticate(self, request):
                return authentication.TokenAuthentication.authenticate(self, request)

        with pytest.raises(ImproperlyConfigured, match="would be passed by"):
            declare(authenticate=authenticate, check=lambda *_: None)
        with pytest.raises(ImproperlyConfigured, match="would be passed by"):
            declare(authenticate=half, check=lambda *_: None)
        with pytest.raises(ImproperlyConfigured, match="would be passed by"):
            type("Mixed", (Other, irontoken.TokenAuthentication), {"check": lambda *_: None})
        assert declare(authenticate=authenticate)

    @pytest.mark.parametrize("answer", [False, True, "no"])
    def test_one_that_returns_something_lets_nobody_in(self, answer, token):
        cls = declare(check=lambda *_: answer)
        with pytest.raises(TypeError, match="must return None"):
            cls().authenticate(request_with(f"Token {token.key}"))

    @pytest.mark.parametrize("name", ["check", "get_key", "principal"])
    def test_what_nobody_awaits_is_refused(self, name):
        async def coroutine(self, *_):
            raise AuthenticationFailed

        def generator(self, *_):
            yield

        async def asynchronous_generator(self, *_):
            yield

        for each in (coroutine, generator, asynchronous_generator):
            with pytest.raises(ImproperlyConfigured, match="plain method"):
                declare(**{name: each})

    @pytest.mark.parametrize(
        "declared", [{"header": "HTTP_X_API_KEY"}, {"keyword": ("Token", "Bearer")}, {}]
    )
    def test_one_of_any_base_is_asked(self, declared, token):
        def check(self, request, user, token):
            raise AuthenticationFailed("checked")

        first, second = declare(**declared), declare(check=check)
        mixin = type("Mixin", (), {"check": check})
        for bases in ((first, second), (second, first), (first, mixin), (mixin, first)):
            cls = type("Both", bases, {"header": "HTTP_AUTHORIZATION"})
            with pytest.raises(AuthenticationFailed, match="checked"):
                cls().authenticate(request_with(f"Token {token.key}"))

    def test_one_may_call_those_of_its_bases(self, token):
        class First(irontoken.TokenAuthentication):
            def check(self, request, user, token):
                super().check(request, user, token)
                raise AuthenticationFailed("the first")

        class Second(First):
            def check(self, request, user, token):
                super().check(request, user, token)

        with pytest.raises(AuthenticationFailed, match="the first"):
            Second().authenticate(request_with(f"Token {token.key}"))

    def test_a_subclass_may_turn_it_off(self, token):
        cls = type("Off", (declare(check=lambda *_: 1 / 0),), {"check": None})
        assert cls().authenticate(request_with(f"Token {token.key}")) is not None

    def test_one_of_an_instance_is_asked(self, token):
        authenticator = irontoken.TokenAuthentication()
        authenticator.check = lambda *_: 1 / 0
        with pytest.raises(ZeroDivisionError):
            authenticator.authenticate(request_with(f"Token {token.key}"))

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


def test_they_go_together_and_with_issued_tokens(user, cached, monkeypatch):
    monkeypatch.setattr(uses, "_start", lambda: None)  # no thread, which would outlive the test
    monkeypatch.setattr(uses, "_uses", uses._Uses())
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
        ({"keyword": ()}, "tuple"),
        ({"keyword": ("Token", 1)}, "tuple"),
        ({"keyword": ("Token", "")}, "tuple"),
        ({"keyword": ("Api Key",)}, "tuple"),
        ({"keyword": {"Token"}}, "tuple"),
        ({"header": "X-Api-Key"}, "HTTP_X_API_KEY"),
        ({"header": "X_API_KEY"}, "HTTP_X_API_KEY"),
        ({"header": "HTTP_X_API_KEY\n"}, "HTTP_X_API_KEY"),
        ({"header": None}, "HTTP_X_API_KEY"),
        ({"check": "is_active"}, "check must be a method"),
        ({"principal": 1}, "principal must be a method"),
    ],
)
def test_what_is_no_declaration_is_said_when_the_class_is_made(declared, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        declare(**declared)


def test_a_class_that_declares_nothing_is_not_slowed_down():
    assert declare(keyword="Bearer", model=Token).check is NO_CHECK


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ({}, {"name": "Authorization", "in": "header", "type": "apiKey"}),
        ({"keyword": ("Token", "Bearer")}, {"name": "Authorization"}),
        ({"keyword": ("Bearer", "Token")}, {"type": "http", "scheme": "bearer"}),
        ({"header": "HTTP_X_API_KEY"}, {"name": "X-api-key", "in": "header"}),
        ({"header": "HTTP_X_API_KEY", "keyword": None}, {"name": "X-Api-Key", "in": "header"}),
    ],
)
def test_drf_spectacular_describes_what_is_declared(declared, wanted):
    pytest.importorskip("drf_spectacular")
    from drf_spectacular.extensions import OpenApiAuthenticationExtension

    import irontoken.openapi

    scheme = OpenApiAuthenticationExtension.get_match(declare(**declared)())
    assert type(scheme) is irontoken.openapi.TokenScheme
    assert wanted.items() <= scheme.get_security_definition(None).items()
