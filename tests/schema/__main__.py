"""``python -m tests.schema``: schemathesis against the endpoints, held to their own description.

They are served by gunicorn, over SQLite or what ``DATABASE_URL`` names. Whatever is sent, no
answer is a server's error, and every answer is one that the OpenAPI document tells of.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django

from tests.support.servers import free_port

#: What a password and a limit say to good input no schema tells, and REST framework's fields take
#: a number for a text and for a truth value.
EXCLUDED = "positive_data_acceptance,negative_data_rejection"
ROOT = Path(__file__).parents[2]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.schema")
    parser.add_argument("--examples", type=int, default=100, help="tries of each operation")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.schema.settings"
    django.setup()
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        with tempfile.TemporaryDirectory(prefix="irontoken-schema-") as folder:
            status = run(Path(folder), options)
    finally:
        runner.teardown_databases(databases)
    sys.exit(status)


def run(folder, options):
    from django.contrib.auth.models import User
    from django.db import connection
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiJsonRenderer

    User.objects.create_user("ada", password="lovelace")
    found = SchemaGenerator().get_schema(request=None, public=True)
    document = folder / "openapi.json"
    document.write_bytes(OpenApiJsonRenderer().render(found))
    print(f"{len(json.loads(document.read_bytes())['paths'])} paths described", flush=True)
    database = str(connection.settings_dict["NAME"])
    connection.close()
    port = free_port()
    environment = {
        **os.environ,
        "IRONTOKEN_SCHEMA_DATABASE": database,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-w", "2"]
    # Its own answer to a long URL is none of an endpoint's.
    command += ["--limit-request-line", "0"]
    command += ["--log-level", "warning", "tests.schema.wsgi"]
    server = subprocess.Popen(command, env=environment)
    try:
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(document)]
        command += ["--url", f"http://127.0.0.1:{port}", "--exclude-checks", EXCLUDED]
        command += ["--max-examples", str(options.examples), "--seed", str(options.seed)]
        command += ["--wait-for-schema", "30", "--phases", "examples,coverage,fuzzing"]
        environment["SCHEMATHESIS_HOOKS"] = "tests.schema.hooks"
        # It keeps what it has seen where it runs.
        return subprocess.run(command, check=False, env=environment, cwd=folder).returncode
    finally:
        server.terminate()
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
