"""Which tables are watched, and how the rows of a model are told apart.

Any model with a ``key`` and a ``user`` may be somebody's token model. Which of them a view uses is
not known to a worker that never imports one, so all of them are watched, everywhere.
"""

from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import (
    CharField,
    ForeignKey,
    IntegerField,
    Model,
    TextField,
    UUIDField,
    deletion,
)

from irontoken._core import Watch

Columns = dict[str, tuple[str, str]]

#: Cascades that the database carries out by itself, since Django 6.1.
_DATABASE_ON_DELETE: Any = getattr(deletion, "DatabaseOnDelete", ())
_KINDS: Final = ((IntegerField, "integer"), (UUIDField, "uuid"))


def watch() -> Watch:
    """Return the watched tables of the installed apps."""
    tables: dict[str, Columns] = {}
    for model in apps.get_models():
        user = _field(model, "user")
        if _field(model, "key") is not None and isinstance(user, ForeignKey):
            _add(tables, model, "token")
            _add(tables, user.related_model, "user")
            if user.target_field == user.related_model._meta.pk and (kind := kind_of(user)):
                tables[_table(user.model)][user.column] = ("user", kind)
    others = {_table(model) for model in apps.get_models(include_auto_created=True)}
    return Watch(tables, sorted(others - set(tables)))


def kind_of(field: Any) -> str | None:
    """Return the kind of an identifying field's values, or ``None`` where it is another."""
    while field.remote_field:
        field = field.target_field
    if type(field) in (CharField, TextField):
        return "text"
    return next((kind for cls, kind in _KINDS if isinstance(field, cls)), None)


def _add(tables: dict[str, Columns], model: Any, owner: str) -> None:
    """Watch the tables that hold the columns of ``model``: its own and those of its parents."""
    for each in (model, *model._meta.get_parent_list()):
        columns = tables.setdefault(_table(each), {})
        if kind := kind_of(each._meta.pk):
            columns[each._meta.pk.column] = (owner, kind)
        for field in each._meta.local_concrete_fields:
            on_delete = getattr(field.remote_field, "on_delete", None)
            if isinstance(on_delete, _DATABASE_ON_DELETE):
                # Its rows go with another table's, and no statement says so.
                tables.setdefault(_table(field.related_model), {})


def _table(model: Any) -> str:
    name: str = model._meta.db_table
    # A schema may be written into the name, as in 'public"."table'.
    return name.rsplit(".", 1)[-1].strip('"`')


def _field(model: type[Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
