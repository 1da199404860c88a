"""What schemathesis is told besides the description: how to get a token, and a good password."""

import json
import random
import urllib.request

import schemathesis

NAME, PASSWORD = "ada", "lovelace"


@schemathesis.auth(refresh_interval=None)
class OwnToken:
    """A token for each request, since what is tried may revoke it."""

    def get(self, case, context):
        body = json.dumps({"username": NAME, "password": PASSWORD}).encode()
        headers = {"Content-Type": "application/json"}
        url = f"{case.operation.base_url}/tokens/obtain/"
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Token {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Let every other try of a password have a good one."""
    is_obtain = case.operation.path.endswith("/obtain/")
    if is_obtain and isinstance(case.body, dict) and random.random() < 0.5:
        case.body = {**case.body, "username": NAME, "password": PASSWORD}
