"""Which tables are tracked, and how the rows of a model are told apart.

Any model with a ``key`` and a ``user`` may be somebody's token model. Which of them a view uses is
not known to a worker that never imports one, so all of them are tracked, everywhere. What else an
authentication class declares is known where the settings list it.
"""

import functools
import logging
from typing import Any, Final, NamedTuple

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
)

from irontoken._core import TrackedTables
from irontoken.listed import declared_lookups
from irontoken.lookup.compiler import key_field_of
from irontoken.lookup.fields import fields_of
from irontoken.lookup.strategy import strategy_of
from irontoken.runtime import Stage, forget_on_change

logger: Final = logging.getLogger("irontoken")

Columns = dict[str, tuple[str, str]]

#: Of a column that identifies rows of two kinds.
_AMBIGUOUS: Final = ("", "")

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


class Tracked(NamedTuple):
    """The tracked tables of a project."""

    #: Of each, the columns that identify rows: whose, and of which kind.
    columns: dict[str, Columns]
    #: Its name in SQL, with quotes, by its own.
    sql_names: dict[str, str]
    #: A column that says nothing of whether a token is good, where it has one.
    unwatched: dict[str, str]
    #: Those of which a new row counts too: a key that several rows may have.
    growing: set[str]
    #: Classes that the settings list and that could not be asked, and so any table may be one of
    #: theirs: each with what was wrong.
    in_doubt: list[tuple[str, str]]


@functools.cache
def tracked_columns() -> Tracked:
    """Return the tracked tables of the installed apps and of the classes that settings list."""
    models: list[Any] = list(apps.get_models())
    tables: dict[str, Columns] = {}
    apart: set[str] = set()
    for model in models:
        user = _field(model, "user")
        if key_field_of(model) is not None and isinstance(user, ForeignKey):
            _add(tables, model, "token")
            _add(tables, user.related_model, "user")
            _refer(tables, user)
            apart.update(_apart(model), _apart(user.related_model))
    growing: set[str] = set()
    found, in_doubt = declared_lookups()
    for name, model, declared in found:
        fields = fields_of(model, declared)
        try:
            _add(tables, model, "token")
            apart.update(_apart(model))
            for path in fields.paths:
                apart.update(_add_path(tables, model, path))
            key_field = model._meta.get_field(fields.key_field)
            if not key_field.unique:
                growing.add(_table(key_field.model))
        except (AttributeError, FieldDoesNotExist) as error:
            in_doubt.append((name, str(error)))
    for name, reason in in_doubt:
        logger.warning(
            "%s, which the settings list, cannot be asked which tables it reads: %s. Until that "
            "is mended each write drops all cached rows.",
            name,
            reason,
        )
    told = {
        table: {
            name: found
            for name, found in columns.items()
            if found != _AMBIGUOUS and table not in apart
        }
        for table, columns in tables.items()
    }
    names = {
        _table(model): _sql_name(model) for model in apps.get_models(include_auto_created=True)
    }
    unwatched: dict[str, str] = {
        _table(model): model._meta.get_field(field).column
        for model in models
        if (field := strategy_of(model).unwatched_field)
    }
    return Tracked(told, names, unwatched, growing, in_doubt)


def _forget() -> None:
    tracked_columns.cache_clear()


# The settings list classes.
forget_on_change(Stage.LOOKUPS, _forget)


def tracked(vendor: str) -> TrackedTables:
    """Return the tables that matter to a database; ``vendor`` is Django's name for its kind.

    What is no table of a managed model may be a view of a tracked one. A table of which new rows
    count is left out: whatever is written to an unknown one is a write to everything.
    """
    found = tracked_columns()
    others = {
        _qualified(model)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and _table(model) not in found.columns and not found.in_doubt
    }
    tables = {name: each for name, each in found.columns.items() if name not in found.growing}
    return TrackedTables(tables, sorted(others), vendor)


def owner_of(field: Any) -> tuple[str, str] | None:
    """Return whose rows the values of a field identify, and their kind; ``None`` for nobody's."""
    return tracked_columns().columns.get(_table(field.model), {}).get(field.column)


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
    for primary_key in _primary_keys(model):
        _identify(tables, primary_key, owner)


def _primary_keys(model: Any) -> list[Any]:
    """Return the primary keys of a model and of those parents whose rows have the same one."""
    found = [model._meta.pk]
    while found[-1].remote_field and found[-1].remote_field.parent_link:
        found.append(found[-1].target_field)
    return found


def _add_path(tables: dict[str, Columns], model: Any, path: str) -> list[str]:
    """Add what a path of relations leads to; return the tables that are apart, as below."""
    apart: list[str] = []
    for name in path.split("__"):
        relation = model._meta.get_field(name)
        model = relation.related_model
        _add(tables, model, "user")
        _refer(tables, relation if relation.concrete else relation.field)
        apart += _apart(model)
    return apart


def _refer(tables: dict[str, Columns], field: Any) -> None:
    """Note that a foreign key identifies rows by whom they refer to."""
    if field.target_field == field.related_model._meta.pk:
        _identify(tables, field, "user")


def _apart(owner: Any) -> list[str]:
    """Return the tables of a tracked model's parents whose rows have another primary key.

    A cached row lies under the model's own. A statement that names a row of such a table by the
    table's own does not tell which one that is, whoever else is tracked by it.
    """
    return [
        _table(parent)
        for parent in owner._meta.get_parent_list()
        if parent._meta.pk not in _primary_keys(owner)
    ]


def _identify(tables: dict[str, Columns], field: Any, owner: str) -> None:
    """Note that the values of ``field`` tell which rows a statement touches."""
    columns = tables.setdefault(_table(field.model), {})
    if kind := kind_of(field):
        found = columns.setdefault(field.column, (owner, kind))
        if found != (owner, kind):
            columns[field.column] = _AMBIGUOUS


def _table(model: Any) -> str:
    name: str = model._meta.db_table
    # A schema may be written into the name, as in 'public"."table'.
    return name.rsplit(".", 1)[-1].strip('"`')


def _qualified(model: Any) -> str:
    """Return the name of a model's table, with its schema before a point where it has one."""
    name: str = model._meta.db_table
    return ".".join(part.strip('"`') for part in name.split('"."'))


def _sql_name(model: Any) -> str:
    return '"{}"'.format(model._meta.db_table.strip('"'))


def _field(model: type[Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
