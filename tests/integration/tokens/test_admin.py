"""The admin: a key is shown once, tokens are found and revoked, and permissions hold."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

import irontoken
from irontoken.tokens.admin import _COUNTED
from tests.support.issued import ADMIN as PLACE
from tests.support.issued import AccessToken, User, setting


@pytest.fixture(autouse=True)
def middleware(settings):
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]


def issue(client, user, **wishes):
    sent = {"user": user.pk, "name": "", "scope": "", **wishes}
    return client.post(f"{PLACE}add/", sent, follow=True)


def test_a_key_is_shown_once_on_a_page_that_nobody_keeps(root, ada):
    sent = {"user": ada.pk, "name": "laptop", "scope": "read, write"}
    redirect = root.post(f"{PLACE}add/", sent)
    assert redirect.status_code == 302
    held, session = redirect.cookies.output(), str(dict(root.session))
    answer = root.get(redirect.url)
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("no-store, private")
    key = answer.context["key"]
    assert f'value="{key}"' in answer.content.decode()
    user, token = irontoken.TokenAuthentication().authenticate_credentials(key)
    assert (user, token.name, token.scopes) == (ada, "laptop", ["read", "write"])
    for text in (held, session, redirect.url, redirect.content.decode()):
        assert not [form for form in (key, key[3:35], key.encode().hex()) if form in text]
    assert key not in answer.cookies.output()
    assert key not in str(dict(root.session))
    for entry in LogEntry.objects.all():
        assert key not in f"{entry.object_repr} {entry.change_message}"
    for place in (PLACE, f"{PLACE}{token.pk}/change/", f"{PLACE}{token.pk}/history/"):
        page = root.get(place).content.decode()
        assert key not in page
        assert token.digest not in page


def test_a_reload_issues_nothing_and_shows_nothing(root, ada):
    redirect = root.post(f"{PLACE}add/", {"user": ada.pk, "name": "", "scope": ""})
    cookie = root.cookies["irontoken_key"].value
    key = root.get(redirect.url).context["key"]
    root.cookies["irontoken_key"] = cookie  # as of who has copied it
    again = root.get(redirect.url)
    assert again.status_code == 410
    assert key not in again.content.decode()
    assert "cannot be shown again" in again.content.decode()
    assert AccessToken.objects.count() == 1


def test_neither_half_shows_a_key_by_itself(root, client, ada):
    first = root.post(f"{PLACE}add/", {"user": ada.pk, "name": "", "scope": ""})
    cookie = root.cookies["irontoken_key"]
    assert (cookie["path"], cookie["httponly"]) == (first.url, True)
    assert (cookie["samesite"], cookie["max-age"]) == ("Strict", 300)
    other = Client()
    other.force_login(User.objects.create_superuser("another"))
    other.cookies["irontoken_key"] = cookie.value
    assert other.get(first.url).status_code == 410
    # What a stranger sets in the cookie's place makes it show no other key.
    root.cookies["irontoken_key"] = "00" * (len(cookie.value) // 2)
    assert root.get(first.url).status_code == 410
    for broken in ("", "x", "ff", "ff" * 41):
        second = root.post(f"{PLACE}add/", {"user": ada.pk, "name": "", "scope": ""})
        root.cookies["irontoken_key"] = broken
        assert root.get(second.url).status_code == 410


def test_the_page_of_a_key_is_for_who_may_issue(root, client, ada):
    redirect = root.post(f"{PLACE}add/", {"user": ada.pk, "name": "", "scope": ""})
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert clerk.get(redirect.url).status_code == 403
    assert root.get(f"{PLACE}no-such/key/").status_code == 404


def test_a_form_says_what_empty_means_and_that_the_key_is_shown_once(root, ada):
    def said(**options):
        with setting(**options):
            return root.get(f"{PLACE}add/").content.decode()

    page = said()
    assert "The key is shown once" in page
    assert "Left empty, it may do all that its user may." in page
    assert "Left empty, it does not end by itself." in page
    page = said(UNSCOPED="refuse", EXPIRES_IN=timedelta(days=7))
    assert "Left empty, it may do nothing that needs a scope." in page
    assert "Left empty, it ends in 1\xa0week." in page


def test_a_token_is_revoked_on_its_page(root, ada):
    token, _ = AccessToken.objects.issue(ada)
    place = f"{PLACE}{token.pk}/change/"
    page = root.get(place).content.decode()
    assert page.index('name="_revoke"') < page.index("/delete/")
    answer = root.post(place, {"name": "laptop", "_revoke": "Revoke"}, follow=True)
    assert "1 token was revoked." in answer.content.decode()
    assert 'name="_revoke"' not in answer.content.decode()
    assert not AccessToken.objects.live().exists()


def test_revoking_comes_before_deleting(root, ada):
    AccessToken.objects.issue(ada)
    page = root.get(PLACE).content.decode()
    assert page.index('value="revoke"') < page.index('value="delete_selected"')


def test_the_limits_of_the_manager_hold(root, ada):
    with setting(MAX_PER_USER=1):
        issue(root, ada)
        answer = issue(root, ada, name="a second one")
        assert "1 token already" in answer.content.decode()
        assert "a second one" in answer.content.decode()
    assert "without spaces" in issue(root, ada, scope='a"b').content.decode()
    issue(root, ada)
    past = {"expires_0": "2000-01-01", "expires_1": "00:00:00"}
    assert "before it is issued" in issue(root, ada, **past).content.decode()
    assert AccessToken.objects.count() == 2


def test_tokens_are_found_by_user_name_and_first_characters(root, ada):
    token, _ = AccessToken.objects.issue(ada, "laptop")
    AccessToken.objects.issue(User.objects.create_user("bob"), "phone")
    for text in ("ada", "lapt", token.display):
        found = root.get(PLACE, {"q": text}).context["cl"].result_list
        assert list(found) == [token]


def test_they_are_filtered_by_their_state(root, ada):
    live, expired, revoked = (AccessToken.objects.issue(ada)[0] for _ in range(3))
    AccessToken.objects.filter(pk=expired.pk).update(expires=timezone.now())
    revoked.revoke()
    for state, wanted in (("live", live), ("expired", expired), ("revoked", revoked)):
        found = root.get(PLACE, {"state": state}).context["cl"].result_list
        assert list(found) == [wanted]
    with setting(MAX_LIFETIME=timedelta(hours=1)):
        AccessToken.objects.filter(pk=live.pk).update(created=timezone.now() - timedelta(hours=2))
        found = root.get(PLACE, {"state": "expired"}).context["cl"].result_list
        assert set(found) == {expired, live}


def test_the_selected_are_revoked(root, ada):
    tokens = [AccessToken.objects.issue(ada)[0] for _ in range(3)]
    chosen = [token.pk for token in tokens[:2]]
    root.post(PLACE, {"action": "revoke", "_selected_action": chosen})
    assert list(AccessToken.objects.live()) == tokens[2:]


def test_no_more_than_some_thousands_are_counted(root, ada, django_assert_max_num_queries):
    AccessToken.objects.issue(ada)
    with django_assert_max_num_queries(8) as queries:
        root.get(PLACE)
    counts = [each["sql"] for each in queries.captured_queries if "COUNT(" in each["sql"]]
    assert counts
    assert all(f"LIMIT {_COUNTED}" in sql for sql in counts)


def test_only_the_name_can_be_changed(root, ada):
    token, _ = AccessToken.objects.issue(ada)
    root.post(f"{PLACE}{token.pk}/change/", {"name": "new", "scope": "admin", "user": 1})
    token.refresh_from_db()
    assert (token.name, token.scope, token.user) == ("new", "", ada)


def test_a_change_of_the_name_undoes_no_revocation(root, ada, monkeypatch):
    token, _ = AccessToken.objects.issue(ada)
    save = AccessToken.save

    def revoked_before(self, *arguments, **named):
        AccessToken.objects.filter(pk=self.pk).update(revoked=timezone.now())
        save(self, *arguments, **named)

    monkeypatch.setattr(AccessToken, "save", revoked_before)
    root.post(f"{PLACE}{token.pk}/change/", {"name": "new"})
    token.refresh_from_db()
    assert token.revoked is not None
    assert token.name == "new"


def test_permissions_are_respected(client, ada):
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    token, _ = AccessToken.objects.issue(ada)
    assert client.get(PLACE).status_code == 403
    assert issue(client, ada).status_code == 403
    clerk.user_permissions.add(
        Permission.objects.get(codename=f"view_{AccessToken._meta.model_name}")
    )
    assert client.get(PLACE).status_code == 200
    client.post(PLACE, {"action": "revoke", "_selected_action": [token.pk]})
    assert AccessToken.objects.live().count() == 1


class TestForWhom:
    @pytest.fixture
    def clerk(self, client, issued):
        clerk = User.objects.create_user("clerk", is_staff=True)
        grant(clerk, f"add_{AccessToken._meta.model_name}", "view_session")
        client.force_login(clerk)
        return clerk

    def refuses(self, client, user):
        answer = issue(client, user)
        assert "who may do what you may not" in answer.content.decode()
        assert not AccessToken.objects.exists()
        return True

    def test_users_with_no_more_permissions_than_ones_own(self, client, clerk, ada):
        assert issue(client, ada).context["key"]
        grant(ada, "view_session")
        assert issue(client, ada).context["key"]
        assert issue(client, clerk).context["key"]

    def test_no_user_with_one_more(self, client, clerk, ada):
        grant(ada, "view_session", "delete_session")
        assert self.refuses(client, ada)

    def test_no_user_with_one_more_by_a_group(self, client, clerk, ada):
        group = Group.objects.create(name="cleaners")
        group.permissions.add(Permission.objects.get(codename="delete_session"))
        ada.groups.add(group)
        assert self.refuses(client, ada)

    def test_no_superuser(self, client, clerk):
        assert self.refuses(client, User.objects.create_superuser("root"))

    def test_no_user_who_is_inactive_and_has_permissions_later(self, client, clerk, ada):
        grant(ada, "delete_session")
        User.objects.filter(pk=ada.pk).update(is_active=False)
        assert self.refuses(client, ada)

    def test_a_superuser_any(self, root, ada):
        grant(ada, "delete_session")
        assert issue(root, ada).context["key"]
        assert issue(root, User.objects.create_superuser("other")).context["key"]


def grant(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
