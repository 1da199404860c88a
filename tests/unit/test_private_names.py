"""What irontoken uses of others without their word: each name, and the versions it was read in.

A name that is gone fails here, and not at a site's first request. What is used is found in the
sources, so that no name can be used without being listed.
"""

import ast
import asyncio
import re
from pathlib import Path

import django
import pytest
from django.utils.module_loading import import_string

ROOT = Path(__file__).resolve().parents[2]
#: Where a name is, and since which Django it is there. Read in Django 5.2, 6.0 and 6.1, REST
#: framework 3.16 to 3.18, asgiref 3.8 to 3.11 and CPython 3.10 to 3.14.
NAMES = {
    "_commit": ("django.db.backends.base.base.BaseDatabaseWrapper", (5, 2)),
    "_rollback": ("django.db.backends.base.base.BaseDatabaseWrapper", (5, 2)),
    "_close": ("django.db.backends.base.base.BaseDatabaseWrapper", (5, 2)),
    "_set_autocommit": ("django.db.backends.sqlite3.base.DatabaseWrapper", (5, 2)),
    "_connections": ("django.db.connections", (5, 2)),
    "_get_running_loop": ("asyncio", (5, 2)),
    "_state": ("django.contrib.auth.models.User", (5, 2)),
    "_db": ("django.db.models.manager.Manager", (5, 2)),
    "_hints": ("django.db.models.manager.Manager", (5, 2)),
    "_raw_delete": ("django.db.models.query.QuerySet", (5, 2)),
    "_fetch_mode": ("django.db.models.query.QuerySet", (6, 1)),
    "_get_from_db": ("django.db.models.query", (6, 1)),
    "_from_testcase": ("django.db.transaction.Atomic", (5, 2)),
    "_password": ("django.contrib.auth.base_user.AbstractBaseUser", (5, 2)),
    "_registry": ("django.contrib.admin.sites.AdminSite", (5, 2)),
    "_request": ("rest_framework.request.Request", (5, 2)),
}
#: Of packages that the tests here are run without: `tests/tenants` and `test_pool` use them.
ELSEWHERE = {"_get_cursor_search_paths", "_connection_pools"}
#: Documented, for all that they begin with an underscore.
PUBLIC = {"_meta", "_base_manager", "_default_manager", "_asdict", "_fields", "_replace"}

#: Looked for, and done without where they are not: asgiref's, for speed.
OPTIONAL = {"_storage"}
#: Names of buttons in the admin's form.
FORM = {"_key", "_revoke"}


def private_names(path):
    """Yield the names with one underscore that a module looks up, and does not define."""
    tree = ast.parse(path.read_text())
    own = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if isinstance(node.ctx, ast.Store):
                own.add(node.attr)
            elif not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                yield node.attr, own
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, own


def used():
    found = set()
    for path in (ROOT / "python").rglob("*.py"):
        names = list(private_names(path))
        own = names[-1][1] if names else set()
        found |= {name for name, _ in names if re.fullmatch(r"_[a-z][a-z_]*", name)} - own
    rust = "".join(path.read_text() for path in (ROOT / "src/python").glob("*.rs"))
    found |= set(re.findall(r'(?:intern!\(py, |getattr(?:_opt)?\()"(_[a-z][a-z_]*)"', rust))
    return {name for name in found if not name.startswith("_irontoken")} - FORM - OPTIONAL


def test_what_is_used_is_listed():
    assert used() - PUBLIC == NAMES.keys() | ELSEWHERE


@pytest.mark.parametrize("name", NAMES)
def test_what_is_listed_is_there(name):
    place, since = NAMES[name]
    if django.VERSION[:2] < since:
        pytest.skip(f"since Django {'.'.join(map(str, since))}")
    owner = asyncio if place == "asyncio" else import_string(place)
    made = getattr(getattr(owner, "__init__", None), "__code__", None)
    assert hasattr(owner, name) or name in made.co_names
