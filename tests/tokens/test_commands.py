"""``manage.py irontoken`` with issued tokens, for people and for programs."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.authtoken.models import Token

import irontoken
from tests.tokens.conftest import AccessToken


def run(*arguments):
    out = StringIO()
    call_command("irontoken", *arguments, stdout=out)
    return out.getvalue()


def told(*arguments):
    return json.loads(run(*arguments, "--json"))


def test_a_token_is_issued_listed_and_revoked(ada):
    made = told("issue", "ada", "--name", "laptop", "--expires-in", "12h", "--scope", "read")
    user, token = irontoken.TokenAuthentication().authenticate_credentials(made["key"])
    assert (user, token.name, token.scopes) == (ada, "laptop", ["read"])
    assert token.expires - token.created == timedelta(hours=12)
    [row] = told("list", "ada")
    assert row["id"] == made["id"]
    assert made["key"] not in run("list")
    assert row["key"] == f"{made['key'][:9]}…"
    assert told("revoke", "--id", str(made["id"])) == {"revoked": 1}
    assert told("revoke", "--user", "ada") == {"revoked": 0}
    assert told("list", "--live") == []
    told("issue", "ada")
    assert [row["user"] for row in told("list")] == ["ada", "ada"]


def test_for_people_it_is_a_line_for_each(ada):
    key = run("issue", "ada").split("key=")[1].split()[0]
    assert irontoken.TokenAuthentication().authenticate_credentials(key)[0] == ada
    assert run("list").count("\n") == 1


def test_what_is_long_over_is_purged(ada):
    token, _ = AccessToken.objects.issue(ada)
    token.revoke()
    assert told("purge") == {"purged": 0}
    AccessToken.objects.update(revoked=timezone.now() - timedelta(days=91))
    assert told("purge") == {"purged": 1}


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["issue", "nobody"], "no user 'nobody'"),
        (["issue", "ada", "--name", "a\nb"], "control characters"),
        (["issue", "ada", "--scope", "a b"], "without spaces"),
        (["issue", "ada", "--expires-in", "soon"], "write 30s"),
        (["issue", "ada", "--expires-in", "0s"], "before it is issued"),
        (["revoke", "--id", "0"], "no token 0"),
        (["revoke"], "is required"),
        (["list", "nobody"], "no user"),
        (["list", ""], "no user ''"),
        (["issue", "a\0"], "no user"),
        (["revoke", "--user", ""], "no user ''"),
        (["adopt", "--finish", "--dry-run"], "not allowed with"),
        (["list", "\ud800"], "no user"),
        (["purge", "--older-than", "999999999d"], "more than a century"),
    ],
)
def test_what_cannot_be_done_is_told(ada, arguments, wanted):
    with pytest.raises(CommandError, match=wanted):
        run(*arguments)


def test_adopting_shows_what_it_does(ada):
    token = Token.objects.create(user=ada)
    assert "holds 1 token. Nothing was changed" in run("adopt", "--dry-run")
    assert AccessToken.objects.count() == 0
    assert "1 of 1 copied" in run("adopt")
    assert "1 of 1 accepted" in run("adopt", "--finish")
    assert "holds 0 tokens" in run("adopt", "--dry-run")
    assert irontoken.TokenAuthentication().authenticate_credentials(token.key)[0] == ada
