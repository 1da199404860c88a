"""What a database does by itself when a table is written to, which no statement tells.

Triggers and rules of a tracked table may write to other rows than the statement names; deletions
may take rows of other tables along, and changes of a referenced value go on to the rows that refer
to it. All are asked for, over the driver and outside of any transaction, when a process first
connects and when the schema has changed since.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from irontoken.cache.tables import tracked_columns

#: Rows of (a table with a trigger or a rule, '', ''), and of (a table, another whose rows its
#: deletions or its changes delete or change, 'delete' or 'update').
_QUERIES: Final = {
    "sqlite": """
        SELECT tbl_name, '', '' FROM sqlite_master WHERE type = 'trigger'
        UNION ALL SELECT tbl_name, '', '' FROM sqlite_temp_master WHERE type = 'trigger'
        UNION ALL SELECT key."table", child.name, event.name
        FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS key,
        (SELECT 'delete' AS name UNION ALL SELECT 'update') AS event
        WHERE child.type = 'table'
        AND CASE event.name WHEN 'delete' THEN key.on_delete ELSE key.on_update END
        IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
    """,
    # Functions of the system's own change the row that is written, if any. Those of the fleet's
    # triggers write nothing.
    "postgresql": r"""
        SELECT c.relname, '', '' FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND p.pronamespace <> 'pg_catalog'::regnamespace
        AND p.proname NOT LIKE 'irontoken\_%'
        UNION ALL SELECT c.relname, '', '' FROM pg_catalog.pg_rewrite AS r
        JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class WHERE r.ev_type <> '1'
        UNION ALL SELECT parent.relname, child.relname, event.name
        FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_class AS parent ON parent.oid = k.confrelid
        JOIN pg_catalog.pg_class AS child ON child.oid = k.conrelid
        CROSS JOIN (VALUES ('delete'), ('update')) AS event (name)
        WHERE k.contype = 'f'
        AND CASE event.name WHEN 'delete' THEN k.confdeltype ELSE k.confupdtype END
        IN ('c', 'n', 'd')
    """,
    "mysql": """
        SELECT event_object_table, '', '' FROM information_schema.triggers
        WHERE event_object_schema = DATABASE()
        UNION ALL SELECT referenced_table_name, table_name, event.name
        FROM information_schema.referential_constraints
        CROSS JOIN (SELECT 'delete' AS name UNION ALL SELECT 'update') AS event
        WHERE unique_constraint_schema = DATABASE()
        AND CASE event.name WHEN 'delete' THEN delete_rule ELSE update_rule END
        IN ('CASCADE', 'SET NULL')
    """,
}


def effects_of(connection: BaseDatabaseWrapper) -> tuple[set[str], set[str], set[str]] | None:
    """Ask which tables of a connection's database have effects; return their names.

    First those of tracked tables with a trigger or a rule, then those whose deletions take tracked
    rows along, and those whose changes go on to tracked rows. ``None`` where the database cannot
    be asked: within a transaction, which a question might break, or where it raises an error.
    """
    wrapper: Any = connection
    query = _QUERIES.get(connection.vendor)
    if query is None or wrapper.connection is None or _in_transaction(wrapper):
        return None
    try:
        cursor = wrapper.connection.cursor()
        try:
            cursor.execute(query)
            rows = cursor.fetchall()
        finally:
            cursor.close()
        if not wrapper.autocommit:
            wrapper.connection.rollback()
    except wrapper.Database.Error:
        return None
    tracked = {table.lower() for table in tracked_columns().columns}
    found = {(str(table).lower(), str(child).lower(), str(event)) for table, child, event in rows}
    unknown = {table for table, child, _ in found if not child} & tracked
    deletions, changes = (
        _leading_to(tracked, {(table, child) for table, child, event in found if event == name})
        for name in ("delete", "update")
    )
    return unknown, deletions, changes


def _in_transaction(wrapper: Any) -> bool:
    if wrapper.in_atomic_block:
        return True
    if wrapper.vendor == "postgresql":
        # Idle is the only state that is falsy.
        return bool(wrapper.connection.info.transaction_status)
    if wrapper.vendor == "sqlite":
        return bool(wrapper.connection.in_transaction)
    return not wrapper.autocommit


def _leading_to(tracked: set[str], pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Return the tables from which writes lead to a tracked one, over any number of others."""
    found: set[str] = set()
    while more := {
        table for table, child in pairs if child in tracked | found and table not in found
    }:
        found |= more
    return found
