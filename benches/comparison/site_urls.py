"""The tutorial's view, and the same with an authenticator that returns a constant pair."""

from django.urls import path
from rest_framework.authtoken.models import Token
from tutorial.views import Hello

from benches.comparison.limit import constant


class HelloConstant(Hello):
    def initialize_request(self, request, *args, **kwargs):
        if not self.authentication_classes:
            token = Token.objects.select_related("user").first()
            type(self).authentication_classes = [constant(token.user, token)]
        return super().initialize_request(request, *args, **kwargs)

    authentication_classes = []


urlpatterns = [
    path("hello/", Hello.as_view()),
    path("hello-constant/", HelloConstant.as_view()),
]
