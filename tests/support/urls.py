from django.contrib import admin
from django.urls import include, path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoAmI(APIView):
    def get(self, request):
        return Response({"user": request.user.get_username(), "auth": str(type(request.auth))})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("get-user-auth-token/", obtain_auth_token),
    path("whoami/", WhoAmI.as_view()),
    path("tokens/", include("irontoken.tokens.urls")),
]
