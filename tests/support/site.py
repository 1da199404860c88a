"""The tutorial as a site of a test's own: its commands, its programs and its servers."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import free_port

TUTORIAL = Path(__file__).resolve().parents[2] / "examples" / "tutorial"
MAKE_USER = (
    "from django.contrib.auth.models import User as U; "
    "print(U.objects.create_user('ada').auth_token.key)"
)


class Site:
    """The tutorial with the cache on, on a database of its own."""

    settings = "tests.support.site_settings"

    def __init__(self, folder):
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "PYTHONPATH": os.pathsep.join([str(TUTORIAL), str(TUTORIAL.parent.parent)]),
            "TUTORIAL_DATABASE": str(folder / "db.sqlite3"),
            "IRONTOKEN_FOLDER": str(folder),
        }
        self.manage("migrate")
        self.key = self.shell(MAKE_USER).split()[-1]

    def manage(self, *arguments):
        run = subprocess.run(
            [sys.executable, "manage.py", *arguments, "-v", "0"],
            cwd=TUTORIAL,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def shell(self, code):
        return self.manage("shell", "-c", code)

    def python(self, code):
        """Start a program in the project; it may ask by `ask(key)`."""
        head = (
            "import sys, django; django.setup(); import irontoken\n"
            "from rest_framework.exceptions import AuthenticationFailed\n"
            "def ask(key=sys.argv[1]):\n"
            "    try:\n"
            "        irontoken.TokenAuthentication().authenticate_credentials(key)\n"
            "        return 'ok'\n"
            "    except AuthenticationFailed:\n"
            "        return 'refused'\n"
        )
        return subprocess.Popen(
            [sys.executable, "-c", head + code, self.key],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def gunicorn(self, *options):
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-w", "3"]
        command += ["--log-level", "warning", *options, "tutorial.wsgi"]
        server = subprocess.Popen(command, cwd=TUTORIAL, env=self.environment)
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)

    def get(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/hello/", headers={"Authorization": f"Token {self.key}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()
