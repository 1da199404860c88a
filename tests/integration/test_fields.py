"""What a subclass declares of its look-up: the key, the path to the user, what else is loaded.

A look-up is compared with Django's own ``select_related()``, and each write to any of the rows
that it reads is seen by the next request.
"""

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import Model
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.cache.tables import tracked_columns
from irontoken.checks import check_classes
from irontoken.explain import explain
from irontoken.tokens import uses
from irontoken.tokens.models import AccessToken
from tests.support.shapes.models import (
    ChildUser,
    LooseToken,
    NullableToken,
    Organizer,
    Profile,
    Team,
    TeamToken,
)

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "5f1c9a3e"


class ByTeam(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = "team__service_user"
    select_related = ("team__organizer", "team__parent", "owner__profile")


class ByOwner(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = "owner"


class OfNobody(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = None
    select_related = ("team",)


class OfAPrincipal(ByOwner):
    def principal(self, token):
        return token.owner or AnonymousUser()


class Loose(irontoken.TokenAuthentication):
    model = LooseToken
    key_field = "secret"
    user_field = None
    select_related = ("team", "kin")


class StockKey(irontoken.TokenAuthentication):
    """A stock token whose user is not loaded."""

    user_field = None


class Issued(irontoken.TokenAuthentication):
    model = AccessToken
    select_related = ("user__profile",)


class Misdeclared(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = "owner"
    select_related = ("boss",)


class ThereAndBack(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = "owner"
    select_related = ("owner__profile__user",)


class Unlisted(irontoken.TokenAuthentication):
    model = TeamToken
    key_field = "token"
    user_field = "owner"
    select_related = ("team__organizer",)


CLASSES = [
    f"{__name__}.{cls.__name__}"
    for cls in (ByTeam, ByOwner, OfNobody, OfAPrincipal, Loose, StockKey, Issued, ThereAndBack)
]


def cache_setting(tmp_path, **options):
    cache = {"COHERENCE": "host", "PATH": str(tmp_path), "MAX_AGE": 600, "CLASSES": CLASSES}
    return {"CACHE": {**cache, **options}}


@pytest.fixture
def on(tmp_path):
    with override_settings(IRONTOKEN=cache_setting(tmp_path)):
        yield


@pytest.fixture
def rows(db):
    """A token, and a row of each model that is loaded with it."""
    made = SimpleNamespace()
    made.owner = User.objects.create_user("grace")
    made.bot = User.objects.create_user("bot")
    made.profile = Profile.objects.create(user=made.owner, motto="onward")
    made.organizer = Organizer.objects.create(name="fair", settings={"open": [1, 2]})
    made.parent = Team.objects.create(name="all", organizer=made.organizer)
    made.team = Team.objects.create(
        name="door", organizer=made.organizer, parent=made.parent, service_user=made.bot
    )
    made.token = TeamToken.objects.create(token=KEY, team=made.team, owner=made.owner)
    return made


def tree(instance, seen=()):
    """All that is in an instance and in those that are loaded with it."""
    if not isinstance(instance, Model):
        return instance
    if any(instance is each for each in seen):
        return ("known", type(instance), instance.pk)
    seen = (*seen, instance)
    attributes = dict(vars(instance))
    state = dict(vars(attributes.pop("_state")))
    loaded = state.pop("fields_cache", {})
    related = {name: tree(each, seen) for name, each in loaded.items()}
    return type(instance), attributes, state, related


def counted(function, *arguments):
    """What a function returns or raises, and how many queries it took."""
    with CaptureQueriesContext(connection) as context:
        try:
            result = function(*arguments)
        except Exception as error:
            result = error
    return result, len(context)


def found(cls, key=KEY):
    """What a class answers, and how many queries it took."""
    return counted(cls().authenticate_credentials, key)


def refused(answer, message):
    return isinstance(answer, AuthenticationFailed) and answer.detail == message


class TestEquality:
    @pytest.mark.parametrize("cached", [False, True])
    @pytest.mark.parametrize("cls", [ByTeam, ByOwner, OfNobody, Loose])
    def test_all_that_is_loaded_is_as_django_loads_it(self, cls, cached, rows, tmp_path):
        kin = ChildUser.objects.create(username="kin", motto="m")
        LooseToken.objects.create(secret=KEY, team=rows.team, kin=kin)
        paths = [*([cls.user_field] if cls.user_field else []), *cls.select_related]
        with override_settings(IRONTOKEN=cache_setting(tmp_path) if cached else {}):
            for absent in (False, True):
                if absent:
                    Team.objects.update(parent=None)
                    LooseToken.objects.update(kin=None)
                tokens = cls.model.objects.select_related(*paths)
                expected = tree(tokens.get(**{cls.key_field: KEY}))
                for _ in range(2):
                    user, token = cls().authenticate_credentials(KEY)
                    assert tree(token) == expected
                    assert isinstance(user, User if cls.user_field else AnonymousUser)

    def test_a_path_that_comes_back_ends_where_it_began(self, rows, on):
        """Django relates a part after what it leads to."""
        expected = TeamToken.objects.select_related("owner__profile__user").get()
        assert expected.owner.profile.user is expected.owner
        for _ in range(2):
            user, token = ThereAndBack().authenticate_credentials(KEY)
            assert token.owner.profile.user is token.owner is user
            assert tree(token) == tree(expected)

    def test_the_user_is_the_one_that_the_token_knows(self, rows, on):
        for _ in range(2):
            user, token = ByTeam().authenticate_credentials(KEY)
            assert user is token.team.service_user
            assert user == rows.bot

    def test_one_query_and_then_none(self, rows, on):
        LooseToken.objects.create(secret=KEY, team=rows.team)
        for cls in (ByTeam, ByOwner, OfNobody, OfAPrincipal, Loose):
            # The fourth declares the same look-up as the second, which has found the token.
            expected = [int(cls is not OfAPrincipal), 0, 0]
            assert [found(cls)[1] for _ in range(3)] == expected
            user, token = cls().authenticate_credentials(KEY)
            _, queries = counted(lambda token=token: token.team.pk)
            assert queries == (cls in (ByOwner, OfAPrincipal))
            assert user.is_authenticated is (cls.user_field is not None)

    def test_two_requests_share_no_value_that_can_be_changed(self, rows, on):
        for _ in range(3):
            _, token = ByTeam().authenticate_credentials(KEY)
            assert token.team.organizer.settings == {"open": [1, 2]}
            token.team.organizer.settings["open"].append(3)
            token.team.name = "changed"
        assert token.team.name == "changed"

    def test_what_is_loaded_with_an_issued_token_costs_no_query(self, rows, on, monkeypatch):
        # Later tests have settings by which the thread that writes uses must not go on.
        monkeypatch.setattr(uses, "_start", lambda: None)
        monkeypatch.setattr(uses, "_uses", uses._Uses())
        _, key = AccessToken.objects.issue(rows.owner)
        assert [found(Issued, key)[1] for _ in range(3)] == [1, 0, 0]
        user, token = Issued().authenticate_credentials(key)
        assert counted(lambda: token.user.profile.motto) == ("onward", 0)
        assert user is token.user
        Profile.objects.update(motto="new")
        assert Issued().authenticate_credentials(key)[0].profile.motto == "new"


class TestRefusals:
    @pytest.mark.parametrize("key", ["nobody", "", None, b"bytes", 5, "\0", "x" * 999])
    @pytest.mark.parametrize("cls", [ByTeam, OfNobody])
    def test_a_key_of_nobody_is_refused(self, cls, key, rows, on):
        answer, _ = found(cls, key)
        assert refused(answer, "Invalid token.")

    @pytest.mark.parametrize("cls", [ByTeam, ByOwner, OfAPrincipal])
    def test_an_inactive_user_is_refused(self, cls, rows, on):
        for _ in range(2):
            assert not isinstance(found(cls)[0], Exception)
        User.objects.update(is_active=False)
        for _ in range(2):
            assert refused(found(cls)[0], "User inactive or deleted.")

    @pytest.mark.parametrize("cls", [ByOwner, OfAPrincipal])
    def test_a_token_whose_user_is_gone_is_refused(self, cls, rows, on):
        for _ in range(2):
            found(cls)
        rows.owner.delete()
        for _ in range(2):
            assert refused(found(cls)[0], "User inactive or deleted.")

    @pytest.mark.parametrize("change", ["insert", "update"])
    def test_a_second_row_of_a_key_is_an_error_as_with_django(self, change, rows, on):
        other = LooseToken.objects.create(secret="other")
        LooseToken.objects.create(secret=KEY)
        assert [found(Loose)[1] for _ in range(2)] == [1, 0]
        if change == "insert":
            LooseToken.objects.create(secret=KEY)
        else:
            LooseToken.objects.filter(pk=other.pk).update(secret=KEY)
        with pytest.raises(LooseToken.MultipleObjectsReturned) as caught:
            Loose().authenticate_credentials(KEY)
        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("key", ["", None, 5, ["x"], b"bytes"])
    def test_no_key_is_found_by_what_is_no_text(self, key, rows, on):
        LooseToken.objects.create(secret="")
        LooseToken.objects.create(secret="5")
        assert refused(found(Loose, key)[0], "Invalid token.")


def raw(sql, *parameters):
    def write(rows):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    return write


def by(path, **values):
    """Set what is found on an object and save it."""

    def write(rows):
        instance = getattr(rows, path)
        for name, value in values.items():
            setattr(instance, name, value)
        instance.save()

    return write


#: Each changes what Django would load.
WRITES = {
    "the token": lambda rows: TeamToken.objects.filter(pk=rows.token.pk).update(active=False),
    "the token, by its team": lambda rows: rows.team.tokens.update(active=False),
    "the token, by its owner": lambda rows: TeamToken.objects.filter(owner=rows.owner).update(
        active=False
    ),
    "the token's team": lambda rows: TeamToken.objects.update(
        team=Team.objects.create(name="b", organizer=rows.organizer, service_user=rows.owner)
    ),
    "the key": lambda rows: TeamToken.objects.filter(pk=rows.token.pk).update(token="other"),
    "the token is deleted": lambda rows: rows.token.delete(),
    "the team": by("team", name="gate"),
    "the team, by its organizer": lambda rows: Team.objects.filter(
        organizer=rows.organizer
    ).update(name="gate"),
    "the team, by its user": lambda rows: Team.objects.filter(service_user=rows.bot).update(
        name="gate"
    ),
    "the team's user": lambda rows: Team.objects.filter(pk=rows.team.pk).update(
        service_user=rows.owner
    ),
    "the team has no parent": lambda rows: Team.objects.filter(pk=rows.team.pk).update(
        parent=None
    ),
    "the team is deleted": lambda rows: rows.team.delete(),
    "the organizer": by("organizer", name="show"),
    "the organizer, raw": raw("UPDATE shapes_organizer SET name = 'show'"),
    "the parent": lambda rows: Team.objects.filter(pk=rows.parent.pk).update(name="some"),
    "the user": lambda rows: User.objects.filter(pk=rows.bot.pk).update(email="b@example.com"),
    "the owner": by("owner", first_name="Grace"),
    "the owner is deleted": lambda rows: rows.owner.delete(),
    "the profile": by("profile", motto="upward"),
    "the profile, by its user": lambda rows: Profile.objects.filter(user=rows.owner).update(
        motto="upward"
    ),
    "the profile is another's": lambda rows: Profile.objects.update(user=rows.bot),
    "the profile is deleted": lambda rows: rows.profile.delete(),
    "all are updated at once": lambda rows: Team.objects.bulk_update(
        [Team(pk=rows.team.pk, name="gate")], ["name"]
    ),
}


class TestCoherence:
    @pytest.mark.parametrize("name", WRITES)
    def test_a_write_to_what_is_loaded_is_seen_at_once(self, name, rows, on):
        for cls in (ByTeam, OfNobody):
            assert [found(cls)[1] for _ in range(2)] == [1, 0]
        WRITES[name](rows)
        for cls in (ByTeam, OfNobody):
            paths = [*([cls.user_field] if cls.user_field else []), *cls.select_related]
            token = TeamToken.objects.select_related(*paths).filter(token=KEY).first()
            if token is None:
                assert refused(found(cls)[0], "Invalid token.")
            else:
                for _ in range(2):
                    assert tree(cls().authenticate_credentials(KEY)[1]) == tree(token)

    def test_a_write_to_another_row_leaves_the_cached_one(self, rows, on):
        found(ByTeam)
        other = Team.objects.create(name="other", organizer=rows.organizer)
        Organizer.objects.create(name="other")
        other.name = "another"
        other.save()
        assert found(ByTeam)[1] == 0

    def test_a_write_by_a_column_that_is_not_loaded_is_seen(self, rows, on):
        """The stock user is tracked by his tokens, whose user this class does not load."""
        key = Token.objects.create(user=rows.owner).key
        assert [found(StockKey, key)[1] for _ in range(2)] == [1, 0]
        Token.objects.filter(user=rows.owner).update(created="2020-01-01T00:00:00Z")
        _, token = StockKey().authenticate_credentials(key)
        assert token.created.year == 2020

    def test_what_may_appear_unseen_is_not_cached(self, rows, on):
        rows.profile.delete()
        for _ in range(2):
            assert found(ByTeam)[1] == 1
            assert not hasattr(ByTeam().authenticate_credentials(KEY)[1].owner, "profile")
        Profile.objects.create(user=rows.owner, motto="new")
        assert ByTeam().authenticate_credentials(KEY)[1].owner.profile.motto == "new"
        assert found(ByTeam)[1] == 0

    def test_a_reference_to_nobody_is_not_cached(self, rows, on):
        LooseToken.objects.create(secret=KEY, team_id=4711)
        for _ in range(2):
            assert found(Loose)[1] == 1
        Team.objects.create(pk=4711, name="late", organizer=rows.organizer)
        assert Loose().authenticate_credentials(KEY)[1].team.name == "late"

    def test_a_row_in_two_tables_is_seen_in_both(self, rows, on):
        kin = ChildUser.objects.create(username="kin", motto="a")
        LooseToken.objects.create(secret=KEY, kin=kin)
        for table, column, value in (
            ("shapes_childuser", "motto", "b"),
            ("auth_user", "email", "c"),
        ):
            assert [found(Loose)[1] for _ in range(2)][1] == 0
            raw(f"UPDATE {table} SET {column} = '{value}'")(rows)
            token = Loose().authenticate_credentials(KEY)[1]
            assert getattr(token.kin, column) == value


class TestListing:
    def test_a_class_that_no_setting_lists_is_not_cached_where_others_do_not_know_its_tables(
        self, rows, tmp_path
    ):
        with override_settings(IRONTOKEN=cache_setting(tmp_path, CLASSES=())):
            assert [found(Unlisted)[1] for _ in range(2)] == [1, 1]
            said = str(explain(Unlisted))
            assert "other processes do not know that shapes.TeamToken is read" in said
            assert "CLASSES" in said
        default = {"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Unlisted"]}
        with override_settings(
            IRONTOKEN=cache_setting(tmp_path, CLASSES=()), REST_FRAMEWORK=default
        ):
            assert [found(Unlisted)[1] for _ in range(2)] == [1, 0]
            assert "cached." in str(explain(Unlisted))

    def test_a_path_that_cannot_be_imported_makes_each_write_one_to_everything(
        self, rows, tmp_path, caplog
    ):
        setting = cache_setting(tmp_path, CLASSES=[*CLASSES, "nowhere.Class"])
        with override_settings(IRONTOKEN=setting):
            key = Token.objects.create(user=rows.owner).key
            stock = irontoken.TokenAuthentication
            assert [found(stock, key)[1] for _ in range(2)] == [1, 0]
            Group.objects.create(name="of no class")
            assert found(stock, key)[1] == 1
            assert [name for name, _ in tracked_columns().in_doubt] == ["nowhere.Class"]
            assert "nowhere.Class, which the settings list, cannot be asked" in caplog.text
            [error] = check_classes()
            assert (error.id, "nowhere.Class" in error.msg) == ("irontoken.E003", True)

    def test_what_is_listed_and_declared_wrongly_is_an_error(self, tmp_path):
        classes = [f"{__name__}.Misdeclared", "django.contrib.auth.models.User"]
        with override_settings(IRONTOKEN=cache_setting(tmp_path, CLASSES=classes)):
            said = [f"{each.id} {each.msg}" for each in check_classes()]
            assert len(said) == 2
            assert "no class of irontoken's" in said[0]
            assert "has no path of foreign keys 'boss'" in said[1]
            with pytest.raises(ImproperlyConfigured, match="boss"):
                Misdeclared().authenticate_credentials(KEY)

    @pytest.mark.parametrize("classes", [["a.B", 5], "a.B", 5])
    def test_what_is_no_list_of_paths_is_refused(self, classes, tmp_path):
        setting = cache_setting(tmp_path, CLASSES=classes)
        with (
            override_settings(IRONTOKEN=setting),
            pytest.raises(ImproperlyConfigured, match="CLASSES"),
        ):
            irontoken.settings.setting.require()


class TestDeclarations:
    @pytest.mark.parametrize(
        "declared",
        [
            {"key_field": None},
            {"key_field": "team__token"},
            {"user_field": 5},
            {"user_field": ""},
            {"select_related": "team"},
            {"select_related": (5,)},
            {"select_related": True},
        ],
    )
    def test_one_that_means_nothing_is_refused_when_the_class_is_made(self, declared):
        [name] = declared
        with pytest.raises(ImproperlyConfigured, match=name):
            type("Wrong", (irontoken.TokenAuthentication,), declared)

    @pytest.mark.parametrize(
        ("declared", "said"),
        [
            ({"key_field": "nothing"}, "has no field 'nothing'"),
            ({"key_field": "pk"}, "has no field 'pk'"),
            ({"user_field": "token"}, "no path of foreign keys 'token'"),
            ({"user_field": "owner__groups"}, "no path of foreign keys 'owner__groups'"),
            ({"user_field": "owner__profile"}, "ends in what refers to it"),
            ({"select_related": ("token",)}, "no path of foreign keys 'token'"),
            ({"key_field": "token", "user_field": "boss"}, "no path of foreign keys 'boss'"),
            ({"key_field": "token", "user_field": "team"}, "no is_authenticated"),
            ({"user_field": None, "select_related": ("team__a",)}, "foreign keys 'team__a'"),
            ({"key_field": "token", "user_field": "owner", "model": AccessToken}, "digests"),
        ],
    )
    def test_one_that_no_model_has_is_told_by_explain(self, declared, said, on):
        cls = type("Wrong", (ByOwner,), declared)
        assert said in str(explain(cls))

    def test_a_subclass_declares_what_it_changes_alone(self):
        assert OfAPrincipal.lookup_fields == ByOwner.lookup_fields
        back = type("Back", (ByOwner,), {"key_field": "key", "user_field": "user"})
        assert back.lookup_fields == ("key", "user", ())


def test_what_is_declared_as_it_is_anyway_is_declared():
    """A model whose user may be NULL asks for it, and a default says it too."""

    class Plain(irontoken.TokenAuthentication):
        model = NullableToken

    class Declaring(Plain):
        user_field = "user"

    setting = {"CACHE": {"COHERENCE": "host"}}
    with override_settings(IRONTOKEN=setting):
        assert "declare user_field" in str(explain(Plain))
        assert str(explain(Declaring)).endswith(": cached.")
    key = NullableToken.objects.create(user=None).key
    with pytest.raises(AuthenticationFailed, match="inactive"):
        Declaring().authenticate_credentials(key)
