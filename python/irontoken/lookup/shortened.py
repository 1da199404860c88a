"""The query of a digest, in the words that cost a driver least.

REST framework's query is left as Django compiles it, since people know it from their logs; the one
by digest is only ours, and may say the same in fewer characters. On SQLite that saves 28 % of the
instructions of a miss (callgrind: 329,000 of them, and 461,000 without).
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def shortened(sql: str, compiler: Any, connection: BaseDatabaseWrapper) -> str:
    """Return ``sql``, which selects what ``compiler`` says, in cheaper words.

    Drivers read the text for each request, and Django's of SQLite rewrites it.
    """
    quote = connection.ops.quote_name
    if connection.vendor == "sqlite":
        sql = _without_declared_types(sql, compiler, connection)
    # A user in several tables is one more join, and its tables keep their names.
    for name, alias in zip(map(quote, compiler.query.alias_map), ("t", "u"), strict=False):
        # Once where it is joined, and otherwise before a column.
        if sql.count(name) == sql.count(f"{name}.") + 1:
            sql = sql.replace(f"{name}.", f"{alias}.").replace(name, f"{name} {alias}")
    return sql


def _without_declared_types(sql: str, compiler: Any, connection: BaseDatabaseWrapper) -> str:
    """Let the driver look for no converter where it has none for a column's declared type.

    A column is as good as ``+column``, which has no declared type. Booleans come as numbers then,
    which Django converts as it does those of other databases.
    """
    selected = [(column.target, text) for column, (text, _), _ in compiler.select]
    before = ", ".join(text for _, text in selected)
    cheaper = ", ".join(
        text if _needs_its_type(field, connection) else f"+{text}" for field, text in selected
    )
    return sql.replace(f"SELECT {before} ", f"SELECT {cheaper} ", 1)


def _needs_its_type(field: Any, connection: BaseDatabaseWrapper) -> bool:
    from sqlite3 import converters

    # As the driver cuts it.
    declared = str(field.db_type(connection) or "").split("(")[0].split(" ")[0].upper()
    return declared in converters and field.get_internal_type() != "BooleanField"
