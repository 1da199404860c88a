"""``python -m tests.stress.write_paths``: every way of writing, against readers elsewhere.

``registry`` holds the paths, ``subjects`` the rows that are written, ``readers`` the processes
that ask, ``trial`` one run of one path, and ``faults`` the parts of the protocol that can be left
out. All other modules hold paths, by what they have in common.
"""

import importlib

#: The modules that hold paths.
MODULES = (
    "orm",
    "orm_deletion",
    "orm_children",
    "orm_shapes",
    "relations",
    "sql",
    "sql_cursors",
    "sql_text",
    "sqlite",
    "instrumented",
    "postgresql",
    "psycopg_forms",
    "mariadb",
    "mariadb_routines",
    "mariadb_names",
    "isolation",
    "collations",
    "returning",
    "transactions",
    "transaction_ends",
    "raw_transactions",
    "databases",
    "inside_the_database",
    "processes",
    "killed",
    "fresh",
    "tasks",
    "commands",
    "definitions",
    "version_file",
    "issued",
)


def load_all(vendor):
    """Register all paths; return those that concern ``vendor``."""
    from tests.stress.write_paths import registry

    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
    return registry.paths_of(vendor)
