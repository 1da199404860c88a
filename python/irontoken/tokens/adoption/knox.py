"""The algorithm by which knox makes its digests, which a row of knox does not name.

A copy of a row names it, so that the key is verified by that algorithm and no other.
"""

import contextlib
import hashlib
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: Those of ``hashlib`` that can be verified, with the length of a digest in hexadecimal digits.
LENGTHS: Final = {
    name: hashlib.new(name).digest_size * 2
    for name in (
        *("sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s"),
        *("sha3_224", "sha3_256", "sha3_384", "sha3_512"),
    )
}
#: knox' default and what its documentation recommends: verified whatever the setting says today.
_ALWAYS: Final = ("sha512", "sha3_512")
#: Where knox 5 and knox 4 find them.
_MODULES: Final = ("hashlib", "cryptography.hazmat.primitives.hashes")


def algorithm() -> str:
    """Return the name in ``hashlib`` of what ``REST_KNOX["SECURE_HASH_ALGORITHM"]`` says.

    Raises ``ImproperlyConfigured`` where it is none of ``LENGTHS``: its digests could not be
    verified here. See https://jazzband.github.io/django-rest-knox/settings/.
    """
    setting: Any = getattr(settings, "REST_KNOX", None) or {}
    found = setting.get("SECURE_HASH_ALGORITHM", "hashlib.sha512")
    for name in LENGTHS:
        if isinstance(found, str):
            module, _, last = found.rpartition(".")
            if module in _MODULES and last.lower() == name:
                return name
        elif found is getattr(hashlib, name):
            return name
    raise ImproperlyConfigured(
        f"REST_KNOX['SECURE_HASH_ALGORITHM'] is {found!r}, whose digests irontoken cannot verify. "
        f"It verifies 'hashlib.<name>' with one of {', '.join(LENGTHS)}. knox' rows stay as they "
        "are, and knox goes on honouring them."
    )


def algorithms() -> tuple[str, ...]:
    """Return the algorithms by which a key of knox' is looked up."""
    found = list(_ALWAYS)
    with contextlib.suppress(ImproperlyConfigured):
        found.append(algorithm())
    return tuple(dict.fromkeys(found))


def digest(name: str, digest: str) -> str:
    """Return a digest of knox' as one of ours, which names its algorithm."""
    return f"{name}${digest}"


def candidates(key: str, names: tuple[str, ...]) -> list[str]:
    """Return what knox may hold of a key by these algorithms.

    That is the digest of its text from knox 5 on, and of its bytes before.
    """
    texts = [key.encode()]
    with contextlib.suppress(ValueError):
        texts.append(bytes.fromhex(key))
    return [digest(name, hashlib.new(name, text).hexdigest()) for name in names for text in texts]
