"""``make test-all``: every Python, every Django and REST framework, every server there is.

A Python that is missing is a failure; ``python -m tests.dist.pythons`` has Debian's newest. The
servers are looked for at the standard ports of the local host; ``POSTGRES_URL`` and
``MARIADB_URL``, in the form of ``DATABASE_URL``, name others. What is skipped is printed.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["versions", "prerelease", "servers", "fleet"]

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
#: Django with the REST frameworks that support it, and the Pythons that both support.
VERSIONS = [
    ("5.2", "3.16", ["3.10", "3.13"]),
    ("5.2", "3.18", PYTHONS[:5]),
    ("6.0", "3.17", PYTHONS[2:5]),
    ("6.1", "3.18", PYTHONS[2:]),
]
#: Each Python, each Django and each REST framework, with the oldest and the newest of one another:
#: what one machine has the time for. What `make test` installs is one of them.
CORNERS = {
    ("3.10", "5.2", "3.16"),
    ("3.12", "6.0", "3.17"),
    ("3.13", "5.2", "3.16"),
    ("3.14", "5.2", "3.18"),
    ("3.15", "6.1", "3.18"),
}
SERVERS = {
    "PostgreSQL": (
        os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
        "psycopg[binary,pool]>=3.1.18",
    ),
    "MariaDB": (os.environ.get("MARIADB_URL", "mysql://root@127.0.0.1:3306/test"), "mysqlclient"),
}
GROUPS = ("--group", "test")
#: By Python, so that the Rust core is compiled once for each.
COMBINATIONS = [
    nox.param(
        python,
        django,
        drf,
        id=f"python{python}-django{django}-drf{drf}",
        tags=["corners"] if (python, django, drf) in CORNERS else [],
    )
    for python in PYTHONS
    for django, drf, pythons in VERSIONS
    if python in pythons
]

# As pip does: or each of a test's processes would compile what it imports.
os.environ.setdefault("UV_COMPILE_BYTECODE", "1")
os.environ["PATH"] += f"{os.pathsep}{Path('.cache/dist/pythons/bin').absolute()}"
if shutil.which("pyenv") and "PYENV_VERSION" not in os.environ:
    # pyenv hides the versions that are not named here.
    pyenv = subprocess.run(
        ["pyenv", "versions", "--bare", "--skip-aliases"],
        capture_output=True,
        check=False,
        text=True,
    )
    os.environ["PYENV_VERSION"] = ":".join(reversed(pyenv.stdout.split()))


@nox.session
@nox.parametrize("python, django, drf", COMBINATIONS)
def versions(session, django, drf):
    """Run the tests on SQLite with one combination of versions."""
    session.install(
        "--quiet", ".", *GROUPS, f"django~={django}.0", f"djangorestframework~={drf}.0"
    )
    session.run("python", "-m", "tests.drf_suite")
    # The processes of a host and of a fleet are the same in every version, and take the longest.
    longest = (
        "tests/docs",
        "tests/fleet",
        "tests/integration/test_processes.py",
        "tests/integration/test_leaks.py",
        "tests/integration/tokens/test_admin_browser.py",
    )
    arguments = [*(f"--ignore={path}" for path in longest), "-m", "not slow", *session.posargs]
    session.run("python", "-m", "pytest", "-q", *arguments)


@nox.session(python=PYTHONS[-1], tags=["corners"])
def prerelease(session):
    """Run the tests of look-ups, of the cache and of the documents on Django's newest release."""
    session.install("--quiet", ".", *GROUPS)
    session.install("--quiet", "--upgrade", "--pre", "django", "djangorestframework")
    session.run("python", "-c", "import django; print('Django', django.get_version())")
    tests = (
        "tests/integration/test_lookup.py",
        "tests/integration/test_cache.py",
        "tests/integration/test_databases.py",
    )
    # On a disk, where all others have their databases in memory.
    folder = {"TEST_DATABASE_FOLDER": session.create_tmp()}
    session.run("python", "-m", "pytest", "-q", *tests, *session.posargs, env=folder)
    session.run("python", "-m", "pytest", "-q", "tests/docs/test_pages.py")


@nox.session
@nox.parametrize("server", list(SERVERS))
def servers(session, server):
    """Run the tests on a database server."""
    url, driver = SERVERS[server]
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port or 0), timeout=2).close()
    except OSError as error:
        session.skip(f"{server} does not answer at {parts.hostname}:{parts.port}: {error}")
    session.install("--quiet", ".", *GROUPS, "--group", "schema", driver)
    run = ("python", "-m", "pytest", "-q")
    # These have SQLite of their own.
    own = ("--ignore=tests/docs", "--ignore=tests/integration/test_without_posix.py")
    # What the fleet does with PostgreSQL is reached here alone. To measure all would take minutes.
    is_measured = server == "PostgreSQL" and "COVER" in os.environ
    measured = ("coverage", "run", *run[1:]) if is_measured else run
    if is_measured:
        others = ("--ignore=tests/fleet", *own)
        session.run(*run, *others, *session.posargs, env={"DATABASE_URL": url})
        session.run(*measured, "tests/fleet", *session.posargs, env={"DATABASE_URL": url})
    else:
        session.run(*run, *own, *session.posargs, env={"DATABASE_URL": url})
    swapped = ("tests/integration/tokens", "--ds", "tests.support.swapped.settings")
    session.run(*run, "-m", "not slow", *swapped, env={"DATABASE_URL": url})
    session.run("python", "-m", "tests.schema", env={"DATABASE_URL": url})
    session.run("python", "-m", "tests.stress.write_paths", "--short", env={"DATABASE_URL": url})
    if server == "PostgreSQL":
        session.install("--quiet", "django-tenants>=4")
        tenants = ("tests/tenants", "--ds", "tests.support.tenants.settings")
        session.run(*measured, *tenants, env={"DATABASE_URL": url})
        for variant in ("POOL", "TENANTS"):
            stress = ("python", "-m", "tests.stress", "--answers", "50000")
            session.run(*stress, env={"DATABASE_URL": url, variant: "1"})


@nox.session
@nox.parametrize("bus", ["postgres", "redis"])
def fleet(session, bus):
    """Run two groups of processes against servers of their own that fail, for a short while."""
    needed = ["redis-server"] if bus == "redis" else []
    if missing := [name for name in needed if not shutil.which(name)]:
        session.skip(f"{missing[0]} is not installed")
    if not shutil.which("initdb") and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        session.skip("PostgreSQL's own programs are not installed")
    session.install("--quiet", ".", *GROUPS, "--group", "fleet")
    command = ["python", "-m", "tests.stress.fleet", bus]
    session.run(*command, "--seconds", "30")
    session.run(*command, "--seconds", "20", "--fault", "lease renewal without proof")
