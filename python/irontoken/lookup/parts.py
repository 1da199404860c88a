"""The parts of a compiled query's row: the token's, and one for each model that is loaded with it.

Each has what makes an instance of it, and what leads to it from another part, as Django's
``RelatedPopulator`` has them.
"""

from typing import Any, NamedTuple

from django.db.models import ForeignKey, Model, OneToOneField
from django.db.models import query as query_module
from django.db.models.fields.files import FileDescriptor, ImageFileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute

from irontoken._core import InstanceDecoder

#: Descriptors whose ``__set__`` does nothing more for a new instance than fill its ``__dict__``.
_PLAIN_DESCRIPTORS = frozenset(
    {DeferredAttribute, ForeignKeyDeferredAttribute, FileDescriptor, ImageFileDescriptor}
)


class Link(NamedTuple):
    """What leads to a part; see ``Link`` in the core."""

    parent: int
    name: Any
    back: Any
    primary_key: int
    foreign_key: int | None
    #: The field of it: the parent's, or the part's where that refers to its parent.
    field: Any


class Part(NamedTuple):
    """One model's columns of a row."""

    klass_info: Any
    #: The names that lead to it from the token, as ``select_related()`` takes them.
    path: tuple[str, ...]
    #: ``None`` for the token's own.
    link: Link | None

    @property
    def model(self) -> Any:
        """The class of its instances."""
        return self.klass_info["model"]


def parts_of(compiler: Any) -> list[Part] | None:
    """Return the parts of a query's row, in the order in which Django makes instances of them.

    ``None`` where Django does more than to follow a foreign key, or one back.
    """
    parts = [Part(compiler.klass_info, (), None)]
    return parts if _add_related(compiler, parts, 0) else None


def _add_related(compiler: Any, parts: list[Part], parent: int) -> bool:
    """Append what is loaded with a part; tell whether all of it can be."""
    before = parts[parent]
    for info in before.klass_info.get("related_klass_infos", ()):
        field = info["field"]
        if info["from_parent"] or type(field) not in (ForeignKey, OneToOneField):
            return False
        columns = columns_of(compiler, Part(info, (), None))
        if info["model"]._meta.pk not in columns:
            return False  # it is of several columns
        primary_key = columns[info["model"]._meta.pk]
        there, back = _cache_name(field), _cache_name(field.remote_field)
        if info["reverse"]:
            link = Link(parent, back, there, primary_key, None, field)
            name = field.related_query_name()
        else:
            foreign_key = columns_of(compiler, before)[field]
            back = back if field.unique else None
            link = Link(parent, there, back, primary_key, foreign_key, field)
            name = field.name
        parts.append(Part(info, (*before.path, name), link))
        if not _add_related(compiler, parts, len(parts) - 1):
            return False
    return True


def columns_of(compiler: Any, part: Part) -> dict[Any, int]:
    """Return the columns of a row that hold the values of a part's fields, by the fields."""
    indices = part.klass_info["select_fields"]
    return {compiler.select[index][0].target: index for index in indices}


def _cache_name(relation: Any) -> Any:
    # An attribute since Django 5.1, a method before.
    try:
        return relation.cache_name
    except AttributeError:
        return relation.get_cache_name()


def decoders_of(compiler: Any, parts: list[Part], fetch_mode: Any) -> list[InstanceDecoder] | None:
    """Return what makes an instance of each part; ``None`` where Django is to make one."""
    found = [_instance_decoder(compiler, parts, index, fetch_mode) for index in range(len(parts))]
    decoders = [each for each in found if each is not None]
    return decoders if len(decoders) == len(parts) else None


def _instance_decoder(
    compiler: Any, parts: list[Part], index: int, fetch_mode: Any
) -> InstanceDecoder | None:
    part = parts[index]
    model = part.model
    columns = [
        (target.attname, column, isinstance(target, ForeignKey))
        for target, column in columns_of(compiler, part).items()
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
    leads_on = any(each.link is not None and each.link.parent == index for each in parts)
    return InstanceDecoder(
        model,
        from_db,
        alias,
        state,
        _is_built_directly(model),
        columns,
        leads_on or (part.link is not None and part.link.back is not None),
    )


def _is_built_directly(model: Any) -> bool:
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
