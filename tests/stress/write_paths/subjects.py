"""The kinds of row that are written, and how a reader asks for each."""

import time
from types import SimpleNamespace

from django.apps import apps
from django.contrib.auth.models import User
from django.db import connections
from rest_framework.authentication import TokenAuthentication as ByREST
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

import irontoken
from tests.stress.write_paths import models


class Router:
    """Reads and writes go to one alias at a time, which the process sets."""

    alias = "default"

    def db_for_read(self, model, **hints):
        return Router.alias

    db_for_write = db_for_read

    def allow_relation(self, *models, **hints):
        return True


class Subject:
    """A kind of row: how one is made, and how its token is asked for."""

    def __init__(self, name, make, model, alias="default"):
        self.name = name
        self.make = make
        self.model = model
        self.alias = alias
        self.ours = type("Ours", (irontoken.TokenAuthentication,), {"model": model})
        self.theirs = type("Theirs", (ByREST,), {"model": model})

    def prepare(self, key):
        """Do what a reader does before each question."""

    def ask(self, key):
        """Return the answer of irontoken, as text."""
        return described(self.ours(), key)

    def truth(self, key):
        """Return what the database says now, as text."""
        return described(self.theirs(), key)


def described(authenticator, key):
    try:
        user, token = authenticator.authenticate_credentials(key)
    except AuthenticationFailed as refused:
        return str(refused.detail)
    values = [
        (field.attname, instance.__dict__.get(field.attname))
        for instance in (user, token)
        for field in instance._meta.concrete_fields
    ]
    return repr(values)


def new_user(model=User, **values):
    name = f"u{irontoken.generate_key(8)}"
    return model.objects.create(username=name, email=f"{name}@example.com", **values)


def row_of(user, token):
    """Return what a path is given: a user, a token, and what names them."""
    return SimpleNamespace(
        user=user,
        token=token,
        pk=user.pk,
        key=str(token.key),
        # Whether the writer may be asked too: its connection means the tables that it began with.
        may_ask_here=True,
    )


def plain(model=Token, user_model=User, **values):
    def make():
        user = new_user(user_model)
        return row_of(user, model.objects.create(user=user, key=irontoken.generate_key()))

    return make


SUBJECTS: dict[str, Subject] = {}


def subject(name, make, model, alias="default", kind=Subject):
    SUBJECTS[name] = kind(name, make, model, alias)


def on_alias(make, alias):
    """Make the row in the database of an alias."""

    def made():
        before, Router.alias = Router.alias, alias
        try:
            return make()
        finally:
            Router.alias = before

    return made


def many():
    row = plain(models.ManyToken)()
    team = models.Team.objects.create(name="team")
    models.ManyToken.objects.filter(pk=row.token.pk).update(team=team)
    row.token.refresh_from_db()
    row.team = team
    return row


def linked():
    user = new_user()
    teams = [models.Team.objects.create(name="team") for _ in range(2)]
    row = row_of(user, models.LinkedToken.objects.create(user=user, team=teams[0], spare=teams[1]))
    row.team, row.spare = teams
    return row


def tree():
    names = [irontoken.generate_key(8) for _ in range(3)]
    boss, deputy = (models.TreeUser.objects.create(name=name) for name in names[:2])
    user = models.TreeUser.objects.create(name=names[2], boss=boss, deputy=deputy)
    above = models.TreeToken.objects.create(user=deputy)
    row = row_of(user, models.TreeToken.objects.create(user=user, above=above))
    row.boss, row.deputy, row.above = boss, deputy, above
    return row


def phone():
    user = models.TreeUser.objects.create(name=irontoken.generate_key(8))
    owner = models.TreeUser.objects.create(name=irontoken.generate_key(8))
    found = models.Phone.objects.create(user=owner)
    row = row_of(user, models.PhoneToken.objects.create(user=user, phone=found))
    row.owner, row.phone = owner, found
    return row


def node():
    boss = models.Node.objects.create(name=irontoken.generate_key(8))
    user = models.Node.objects.create(name=irontoken.generate_key(8), boss=boss)
    row = row_of(user, models.NodeToken.objects.create(user=user))
    row.boss = boss
    return row


def generic():
    user, folder = new_user(), models.Folder.objects.create(name="folder")
    row = row_of(user, models.GenericToken.objects.create(user=user, folder=folder))
    row.folder = folder
    return row


def uuid():
    user = models.UUIDUser.objects.create(name=irontoken.generate_key(8))
    return row_of(user, models.UUIDToken.objects.create(user=user))


def child_token():
    user = new_user()
    token = models.ChildToken.objects.create(
        user=user, key=irontoken.generate_key(), label="before"
    )
    return row_of(user, token)


def text():
    """Make a key that is shorter than its column, where a longer spelling of it fits too."""
    user = new_user()
    key = irontoken.generate_key(10)
    return row_of(user, models.TextToken.objects.create(user=user, key=key))


def inactive():
    row = plain()()
    User.objects.filter(pk=row.pk).update(is_active=False)
    return row


def revoked():
    row = plain()()
    Token.objects.filter(key=row.key).delete()
    return row


class Issued(Subject):
    """A token of irontoken's own, which REST framework's class does not know."""

    def truth(self, key):
        irontoken.cache_clear()
        return self.ask(key)


class WithIterator(Subject):
    """A reader that reads the rows of an iterator while others write, and asks meanwhile."""

    def prepare(self, key):
        rows = User.objects.using(self.alias).order_by("pk").iterator(chunk_size=1)
        next(rows, None)
        time.sleep(0.004)
        self.ask(key)
        rows.close()


class Instrumented(WithIterator):
    """The same, whose connection is a proxy."""

    def prepare(self, key):
        if "sqlite3" in type(connections[self.alias].connection).__module__:
            connections[self.alias].close()
        from tests.stress.write_paths.instrumented import ProxiedConnection, base

        if connections[self.alias].connection is None:
            connect = base.Database.connect
            base.Database.connect = lambda **options: ProxiedConnection(connect(**options))
            try:
                connections[self.alias].connect()
            finally:
                base.Database.connect = connect
        super().prepare(key)


def tenant_database():
    """Return the name of the database of the second tenant."""
    return connections["other"].settings_dict["NAME"]


class Tenants(Subject):
    """One alias that speaks to the database of the tenant whose turn it is."""

    def go_to(self, name):
        connection = connections["default"]
        if connection.settings_dict["NAME"] != name:
            connection.close()
            connection.settings_dict["NAME"] = name

    def prepare(self, key):
        """Ask for the same key in the second tenant's database first."""
        first = connections["default"].settings_dict["NAME"]
        self.go_to(tenant_database())
        try:
            super().ask(key)
        finally:
            self.go_to(first)


class SecondTenant(Tenants):
    """The same, of which the second tenant's answers are looked at."""

    def prepare(self, key):
        super(Tenants, self).ask(key)

    def ask(self, key):
        return self.there(super().ask, key)

    def truth(self, key):
        return self.there(super().truth, key)

    def there(self, ask, key):
        first = connections["default"].settings_dict["NAME"]
        self.go_to(tenant_database())
        try:
            return ask(key)
        finally:
            self.go_to(first)


def of_two_tenants():
    """Make users of one key in both databases, with one id; return the first tenant's."""
    row = plain()()
    there = on_alias(lambda: copy_of(row), "other")()
    row.there = there
    return row


def copy_of(row):
    User.objects.filter(pk=row.pk).delete()
    name = f"t{irontoken.generate_key(8)}"
    user = User.objects.create(pk=row.pk, username=name)
    return Token.objects.create(user=user, key=row.key)


def of_second_tenant():
    row = of_two_tenants()
    return row_of(row.there.user, row.there)


def issued():
    user = new_user()
    token, key = apps.get_model("irontoken_tokens", "AccessToken").objects.issue(user, "laptop")
    row = row_of(user, SimpleNamespace(key=key))
    row.token = token
    return row


subject("token", plain(), Token)
subject("proxy token", plain(), models.ProxyToken)
subject("many", many, models.ManyToken)
subject("linked", linked, models.LinkedToken)
subject("child user", plain(models.ChildUserToken, models.ChildUser), models.ChildUserToken)
subject("employee", plain(models.EmployeeToken, models.Employee), models.EmployeeToken)
subject("account", plain(models.AccountToken, models.Account), models.AccountToken)
subject("child token", child_token, models.ChildToken)
subject("uuid", uuid, models.UUIDToken)
subject("to field", plain(models.ToFieldToken), models.ToFieldToken)
subject("text", text, models.TextToken)
subject("tree", tree, models.TreeToken)
subject("phone", phone, models.PhoneToken)
subject("node", node, models.NodeToken)
subject("generic", generic, models.GenericToken)
subject("partitioned", plain(models.Partitioned), models.Partitioned)
subject("inactive", inactive, Token)
subject("issued", issued, apps.get_model("irontoken_tokens", "AccessToken"), kind=Issued)
if hasattr(models, "GeneratedToken"):
    subject("generated", plain(models.GeneratedToken), models.GeneratedToken)
if hasattr(models, "SchemaToken"):
    subject("schema token", plain(models.SchemaToken), models.SchemaToken)
for alias in connections:
    if alias != "default":
        subject(f"token by {alias}", on_alias(plain(), alias), Token, alias)
subject("tenants", of_two_tenants, Token, kind=Tenants)
subject("second tenant", of_second_tenant, Token, kind=SecondTenant)
if "uncommitted" in connections:
    subject("inactive by uncommitted", inactive, Token, "uncommitted")
    subject("revoked by uncommitted", revoked, Token, "uncommitted")
if "wal" in connections:
    subject("wal iterator", on_alias(plain(), "wal"), Token, "wal", WithIterator)
    subject("wal instrumented", on_alias(plain(), "wal"), Token, "wal", Instrumented)
