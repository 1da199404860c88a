"""A reader's project, in a folder of its own: its files, its shell, its commands, its server."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from tests.support.servers import answers, free_port

#: The version file is the test's own; all else is what the reader has written.
SETTINGS = """
from tutorial.settings import *
if "CACHE" in globals().get("IRONTOKEN", {}):
    IRONTOKEN["CACHE"].setdefault("PATH", %r)
"""
#: What types a page's Python: a line of JSON is a block, and the answer is how it ended.
SHELL = """
import json, sys, traceback
import django
django.setup()
from django.contrib.auth import get_user_model
names = {"user": get_user_model().objects.get_or_create(username="ada")[0]}
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "<page>", "exec"), names)
        ended = None
    except BaseException:
        ended = traceback.format_exc()
    print("ended: " + json.dumps(ended), flush=True)
"""
SERVER = re.compile(r"(python manage.py runserver|gunicorn |uvicorn )")
INSTALL = re.compile(r"(?:python -m )?pip install (.*)")


class Project:
    """What a page is done in. ``close()`` ends what it has begun."""

    def __init__(self, folder):
        self.folder = folder
        self.known = {}
        self.modules = []
        self._shell = self._server = self._served_by = None
        self._is_outdated = False
        self._port = free_port()
        (folder / "shared").mkdir(exist_ok=True)
        (folder / "of_the_test.py").write_text(SETTINGS % str(folder / "shared"))
        program = Path(sys.executable).parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if "DJANGO" not in name},
            "DJANGO_SETTINGS_MODULE": "of_the_test",
            "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
            "PYTHONWARNINGS": "ignore",
            "PEPPER_1": "of a page, and of nobody else's site",
            "PYTHONPATH": str(folder),
        }

    def write(self, name, text):
        """Append to a file of the project's; the shell and the server begin anew."""
        self.modules.append(name.removesuffix(".py").replace("/", "."))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() + "\n" if path.exists() else ""
        path.write_text(before + text)
        self._end_shell()
        self._is_outdated = True

    def type(self, text):
        """Type Python into the shell; return the traceback, or ``None``."""
        if self._shell is None:
            self._shell = subprocess.Popen(
                [sys.executable, "-c", SHELL],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._shell.stdin.write(json.dumps(text) + "\n")
        self._shell.stdin.flush()
        for line in self._shell.stdout:
            # What the block itself prints is shown by no page.
            if line.startswith("ended: "):
                return json.loads(line.removeprefix("ended: "))
        return "the shell ended"

    def run(self, command):
        """Run a command; return its status and what it printed."""
        if found := INSTALL.fullmatch(command):
            return 0, "".join(missing(shlex.split(found[1])))
        # A reader types no faster, and processes add up what they did ten times a second.
        time.sleep(0.15)
        if SERVER.match(command):
            self._serve(command)
            return 0, ""
        if "curl " in command and self._is_outdated and self._served_by:
            self._serve(self._served_by)
        done = subprocess.run(
            ["bash", "-c", self._at(command)],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout

    def close(self):
        self._end_shell()
        self._end_server()

    def _at(self, command):
        """The command at this test's port, and as quiet as curl is in a terminal."""
        command = re.sub(r"(127\.0\.0\.1:|--port )8000", rf"\g<1>{self._port}", command)
        return re.sub(r"\bcurl ", "curl --silent --show-error ", command)

    def _serve(self, command):
        self._end_server()
        self._served_by, self._is_outdated = command, False
        command = self._at(command)
        if command.startswith("python manage.py runserver"):
            command += f" --noreload 127.0.0.1:{self._port}"
        with (self.folder / "server.log").open("w") as log:
            self._server = subprocess.Popen(
                shlex.split(command),
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(300):
            if self._server.poll() is not None:
                raise RuntimeError((self.folder / "server.log").read_text())
            if answers(self._port):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{command} does not answer")

    def _end_shell(self):
        if self._shell is not None:
            self._shell.stdin.close()
            self._shell.wait(30)
            self._shell.stdout.close()
            self._shell = None

    def _end_server(self):
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGTERM)
            self._server.wait(30)
            self._server = None


def missing(packages):
    """Name what is not installed of what a page installs."""
    for package in packages:
        if package.startswith("-"):
            continue
        name = re.match(r"[\w-]*", package)[0]
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            yield f"{name} is not installed\n"
