"""The query of a look-up, compiled once, and the conditions under which that cannot be told.

What is compiled is the query of ``model.objects.select_related("user").get(key=key)``. Whatever
could make a compiled query or an instance built around ``__init__`` differ from that call is a
condition here; a model that does not meet them all has no compiled look-up.
"""

import logging
import uuid
from collections.abc import Iterator
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
from django.db.models.lookups import Exact
from django.db.models.query import MAX_GET_RESULTS

from irontoken._core import Converters, RowDecoder
from irontoken.lookup.fields import LookupFields, fields_of
from irontoken.lookup.parts import Part, columns_of, decoders_of, parts_of
from irontoken.lookup.shortened import shortened
from irontoken.lookup.strategy import strategy_of

logger: Final = logging.getLogger("irontoken")

#: Databases that let no value into a column that is longer than the column's type allows.
_ENFORCES_LENGTH: Final = frozenset({"postgresql", "mysql", "oracle"})

#: Fields of which it is known that the key itself is the query's parameter, and what the database
#: gives back for it. A field of one's own may hash it, fold it or store it as another type.
TEXT_FIELDS: Final = (CharField, TextField, SlugField, EmailField, URLField)


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
    #: No other row can have the same key.
    is_unique: bool
    #: The parts of a row, the token's first.
    parts: list[Part]
    #: The columns of each part's fields, by the fields.
    columns: list[dict[Any, int]]
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
    model: type[Model],
    connection: BaseDatabaseWrapper,
    declared: LookupFields | None = None,
    count: int = 1,
) -> CompiledLookup | None:
    """Compile the look-up of a key in ``model``, or return ``None`` where it would differ.

    ``declared`` is what the authentication class says of its fields. ``count`` is the number of
    digests under which a key may be found, where digests are held. What Django keeps for itself
    may be gone in another version: that is said in the log, and REST framework's code is as good,
    and slower.
    """
    try:
        if obstacle(model, declared):
            return None
        return _compile(model, connection, fields_of(model, declared), count)
    except (AttributeError, TypeError) as error:
        logger.warning(
            "The look-up of %s is not compiled by this version of Django, %s, and takes REST "
            "framework's code, without a cache: %s.",
            model._meta.label,
            django.get_version(),
            error,
        )
        return None


def obstacle(model: type[Model], declared: LookupFields | None) -> str:
    """Return why the look-up of a key in ``model`` is not compiled, as one sentence without end.

    An empty text where nothing of the model's own is in the way.
    """
    return next(_obstacles(model, declared), "")


def _obstacles(model: type[Model], declared: LookupFields | None) -> Iterator[str]:
    fields = fields_of(model, declared)
    label, key_field = model._meta.label, _field(model, fields.key_field)
    if not _has_stock_manager(model):
        yield f"{label}.objects is a manager of its own, whose rows may depend on more than a key"
    if key_field is None:
        yield f"{label} has no field {fields.key_field}: declare key_field"
        return
    if declared is None and not key_field.unique:
        yield f"{key_field} is not unique: declare key_field"
    if type(key_field) not in (*TEXT_FIELDS, UUIDField):
        yield f"{key_field} is a {type(key_field).__name__}, and no text or UUID"
    if key_field.get_lookup("exact") is not Exact:
        yield f"{key_field} has an exact look-up of its own"
    owner: Any = model
    for name in fields.user_field.split("__") if fields.user_field else ():
        user_field = _field(owner, name)
        if type(user_field) not in (ForeignKey, OneToOneField):
            yield f"{owner._meta.label} has no foreign key {name}: declare user_field"
            return
        if declared is None and user_field.null:
            yield f"{user_field} may be NULL: declare user_field"
        owner = user_field.related_model


def _compile(
    model: type[Model], connection: BaseDatabaseWrapper, fields: LookupFields, count: int
) -> CompiledLookup | None:
    key_field: Any = model._meta.get_field(fields.key_field)
    is_digest = strategy_of(model).holds_digests
    queryset = fields.tokens(model, connection.alias)
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

    parts = None if compiler.annotation_col_map else parts_of(compiler)
    decoders = parts and decoders_of(compiler, parts, fetch_mode)
    if not parts or not decoders:
        return None
    user_path = tuple(fields.user_field.split("__")) if fields.user_field else None
    links = [each.link[:5] for each in parts if each.link is not None]
    user = [each.path for each in parts].index(user_path) if user_path else None
    expressions = tuple(expression for expression, *_ in compiler.select)
    columns = [columns_of(compiler, each) for each in parts]
    key_column = columns[0][key_field]
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
        decoder=RowDecoder(
            decoders[0], list(zip(decoders[1:], links, strict=True)), user, key_column
        ),
        key_column=key_column,
        is_digest=is_digest,
        is_unique=key_field.unique,
        parts=parts,
        columns=columns,
        backend=type(connection),
        converters=_converters(expressions, connection),
    )


def key_field_of(model: type[Model], declared: LookupFields | None = None) -> Any:
    """Return the field that a key is looked up by, or ``None`` where the model has none.

    It is ``key``, but for a class that declares another, and for a model that holds digests and
    names the field of them.
    """
    return _field(model, fields_of(model, declared).key_field)


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
