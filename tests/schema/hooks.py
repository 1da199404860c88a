"""What schemathesis is told besides the description: how to get a token, and a good password."""

import json
import urllib.request
import zlib

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


def with_password(body):
    """Return every other body that holds wishes with a good password, and else as it is."""
    is_other = zlib.crc32(repr(body).encode(errors="replace")) % 2
    if isinstance(body, dict) and "username" in body and is_other:
        return {**body, "username": NAME, "password": PASSWORD}
    return body


@schemathesis.hook
def map_body(context, body):
    """Change what is fuzzed."""
    return with_password(body)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Change what covers the description."""
    case.body = with_password(case.body)
