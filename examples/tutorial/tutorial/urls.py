from django.urls import path
from rest_framework.authtoken.views import obtain_auth_token

from tutorial.views import Hello, HelloAnyone, HelloByDRF

urlpatterns = [
    path("get-user-auth-token/", obtain_auth_token),
    path("hello/", Hello.as_view()),
    path("hello-by-drf/", HelloByDRF.as_view()),
    path("hello-anyone/", HelloAnyone.as_view()),
]
