"""The tutorial, step by step, over real HTTP: run it with ``make demo``."""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

TUTORIAL = Path(__file__).resolve().parent / "tutorial"
IMPORTS = (
    "from django.contrib.auth.models import User as U; "
    "from rest_framework.authtoken.models import Token as T"
)
ROUNDS = 9
REQUESTS = 150
#: Beyond it, what is left of the difference is the noise of HTTP.
MOST = 20


#: What a reader takes along.
SETTINGS = """\
    REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["irontoken.TokenAuthentication"]}
    INSTALLED_APPS += ["irontoken"]
    IRONTOKEN = {"CACHE": {"COHERENCE": "host"}}"""


def main():
    with tempfile.TemporaryDirectory(prefix="irontoken-demo-") as folder:
        environment = {
            **os.environ,
            "TUTORIAL_DATABASE": str(Path(folder) / "db.sqlite3"),
            "PYTHONPATH": folder,
        }
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        act(1, "the tutorial, with irontoken's class")
        say("migrate the tutorial's SQLite database")
        manage(environment, "migrate", "--verbosity", "0")
        say("create the user ada; the post_save receiver makes a token with generate_key()")
        made = f"{IMPORTS}; U.objects.create_user('ada', password='lovelace')"
        manage(environment, "shell", "-v", "0", "-c", made)
        with serving(environment) as port:
            client = Client(port)
            key = walk(client)
            act(2, "how fast it is, beside REST framework's class")
            compare(client, {"Authorization": f"Token {key}"})
        act(3, "the cache: no query for a known token, and a revocation heard at once")
        use(environment, folder, "cached")
        with serving(environment, workers=2) as port:
            revoke(environment, port, key)
        act(4, "issued tokens: hashed at rest, and authtoken's keys taken over")
        use(environment, folder, "issued")
        manage(environment, "migrate", "--verbosity", "0")
        made = f"{IMPORTS}; print(T.objects.create(user=U.objects.get()).key)"
        say("ada has a token of authtoken's again")
        key = manage(environment, "shell", "-v", "0", "-c", made, capture=True).strip()
        with serving(environment, workers=2) as port:
            adopt(environment, port, key)
    print(f"\nIn your settings, acts one to three are these lines:\n\n{SETTINGS}\n")


def use(environment, folder, name):
    """Take settings of the tutorial's, with the version file where it goes when the demo ends."""
    text = f"from tutorial.{name} import *\nIRONTOKEN['CACHE']['PATH'] = {folder!r}\n"
    (Path(folder) / f"demo_{name}.py").write_text(text)
    environment["DJANGO_SETTINGS_MODULE"] = f"demo_{name}"


def adopt(environment, port, key):
    def ask(title, key, wanted):
        say(title)
        good = {"Authorization": f"Token {key}"}
        status, _, body = Client(port).ask("GET", "/hello/", good)
        expect(status == wanted, f"{status} {json.dumps(body)}")

    ask("GET /hello/ with it", key, 200)
    say("adopt it, while the site serves: manage.py irontoken adopt, and adopt --finish")
    manage(environment, "irontoken", "adopt")
    manage(environment, "irontoken", "adopt", "--finish")
    ask("GET /hello/ with the same key", key, 200)
    say("issue another: manage.py irontoken issue ada --name laptop")
    issue = ("irontoken", "issue", "ada", "--name", "laptop", "--json")
    made = json.loads(manage(environment, *issue, capture=True))
    ask("GET /hello/ with its key, which nothing will ever show again", made["token"], 200)
    say("manage.py irontoken list ada")
    manage(environment, "irontoken", "list", "ada")
    say("revoke both in another process: manage.py irontoken revoke --user ada")
    manage(environment, "irontoken", "revoke", "--user", "ada")
    for number, revoked in enumerate((key, made["token"]), 1):
        ask(f"GET /hello/ with key {number}", revoked, 401)


def revoke(environment, port, key):
    good = {"Authorization": f"Token {key}"}
    client = Client(port)
    compare(client, good)
    say("delete the token in another process, with the ORM: manage.py shell")
    manage(environment, "shell", "-v", "0", "-c", f"{IMPORTS}; T.objects.all().delete()")
    say("GET /hello/ with the deleted token, of both workers")
    for _ in range(20):
        status, _, body = Client(port).ask("GET", "/hello/", good)
        if status != 401:
            break
    expect(status == 401, f"20 times {status} {json.dumps(body)}")


def walk(client):
    say("POST the password to /get-user-auth-token/")
    status, _, body = client.ask(
        "POST", "/get-user-auth-token/", body=b"username=ada&password=lovelace"
    )
    key = body.get("token", "")
    expect(status == 200 and len(key) == 40, f"{status}: a token of {len(key)} characters")

    good = {"Authorization": f"Token {key}"}
    for title, headers, wanted in [
        ("GET /hello/ with the token", good, 200),
        ("GET /hello/ without one", {}, 401),
        ("GET /hello/ with a wrong one", {"Authorization": "Token " + "0" * 40}, 401),
    ]:
        say(title)
        status, answer_headers, body = client.ask("GET", "/hello/", headers)
        challenge = answer_headers.get("WWW-Authenticate")
        challenge = f", WWW-Authenticate: {challenge}" if challenge else ""
        expect(status == wanted, f"{status} {json.dumps(body)}{challenge}")

    return key


def compare(client, good):
    say(f"time both classes on this server, {ROUNDS} rounds of {REQUESTS} requests each")
    paths = {
        "no authentication": "/hello-anyone/",
        "REST framework's class": "/hello-by-drf/",
        "irontoken's class": "/hello/",
    }
    times = {name: [] for name in paths}
    for number in range(ROUNDS + 1):
        for name, path in paths.items():
            seconds = client.time(path, good, REQUESTS)
            if number:  # the first round warms up
                times[name].append(seconds)
    anonymous, theirs, ours = (statistics.median(rounds) for rounds in times.values())
    for name, median in zip(paths, (anonymous, theirs, ours), strict=True):
        added = (median - anonymous) * 1e6
        noted = f"{added:4.0f} us for authentication" if added > 0 else "less than the noise"
        shown = "" if name == "no authentication" else f"  {noted}"
        print(f"    {name:24} {median * 1e6:5.0f} us a request{shown}")
    faster = (theirs - anonymous) / max(ours - anonymous, 1e-9)
    said = f"{faster:.1f} times" if faster < MOST else f"over {MOST} times"
    print(
        f"    irontoken's class authenticates {said} as fast: without the first line, which is the"
    )
    print("    server's, Django's and the view's, and is noisy over HTTP. A whole request is")
    print(f"    {theirs / ours:.2f} times as fast. The README's chart times the class alone.")


class Client:
    """One kept connection to the server."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method, path, headers=None, body=None):
        headers = dict(headers or {})
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read())

    def time(self, path, headers, requests):
        start = time.perf_counter()
        for _ in range(requests):
            self.ask("GET", path, headers)
        return (time.perf_counter() - start) / requests


@contextmanager
def serving(environment, workers=1):
    """Serve the tutorial on a free port of the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    say(f"start gunicorn on 127.0.0.1:{port}")
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    options += ["--worker-class", "gthread", "--threads", "2"]
    command = [sys.executable, "-m", "gunicorn", *options, "--log-level", "warning"]
    server = subprocess.Popen([*command, "tutorial.wsgi"], cwd=TUTORIAL, env=environment)
    try:
        wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(port, server):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"demo: gunicorn ended with status {server.returncode} before it served")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"demo: no server on port {port} within 30 seconds")


def manage(environment, *arguments, capture=False):
    command = [sys.executable, "manage.py", *arguments]
    stdout = subprocess.PIPE if capture else None
    run = subprocess.run(
        command, cwd=TUTORIAL, env=environment, check=False, stdout=stdout, text=True
    )
    if run.returncode:
        sys.exit(f"demo: `manage.py {arguments[0]}` failed, see above")
    return run.stdout


def act(number, title):
    print(f"\n{'=' * 72}\nAct {number} of 4: {title}\n{'=' * 72}", flush=True)


def say(text):
    print(f"\n==> {text}", flush=True)


def expect(as_expected, answer):
    print(f"    {answer}")
    if not as_expected:
        sys.exit("demo: that is not what the tutorial says")


if __name__ == "__main__":
    main()
