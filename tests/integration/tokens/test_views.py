"""Tokens over HTTP: what a client may do, and what it is told when it may not."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient

import irontoken
from irontoken.tokens.http.throttling import CountingThrottle
from tests.support.issued import AccessToken, User, setting

PASSWORD = {"username": "ada", "password": "lovelace"}


class Bearer(irontoken.TokenAuthentication):
    keyword = "Bearer"
    model = AccessToken


class Office(irontoken.TokenAuthentication):
    """Refuses who is not in the office."""

    def authenticate(self, request):
        pair = super().authenticate(request)
        if pair and not request.META["REMOTE_ADDR"].startswith("10."):
            raise AuthenticationFailed
        return pair


class OfficeOfAuthtoken(Office):
    model = Token


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

    @pytest.mark.parametrize("wish", [{"scope": " read  write "}, {"scopes": ["read", "write"]}])
    def test_scopes_are_a_list_or_words_as_oauth_has_it(self, client, ada, wish):
        for kind in ("json", None):
            answer = client.post("/tokens/obtain/", {**PASSWORD, **wish}, format=kind)
            token = AccessToken.objects.get(pk=answer.json()["id"])
            assert token.scopes == ["read", "write"]

    def test_scopes_that_are_said_twice_are_refused(self, client, ada):
        body = {**PASSWORD, "scope": "read", "scopes": ["read"]}
        answer = client.post("/tokens/obtain/", body, format="json")
        assert answer.status_code == 400
        assert answer.json() == {"scope": ["Send either scope or scopes."]}

    @pytest.mark.parametrize("kind", ["json", "multipart"])
    def test_a_field_that_nobody_reads_is_refused_and_the_known_ones_named(
        self, client, ada, kind
    ):
        answer = client.post("/tokens/obtain/", {**PASSWORD, "expire_in": 60}, format=kind)
        assert answer.status_code == 400
        known = "name, expires_in, scopes, scope, username, password"
        assert answer.json() == {"expire_in": [f"There is no such field. There is: {known}."]}
        assert not AccessToken.objects.exists()

    def test_half_a_character_in_the_name_of_a_field_is_refused(self, client, ada):
        body = json.dumps({**PASSWORD, "\ud800": 1})
        for path in ("obtain", "rotate", "revoke-all"):
            if path != "obtain":
                client.credentials(HTTP_AUTHORIZATION=f"Token {AccessToken.objects.issue(ada)[1]}")
            answer = client.post(f"/tokens/{path}/", body, content_type="application/json")
            assert answer.status_code == 400
            assert "?" in answer.json()

    def test_a_body_that_django_refuses_is_answered_by_the_endpoint(self, client, ada, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
        answer = client.post("/tokens/obtain/", {"name": "x" * 200}, format="json")
        assert (answer.status_code, answer["Cache-Control"]) == (400, "no-store, private")

    def test_what_djangos_forms_add_is_no_unknown_field(self, client, ada):
        body = {**PASSWORD, "csrfmiddlewaretoken": "x"}
        assert client.post("/tokens/obtain/", body).status_code == 200

    def test_nobody_gets_longer_than_the_settings_allow(self, client, ada):
        def lifetime(**wish):
            answer = client.post("/tokens/obtain/", {**PASSWORD, **wish}, format="json")
            if answer.status_code == 400:
                return answer.json()
            token = AccessToken.objects.get(pk=answer.json()["id"])
            return token.expires and token.expires - token.created

        hour = timedelta(hours=1)
        assert lifetime(expires_in=10**6) == timedelta(seconds=10**6)
        with setting(EXPIRES_IN=hour):
            assert lifetime() == lifetime(expires_in=None) == lifetime(expires_in=3600) == hour
            refusal = "Ensure this value is less than or equal to 3600."
            assert lifetime(expires_in=3601) == {"expires_in": [refusal]}
        with setting(EXPIRES_IN=hour, MAX_EXPIRES_IN=2 * hour):
            assert lifetime() == hour
            assert lifetime(expires_in=7200) == 2 * hour
            assert "expires_in" in lifetime(expires_in=7201)
            # Code of the site's own may.
            token, _ = AccessToken.objects.issue(ada, expires_in=3 * hour)
            assert token.expires - token.created == 3 * hour

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
        [row] = bearer.get("/tokens/").json()["results"]
        assert (str(row["id"]), row["name"]) == (str(bearer.token.pk), "laptop")
        assert row["current"] is True
        assert bearer.token.digest not in str(row)

    def test_all_of_them_are_on_the_pages_newest_first(self, bearer, ada):
        at_once = [AccessToken(user=ada, digest=f"{number}") for number in range(150)]
        AccessToken.objects.bulk_create(at_once)
        now = timezone.now()
        AccessToken.objects.filter(digest__in=range(150)).update(created=now)
        for _ in range(100):
            AccessToken.objects.issue(ada)
        found, place = [], "/tokens/"
        for _ in range(3):
            page = bearer.get(place).json()
            assert len(page["results"]) <= 100
            found += page["results"]
            place = page["next"]
            # What is revoked or issued meanwhile hides no other.
            AccessToken.objects.get(pk=page["results"][0]["id"]).revoke()
            AccessToken.objects.issue(ada)
        assert place is None
        assert len({row["id"] for row in found}) == len(found) == 251
        times = [row["created"] for row in found]
        assert times == sorted(times, reverse=True)

    def test_a_page_after_what_is_not_ones_own_is_a_404(self, bearer):
        other, _ = AccessToken.objects.issue(User.objects.create_user("bob"))
        for wrong in (other.pk, 0, 10**30, "x", "", "a\x00b"):
            assert bearer.get("/tokens/", {"before": wrong}).status_code == 404
        assert bearer.get("/tokens/", {"before": bearer.token.pk}).json() == {
            "next": None,
            "results": [],
        }

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

    def test_what_the_sites_class_refuses_is_refused(self, bearer, settings, client):
        def use(*classes):
            settings.REST_FRAMEWORK = {
                **settings.REST_FRAMEWORK,
                "DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.{each}" for each in classes],
            }

        use("Office")
        inside = {"REMOTE_ADDR": "10.0.0.1"}
        for place in ("/tokens/", "/tokens/who-am-i/"):
            assert bearer.get(place).status_code == 401
            assert bearer.get(place, **inside).status_code == 200
        assert bearer.post("/tokens/rotate/").status_code == 401
        # One that looks elsewhere for tokens, as where TOKEN_MODEL is not set, is as strict.
        use("OfficeOfAuthtoken")
        assert bearer.get("/tokens/").status_code == 401
        assert bearer.get("/tokens/", **inside).status_code == 200
        # Each of several is asked, and the first one challenges.
        use("Bearer", "Office")
        assert bearer.get("/tokens/").status_code == 401
        assert bearer.get("/tokens/", **inside).status_code == 200
        assert client.get("/tokens/")["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_a_session_sees_them_and_has_none_to_rotate(self, ada, sessions):
        client = APIClient()
        client.force_login(ada)
        assert client.get("/tokens/").json()["results"] == []
        assert client.get("/tokens/who-am-i/").json() == {"user": "ada", "token": None}
        assert client.post("/tokens/rotate/").status_code == 400
        assert client.post("/tokens/revoke-all/", {"keep_current": True}).status_code == 200


class TestAScopedToken:
    @pytest.fixture
    def client_with(self, ada):
        def client_with(*scopes):
            token, key = AccessToken.objects.issue(ada, scopes=scopes)
            client = APIClient(headers={"Authorization": f"Token {key}"})
            client.token = token
            return client

        return client_with

    def manage(self, client, token):
        """Do what manages tokens; return the statuses of the answers."""
        return [
            client.get("/tokens/").status_code,
            client.delete(f"/tokens/{token.pk}/").status_code,
            client.post("/tokens/revoke-all/", {"keep_current": True}).status_code,
        ]

    def test_manages_no_other_without_the_scope_for_it(self, client_with, ada):
        other, _ = AccessToken.objects.issue(ada)
        assert self.manage(client_with("read"), other) == [403] * 3
        assert AccessToken.objects.live().count() == 2
        assert self.manage(client_with("tokens:manage"), other) == [200, 204, 200]
        assert AccessToken.objects.live().count() == 1

    def test_is_not_told_which_others_there_are(self, client_with, ada):
        other, _ = AccessToken.objects.issue(ada)
        client = client_with("read")
        for pk in (other.pk, 0, "x"):
            answer = client.delete(f"/tokens/{pk}/")
            assert (answer.status_code, answer.json()) == (
                403,
                {"detail": "The token lacks a scope. Needed: tokens:manage."},
            )

    def test_asks_who_it_is_rotates_and_revokes_itself(self, client_with):
        client = client_with("read")
        assert client.get("/tokens/who-am-i/").status_code == 200
        assert client.post("/tokens/rotate/", {"grace": 60}).status_code == 200
        assert client.delete(f"/tokens/{client.token.pk}/").status_code == 204

    def test_needs_the_scope_that_the_setting_names(self, client_with, ada):
        other, _ = AccessToken.objects.issue(ada)
        with setting(MANAGE_SCOPE="admin"):
            assert self.manage(client_with("tokens:manage"), other) == [403] * 3
            assert self.manage(client_with("admin"), other) == [200, 204, 200]

    def test_never_does_where_the_setting_names_none(self, client_with, ada):
        other, _ = AccessToken.objects.issue(ada)
        with setting(MANAGE_SCOPE=None):
            assert self.manage(client_with("tokens:manage"), other) == [403] * 3

    def test_without_scopes_is_as_the_setting_says(self, client_with, ada):
        other, _ = AccessToken.objects.issue(ada)
        with setting(UNSCOPED="refuse"):
            client = client_with()
            assert self.manage(client, other) == [403] * 3
            assert client.delete(f"/tokens/{client.token.pk}/").status_code == 204
        assert self.manage(client_with(), other) == [200, 204, 200]

    def test_is_told_what_a_bearer_needs(self, client_with, settings, ada):
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Bearer"],
        }
        _, key = AccessToken.objects.issue(ada, scopes=["read"])
        client = APIClient(headers={"Authorization": f"Bearer {key}"})
        challenge = 'Bearer error="insufficient_scope", scope="tokens:manage"'
        for answer in (client.get("/tokens/"), client.delete("/tokens/0/")):
            assert answer["WWW-Authenticate"] == challenge


class Acting(irontoken.TokenAuthentication):
    def principal(self, token):
        return object()


def test_tokens_are_the_users_whatever_a_principal_is(ada, settings):
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Acting"],
    }
    token, key = AccessToken.objects.issue(ada)
    client = APIClient(headers={"Authorization": f"Token {key}"})
    [found] = client.get("/tokens/").json()["results"]
    assert str(found["id"]) == str(token.pk)


def test_rotation_is_throttled(bearer, monkeypatch):
    monkeypatch.setattr(CountingThrottle, "timer", staticmethod(lambda: 60_000.0))
    statuses = [bearer.post("/tokens/rotate/", {"grace": -1}).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]


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

    import irontoken.tokens.http.openapi  # noqa: F401 - registers itself

    schema = spectacular.SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    assert schema["components"]["securitySchemes"]["tokenAuth"]["name"] == "Authorization"
    paths = schema["paths"]
    assert set(paths) >= {"/tokens/", "/tokens/obtain/", "/tokens/{id}/", "/tokens/rotate/"}
    answer = paths["/tokens/obtain/"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["$ref"].endswith("/Issued")
    answer = paths["/tokens/"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["$ref"].endswith("/PaginatedTokenList")
