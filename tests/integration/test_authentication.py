"""The class in REST framework's place: headers, hooks, refusals and real requests."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework import authentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient

import irontoken
from irontoken import _core
from tests.support.comparison import ABSENT, assert_same, classes, outcome, request_with
from tests.support.shapes import models

KEY = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
SPACE = st.text(st.sampled_from(" \t\n\r\x0b\x0c\x1c\x1f\x85\xa0"), max_size=3)
WORD = st.one_of(
    st.sampled_from(
        ["Token", "token", "TOKEN", "tOkEn", "Bearer", "Tokenx", KEY, KEY.upper(), ""]
    ),
    st.text(st.characters(max_codepoint=0xFF, exclude_characters=" \t\n\r\x0b\x0c"), max_size=8),
)
TEXT = st.lists(st.tuples(SPACE, WORD), max_size=4).map(
    lambda parts: "".join(space + word for space, word in parts)
)
HEADER = st.one_of(
    st.just(ABSENT),
    TEXT,
    TEXT.map(lambda text: text.encode("latin-1")),
    TEXT.map(lambda text: text.encode()),
    TEXT.map(lambda text: text.encode().decode("latin-1")),
    st.binary(max_size=64),
    st.binary(max_size=64).map(lambda tail: b"Token " + tail),
    st.text(st.characters(max_codepoint=0xFF), max_size=64),
)
KEYWORDS = st.sampled_from(
    ["Token", "Bearer", "", "Jeton", "JETÓN", "\u212aey", "ΣΑΣ", "İ", "a b"]
)


@pytest.mark.django_db
class TestHeaders:
    @pytest.fixture(autouse=True)
    def token(self, user):
        return Token.objects.create(user=user, key=KEY)

    @hypothesis_settings(
        max_examples=600,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(header=HEADER, keyword=KEYWORDS)
    def test_any_header_does_what_it_does_with_drf(self, header, keyword):
        if header is not ABSENT and ("\0" if isinstance(header, str) else b"\0") in header:
            return  # a difference on PostgreSQL, tested by itself
        # A key longer than its column costs no query where the database enforces the length.
        is_short = header is ABSENT or len(header) <= 40
        assert_same(header, keyword=keyword, queries=is_short)

    @hypothesis_settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(keyword=KEYWORDS, tail=st.sampled_from(["", " ", f" {KEY}", " a b", " \xff"]))
    def test_a_header_of_the_very_keyword_does_what_it_does_with_drf(self, keyword, tail):
        for spelled in (keyword, keyword.lower(), keyword.upper()):
            header = spelled.encode() + tail.encode("latin-1")
            assert_same(header, keyword=keyword)
            assert_same(header.decode("latin-1"), keyword=keyword)

    @pytest.mark.parametrize("wrapped", [True, False])
    @pytest.mark.parametrize("header", [ABSENT, f"Token {KEY}", b"Token " + KEY.encode()])
    def test_the_request_may_be_djangos_or_drfs(self, header, wrapped):
        ours, theirs = (
            outcome(cls().authenticate, request_with(header, wrapped=wrapped)) for cls in classes()
        )
        assert ours == theirs

    def test_headers_read_before_are_the_ones_that_count(self):
        """From 3.18 on REST framework reads Django's ``headers``, made once for a request."""
        for header, later in [(f"Token {KEY}", "Token other"), (ABSENT, f"Token {KEY}")]:
            outcomes = []
            for cls in classes():
                request = request_with(header)
                assert request.headers is request._request.headers
                request.META["HTTP_AUTHORIZATION"] = later
                outcomes.append(outcome(cls().authenticate, request))
            assert outcomes[0] == outcomes[1]

    @pytest.mark.parametrize("value", [None, 5, bytearray(b"Token abc"), ["Token", "abc"]])
    def test_a_header_of_another_type_is_drfs_affair(self, value):
        assert_same(value)

    def test_a_request_of_another_class_is_asked_as_drf_asks_it(self):
        class Headers(dict):
            pass

        class Other:
            headers = Headers(authorization=f"Token {KEY}")
            META = {"HTTP_AUTHORIZATION": f"Token {KEY}"}

        ours, theirs = (outcome(cls().authenticate, Other()) for cls in classes())
        assert ours == theirs
        assert ours.result is not None
        Other.headers = Headers(authorization="Token \u2713")
        Other.META = {"HTTP_AUTHORIZATION": "Token \u2713"}
        with pytest.raises(AuthenticationFailed, match="invalid characters"):
            irontoken.TokenAuthentication().authenticate(Other())

    @pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
    def test_refusals_are_translated_as_drfs_are(self, language):
        headers = ["Token", "Token a b", "Token \xff", "Token unknown"]
        with translation.override(language):
            messages = [assert_same(header).exception[1] for header in headers]
            User.objects.update(is_active=False)
            messages.append(assert_same(f"Token {KEY}").exception[1])
        assert len(set(messages)) == 5

    def test_some_language_is_really_translated(self):
        with translation.override("de"):
            assert assert_same("Token unknown").exception[1] != "Invalid token."


@pytest.mark.django_db
class TestWhereWeDiffer:
    """REST framework answers these with a server error."""

    @pytest.mark.parametrize("header", ["Token \u2713", "\u2713", "Bearer \u20ac", "Token \ud800"])
    def test_a_text_that_no_server_delivers_is_refused(self, header):
        ours, theirs = (outcome(cls().authenticate, request_with(header)) for cls in classes())
        assert theirs.exception[0] is UnicodeEncodeError
        assert ours.exception[0] is AuthenticationFailed
        assert "invalid characters" in ours.exception[1]

    def test_a_nul_character_is_refused(self, token):
        ours, theirs = (outcome(cls().authenticate_credentials, "a\0b") for cls in classes())
        assert ours.exception[0] is AuthenticationFailed
        if theirs.exception[0] is AuthenticationFailed:
            assert ours == theirs

    def test_a_nul_character_is_refused_for_every_model(self, user):
        for model in (models.ManagedToken, models.RepeatedToken):
            ours, _ = classes(model=model)
            with pytest.raises(AuthenticationFailed, match="Invalid token"):
                ours().authenticate_credentials("a\0b")

    def test_a_megabyte_is_refused(self, token):
        for header in ("Token " + "a" * 2**20, " " * 2**20 + "Token x", "Token " + " a" * 2**19):
            ours, theirs = (outcome(cls().authenticate, request_with(header)) for cls in classes())
            assert ours.exception[:3] == theirs.exception[:3]

    def test_no_key_is_in_a_refusal(self, token):
        secret = "s3cr3t"
        for header in (f"Token {secret}", f"Token {secret} x", f"Token {secret}\u2713"):
            with pytest.raises(AuthenticationFailed) as refusal:
                irontoken.TokenAuthentication().authenticate(request_with(header))
            assert secret not in repr(refusal.value) + str(refusal.value)


@pytest.mark.django_db
class TestHooks:
    def test_it_is_drfs_class_and_the_rust_class(self):
        cls = irontoken.TokenAuthentication
        assert issubclass(cls, authentication.TokenAuthentication)
        assert issubclass(cls, _core.TokenAuthentication)
        assert isinstance(cls(), authentication.TokenAuthentication)
        assert cls.keyword == "Token"
        assert cls.model is None
        assert cls().get_model() is Token
        assert cls().authenticate_header(request_with()) == "Token"

    def test_every_method_can_be_overridden_and_called(self, token):
        calls = []

        class Mixin:
            def get_model(self):
                calls.append("get_model")
                return super().get_model()

            def authenticate(self, request):
                calls.append("authenticate")
                return super().authenticate(request)

            def authenticate_credentials(self, key):
                calls.append("authenticate_credentials")
                return super().authenticate_credentials(key)

        header = f"Token {token.key}"
        for base in (irontoken.TokenAuthentication, authentication.TokenAuthentication):
            cls = type("Overriding", (Mixin, base), {})
            user, _ = cls().authenticate(request_with(header))
            assert user == token.user
        half = len(calls) // 2
        assert calls[:half] == calls[half:]
        assert calls[:half] == ["authenticate", "authenticate_credentials", "get_model"]

    def test_attributes_of_an_instance_count(self, token):
        authenticator = irontoken.TokenAuthentication()
        authenticator.keyword = "Bearer"
        assert authenticator.authenticate(request_with(f"Token {token.key}")) is None
        assert authenticator.authenticate(request_with(f"Bearer {token.key}"))[1] == token
        authenticator.get_model = lambda: models.ManyToken
        with pytest.raises(AuthenticationFailed):
            authenticator.authenticate(request_with(f"Bearer {token.key}"))
        authenticator.authenticate_credentials = lambda key: ("user", key)
        assert authenticator.authenticate(request_with("Bearer abc")) == ("user", "abc")

    def test_a_subclass_may_take_arguments(self):
        class Configured(irontoken.TokenAuthentication):
            def __init__(self, keyword, *, model=None):
                self.keyword = keyword
                self.model = model

        configured = Configured("Bearer", model=models.ManyToken)
        assert (configured.keyword, configured.get_model()) == ("Bearer", models.ManyToken)

    @pytest.mark.parametrize("keyword", [5, b"Token", "\ud800"])
    def test_a_keyword_that_is_no_text_fails_as_with_drf(self, keyword):
        ours, theirs = (
            outcome(cls().authenticate, request_with("Token abc"))
            for cls in classes(keyword=keyword)
        )
        assert ours.exception[0] is theirs.exception[0]
        for blank in (ABSENT, "", "  ", b""):
            assert_same(blank, keyword=keyword)

    def test_without_an_init_no_argument_is_taken(self):
        for cls in classes():
            for arguments, named in (((1,), {}), ((), {"z": 2})):
                with pytest.raises(TypeError, match="takes no arguments"):
                    cls(*arguments, **named)

    def test_a_meta_of_another_class_is_asked_as_drf_asks_it(self, token):
        class Meta(dict):
            def get(self, key, default=None):
                return f"Token {token.key}" if key == "HTTP_AUTHORIZATION" else default

        outcomes = []
        for cls in classes():
            request = request_with()
            request._request.META = Meta(request._request.META)
            outcomes.append(outcome(cls().authenticate, request))
        assert outcomes[0] == outcomes[1]


@pytest.mark.django_db
class TestTutorial:
    def test_the_tutorials_steps(self, user):
        key = Token.objects.create(user=user, key=irontoken.generate_key()).key
        client = APIClient()
        answer = client.post("/get-user-auth-token/", {"username": "ada", "password": "password"})
        assert answer.json() == {"token": key}
        assert client.get("/whoami/", headers={"authorization": f"Token {key}"}).json() == {
            "user": "ada",
            "auth": str(Token),
        }

    @pytest.mark.parametrize("header", [None, "Token", "Token a b", "Token wrong", "Token \x80"])
    def test_without_a_good_key_the_answer_is_401(self, header, user):
        headers = {"authorization": header} if header else {}
        answer = APIClient().get("/whoami/", headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Token"
