"""The way back: what was moved is loaded again, and what was revoked meanwhile stays revoked."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from knox.models import AuthToken
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

from tests.support.issued import AccessToken, User, setting

OURS = "irontoken.TokenAuthentication"
CLASSES = {
    "authtoken": "rest_framework.authentication.TokenAuthentication",
    "knox": "knox.auth.TokenAuthentication",
}


def accepts(path, key):
    sent = key.encode() if path.startswith("knox") else key
    try:
        import_string(path)().authenticate_credentials(sent)
    except AuthenticationFailed:
        return False
    return True


def accepted(path, keys):
    return [accepts(path, key) for key in keys]


def adopt(source, *options):
    call_command("irontoken", "adopt", "--from", source, *options, stdout=(out := StringIO()))
    return out.getvalue()


@pytest.fixture(params=["authtoken", "knox"])
def source(request, issued):
    with setting(ACCEPT_KNOX=True):
        yield request.param


@pytest.fixture
def rows(source):
    return {"authtoken": Token, "knox": AuthToken}[source].objects


@pytest.fixture
def keys(source, rows):
    users = [User.objects.create(username=f"user{number}") for number in range(4)]
    made = [rows.create(user=user) for user in users]
    return [each.key if source == "authtoken" else each[1] for each in made]


@pytest.fixture
def fixture(source, rows, keys, tmp_path):
    """All rows were moved, and this is the copy from before."""
    adopt(source)
    path = tmp_path / "rows.json"
    call_command("dumpdata", rows.model._meta.label, output=str(path))
    adopt(source, "--finish")
    assert not rows.exists()
    return str(path)


def copy_of(number):
    return AccessToken.objects.get(user__username=f"user{number}")


def test_a_key_that_was_revoked_meanwhile_is_not_loaded(source, rows, keys, fixture):
    copy_of(0).revoke()
    said = adopt(source, "--undo", fixture)
    assert "3 tokens" in said
    assert "1 token left out" in said
    assert accepted(CLASSES[source], keys) == [False, True, True, True]
    assert accepted(OURS, keys) == [False, True, True, True]
    assert not AccessToken.objects.filter(pending=False, revoked=None).exists()


def test_a_later_adoption_takes_the_same_copies_up(source, rows, keys, fixture):
    # By a use a copy may get another digest of its key.
    AccessToken.objects.filter(user__username="user1").update(digest="another of the same key")
    before = AccessToken.objects.count()
    adopt(source, "--undo", fixture)
    rows.filter(user__username="user2").delete()  # as by a log-out
    adopt(source)
    adopt(source, "--finish")
    assert accepted(OURS, keys) == [True, True, False, True]
    assert AccessToken.objects.count() == before - 1
    assert AccessToken.objects.filter(pending=False, revoked=None).count() == 3


def test_it_may_be_done_twice_and_leaves_what_is_there(source, rows, keys, fixture):
    adopt(source, "--undo", fixture)
    assert "0 tokens" in adopt(source, "--undo", fixture)
    assert accepted(CLASSES[source], keys) == [True] * 4


def test_a_key_that_was_renewed_meanwhile_has_its_later_end(source, rows, keys, fixture):
    later = timezone.now() + timedelta(days=9)
    AccessToken.objects.filter(user__username="user0").update(expires=later)
    adopt(source, "--undo", fixture)
    if source == "knox":
        assert rows.get(user__username="user0").expiry == later
    assert accepted(CLASSES[source], keys) == [True] * 4


def test_a_key_that_was_rotated_is_not_loaded_even_in_its_grace(source, rows, keys, fixture):
    _, new = copy_of(0).rotate(grace=timedelta(hours=1))
    assert "1 token left out" in adopt(source, "--undo", fixture)
    assert accepted(CLASSES[source], keys) == [False, True, True, True]
    # By irontoken's class both go on as they were.
    assert accepted(OURS, [keys[0], new]) == [True, True]


def test_a_user_who_is_gone_is_left_out(source, rows, keys, fixture):
    User.objects.get(username="user3").delete()
    assert "1 token left out" in adopt(source, "--undo", fixture)
    assert rows.count() == 3


@pytest.mark.parametrize(
    "text", [b"", b"{", b'[{"model": "authtoken.token", "pk": "secret"}]', b"secret \xff"]
)
def test_what_is_no_fixture_is_said_without_what_is_in_it(source, tmp_path, text):
    path = tmp_path / "rows.json"
    path.write_bytes(text)
    with pytest.raises(CommandError, match="no fixture") as raised:
        adopt(source, "--undo", str(path))
    assert "secret" not in str(raised.value)
    with pytest.raises(CommandError, match="cannot be read"):
        adopt(source, "--undo", str(tmp_path / "none"))
