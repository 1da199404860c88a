"""What a server leaves written when it is told to end, where Python's `atexit` does not run."""

import http.client
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.servers import Server
from tests.support.site import Site

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gunicorn and signals are POSIX's")
MAKE_TOKEN = (
    "from django.contrib.auth.models import User as U; "
    "from irontoken.tokens import get_token_model as m; "
    "print(m().objects.issue(U.objects.get())[1])"
)
LAST_USED = "from irontoken.tokens import get_token_model as m; print(m().objects.get().last_used)"


class Uvicorn(Server):
    def __init__(self, site):
        super().__init__()
        application = "django.core.asgi:get_asgi_application"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--factory", application, "--port", str(self.port)],
            env=site.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, key):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/hello/", headers={"Authorization": f"Token {key}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


class IssuedSite(Site):
    settings = "tests.support.issued_site_settings"


@pytest.fixture
def site(tmp_path):
    pytest.importorskip("uvicorn")
    return IssuedSite(tmp_path)


def test_a_use_is_written_before_uvicorn_is_told_to_end(site):
    key = site.shell(MAKE_TOKEN).split()[-1]
    server = Uvicorn(site).wait()
    try:
        assert server.ask(key) == 200
        # Longer than a use waits, and shorter than the pause between two writings.
        time.sleep(3)
        process = server.process
        server.stop(signal.SIGTERM)
        assert process.returncode == -signal.SIGTERM  # so that nothing ran at its end
    finally:
        server.remove()
    assert site.shell(LAST_USED).split()[-1] != "None"
