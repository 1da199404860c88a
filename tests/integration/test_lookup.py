"""The returned pair and the way to it, against REST framework's, for every shape of model."""

import uuid
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, router
from django.db.models.signals import post_init, pre_init
from django.test import override_settings
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from irontoken.lookup import shared as lookup
from tests.support.comparison import assert_same, classes, outcome
from tests.support.shapes import models
from tests.support.shapes.samples import SHAPES, simple

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("use_tz", [True, False])
def test_the_pair_equals_drfs(shape, use_tz, user, compiled):
    make, is_compiled = SHAPES[shape]
    with override_settings(USE_TZ=use_tz):
        token = make(user)
        for _ in range(2):  # the second time nothing is compiled any more
            found = assert_same(f"Token {token.key}", model=type(token))
        assert found.result is not None
        assert len(found.queries) == 1
        lookups = [each for (model, *_), each in compiled.items() if model is type(token)]
        assert [each is not None for each in lookups] == [is_compiled]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_times_equal_drfs_in_every_time_zone(zone, user, token):
    databases_zone = connection.settings_dict["TIME_ZONE"]
    for used in (None, zone):
        if used and connection.features.supports_timezones:
            continue  # Django allows the option only where the database has no zones
        connection.settings_dict["TIME_ZONE"] = used
        try:
            with override_settings(TIME_ZONE=zone):
                connection.__dict__.pop("timezone", None)
                assert_same(f"Token {token.key}")
        finally:
            connection.settings_dict["TIME_ZONE"] = databases_zone
            connection.__dict__.pop("timezone", None)
            lookup._compiled.clear()


def test_both_directions_of_the_relation_are_cached(token, django_assert_num_queries):
    user, found = irontoken.TokenAuthentication().authenticate_credentials(token.key)
    with django_assert_num_queries(0):
        assert found.user is user
        assert user.auth_token is found
    assert (found._state.db, found._state.adding) == ("default", False)
    found.created = None
    found.user = user
    assert found.user_id == user.pk


def test_an_instance_of_one_call_is_not_that_of_another(token):
    first = irontoken.TokenAuthentication().authenticate_credentials(token.key)
    first[0].username = "changed"
    first[0]._state.fields_cache["extra"] = 1
    second = irontoken.TokenAuthentication().authenticate_credentials(token.key)
    assert second[0] is not first[0]
    assert second[0].username == "ada"
    assert "extra" not in second[0]._state.fields_cache


def test_instances_can_be_saved_and_deleted(token):
    user, found = irontoken.TokenAuthentication().authenticate_credentials(token.key)
    user.first_name = "Ada"
    user.save()
    assert User.objects.get(pk=user.pk).first_name == "Ada"
    found.delete()
    assert not Token.objects.filter(key=token.key).exists()


@pytest.mark.parametrize("signal", [pre_init, post_init])
def test_a_receiver_connected_after_the_first_request_is_heard(signal, token):
    assert_same(f"Token {token.key}")
    heard = []

    def receiver(sender, **kwargs):
        heard.append(sender)

    signal.connect(receiver, sender=User)
    try:
        irontoken.TokenAuthentication().authenticate_credentials(token.key)
    finally:
        signal.disconnect(receiver, sender=User)
    assert heard == [User]


def test_a_receiver_of_another_class_costs_nothing_but_is_left_alone(token):
    heard = []

    def receiver(sender, **kwargs):
        heard.append(sender)

    post_init.connect(receiver, sender=models.RichUser)
    try:
        assert_same(f"Token {token.key}")
    finally:
        post_init.disconnect(receiver, sender=models.RichUser)
    assert heard == []


def test_measured_images_are_measured(user):
    token = models.MeasuredToken.objects.create(user=simple(models.MeasuredUser))
    assert post_init.has_listeners(models.MeasuredUser)
    assert_same(f"Token {token.key}", model=models.MeasuredToken)


def test_a_hidden_row_is_refused(user):
    token = models.ManagedToken.everything.create(user=user, live=False)
    refused = assert_same(f"Token {token.key}", model=models.ManagedToken)
    assert refused.exception[0] is AuthenticationFailed


def test_a_key_that_two_rows_share_fails_as_with_drf(user):
    for _ in range(2):
        models.RepeatedToken.objects.create(user=user, key="twice")
    failed = assert_same("Token twice", model=models.RepeatedToken)
    assert failed.exception[0] is models.RepeatedToken.MultipleObjectsReturned


def test_stock_classes_are_built_around_django(token, monkeypatch):
    assert_same(f"Token {token.key}")
    for cls in (User, Token):
        monkeypatch.setattr(cls, "from_db", None)
    assert irontoken.TokenAuthentication().authenticate_credentials(token.key)[1] == token


def test_a_row_that_from_db_hides_is_refused(user):
    token = models.HidingToken.objects.create(user=user)
    refused = assert_same(f"Token {token.key}", model=models.HidingToken)
    assert refused.exception[0] is AuthenticationFailed


def test_a_key_may_be_stored_as_its_digest(user):
    models.HashedToken.objects.create(user=user, key="x" * 100)
    assert assert_same("Token " + "x" * 100, model=models.HashedToken).result
    assert assert_same("Token " + "x" * 99, model=models.HashedToken).exception


@pytest.mark.django_db(databases=["default", "other"])
def test_a_manager_bound_to_a_database_asks_that_one():
    for alias in ("default", "other"):
        owner = User.objects.using(alias).create(username=alias)
        models.BoundToken(user=owner, key=alias).save(using=alias, force_insert=True)
    assert assert_same("Token other", model=models.BoundToken).result
    assert assert_same("Token default", model=models.BoundToken).exception


def test_a_model_may_be_a_stub(token):
    stub = SimpleNamespace(objects=Token.objects, DoesNotExist=Token.DoesNotExist)
    assert assert_same(f"Token {token.key}", model=stub).result


def test_what_is_compiled_is_forgotten_when_a_setting_changes(token):
    assert_same(f"Token {token.key}")
    assert lookup._compiled
    with override_settings(USE_TZ=False):
        assert not lookup._compiled
        assert_same(f"Token {token.key}")


def test_no_error_of_a_key_is_kept_as_a_context(user):
    ours, _ = classes(model=models.UUIDToken)
    with pytest.raises(AuthenticationFailed) as refusal:
        ours().authenticate_credentials("s3cr3t")
    assert refusal.value.__context__ is None
    ours, _ = classes(model=models.NumberToken)
    with pytest.raises(AuthenticationFailed) as refusal:
        ours().authenticate_credentials("s3cr3t")
    assert refusal.value.__context__ is None


def test_an_unknown_key_is_refused(token):
    refused = assert_same("Token unknown")
    assert refused.exception[1] == "Invalid token."
    assert len(refused.queries) == 1


def test_an_inactive_user_is_refused(token):
    User.objects.update(is_active=False)
    refused = assert_same(f"Token {token.key}")
    assert refused.exception[1] == "User inactive or deleted."


def test_is_active_may_be_a_property(user):
    suspended = models.SuspendedUser.objects.create(name="someone")
    token = models.SuspendedToken.objects.create(user=suspended)
    refused = assert_same(f"Token {token.key}", model=models.SuspendedToken)
    assert refused.exception[1] == "User inactive or deleted."


@pytest.mark.parametrize("key", [None, "", 5, b"abc", ["abc"]])
def test_a_key_that_no_header_yields_is_drfs_affair(key, token):
    ours, theirs = (outcome(cls().authenticate_credentials, key) for cls in classes())
    assert ours == theirs


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (models.UUIDToken, "not-a-uuid"),
        (models.UUIDToken, "9" * 40),
        (models.NumberToken, "abc"),
        (models.NumberToken, "9" * 40),
    ],
)
def test_a_key_that_the_field_cannot_take_is_refused(model, key, user, compiled):
    """REST framework answers with a server error."""
    ours, _ = classes(model=model)
    for _ in range(2):
        with pytest.raises(AuthenticationFailed, match="Invalid token"):
            ours().authenticate_credentials(key)


def test_a_manager_may_fail_for_reasons_of_its_own(user, monkeypatch):
    def broken(self):
        raise ValueError("not the key's fault")

    monkeypatch.setattr(models.LiveManager, "get_queryset", broken)
    failed = assert_same("Token abc", model=models.ManagedToken)
    assert failed.exception == (ValueError, "not the key's fault")


def test_a_uuid_may_be_written_as_drf_takes_it(user):
    token = models.UUIDToken.objects.create(user=simple(models.UUIDUser))
    for text in (str(token.key), token.key.hex, token.key.urn, f"{{{token.key}}}"):
        assert assert_same(f"Token {text}", model=models.UUIDToken).result is not None
    assert assert_same(f"Token {uuid.uuid4()}", model=models.UUIDToken).exception


class OtherForReads:
    def db_for_read(self, model, **hints):
        return "other" if model is Token else None


@pytest.mark.django_db(databases=["default", "other"])
def test_the_router_is_asked_each_time(user):
    default_token = Token.objects.create(user=user)
    other_user = User.objects.using("other").create(username="grace")
    other_token = Token.objects.using("other").create(user=other_user)
    assert assert_same(f"Token {default_token.key}").result
    with override_settings(DATABASE_ROUTERS=["tests.integration.test_lookup.OtherForReads"]):
        assert router.db_for_read(Token) == "other"
        found = assert_same(f"Token {other_token.key}", alias="other")
        assert found.result is not None
        assert len(found.queries) == 1
        assert assert_same(f"Token {default_token.key}", alias="other").exception
        user, token = irontoken.TokenAuthentication().authenticate_credentials(other_token.key)
        assert (user._state.db, token._state.db) == ("other", "other")


def test_execute_wrappers_see_the_query(token):
    seen = []

    def wrapper(execute, sql, params, many, context):
        seen.append((sql, params, many, context["connection"]))
        return execute(sql, params, many, context)

    for cls in classes():
        with connection.execute_wrapper(wrapper):
            cls().authenticate_credentials(token.key)
    assert seen[0] == seen[1]


@pytest.mark.django_db(transaction=True)
def test_a_replaced_connection_is_used(token):
    before = connections["default"]
    assert_same(f"Token {token.key}")
    fresh = before.copy()
    connections["default"] = fresh
    try:
        assert len(assert_same(f"Token {token.key}").queries) == 1
        assert len(fresh.queries_log) > 0
    finally:
        fresh.close()
        connections["default"] = before


class TestNearMisses:
    """What a database calls equal and is not the same."""

    @pytest.mark.parametrize("model", [Token, models.ManagedToken, models.SlugToken])
    def test_another_case_is_refused(self, model, user):
        key = "abcdef" + irontoken.generate_key(17)
        model.objects.create(user=user, key=key)
        ours, _ = classes(model=model)
        assert ours().authenticate_credentials(key)
        for near in (key.upper(), key.replace("a", "A", 1), key.replace("a", "\u00e0", 1)):
            with pytest.raises(AuthenticationFailed, match="Invalid token"):
                ours().authenticate_credentials(near)

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="a collation of SQLite's")
    def test_a_collation_that_ignores_case_lets_nobody_in(self, token):
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE authtoken_token")
            cursor.execute(
                "CREATE TABLE authtoken_token (key varchar(40) COLLATE NOCASE PRIMARY KEY,"
                " user_id integer UNIQUE, created datetime)"
            )
        Token.objects.create(user=token.user, key="abc")
        ours, theirs = (outcome(cls().authenticate_credentials, "ABC") for cls in classes())
        assert theirs.result is not None
        assert ours.exception[0] is AuthenticationFailed
        assert len(ours.queries) == 1

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite holds a text of any length")
    def test_a_key_longer_than_its_column_costs_no_query(self, token):
        ours, theirs = (outcome(cls().authenticate_credentials, "x" * 41) for cls in classes())
        assert ours[:2] == theirs[:2]
        assert (len(ours.queries), len(theirs.queries)) == (0, 1)
        assert len(outcome(classes()[0]().authenticate_credentials, "\u2713" * 40).queries) == 1

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite alone holds it")
    def test_a_key_longer_than_its_column_is_found_on_sqlite(self, user):
        Token.objects.create(user=user, key="x" * 100)
        assert assert_same("Token " + "x" * 100).result is not None
