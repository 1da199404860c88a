"""Scopes: what a view did not say, a token with scopes may not do."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.test import override_settings
from django.urls import include, path
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import Serializer
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

import irontoken
from irontoken.tokens.checks import check_scopes
from irontoken.tokens.permissions import HasScopes
from irontoken.tokens.testing import token_with_scopes
from tests.support.issued import AccessToken, User, setting

NOTHING = object()


class Bearer(irontoken.TokenAuthentication):
    keyword = "Bearer"
    model = AccessToken


class Words(APIView):
    permission_classes = [HasScopes]
    authentication_classes = [Bearer]

    def get(self, request):
        return Response("read")

    def post(self, request):
        return Response("written")


def view_of(required=NOTHING, **attributes):
    if required is not NOTHING:
        attributes["required_scopes"] = required
    return type("Asking", (Words,), attributes)


@pytest.fixture
def ask(ada):
    """Ask a view with a token that has these scopes; return the answer."""

    def ask(view, *scopes, method="GET", user=ada):
        _, key = AccessToken.objects.issue(user, scopes=scopes)
        request = APIRequestFactory().generic(
            method, "/", headers={"Authorization": f"Bearer {key}"}
        )
        return view.as_view()(request)

    return ask


class TestAView:
    def test_all_that_are_required_must_be_there(self, ask):
        assert ask(view_of(["read"]), "read", "write").status_code == 200
        assert ask(view_of(["read", "admin"]), "read", "write").status_code == 403

    @pytest.mark.parametrize("none", [[], (), set(), {"GET": []}])
    def test_that_needs_none_says_so(self, ask, none):
        assert ask(view_of(none), "read").status_code == 200

    @pytest.mark.parametrize(
        ("attributes", "said"),
        [
            ({}, "has HasScopes and no required_scopes"),
            ({"required_scopes": "read"}, "is of type str, not a list"),
            ({"required_scopes": None}, "is of type NoneType, not a list"),
            ({"required_scopes": ["read write"]}, "holds 'read write', which is no scope"),
            ({"required_scopes": [["read"]]}, r"holds \['read'\], which is no scope"),
            ({"required_scopes": {"POST": ["write"]}}, "does not name GET"),
            ({"required_scopes": {"GET": "read", "POST": []}}, "of GET is of type str"),
            ({"required_scopes": {"GET": [], "POST": [], "PUSH": []}}, "the method 'PUSH'"),
            ({"required_scope": ["read"]}, "has 'required_scope', which HasScopes does not read"),
            ({"required_scopes": [], "requires_scopes": ["read"]}, "has 'requires_scopes'"),
        ],
    )
    def test_that_does_not_say_what_it_needs_answers_nobody(self, ask, attributes, said):
        view = view_of(**attributes)
        for scopes in ((), ("read",)):
            with pytest.raises(ImproperlyConfigured, match=said):
                ask(view, *scopes)
        with pytest.raises(ImproperlyConfigured, match='Write required_scopes = \\["read"\\]'):
            view.as_view()(APIRequestFactory().get("/"))

    def test_says_it_by_method(self, ask):
        view = view_of({"get": ["read"], "POST": ["write"]})
        assert ask(view, "read").status_code == 200
        assert ask(view, "read", method="POST").status_code == 403
        assert ask(view, "write", method="POST").status_code == 200

    def test_answers_head_as_get(self, ask):
        view = view_of({"GET": ["read"], "POST": []})
        assert ask(view, "read", method="HEAD").status_code == 200
        assert ask(view, "write", method="HEAD").status_code == 403
        named = view_of({"GET": ["read"], "HEAD": [], "POST": []})
        assert ask(named, "write", method="HEAD").status_code == 200

    def test_answers_options_as_rest_framework_does(self, ask):
        by_method = {"GET": ["read"], "POST": ["write"]}
        # It looks for whom it describes what POST takes.
        view = view_of(by_method, get_serializer=lambda self: Serializer())
        answer = ask(view, "read", method="OPTIONS")
        assert answer.status_code == 200
        assert "actions" not in answer.data
        assert "WWW-Authenticate" not in answer
        assert "actions" in ask(view, "write", method="OPTIONS").data
        assert ask(view_of(["read"]), "write", method="OPTIONS").status_code == 403

    @pytest.mark.parametrize("method", ["DELETE", "QUERYSET", "SETTINGS"])
    def test_need_not_name_what_it_does_not_answer(self, ask, method):
        view = view_of({"GET": ["read"], "POST": ["write"]})
        assert ask(view, "read", method=method).status_code == 405

    def test_may_find_them_when_it_is_asked(self, ask):
        view = view_of(property(lambda self: [self.request.method.lower()]))
        assert ask(view, "get").status_code == 200
        assert ask(view, "post").status_code == 403

    def test_of_a_function_says_it_too(self, ada):
        @api_view(["GET"])
        @permission_classes([HasScopes])
        def hello(request):
            return Response()

        request = APIRequestFactory().get("/")
        request._force_auth_user = ada
        with pytest.raises(ImproperlyConfigured, match="no required_scopes"):
            hello(request)
        hello.cls.required_scopes = ["read"]
        assert hello(request).status_code == 200


class TestARefusal:
    def test_names_the_scopes_as_rfc_6750_has_it(self, ask):
        answer = ask(view_of(["write", "read"]), "read")
        assert answer.status_code == 403
        challenge = 'Bearer error="insufficient_scope", scope="read write"'
        assert answer["WWW-Authenticate"] == challenge
        assert answer.data["detail"] == "The token lacks a scope. Needed: read write."

    def test_has_no_challenge_for_another_keyword(self, ada):
        view = view_of(["write"], authentication_classes=[irontoken.TokenAuthentication])
        _, key = AccessToken.objects.issue(ada, scopes=["read"])
        request = APIRequestFactory().get("/", headers={"Authorization": f"Token {key}"})
        answer = view.as_view()(request)
        assert answer.status_code == 403
        assert "WWW-Authenticate" not in answer

    def test_is_none_where_another_permission_lets_in(self, ask):
        view = view_of(["write"], permission_classes=[HasScopes | IsAdminUser])
        root = User.objects.create_superuser("root")
        answer = ask(view, "read", user=root)
        assert answer.status_code == 200
        assert "WWW-Authenticate" not in answer
        assert ask(view, "read").status_code == 403

    def test_of_nobody_asks_for_a_token(self, ada):
        answer = view_of([]).as_view()(APIRequestFactory().get("/"))
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


class TestWhoAsks:
    def test_a_token_without_any_is_as_the_setting_says(self, ask):
        assert ask(view_of(["read"])).status_code == 200
        with setting(UNSCOPED="refuse"):
            assert ask(view_of(["read"])).status_code == 403
            assert ask(view_of([])).status_code == 200

    def test_a_session_has_no_scopes_to_judge_and_nobody_has_no_session(self, rf, ada):
        view = view_of(["read"])()
        request = rf.get("/")
        request.user, request.auth = ada, None
        assert HasScopes().has_permission(request, view)
        request.user = AnonymousUser()
        assert not HasScopes().has_permission(request, view)
        assert not HasScopes().has_permission(request, view_of([])())

    def test_a_test_of_a_project_asks_with_a_token_or_as_a_session(self, ada):
        view = view_of(["read"]).as_view()
        for scopes, status in (([], 200), (["read"], 200), (["write"], 403)):
            request = APIRequestFactory().get("/")
            force_authenticate(request, ada, (scopes and token_with_scopes(ada, *scopes)) or None)
            assert view(request).status_code == status
        with pytest.raises(ValidationError):
            token_with_scopes(ada, "read write")
        assert not AccessToken.objects.exists()


class TestTheCheck:
    @pytest.fixture
    def check(self):
        def check(*patterns):
            urls = type("urls", (), {"urlpatterns": [path("api/", include(list(patterns)))]})
            with override_settings(ROOT_URLCONF=urls):
                return [f"{each.id} {each.msg}" for each in check_scopes()]

        return check

    def test_finds_a_view_that_does_not_say_it(self, check):
        assert check(path("", view_of().as_view())) == [
            f"irontoken.E020 {__name__}.Asking has HasScopes and no required_scopes."
        ]
        [found] = check(path("", view_of({"GET": []}).as_view()))
        assert "does not name POST" in found
        [found] = check(path("", view_of("read").as_view()))
        assert "is of type str" in found

    def test_looks_into_conditions(self, check):
        condition = IsAuthenticated & (IsAdminUser | HasScopes)
        assert check(path("", view_of(permission_classes=[condition]).as_view()))

    def test_finds_a_view_set_of_a_router(self, check):
        class Things(ViewSet):
            permission_classes = [HasScopes]
            required_scopes = {"GET": ["read"]}

            def list(self, request):
                return Response()

            @action(detail=False, required_scopes=["secret"], methods=["post"])
            def named(self, request):
                return Response()

            @action(detail=False, methods=["post"])
            def forgotten(self, request):
                return Response()

        router = SimpleRouter()
        router.register("things", Things, basename="things")
        [found] = check(*router.urls)
        assert "does not name POST" in found

    def test_passes_over_what_only_a_request_can_tell(self, check):
        assert not check(
            path("1/", view_of(property(lambda self: [])).as_view()),
            path("2/", view_of(get_permissions=lambda self: []).as_view()),
            path("3/", view_of(permission_classes=[AllowAny]).as_view()),
            path("4/", view_of(["read"]).as_view()),
            path("5/", lambda request: None),
        )
