"""Tokens over HTTP: what a client may do, and what it is told when it may not."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework.views import APIView

import irontoken
from irontoken.tokens.permissions import HasScopes
from tests.tokens.conftest import AccessToken, User, setting

PASSWORD = {"username": "ada", "password": "lovelace"}


class Bearer(irontoken.TokenAuthentication):
    keyword = "Bearer"
    model = AccessToken


@pytest.fixture(autouse=True)
def no_tries_yet():
    cache.clear()


@pytest.fixture
def sessions(settings):
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]


@pytest.fixture
def client():
    return APIClient()


@pytest.fixture
def bearer(ada):
    """A client with a token of ada's, and the token."""
    token, key = AccessToken.objects.issue(ada, "laptop")
    client = APIClient(headers={"Authorization": f"Token {key}"})
    client.token = token
    return client


class TestObtain:
    def test_a_password_gets_a_key_once(self, client, ada):
        answer = client.post("/tokens/obtain/", {**PASSWORD, "name": "laptop"})
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store, private"
        found = answer.json()
        assert set(found) == {"token", "id", "display", "expires"}
        token = AccessToken.objects.get(pk=found["id"])
        assert (token.user, token.name) == (ada, "laptop")
        user, _ = irontoken.TokenAuthentication().authenticate_credentials(found["token"])
        assert user == ada

    def test_what_is_wished_for_is_given(self, client, ada):
        wishes = {"expires_in": 3600, "scopes": ["read", "write"]}
        answer = client.post("/tokens/obtain/", {**PASSWORD, **wishes}, format="json")
        token = AccessToken.objects.get(pk=answer.json()["id"])
        assert token.expires - token.created == timedelta(hours=1)
        assert token.scopes == ["read", "write"]

    def test_a_session_gets_one_with_its_csrf_token_alone(self, ada, sessions):
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(ada)
        assert client.post("/tokens/obtain/", {}).status_code == 403
        client = APIClient()
        client.force_login(ada)
        assert client.post("/tokens/obtain/", {}).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"username": "ada"},
            {**PASSWORD, "password": "wrong"},
            {**PASSWORD, "username": "nobody"},
            {**PASSWORD, "username": "a\x00b"},
            {**PASSWORD, "name": "a\nb"},
            {**PASSWORD, "name": "x" * 101},
            {**PASSWORD, "expires_in": -5},
            {**PASSWORD, "expires_in": 10**30},
            {**PASSWORD, "expires_in": "soon"},
            {**PASSWORD, "scopes": ["a b"]},
            {**PASSWORD, "scopes": "read"},
            {**PASSWORD, "scopes": [{}]},
            ["a list"],
            "a text",
        ],
    )
    def test_bad_input_is_a_400_and_issues_nothing(self, client, ada, body):
        answer = client.post("/tokens/obtain/", body, format="json")
        assert answer.status_code == 400, answer.content
        assert not AccessToken.objects.exists()

    def test_an_unknown_name_and_a_wrong_password_are_told_the_same(self, client, ada):
        answers = [
            client.post("/tokens/obtain/", {**PASSWORD, **wrong}).content
            for wrong in ({"password": "wrong"}, {"username": "nobody"})
        ]
        assert answers[0] == answers[1]

    def test_the_hasher_runs_for_an_unknown_name_too(self, client, ada, monkeypatch):
        from django.contrib.auth.hashers import MD5PasswordHasher

        runs = []
        encode = MD5PasswordHasher.encode
        monkeypatch.setattr(
            MD5PasswordHasher,
            "encode",
            lambda self, password, salt: runs.append(1) or encode(self, password, salt),
        )
        counts = []
        for wrong in ({"password": "wrong"}, {"username": "nobody"}):
            runs.clear()
            client.post("/tokens/obtain/", {**PASSWORD, **wrong})
            counts.append(len(runs))
        assert counts[0] == counts[1] == 1

    def test_tries_are_counted_by_name_and_by_address(self, client, ada):
        statuses = [
            client.post("/tokens/obtain/", {**PASSWORD, "password": "x"}).status_code
            for _ in range(12)
        ]
        assert statuses == [400] * 10 + [429] * 2
        answer = client.post("/tokens/obtain/", {"username": " ADA ", "password": "x"})
        assert answer.status_code == 429
        statuses = [
            client.post("/tokens/obtain/", {"username": f"u{number}", "password": "x"}).status_code
            for number in range(25)
        ]
        assert statuses[-1] == 429

    def test_a_session_is_held_to_the_limit_and_to_good_input(self, ada, sessions):
        client = APIClient()
        client.force_login(ada)
        with setting(MAX_PER_USER=1):
            assert client.post("/tokens/obtain/", {}).status_code == 200
            assert client.post("/tokens/obtain/", {}).status_code == 400
        deep = "[" * 100_000
        answer = client.generic("POST", "/tokens/obtain/", deep, content_type="application/json")
        assert answer.status_code == 400
        for body in (None, 5, True, "text", [1]):
            answer = client.generic(
                "POST", "/tokens/obtain/", json.dumps(body), content_type="application/json"
            )
            assert answer.status_code == 400

    def test_a_user_deleted_meanwhile_is_told(self, transactional_db, client, ada, monkeypatch):
        manager = type(AccessToken.objects)
        issue = manager.issue

        def too_late(self, user, *wishes, **named):
            User.objects.filter(pk=user.pk).delete()
            return issue(self, user, *wishes, **named)

        monkeypatch.setattr(manager, "issue", too_late)
        assert client.post("/tokens/obtain/", PASSWORD).status_code == 400
        assert not AccessToken.objects.exists()

    def test_a_password_that_is_changed_while_it_is_checked_gets_nothing(
        self, client, ada, monkeypatch
    ):
        check_password = User.check_password

        def changed_meanwhile(self, raw):
            is_right = check_password(self, raw)
            other = User.objects.get(pk=self.pk)
            other.set_password("new")
            other.save()
            return is_right

        monkeypatch.setattr(User, "check_password", changed_meanwhile)
        answer = client.post("/tokens/obtain/", PASSWORD)
        assert answer.status_code == 400
        assert not AccessToken.objects.exists()

    def test_a_hash_that_another_login_renewed_is_of_the_same_password(
        self, client, ada, monkeypatch
    ):
        check_password, checked = User.check_password, []

        def renewed_meanwhile(self, raw):
            is_right = check_password(self, raw)
            if not checked:
                User.objects.filter(pk=self.pk).update(password=make_password(raw))
            checked.append(raw)
            return is_right

        monkeypatch.setattr(User, "check_password", renewed_meanwhile)
        assert client.post("/tokens/obtain/", PASSWORD).status_code == 200

    def test_a_rate_of_none_counts_nothing(self, client, ada, monkeypatch):
        rates = {"irontoken_name": None, "irontoken_address": None}
        monkeypatch.setattr("rest_framework.throttling.SimpleRateThrottle.THROTTLE_RATES", rates)
        for _ in range(12):
            answer = client.post("/tokens/obtain/", {**PASSWORD, "password": "x"})
            assert answer.status_code == 400

    def test_past_the_limit_it_is_a_400(self, client, ada):
        with setting(MAX_PER_USER=1):
            assert client.post("/tokens/obtain/", PASSWORD).status_code == 200
            answer = client.post("/tokens/obtain/", PASSWORD)
            assert answer.status_code == 400
            assert "1 token already" in answer.content.decode()


class TestOwnTokens:
    def test_the_list_holds_the_users_live_tokens_and_no_key(self, bearer, ada):
        AccessToken.objects.issue(User.objects.create_user("bob"))
        AccessToken.objects.issue(ada)[0].revoke()
        [row] = bearer.get("/tokens/").json()
        assert (str(row["id"]), row["name"]) == (str(bearer.token.pk), "laptop")
        assert row["current"] is True
        assert bearer.token.digest not in str(row)

    def test_one_is_revoked_and_only_ones_own(self, bearer, ada):
        other, _ = AccessToken.objects.issue(User.objects.create_user("bob"))
        mine, _ = AccessToken.objects.issue(ada)
        assert bearer.delete(f"/tokens/{mine.pk}/").status_code == 204
        for wrong in (other.pk, 0, -1, 10**30, "x", "1e3", "%00", "²"):
            assert bearer.delete(f"/tokens/{wrong}/").status_code == 404
        assert set(AccessToken.objects.live()) == {other, bearer.token}
        assert bearer.delete(f"/tokens/{bearer.token.pk}/").status_code == 204
        assert bearer.get("/tokens/").status_code == 401

    def test_all_others_or_all(self, bearer, ada):
        for _ in range(2):
            AccessToken.objects.issue(ada)
        answer = bearer.post("/tokens/revoke-all/", {"keep_current": True})
        assert answer.json() == {"revoked": 2}
        assert bearer.post("/tokens/revoke-all/").json() == {"revoked": 1}
        assert bearer.get("/tokens/who-am-i/").status_code == 401

    def test_a_token_is_rotated(self, bearer):
        answer = bearer.post("/tokens/rotate/", {"grace": 60})
        assert answer["Cache-Control"] == "no-store, private"
        assert bearer.get("/tokens/who-am-i/").status_code == 200
        new = APIClient(headers={"Authorization": f"Token {answer.json()['token']}"})
        assert new.post("/tokens/rotate/").status_code == 200
        assert new.get("/tokens/who-am-i/").status_code == 401

    def test_who_am_i(self, bearer, client):
        answer = bearer.get("/tokens/who-am-i/").json()
        assert answer["user"] == "ada"
        assert str(answer["token"]["id"]) == str(bearer.token.pk)
        refused = client.get("/tokens/who-am-i/")
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"] == "Token"

    def test_the_keyword_is_that_of_the_site(self, bearer, ada, settings):
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Bearer"],
        }
        assert bearer.get("/tokens/who-am-i/").status_code == 401
        _, key = AccessToken.objects.issue(ada)
        client = APIClient(headers={"Authorization": f"Bearer {key}"})
        assert client.get("/tokens/who-am-i/").status_code == 200

    def test_a_session_sees_them_and_has_none_to_rotate(self, ada, sessions):
        client = APIClient()
        client.force_login(ada)
        assert client.get("/tokens/").json() == []
        assert client.get("/tokens/who-am-i/").json() == {"user": "ada", "token": None}
        assert client.post("/tokens/rotate/").status_code == 400
        assert client.post("/tokens/revoke-all/", {"keep_current": True}).status_code == 200


class TestScopes:
    @pytest.fixture
    def allowed(self, ada, rf):
        def ask(required, scopes, method="GET"):
            token, _ = AccessToken.objects.issue(ada, scopes=scopes)
            request = rf.generic(method, "/")
            request.user, request.auth = ada, token
            view = APIView()
            view.required_scopes = required
            return HasScopes().has_permission(request, view)

        return ask

    def test_all_that_are_required_must_be_there(self, allowed):
        assert allowed(["read"], ["read", "write"])
        assert not allowed(["read", "admin"], ["read", "write"])
        assert allowed([], ["read"])

    def test_by_method(self, allowed):
        required = {"GET": ["read"], "POST": ["write"]}
        assert allowed(required, ["read"])
        assert not allowed(required, ["read"], "POST")
        assert allowed(required, ["read"], "OPTIONS")
        assert not allowed(required, ["write"], "HEAD")
        assert allowed({**required, "HEAD": []}, ["write"], "HEAD")
        assert not allowed({"post": ["write"]}, ["read"], "POST")

    def test_a_token_without_any_is_as_the_setting_says(self, allowed):
        assert allowed(["read"], [])
        with setting(UNSCOPED="refuse"):
            assert not allowed(["read"], [])
            assert allowed([], [])

    def test_a_session_has_no_scopes_to_judge_and_nobody_has_no_session(self, rf, ada):
        view = APIView()
        view.required_scopes = ["read"]
        request = rf.get("/")
        request.user, request.auth = ada, None
        assert HasScopes().has_permission(request, view)
        request.user = AnonymousUser()
        assert not HasScopes().has_permission(request, view)
        view.required_scopes = []
        assert not HasScopes().has_permission(request, view)


def test_a_bearer_is_challenged_as_rfc_6750_has_it(ada, rf):
    as_bytes = rf.get("/")
    as_bytes.META["HTTP_AUTHORIZATION"] = b"Bearer x"
    assert Bearer().authenticate_header(as_bytes).endswith('error="invalid_token"')
    with_token = rf.get("/", headers={"Authorization": "Bearer x"})
    assert Bearer().authenticate_header(with_token) == 'Bearer realm="api", error="invalid_token"'
    assert Bearer().authenticate_header(rf.get("/")) == 'Bearer realm="api"'


def test_the_schema_is_valid_and_knows_the_scheme(issued, settings):
    schema_class = "drf_spectacular.openapi.AutoSchema"
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_SCHEMA_CLASS": schema_class}
    spectacular = pytest.importorskip("drf_spectacular.generators")
    from drf_spectacular.validation import validate_schema

    import irontoken.tokens.openapi  # noqa: F401 - registers itself

    schema = spectacular.SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    assert schema["components"]["securitySchemes"]["tokenAuth"]["name"] == "Authorization"
    paths = schema["paths"]
    assert set(paths) >= {"/tokens/", "/tokens/obtain/", "/tokens/{id}/", "/tokens/rotate/"}
    answer = paths["/tokens/obtain/"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["$ref"].endswith("/Issued")
    answer = paths["/tokens/"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["items"]["$ref"].endswith("/Token")
