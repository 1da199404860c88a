"""``python -m tests.stress.write_paths.everywhere``: the suite on SQLite and each server there is.

The servers are those of ``noxfile.py``, and ``POSTGRES_URL`` and ``MARIADB_URL`` name others.
Arguments are handed on.
"""

import importlib.util
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

SERVERS = {
    "PostgreSQL": (
        os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
        "psycopg",
    ),
    "MariaDB": (os.environ.get("MARIADB_URL", "mysql://root@127.0.0.1:3306/test"), "MySQLdb"),
}


def main():
    status = run("")
    for server, (url, driver) in SERVERS.items():
        if reason := reason_to_skip(url, driver):
            print(f"{server} is left out: {reason}", flush=True)
            continue
        status |= run(url)
    sys.exit(status)


def run(url):
    """Run the suite on one database and return its exit status."""
    command = [sys.executable, "-m", "tests.stress.write_paths", *sys.argv[1:]]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(command, env=environment, check=False).returncode


def reason_to_skip(url, driver):
    """Say why a server cannot be used; empty where it can."""
    parts = urlsplit(url)
    if importlib.util.find_spec(driver) is None:
        return f"its driver, {driver}, is not installed"
    try:
        socket.create_connection((parts.hostname, parts.port or 0), timeout=2).close()
    except OSError as error:
        return f"it does not answer at {parts.hostname}:{parts.port}: {error}"
    return ""


if __name__ == "__main__":
    main()
