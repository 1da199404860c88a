"""``manage.py irontoken`` with issued tokens, for people and for programs."""

import json
import os
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken._core import issue_key
from irontoken.tokens.adoption import base as adoption
from irontoken.tokens.checks import check_leftovers
from tests.support.issued import AccessToken, setting


def run(*arguments):
    out = StringIO()
    call_command("irontoken", *arguments, stdout=out)
    return out.getvalue()


def told(*arguments):
    return json.loads(run(*arguments, "--json"))


def test_a_token_is_issued_listed_and_revoked(ada):
    made = told("issue", "ada", "--name", "laptop", "--expires-in", "12h", "--scope", "read")
    user, token = irontoken.TokenAuthentication().authenticate_credentials(made["token"])
    assert (user, token.name, token.scopes) == (ada, "laptop", ["read"])
    assert token.expires - token.created == timedelta(hours=12)
    [row] = told("list", "ada")
    assert row["id"] == made["id"]
    assert made["token"] not in run("list")
    assert row["display"] == made["token"][:9]
    assert told("revoke", "--id", str(made["id"])) == {"revoked": 1}
    assert told("revoke", "--user", "ada") == {"revoked": 0}
    assert told("list", "--live") == []
    told("issue", "ada")
    assert [row["user"] for row in told("list")] == ["ada", "ada"]


def test_for_people_it_is_a_line_for_each(ada):
    key = run("issue", "ada").split("token=")[1].split()[0]
    assert irontoken.TokenAuthentication().authenticate_credentials(key)[0] == ada
    assert run("list").count("\n") == 1


def test_what_is_long_over_is_purged(ada):
    token, _ = AccessToken.objects.issue(ada)
    token.revoke()
    assert told("purge") == {"purged": 0}
    AccessToken.objects.update(revoked=timezone.now() - timedelta(days=91))
    assert told("purge") == {"purged": 1}


def test_what_is_accepted_is_never_purged(ada):
    AccessToken.objects.issue(ada, expires_in=timedelta(hours=1))
    with pytest.raises(ValueError, match="negative"):
        AccessToken.objects.purge(timedelta(days=-1))
    assert AccessToken.objects.live().count() == 1


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["issue", "nobody"], "no user 'nobody'"),
        (["issue", "ada", "--name", "a\nb"], "control characters"),
        (["issue", "ada", "--scope", 'a"b'], "without spaces"),
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


@pytest.mark.skipif(
    AccessToken._meta.label == "irontoken_tokens.AccessToken",
    reason="the tokens of this project are in the stock model's table",
)
def test_tokens_left_in_the_stock_models_table_are_told_of(db):
    def found():
        messages = check_leftovers(databases=["default"])
        return [each.msg for each in messages if each.id == "irontoken.W024"]

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE irontoken_tokens_accesstoken (revoked integer)")
        try:
            assert found() == []
            cursor.execute("INSERT INTO irontoken_tokens_accesstoken VALUES (NULL)")
            [said] = found()
        finally:
            cursor.execute("DROP TABLE irontoken_tokens_accesstoken")
    assert "has tokens in irontoken_tokens_accesstoken, and all are refused" in said


class TestKeyFile:
    @pytest.fixture
    def revoke(self, monkeypatch, tmp_path, capsys):
        """Revoke what is on these lines; return the counts, the lines and what was said."""

        def run_with(*lines, how="-"):
            path = tmp_path / "keys"
            path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
            out, error = StringIO(), ""
            with path.open() as opened:
                monkeypatch.setattr("sys.stdin", opened)
                arguments = ["--key-file", how if how == "-" else str(path), "--json"]
                try:
                    call_command("irontoken", "revoke", *arguments, stdout=out)
                except CommandError as raised:
                    error = str(raised)
            said = out.getvalue() + error + "".join(capsys.readouterr())
            assert not [line for line in lines if len(line) > 6 and line in said]
            return json.loads(out.getvalue()), error

        return run_with

    @pytest.mark.parametrize("how", ["-", "a file"])
    def test_keys_are_revoked_and_counted(self, ada, revoke, how):
        (_, first), (other, second), (third, _), (_, fourth) = (
            AccessToken.objects.issue(ada) for _ in range(4)
        )
        other.revoke()
        found = revoke(first, "", f"  {second} ", f"{third.display}…", how=how)
        assert found == ({"revoked": 2, "refused_before": 1, "unknown": []}, "")
        [left] = AccessToken.objects.live()
        assert irontoken.TokenAuthentication().authenticate_credentials(fourth)[1] == left

    def test_a_file_of_windows_is_read_from_its_first_line_on(self, ada, revoke):
        _, key = AccessToken.objects.issue(ada)
        counts, _ = revoke(f"\ufeff{key}", how="a file")
        assert counts == {"revoked": 1, "refused_before": 0, "unknown": []}

    def test_what_names_no_token_is_told_by_its_line(self, ada, revoke):
        _, key = AccessToken.objects.issue(ada)
        unknown = issue_key("it_")
        counts, error = revoke(unknown, key, "sh", "nobodys", "\0", "\udcff" * 9, "it_")
        assert counts == {"revoked": 1, "refused_before": 0, "unknown": [1, 3, 4, 5, 6, 7]}
        assert "6 lines matched no token: 1, 3, 4, 5, 6, 7." in error
        assert "1 line matched no token: 1." in revoke("nobodys")[1]

    def test_a_key_that_was_cut_off_or_copied_wrongly_is_found(self, ada, revoke):
        keys = [AccessToken.objects.issue(ada)[1] for _ in range(3)]
        _, other = AccessToken.objects.issue(ada)
        wrong = keys[1][:-1] + ("0" if keys[1][-1] != "0" else "1")
        assert revoke(keys[0][:20], wrong, f"{keys[2][:9]}***")[0]["revoked"] == 3
        assert AccessToken.objects.live().get().display == other[:9]

    def test_letters_that_a_collation_calls_equal_name_nothing(self, ada, revoke):
        token, _ = AccessToken.objects.issue(ada)
        other = token.display[:3] + token.display[3:].swapcase()
        AccessToken.objects.update(display="it_AbCdEf")
        assert revoke("it_aBcDeF", other)[0]["revoked"] == 0

    @pytest.mark.parametrize("adopted", [False, True])
    def test_keys_of_other_apps_are_revoked_too(self, ada, revoke, adopted):
        with setting(ACCEPT_KNOX=True):
            keys = [Token.objects.create(user=ada).key, AuthToken.objects.create(user=ada)[1]]
            for source in ("authtoken", "knox"):
                work = adoption.Adoption(source)
                list(work.finish() if adopted else work.copy())
            for key in keys:
                irontoken.TokenAuthentication().authenticate_credentials(key)
            assert revoke(*keys)[0]["revoked"] == 2
            for source in ("authtoken", "knox"):
                list(adoption.Adoption(source).finish())
            for key in keys:
                with pytest.raises(AuthenticationFailed):
                    irontoken.TokenAuthentication().authenticate_credentials(key)

    def test_a_file_that_is_not_there_is_told(self, ada):
        with pytest.raises(CommandError, match="no-such-file cannot be read: No such file"):
            run("revoke", "--key-file", "no-such-file")


def test_scopes_are_words_with_commas_or_spaces_between(ada):
    made = told("issue", "ada", "--scope", "read, write", "--scope", "a b,c")
    assert made["scopes"] == ["read", "write", "a", "b", "c"]


def test_a_program_reads_the_names_that_it_finds_over_http(ada, client):
    made = told("issue", "ada")
    [row] = told("list")
    answer = client.post("/tokens/obtain/", {"username": "ada", "password": "lovelace"}).json()
    assert set(answer) <= set(made)
    header = {"HTTP_AUTHORIZATION": f"Token {made['token']}"}
    listed = client.get("/tokens/", **header).json()["results"]
    assert set(listed[0]) - {"current"} <= set(row)
    [same] = [each for each in listed if each["id"] == made["id"]]
    assert (same["display"], same["name"]) == (row["display"], row["name"])


def test_a_reader_that_has_seen_enough_is_no_error(ada):
    for _ in range(3):
        AccessToken.objects.issue(ada)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out, pytest.raises(SystemExit) as ended:
        call_command("irontoken", "list", stdout=out)
    assert ended.value.code == 1


def test_the_help_says_what_is_purged_unless_it_is_told(capsys):
    with pytest.raises(SystemExit):
        call_command("irontoken", "purge", "--help")
    assert "90d if not given" in " ".join(capsys.readouterr().out.split())


def test_one_is_one(ada):
    Token.objects.create(user=ada)
    assert "authtoken holds 1 token." in run("adopt", "--dry-run")
    with setting(MAX_PER_USER=1):
        told("issue", "ada")
        with pytest.raises(CommandError, match="has 1 token already"):
            run("issue", "ada")
