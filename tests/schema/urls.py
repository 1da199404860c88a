from django.urls import include, path

urlpatterns = [path("tokens/", include("irontoken.tokens.urls"))]
