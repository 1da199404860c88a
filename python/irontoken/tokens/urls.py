"""URLs of issued tokens: ``path("tokens/", include("irontoken.tokens.urls"))``."""

from django.urls import path

from irontoken.tokens.http import views

app_name = "irontoken_tokens"
urlpatterns = [
    path("", views.TokensView.as_view(), name="list"),
    path("obtain/", views.ObtainView.as_view(), name="obtain"),
    path("revoke-all/", views.RevokeAllView.as_view(), name="revoke-all"),
    path("rotate/", views.RotateView.as_view(), name="rotate"),
    path("who-am-i/", views.WhoAmIView.as_view(), name="who-am-i"),
    # Last, since a primary key may be any word.
    path("<pk>/", views.TokenView.as_view(), name="revoke"),
]
