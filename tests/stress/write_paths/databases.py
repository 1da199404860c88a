"""Several aliases of one database, several databases, and tenants on one alias."""

import contextlib

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from rest_framework.authtoken.models import Token

from tests.stress.write_paths.common import VENDOR, in_child, raw_rename, sql, users
from tests.stress.write_paths.registry import EVERY, POSTGRESQL, SERVERS, SQLITE, path
from tests.stress.write_paths.subjects import tenant_database
from tests.stress.write_paths.trial import pause

TWO_NAMES = "the database named in two ways, localhost and 127.0.0.1: MAX_AGE"
#: Aliases of the one database, by vendor: whoever writes by one is seen by readers of the others.
ALIASES = {
    "second": EVERY,
    "link": SQLITE,
    "uri": SQLITE,
    "dotted": SQLITE,
    "portless": SERVERS,
    "localhost": SERVERS,
    "pooled": POSTGRESQL,
    "binding": POSTGRESQL,
    "named": POSTGRESQL,
    "serializable": SERVERS,
    "repeatable": SERVERS,
    "ansi": ("mysql",),
    "several": ("mysql",),
}


def update(row, alias):
    User.objects.using(alias).filter(pk=row.pk).update(first_name="by another alias")


def delete(row, alias):
    Token.objects.using(alias).filter(key=row.key).delete()


def save(row, alias):
    row.user.is_active = False
    row.user.save(using=alias)


def raw(row, alias):
    raw_rename(row, "by another alias", alias=alias)


def in_atomic(row, alias):
    with transaction.atomic(using=alias):
        update(row, alias)
        pause()


def db_manager(row, alias):
    User.objects.db_manager(alias).filter(pk=row.pk).update(first_name="by a manager")


def register(alias, vendors, name, change):
    documented = TWO_NAMES if alias == "localhost" else ""

    @path(f"alias: {name} by {alias!r}", vendors, documented=documented, short=alias == "second")
    def write(row):
        change(row, alias)

    if name in ("update", "raw SQL"):

        @path(
            f"alias: {name}, readers ask by {alias!r}",
            vendors,
            documented=documented,
            subject=f"token by {alias}",
        )
        def write_default(row):
            change(row, "default")


for alias, vendors in ALIASES.items():
    if VENDOR not in vendors:
        continue
    changes = {"update": update, "raw SQL": raw, "delete": delete, "update in atomic": in_atomic}
    if alias == "second":
        changes |= {"save": save, "db_manager": db_manager}
    for name, change in changes.items():
        register(alias, vendors, name, change)


@path("other database: update, readers ask there", subject="token by other")
def _(row):
    User.objects.using("other").filter(pk=row.pk).update(first_name="in the other")


@path("other database: delete, readers ask there", subject="token by other")
def _(row):
    Token.objects.using("other").filter(key=row.key).delete()


@path("other database: atomic of both")
def _(row):
    with transaction.atomic(), transaction.atomic(using="other"):
        users(row).update(first_name="both")
        User.objects.using("other").update(last_name="both")
        pause()


@path("other database: its write rolled back, ours committed")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="ours")
        with contextlib.suppress(ZeroDivisionError), transaction.atomic(using="other"):
            User.objects.using("other").update(last_name="theirs")
            raise ZeroDivisionError
        pause()


@path("options changed: settings_dict of the open alias")
def _(row):
    """Only what the next connection is made with."""
    connection.close()
    before = connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = {**before, **_more_options()}
    try:
        users(row).update(first_name="other options")
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = before


def _more_options():
    return {
        "sqlite": {"timeout": 20},
        "postgresql": {"options": "-c statement_timeout=9000", "application_name": "x"},
        "mysql": {"connect_timeout": 5},
    }[VENDOR]


@contextlib.contextmanager
def named(name):
    """Let the default alias speak to another database, as tenants' middleware does."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@path("tenant: readers go from one to the other", subject="tenants", short=True)
def _(row):
    users(row).update(first_name="of the first tenant")


@path("tenant: readers go from one to the other, which is written", subject="tenants")
def _(row):
    with named(tenant_database()):
        User.objects.filter(username=row.user.username).update(first_name="of the second")
    users(row).update(last_name="of the first")


@path("tenant: readers ask for the second one", subject="second tenant", short=True)
def _(row):
    with named(tenant_database()):
        User.objects.filter(pk=row.pk).update(first_name="of the second tenant")


@path("tenant: the writer wrote to another before, without closing", subject="token")
def _(row):
    with named(tenant_database()):
        User.objects.update(last_name="theirs")
    users(row).update(first_name="ours")


@path("tenant: deletion in the second", subject="second tenant")
def _(row):
    with named(tenant_database()):
        Token.objects.filter(key=row.key).delete()


@path("tenant: raw SQL in the second, in a transaction", subject="second tenant")
def _(row):
    with named(tenant_database()), transaction.atomic():
        raw_rename(row)
        pause()


@path("tenant: written by the alias of its own", subject="second tenant")
def _(row):
    User.objects.using("other").filter(pk=row.pk).update(first_name="by its own alias")


@path("tenant: the name is changed while the connection is open", subject="token")
def _(row):
    """The connection goes on with the database that it was made for."""
    before = connection.settings_dict["NAME"]
    connection.ensure_connection()
    connection.settings_dict["NAME"] = tenant_database()
    try:
        users(row).update(first_name="still the first")
    finally:
        connection.settings_dict["NAME"] = before


@path(
    "schema: update by an alias with a search_path, by its qualified name", POSTGRESQL, short=True
)
def _(row):
    sql("UPDATE public.auth_user SET first_name = 'q' WHERE id = %s", row.pk, alias="tenant")


@path(
    "schema: a qualified name, readers ask in that schema", POSTGRESQL, subject="token by tenant"
)
def _(row):
    sql("UPDATE wp_tenant.auth_user SET first_name = 'q' WHERE id = %s", row.pk)


@path(
    "schema: DELETE by a qualified name, readers ask in that schema",
    POSTGRESQL,
    subject="token by tenant",
)
def _(row):
    sql("DELETE FROM wp_tenant.authtoken_token WHERE key = %s", row.key)


@path("schema: a qualified name in a transaction", POSTGRESQL, subject="token by tenant")
def _(row):
    with transaction.atomic():
        sql("UPDATE wp_tenant.auth_user SET first_name = 'q' WHERE id = %s", row.pk)
        pause()


@path(
    "schema: the ORM after SET search_path, readers ask in that schema",
    POSTGRESQL,
    subject="token by tenant",
)
def _(row):
    sql("SET search_path TO wp_tenant, public")
    users(row).update(first_name="by search_path")
    row.may_ask_here = False


@path("schema: set_config of search_path in a transaction", POSTGRESQL, subject="token by tenant")
def _(row):
    with transaction.atomic():
        sql("SELECT set_config('search_path', 'wp_tenant, public', true)")
        users(row).update(first_name="by set_config")
        pause()


@path(
    "schema: readers ask in that schema, the other one is written",
    POSTGRESQL,
    subject="token by tenant",
)
def _(row):
    users(row).update(first_name="in public")
    User.objects.using("tenant").filter(pk=row.pk).update(last_name="in the schema")


@path("pool: a connection that is given back between two writes", POSTGRESQL)
def _(row):
    for name in ("first", "second"):
        User.objects.using("pooled").filter(pk=row.pk).update(first_name=name)
        connections["pooled"].close()


@path("pool: readers ask by the pool", POSTGRESQL, subject="token by pooled")
def _(row):
    with transaction.atomic(using="pooled"):
        User.objects.using("pooled").filter(pk=row.pk).update(first_name="pooled")
        pause()


@path("alias: a child writes by the second alias")
def _(row):
    in_child(lambda: update(row, "second"))


def _missing_socket():
    try:
        with by_socket():
            connection.ensure_connection()
    except Exception as error:
        return f"the socket does not let us in: {str(error).splitlines()[0][:60]}"
    return ""


@path("socket: update by the server's socket", POSTGRESQL, missing=_missing_socket)
def _(row):
    with by_socket():
        users(row).update(first_name="by socket")


@contextlib.contextmanager
def by_socket():
    connection.close()
    before = connection.settings_dict["HOST"], connection.settings_dict["USER"]
    connection.settings_dict["HOST"] = ""
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["HOST"], connection.settings_dict["USER"] = before
