"""What the database holds in place of a key, and by which of these a key is looked up.

A digest is text: how it was made, ``$``, and hexadecimal digits. A fast hash is right for a secret
of 190 random bits, which nobody can try through; it would be wrong for a password. With a pepper,
a secret that the database does not hold, a stolen database is of no use even for weak keys.
"""

import hmac
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from irontoken._core import digest_of, is_malformed_key
from irontoken.tokens.adoption import knox
from irontoken.tokens.settings import TokenOptions

#: The longest digest there is: that of a key adopted from knox.
MAX_LENGTH: Final = 140


def of(key: str, options: TokenOptions) -> str:
    """Return the digest of a key as it is written today: under today's pepper, if any.

    Raises ``ImproperlyConfigured`` where a pepper is missing: it would have to be an older one.
    """
    require_peppers(options)
    return _under(options.pepper, key, options)


def require_peppers(options: TokenOptions) -> None:
    """Raise ``ImproperlyConfigured`` where a pepper has no secret."""
    if options.missing_peppers:
        numbers = ", ".join(map(str, options.missing_peppers))
        raise ImproperlyConfigured(
            f"IRONTOKEN['TOKENS']['PEPPERS'] has no secret for number {numbers}: nothing is "
            "written under another in its place."
        )


def candidates(key: str, options: TokenOptions) -> list[str]:
    """Return all digests under which a key may be found, the one of today first.

    Empty for a key that has the prefix of issued ones and is none: nobody can hold it. With
    ``REQUIRE_PEPPER`` those without a pepper are not among them.
    """
    if is_malformed_key(options.key_prefix, key):
        return []
    if options.peppers or options.require_pepper:
        # From the newest to none, but today's first.
        without = () if options.require_pepper else (0,)
        numbers = sorted((*without, *options.peppers), reverse=True)
        numbers.sort(key=lambda number: number != options.pepper)
        found = [_under(number, key, options) for number in numbers]
    else:
        found = [digest_of(key)]
    if options.accept_knox and not key.startswith(options.key_prefix):
        found += knox.candidates(key, options.knox_algorithms)
    return found


def _under(number: int, key: str, options: TokenOptions) -> str:
    """Return the digest of a key under the pepper of a number; 0 is none."""
    if number == 0:
        return digest_of(key)
    mac = hmac.digest(options.peppers[number].encode(), key.encode(), "sha256")
    return f"pepper{number}${mac.hex()}"
