"""The triggers of PostgreSQL that send a message of a write, whichever program wrote.

Each statement that changed rows of a tracked table sends one message, as the Rust core would write
it: the slots of the rows, or ``*`` for everything. The slots are computed here in SQL as they are
in Rust; ``tests/fleet/slots.json`` holds what both must answer.
"""

import hashlib
import json
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from irontoken.cache.tables import Columns, tracked_columns

#: Past so many rows a message says everything.
FEW: Final = 300

#: The digits of a slot, of the value ``v`` and its kind ``k``; NULL where it cannot be told.
SLOT: Final = """encode(substr(sha256(convert_to(CASE k
            WHEN 'integer' THEN v
            WHEN 'uuid' THEN lower(replace(v, '-', '') COLLATE "C")
            WHEN 'text' THEN CASE WHEN rtrim(v, ' ') COLLATE "C" ~ '^[0-9A-Za-z_.:-]*$'
                THEN lower(rtrim(v, ' ') COLLATE "C") END
        END, 'UTF8')), 1, 2), 'hex')"""

#: The message about the rows of ``changed``.
_MESSAGE: Final = f"""
            slots AS (SELECT {SLOT} AS slot FROM changed)
            SELECT CASE WHEN bool_or(slot IS NULL) THEN '*'
                ELSE string_agg(DISTINCT TG_ARGV[0] || slot, ' ') END INTO message FROM slots;"""  # noqa: S608 - as below

_BODY: Final = f"""
DECLARE
    message text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        message := '*';
    ELSE
        PERFORM 1 FROM old_rows OFFSET {FEW} LIMIT 1;
        IF FOUND THEN
            message := '*';
        ELSIF TG_OP = 'DELETE' THEN
            WITH changed AS (
                SELECT to_jsonb(o) ->> TG_ARGV[1] AS v, TG_ARGV[2] AS k FROM old_rows AS o
            ),{_MESSAGE}
        ELSE
            WITH before AS (
                SELECT to_jsonb(o) - TG_ARGV[3] AS r FROM old_rows AS o
            ), after AS (
                SELECT to_jsonb(n) - TG_ARGV[3] AS r FROM new_rows AS n
            ), changed AS (
                SELECT coalesce(b.r, a.r) ->> TG_ARGV[1] AS v, TG_ARGV[2] AS k
                FROM before AS b FULL JOIN after AS a ON b.r ->> TG_ARGV[1] = a.r ->> TG_ARGV[1]
                WHERE b.r IS DISTINCT FROM a.r
            ),{_MESSAGE}
        END IF;
    END IF;
    IF message IS NOT NULL THEN
        PERFORM pg_notify(%(channel)s, message);
    END IF;
    RETURN NULL;
EXCEPTION WHEN others THEN
    -- A write must not fail for want of a word of it.
    PERFORM pg_notify(%(channel)s, '*');
    RETURN NULL;
END
"""  # noqa: S608 - no value of anybody's is in it

#: One row for each of the tables that is there: its name, how many of its triggers are
#: as they should be, and how many are of another version.
_STATE: Final = """
    SELECT wanted.name, count(p.oid) FILTER (
        WHERE p.proname = $2 AND t.tgenabled = 'A' AND t.tgargs = decode(args, 'hex')
    ), count(p.oid) FILTER (WHERE p.proname <> $2 OR t.tgargs <> decode(args, 'hex')),
    max(p.oid) FILTER (WHERE p.proname = $2)
    FROM jsonb_each_text($1::jsonb) AS wanted (name, args)
    JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass(wanted.name)
    -- What is written to a partition or a child by its own name sets off no trigger of the table.
    AND c.relkind = 'r' AND NOT c.relispartition
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhparent = c.oid)
    LEFT JOIN (
        pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p
        ON p.oid = t.tgfoid AND p.proname LIKE $3
    ) ON t.tgrelid = c.oid
    GROUP BY 1 ORDER BY 1
"""

#: The triggers of a table, and what each has of the rows of a statement.
_EVENTS: Final = {
    "update": "UPDATE {} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "DELETE {} REFERENCING OLD TABLE AS old_rows",
    "truncate": "TRUNCATE {}",
}


class State(NamedTuple):
    """What is installed: the tables that are there, and what is wrong with any of them."""

    tables: list[str]
    function: int
    missing: list[str]
    outdated: list[str]

    @property
    def problem(self) -> str:
        """Say what is wrong; empty where nothing is."""
        said = [
            f"{what} on {', '.join(tables)}"
            for what, tables in (("missing", self.missing), ("out of date", self.outdated))
            if tables
        ]
        if not self.tables:
            return "its tables are not there"
        return f"the triggers are {' and '.join(said)}" if said else ""


class Triggers:
    """The triggers of one project, whose channel is ``channel``."""

    def __init__(self, channel: str) -> None:
        """Take the name of the channel, which is a plain one."""
        self.channel = channel
        self.body = _BODY % {"channel": f"'{channel}'"}
        digest = hashlib.sha256(self.body.encode()).hexdigest()[:8]
        self.function = f"{channel}_{digest}"

    def state_query(self) -> tuple[str, list[str]]:
        """Return the query of the state and its parameters, numbered as PostgreSQL has it."""
        wanted = {
            table: "".join(f"{argument}\0" for argument in arguments).encode().hex()
            for table, arguments in _tables().items()
        }
        return _STATE, [json.dumps(wanted), self.function, _like(self.channel)]

    def state(self, rows: Any) -> State:
        """Return what the rows of the query say."""
        tables, missing, outdated, function = [], [], [], 0
        for name, right, wrong, found in rows:
            tables.append(name)
            function = int(found or function)
            if int(wrong):
                outdated.append(name)
            elif int(right) != len(_EVENTS):
                missing.append(name)
        return State(tables, function, missing, outdated)

    def installed(self, connection: BaseDatabaseWrapper) -> State:
        """Return the state of a database."""
        sql, parameters = self.state_query()
        with connection.cursor() as cursor:
            for number in (3, 2, 1):
                sql = sql.replace(f"${number}", f"%({number})s")
            named = {str(number + 1): value for number, value in enumerate(parameters)}
            cursor.execute(sql, named)
            return self.state(cursor.fetchall())

    def removal(self, connection: BaseDatabaseWrapper) -> list[str]:
        """Return the statements that remove all versions of the triggers that are there."""
        with connection.cursor() as cursor:
            # Another schema of the database may be another project's.
            cursor.execute(
                """
                SELECT format('DROP FUNCTION %%s CASCADE', p.oid::regprocedure)
                FROM pg_catalog.pg_proc AS p
                WHERE p.proname LIKE %s AND p.prorettype = 'trigger'::regtype AND (
                    p.pronamespace = to_regnamespace(quote_ident(current_schema()))
                    OR EXISTS (
                        SELECT 1 FROM pg_catalog.pg_trigger AS t
                        JOIN jsonb_array_elements_text(%s::jsonb) AS wanted (name)
                        ON t.tgrelid = to_regclass(name) WHERE t.tgfoid = p.oid
                    )
                )
                """,
                [_like(self.channel), json.dumps(list(_tables()))],
            )
            return [row[0] for row in cursor.fetchall()]

    def installation(self, connection: BaseDatabaseWrapper, *, unseen: bool = False) -> list[str]:
        """Return the statements that install the triggers where there are none.

        On the tables that are there, or on all of them ``unseen``.
        """
        quote = connection.ops.quote_name
        function = quote(self.function)
        create = (
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, pg_temp AS $irontoken${self.body}$irontoken$"
        )
        statements = [create]
        there = self.installed(connection).tables
        for table, values in _tables().items():
            if table not in there and not unseen:
                continue
            arguments = ", ".join("'" + each.replace("'", "''") + "'" for each in values)
            for event, clause in _EVENTS.items():
                trigger = quote(f"{self.channel}_{event}")
                when = f"AFTER {clause.format(f'ON {table}')} FOR EACH STATEMENT"
                statements += [
                    f"CREATE TRIGGER {trigger} {when} EXECUTE FUNCTION {function}({arguments})",
                    # For sessions that replay what others wrote, too.
                    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}",
                ]
        # It fails here, and not in somebody's write, for a role that may not notify.
        return [*statements, f"SELECT pg_notify('{self.channel}', '*')"]


def _like(channel: str) -> str:
    return channel.replace("_", r"\_") + r"\_%"


def _tables() -> dict[str, list[str]]:
    """Return the tracked tables as SQL names them, and what their triggers are told.

    Whose slots, by which column, of which kind, and which column's changes are passed over.
    """
    found = tracked_columns()
    return {
        found.sql_names[table]: [*_identity(columns), found.unwatched.get(table, "")]
        for table, columns in sorted(found.columns.items())
    }


def _identity(columns: Columns) -> tuple[str, str, str]:
    for owner in ("token", "user"):
        # The primary key comes first.
        for name, (found, kind) in columns.items():
            if found == owner:
                return owner[0], name, kind
    return "", "", ""
