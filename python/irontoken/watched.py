"""Which tables are watched, and how the rows of a model are told apart.

Any model with a ``key`` and a ``user`` may be somebody's token model. Which of them a view uses is
not known to a worker that never imports one, so all of them are watched, everywhere.
"""

import functools
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import (
    AutoField,
    BigAutoField,
    BigIntegerField,
    CharField,
    ForeignKey,
    IntegerField,
    Model,
    PositiveBigIntegerField,
    PositiveIntegerField,
    PositiveSmallIntegerField,
    SmallAutoField,
    SmallIntegerField,
    TextField,
    UUIDField,
    deletion,
)

from irontoken._core import Watch
from irontoken.compiled import key_field_of

Columns = dict[str, tuple[str, str]]

#: Of a column that identifies rows of two kinds.
_AMBIGUOUS: Final = ("", "")

#: Cascades that the database carries out by itself, since Django 6.1.
_DATABASE_ON_DELETE: Any = getattr(deletion, "DatabaseOnDelete", ())
#: Fields whose values are the same in Python and in the database, by their kind. A field of
#: one's own may change them on the way.
_KINDS: Final[dict[type[Any], str]] = {
    **dict.fromkeys(
        (
            AutoField,
            BigAutoField,
            BigIntegerField,
            IntegerField,
            PositiveBigIntegerField,
            PositiveIntegerField,
            PositiveSmallIntegerField,
            SmallAutoField,
            SmallIntegerField,
        ),
        "integer",
    ),
    CharField: "text",
    TextField: "text",
    UUIDField: "uuid",
}


@functools.cache
def watched_tables() -> tuple[dict[str, Columns], dict[str, str], dict[str, str]]:
    """Return the watched tables of the installed apps, which do not change once they are loaded.

    The first maps each to its identifying columns, the second to its name in SQL, with quotes, and
    the third to a column that says nothing of whether a token is good, where it has one.
    """
    tables: dict[str, Columns] = {}
    for model in apps.get_models():
        user = _field(model, "user")
        if key_field_of(model) is not None and isinstance(user, ForeignKey):
            _add(tables, model, "token")
            _add(tables, user.related_model, "user")
            if user.target_field == user.related_model._meta.pk:
                _identify(tables, user, "user")
    told = {
        table: {name: found for name, found in columns.items() if found != _AMBIGUOUS}
        for table, columns in tables.items()
    }
    names = {
        _table(model): _sql_name(model) for model in apps.get_models(include_auto_created=True)
    }
    models: list[Any] = list(apps.get_models())
    unwatched: dict[str, str] = {
        _table(model): model._meta.get_field(model.irontoken_unwatched).column
        for model in models
        if hasattr(model, "irontoken_unwatched")
    }
    return told, names, unwatched


@functools.cache
def watched(double_quotes_hold_text: bool) -> Watch:  # noqa: FBT001
    """Return what the seam watches.

    ``double_quotes_hold_text`` is true for MySQL, where other databases have names in them.
    """
    tables, names, _ = watched_tables()
    return Watch(tables, sorted(set(names) - set(tables)), double_quotes_hold_text)


def tables_of(model: Any) -> list[str]:
    """Return the tables that hold the columns of ``model``: its own and those of its parents."""
    return [_table(each) for each in (model, *model._meta.get_parent_list())]


def sql_names_of(model: Any) -> list[str]:
    """Return the same tables as SQL names them, with quotes and, where it is given, a schema."""
    return [_sql_name(each) for each in (model, *model._meta.get_parent_list())]


def kind_of(field: Any) -> str | None:
    """Return the kind of an identifying field's values, or ``None`` where it is another."""
    while field.remote_field:
        field = field.target_field
    return _KINDS.get(type(field))


def _add(tables: dict[str, Columns], model: Any, owner: str) -> None:
    for each in (model, *model._meta.get_parent_list()):
        tables.setdefault(_table(each), {})
        _watch_cascades(tables, each)
    # A parent's primary key is the model's only where the links from child to parent say so.
    primary_key = model._meta.pk
    _identify(tables, primary_key, owner)
    while primary_key.remote_field and primary_key.remote_field.parent_link:
        primary_key = primary_key.target_field
        _identify(tables, primary_key, owner)


def _identify(tables: dict[str, Columns], field: Any, owner: str) -> None:
    """Note that the values of ``field`` tell which rows a statement touches."""
    columns = tables.setdefault(_table(field.model), {})
    if kind := kind_of(field):
        found = columns.setdefault(field.column, (owner, kind))
        if found != (owner, kind):
            columns[field.column] = _AMBIGUOUS


def _watch_cascades(tables: dict[str, Columns], model: Any) -> None:
    """Watch the tables whose rows take those of ``model`` with them in the database itself."""
    for field in model._meta.local_concrete_fields:
        on_delete = getattr(field.remote_field, "on_delete", None)
        if isinstance(on_delete, _DATABASE_ON_DELETE):
            table = _table(field.related_model)
            if table not in tables:
                tables[table] = {}
                _watch_cascades(tables, field.related_model)


def _table(model: Any) -> str:
    name: str = model._meta.db_table
    # A schema may be written into the name, as in 'public"."table'.
    return name.rsplit(".", 1)[-1].strip('"`')


def _sql_name(model: Any) -> str:
    return '"{}"'.format(model._meta.db_table.strip('"'))


def _field(model: type[Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
