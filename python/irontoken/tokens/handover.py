"""Handing a new key to the page that shows it, over a redirect, and once.

A page that answers a POST would issue another token when it is reloaded, and so the admin
redirects to a page of its own. The key must get there, and no database, file or log may hold it.
It is split in two by a one-time pad, that is, by as many random bytes as it has:

- the pad goes into the session of who issued the token, and is deleted when the page is shown;
- the key, exclusive or the pad, goes into a cookie that the browser sends to that page alone.

What either half tells of the key is its length, whatever anybody computes. So:

- who reads the session store, a backup of it, or a log of addresses has no key; nor has who reads
  the cookies that a browser keeps on its disk;
- a reload, the way back, or the cookie sent again shows nothing: the pad is gone, and the page is
  answered with ``no-store``. A request of the same session that was under way meanwhile may write
  the pad back; the cookie, which the answer deletes, lives for five minutes at most;
- who sets a cookie in another's browser makes it show no other key: what comes out must have the
  token's digest;
- where ``SESSION_ENGINE`` keeps sessions in signed cookies, both halves are in the browser that is
  shown the key anyway. They can be put together there again, with the old cookies, by who has
  those.

It protects from no script in the admin and from nobody who reads the connection: they see the
page.
"""

import secrets
from typing import Any, Final

from django.http import HttpResponseRedirect
from django.views.decorators.debug import sensitive_variables

from irontoken.tokens import digests
from irontoken.tokens import settings as conf

_COOKIE: Final = "irontoken_key"
#: Seconds that a redirect may take.
_LIFETIME: Final = 300


@sensitive_variables()
def redirect_with(request: Any, token: Any, key: str, url: str) -> HttpResponseRedirect:
    """Return a redirect to ``url``, whose view gets the key of ``token`` by ``taken()``.

    The session holds a random pad and a cookie of five minutes the key XOR that pad, so that
    neither the database nor the browser holds the key.
    """
    pad = secrets.token_bytes(len(key.encode()))
    request.session[_name(token.pk)] = pad.hex()
    answer = HttpResponseRedirect(url)
    answer.set_cookie(
        _COOKIE,
        _xor(key.encode(), pad).hex(),
        max_age=_LIFETIME,
        path=url,
        secure=request.is_secure(),
        httponly=True,
        samesite="Strict",
    )
    answer["Cache-Control"] = "no-store, private"
    return answer


@sensitive_variables()
def taken(request: Any, token: Any) -> str:
    """Return the key of ``token`` that the session was redirected with; empty if there is none.

    It can be taken once.
    """
    try:
        pad = bytes.fromhex(request.session.pop(_name(token.pk), ""))
        key = _xor(bytes.fromhex(request.COOKIES.get(_COOKIE, "")), pad).decode()
    except ValueError:
        return ""
    return key if token.digest in digests.candidates(key, conf.options()) else ""


def forget(answer: Any, url: str) -> None:
    """Delete the cookie for ``url``."""
    answer.delete_cookie(_COOKIE, path=url, samesite="Strict")


def _name(pk: Any) -> str:
    return f"{_COOKIE}_{pk}"


def _xor(text: bytes, pad: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(text, pad, strict=True))
