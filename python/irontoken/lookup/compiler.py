"""The query of a look-up, compiled once, and the conditions under which that cannot be told.

What is compiled is the query of ``model.objects.select_related("user").get(key=key)``. Whatever
could make a compiled query or an instance built around ``__init__`` differ from that call is a
condition here; a model that does not meet them all has no compiled look-up.
"""

import logging
import uuid
from datetime import timezone
from typing import Any, Final, NamedTuple

import django
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    CharField,
    EmailField,
    Field,
    ForeignKey,
    Manager,
    Model,
    OneToOneField,
    SlugField,
    TextField,
    URLField,
    UUIDField,
)
from django.db.models import query as query_module
from django.db.models.fields.files import FileDescriptor, ImageFileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.lookups import Exact
from django.db.models.query import MAX_GET_RESULTS
from django.db.models.query_utils import DeferredAttribute

from irontoken._core import Converters, InstanceDecoder, RowDecoder
from irontoken.lookup.shortened import shortened
from irontoken.lookup.strategy import strategy_of

logger: Final = logging.getLogger("irontoken")

#: Databases that let no value into a column that is longer than the column's type allows.
_ENFORCES_LENGTH: Final = frozenset({"postgresql", "mysql", "oracle"})

#: Fields of which it is known that the key itself is the query's parameter, and what the database
#: gives back for it. A field of one's own may hash it, fold it or store it as another type.
TEXT_FIELDS: Final = (CharField, TextField, SlugField, EmailField, URLField)

#: Descriptors whose ``__set__`` does nothing more for a new instance than fill its ``__dict__``.
_PLAIN_DESCRIPTORS: Final = frozenset(
    {DeferredAttribute, ForeignKeyDeferredAttribute, FileDescriptor, ImageFileDescriptor}
)


class CompiledLookup(NamedTuple):
    """One row's query for one model on one database alias."""

    sql: str
    #: The field that turns a key into the query's parameter, unless the key is the parameter.
    key_field: "Field[Any, Any] | None"
    #: Characters that the key's column can hold, where the database sees to it.
    max_length: int | None
    #: The database refuses a text with a NUL character in it.
    refuses_nul: bool
    decoder: RowDecoder
    key_column: int
    #: That column holds a digest of the key, and not the key.
    is_digest: bool
    #: The columns of the token's fields, by their names.
    columns: dict[str, int]
    #: The primary keys of the token and of the user, each with its column in the row.
    primary_keys: tuple[tuple[int, Any], tuple[int, Any]]
    #: The class of the connections that it is for, and what turns their values into the fields'.
    backend: type[BaseDatabaseWrapper]
    converters: Converters

    def parameter(self, key: str, connection: BaseDatabaseWrapper) -> Any:
        """Return the parameter of the query for ``key``; ``None`` where no row can have that key.

        Such a key is longer than its column, has a NUL that the database refuses, or is no value
        of its field. Raises nothing: a key comes from a stranger.
        """
        if self.max_length is not None and len(key) > self.max_length:
            return None
        if self.refuses_nul and "\0" in key:
            return None
        if self.key_field is None:
            return key
        try:
            return self.key_field.get_db_prep_value(key, connection)
        except (ValidationError, ValueError):
            return None


def compile_lookup(
    model: type[Model], connection: BaseDatabaseWrapper, count: int = 1
) -> CompiledLookup | None:
    """Compile the look-up of a key in ``model``, or return ``None`` where it would differ.

    ``count`` is the number of digests under which a key may be found, where digests are held. What
    Django keeps for itself may be gone in another version: that is said in the log, and REST
    framework's code is as good, and slower.
    """
    try:
        return _compile(model, connection, count)
    except (AttributeError, TypeError) as error:
        logger.warning(
            "The look-up of %s is not compiled by this version of Django, %s, and takes REST "
            "framework's code, without a cache: %s.",
            model._meta.label,
            django.get_version(),
            error,
        )
        return None


def _compile(
    model: type[Model], connection: BaseDatabaseWrapper, count: int
) -> CompiledLookup | None:
    key_field = key_field_of(model)
    user_field = _field(model, "user")
    if (
        not _has_stock_manager(model)
        or key_field is None
        or not key_field.unique
        or type(key_field) not in (*TEXT_FIELDS, UUIDField)
        or key_field.get_lookup("exact") is not Exact
        or type(user_field) not in (ForeignKey, OneToOneField)
        or user_field.null
    ):
        return None

    is_digest = key_field.name != "key"
    queryset = model.objects.using(connection.alias).select_related("user")
    probe = uuid.UUID(int=0) if type(key_field) is UUIDField else "probe"
    fetch_mode = getattr(queryset, "_fetch_mode", None)
    if fetch_mode is not None and fetch_mode.track_peers:
        return None
    probes = [f"{probe} {number}" for number in range(count)] if is_digest else [probe]
    condition = {f"{key_field.name}__in": probes} if count > 1 else {key_field.name: probes[0]}
    query = queryset.filter(**condition).order_by().query
    query.set_limits(high=MAX_GET_RESULTS)
    compiler = query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    wanted = tuple(key_field.get_db_prep_value(each, connection) for each in probes)
    if not isinstance(sql, str) or sql.count("%s") != count or tuple(params) != wanted:
        return None

    related = compiler.klass_info["related_klass_infos"]
    if compiler.annotation_col_map or len(related) != 1 or related[0]["from_parent"]:
        return None
    token = _instance_decoder(compiler, compiler.klass_info, fetch_mode, _cache_name(user_field))
    user = _instance_decoder(
        compiler,
        related[0],
        fetch_mode,
        _cache_name(user_field.remote_field) if user_field.unique else None,
    )
    if token is None or user is None:
        return None
    expressions = tuple(expression for expression, *_ in compiler.select)
    key_column = _column(compiler, compiler.klass_info, key_field)
    if is_digest:
        sql = shortened(sql, compiler, connection)
    return CompiledLookup(
        sql=sql,
        key_field=None if type(key_field) in TEXT_FIELDS else key_field,
        max_length=(
            key_field.max_length
            if type(key_field) not in (TextField, UUIDField)
            and connection.vendor in _ENFORCES_LENGTH
            else None
        ),
        refuses_nul=connection.vendor == "postgresql",
        decoder=RowDecoder(token, user, key_column),
        key_column=key_column,
        is_digest=is_digest,
        columns={
            compiler.select[index][0].target.name: index
            for index in compiler.klass_info["select_fields"]
        },
        primary_keys=(
            _primary_key(compiler, compiler.klass_info),
            _primary_key(compiler, related[0]),
        ),
        backend=type(connection),
        converters=_converters(expressions, connection),
    )


def key_field_of(model: type[Model]) -> Any:
    """Return the field that a key is looked up by, or ``None`` where the model has none.

    It is ``key``, but for a model that holds digests and names the field of them.
    """
    return _field(model, strategy_of(model).key_field)


def _field(model: type[Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except (AttributeError, FieldDoesNotExist):
        return None


def _has_stock_manager(model: type[Model]) -> bool:
    manager: Any = getattr(model, "objects", None)
    # That of issued tokens adds methods of its own, and looks up as any other does.
    is_ours = strategy_of(model).holds_digests and isinstance(manager, Manager)
    return (
        (type(manager) is Manager or is_ours)
        and type(manager).get_queryset is Manager.get_queryset
        and "get_queryset" not in vars(manager)
        # `db_manager()` binds one to a database, whatever the router says.
        and manager._db is None
        and not vars(manager)["_hints"]
    )


def _cache_name(relation: Any) -> Any:
    # An attribute since Django 5.1, a method before.
    try:
        return relation.cache_name
    except AttributeError:
        return relation.get_cache_name()


def _column(compiler: Any, klass_info: Any, field: Any) -> int:
    targets: dict[Any, int]
    targets = {compiler.select[index][0].target: index for index in klass_info["select_fields"]}
    return targets[field]


def _primary_key(compiler: Any, klass_info: Any) -> tuple[int, Any]:
    primary_key = klass_info["model"]._meta.pk
    return _column(compiler, klass_info, primary_key), primary_key


def _instance_decoder(
    compiler: Any, klass_info: Any, fetch_mode: Any, relation: Any
) -> InstanceDecoder | None:
    model = klass_info["model"]
    targets = [(compiler.select[index][0].target, index) for index in klass_info["select_fields"]]
    columns = [
        (target.attname, index, isinstance(target, ForeignKey)) for target, index in targets
    ]
    if not hasattr(model.from_db, "__func__"):
        return None  # no class method, and so none that Django can be told about
    if [attname for attname, *_ in columns] != [f.attname for f in model._meta.concrete_fields]:
        return None
    alias = compiler.connection.alias
    state = [("adding", False), ("db", alias)]
    from_db: Any = model.from_db
    if fetch_mode is not None:
        # Since Django 6.1 an instance knows how to fetch what it lacks.
        state.append(("fetch_mode", fetch_mode))
        django_query: Any = query_module
        from_db = django_query._get_from_db(model, fetch_mode)
    return InstanceDecoder(
        model,
        from_db,
        alias,
        state,
        _is_built_directly(model),
        columns,
        relation,
    )


def _is_built_directly(model: type[Model]) -> bool:
    """Tell whether building ``model`` does no more than fill the instance's ``__dict__``."""
    return (
        model.from_db.__func__ is Model.from_db.__func__  # type: ignore[attr-defined]
        and type(model).__call__ is type.__call__
        and model.__init__ is Model.__init__
        and model.__new__ is object.__new__
        and model.__setattr__ is object.__setattr__
        and all(
            type(getattr(model, field.attname, None)) in _PLAIN_DESCRIPTORS
            for field in model._meta.concrete_fields
        )
    )


def _converters(expressions: tuple[Any, ...], connection: BaseDatabaseWrapper) -> Converters:
    columns = []
    booleans = set()
    datetimes = set()
    ops: Any = connection.ops
    zone = connection.timezone if settings.USE_TZ else None
    # By name, since importing a backend that is not in use may fail and changes its driver.
    is_sqlite = type(ops).__module__ == "django.db.backends.sqlite3.operations"
    for index, expression in enumerate(expressions):
        functions = [
            *ops.get_db_converters(expression),
            *expression.get_db_converters(connection),
        ]
        if functions:
            # Without the connection's own `ops`, which would keep the connection alive.
            unbound = [
                (each.__func__, True) if getattr(each, "__self__", None) is ops else (each, False)
                for each in functions
            ]
            columns.append((index, expression, unbound))
        if is_sqlite and len(functions) == 1:
            if functions[0] == ops.convert_booleanfield_value:
                booleans.add(index)
            # Another zone may have times that do not exist, or twice, and is Django's to attach.
            if functions[0] == ops.convert_datetimefield_value and zone in (None, timezone.utc):
                datetimes.add(index)
    return Converters(columns, booleans, datetimes, zone)
