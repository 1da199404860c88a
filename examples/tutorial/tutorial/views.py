from rest_framework.authentication import TokenAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView


class Hello(APIView):
    def get(self, request):
        return Response({"hello": request.user.username, "by": type(request.auth).__name__})


class HelloByDRF(Hello):
    """The same view with REST framework's own class, to compare with."""

    authentication_classes = [TokenAuthentication]


class HelloAnyone(APIView):
    """The same answer without authentication: what is left is authentication's cost."""

    authentication_classes = []
    permission_classes = []

    def get(self, request):
        return Response({"hello": "anyone", "by": "nobody"})
