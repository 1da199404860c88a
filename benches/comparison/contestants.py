"""What is compared: each function returns contestants that do the same work side by side."""

import secrets
from collections.abc import Callable
from io import BytesIO
from typing import Any

import knox.auth
import rest_framework_simplejwt.authentication as simplejwt
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.test import RequestFactory
from knox.models import AuthToken
from rest_framework.authentication import TokenAuthentication as DRFTokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.models import APIKey
from rest_framework_api_key.permissions import HasAPIKey
from rest_framework_simplejwt.tokens import AccessToken

import irontoken
from benches.comparison.limit import constant
from benches.comparison.measure import Prepare

#: As many tokens as a small site has, so that no contestant profits from asking for one row.
USERS = 200

factory = RequestFactory()
#: What gunicorn makes of a browser's request.
_ENVIRON = {
    **factory._base_environ(PATH_INFO="/api/things/", QUERY_STRING="page=2"),
    "wsgi.errors": None,
    "wsgi.file_wrapper": None,
    "wsgi.input_terminated": True,
    "gunicorn.socket": None,
    "SERVER_SOFTWARE": "gunicorn/23.0.0",
    "RAW_URI": "/api/things/?page=2",
    "REMOTE_PORT": "50412",
    "HTTP_HOST": "api.example.com",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "HTTP_ACCEPT": "application/json",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_REFERER": "https://www.example.com/",
    "HTTP_SEC_FETCH_DEST": "empty",
    "HTTP_SEC_FETCH_MODE": "cors",
    "HTTP_SEC_FETCH_SITE": "same-site",
    "HTTP_X_FORWARDED_FOR": "192.0.2.1",
    "HTTP_X_FORWARDED_PROTO": "https",
}


class Fixtures:
    """Users, each with a credential of every contestant."""

    def __init__(self) -> None:
        users = User.objects.bulk_create(
            User(username=f"user{number}", email=f"user{number}@example.com", password="!")
            for number in range(USERS)
        )
        self.tokens = [Token.objects.create(user=user).key for user in users]
        self.knox = [AuthToken.objects.create(user=user)[1] for user in users]
        self.jwt = [str(AccessToken.for_user(user)) for user in users]
        self.api_keys = [APIKey.objects.create_key(name=user.username)[1] for user in users]


def authenticate(fixtures: Fixtures) -> dict[str, Prepare]:
    """A fresh request with a good credential, up to the user."""
    sql = str(Token.objects.select_related("user").filter(key="probe").order_by()[:21].query)
    sql = sql.replace("probe", "%s", 1)

    def bare_cursor(keys: list[str]) -> None:
        for key in keys:
            with connection.cursor() as cursor:
                cursor.execute(sql, (key,))
                cursor.fetchone()

    def prepare_cursor(calls: int) -> Callable[[], None]:
        keys = _cycle(fixtures.tokens, calls)
        return lambda: bare_cursor(keys)

    class APIKeyAuthentication:
        """The permission class, asked as the others are."""

        def authenticate(self, request: Request) -> bool:
            return HasAPIKey().has_permission(request, None)

    return {
        "irontoken": requests(irontoken.TokenAuthentication, fixtures.tokens),
        "DRF": requests(DRFTokenAuthentication, fixtures.tokens),
        "bare cursor": prepare_cursor,
        "knox": requests(knox.auth.TokenAuthentication, fixtures.knox),
        "simplejwt, user query": requests(simplejwt.JWTAuthentication, fixtures.jwt, "Bearer"),
        "simplejwt, stateless": requests(
            simplejwt.JWTStatelessUserAuthentication, fixtures.jwt, "Bearer"
        ),
        "api-key": requests(APIKeyAuthentication, fixtures.api_keys, "Api-Key"),
    }


def no_credentials() -> dict[str, Prepare]:
    """A fresh request that is not for us."""
    classes = {"irontoken": irontoken.TokenAuthentication, "DRF": DRFTokenAuthentication}
    headers = {"no header": [None], "another scheme": ["Basic dXNlcjpwYXNzd29yZA=="]}
    found = {
        f"{name}, {case}": requests(cls, values, None)
        for case, values in headers.items()
        for name, cls in classes.items()
    }
    for name, cls in classes.items():
        found[f"{name}, no header, of a server"] = _served(cls)
    return found


def _served(cls: type) -> Prepare:
    """Requests as gunicorn makes them for a browser's, which have no header for us."""

    def prepare(calls: int) -> Callable[[], None]:
        prepared = [
            Request(WSGIRequest({**_ENVIRON, "wsgi.input": BytesIO()})) for _ in range(calls)
        ]

        def run() -> None:
            for request in prepared:
                cls().authenticate(request)

        return run

    return prepare


def view(fixtures: Fixtures) -> dict[str, Prepare]:
    """A whole minimal view, from Django's request to the response."""

    def calls_of(authentication: list[type], permission: list[type]) -> Prepare:
        class Minimal(APIView):
            authentication_classes = authentication
            permission_classes = permission

            def get(self, request: Request) -> Response:
                return Response()

        handle = Minimal.as_view()

        def prepare(calls: int) -> Callable[[], None]:
            requests = [_django_request(f"Token {key}") for key in _cycle(fixtures.tokens, calls)]

            def run() -> None:
                for request in requests:
                    assert handle(request).status_code == 200

            return run

        return prepare

    token = Token.objects.select_related("user").get(key=fixtures.tokens[0])
    return {
        "irontoken": calls_of([irontoken.TokenAuthentication], [IsAuthenticated]),
        "DRF": calls_of([DRFTokenAuthentication], [IsAuthenticated]),
        "a constant pair": calls_of([constant(token.user, token)], [IsAuthenticated]),
    }


def keys() -> dict[str, Prepare]:
    """Making keys; ``generate_keys`` is timed by the key."""
    batch = 10_000

    def loop(function: Callable[[], Any]) -> Prepare:
        def prepare(calls: int) -> Callable[[], None]:
            def run() -> None:
                for _ in range(calls):
                    function()

            return run

        return prepare

    return {
        "irontoken.generate_key()": loop(irontoken.generate_key),
        "secrets.token_hex(20)": loop(lambda: secrets.token_hex(20)),
        f"irontoken.generate_keys({batch})": loop(lambda: irontoken.generate_keys(batch)),
        f"{batch} secrets.token_hex(20)": loop(
            lambda: [secrets.token_hex(20) for _ in range(batch)]
        ),
    }


def requests(cls: type, credentials: list[Any], keyword: str | None = "Token") -> Prepare:
    """Authenticate fresh requests, each by an authenticator of its own, as DRF does."""

    def prepare(calls: int) -> Callable[[], None]:
        prepared = [
            Request(_django_request(f"{keyword} {credential}" if keyword else credential))
            for credential in _cycle(credentials, calls + 1)
        ]
        assert (cls().authenticate(prepared.pop()) is None) is (keyword is None)

        def run() -> None:
            for request in prepared:
                cls().authenticate(request)

        return run

    return prepare


def _django_request(header: str | None) -> Any:
    return factory.get("/", headers={"authorization": header} if header else None)


def _cycle(items: list[Any], calls: int) -> list[Any]:
    return [items[number % len(items)] for number in range(calls)]
