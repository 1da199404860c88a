"""The ``TOKENS`` section of the setting: read when asked for, never at import."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from irontoken.runtime import Stage, forget_on_change
from irontoken.settings import setting
from irontoken.settings.option import Option, problems_of, read
from irontoken.tokens.adoption import knox
from irontoken.tokens.validators import is_scope

OPTIONS: Final = (
    Option("KEY_PREFIX", (str,), "it_", "the beginning of new keys"),
    Option(
        "EXPIRES_IN",
        (timedelta, type(None)),
        None,
        "how long a token lives, unless `issue()` gets another duration",
    ),
    Option(
        "MAX_EXPIRES_IN",
        (timedelta, type(None)),
        None,
        "the longest `expires_in` of a request; `EXPIRES_IN` if `None`",
    ),
    Option(
        "RENEW_EVERY",
        (timedelta, type(None)),
        None,
        "a use extends the expiry, at most once in this time",
    ),
    Option(
        "MAX_LIFETIME",
        (timedelta, type(None)),
        None,
        "the longest life of a family, from the issue of its first token",
    ),
    Option(
        "IDLE_TIMEOUT",
        (timedelta, type(None)),
        None,
        "how long a token may be unused before it is refused",
    ),
    Option(
        "MAX_PER_USER", (int, type(None)), None, "the highest number of accepted tokens of a user"
    ),
    Option(
        "ON_LIMIT",
        (str,),
        "refuse",
        "at this limit: refuse to issue, or revoke the oldest token",
        ("refuse", "revoke_oldest"),
    ),
    Option(
        "REVOKE_ON_PASSWORD_CHANGE",
        (bool, str),
        True,
        "whether a new password revokes the tokens of its user; `session_hash`: see below",
        (True, False, "session_hash"),
    ),
    Option("LAST_USED", (bool,), True, "whether the last use is recorded"),
    Option(
        "LAST_USED_INTERVAL",
        (timedelta,),
        timedelta(seconds=60),
        "how often each process records the use of a token",
    ),
    Option(
        "UNSCOPED",
        (str,),
        "allow",
        "what `HasScopes` does with a token without scopes",
        ("allow", "refuse"),
    ),
    Option(
        "MANAGE_SCOPE",
        (str, type(None)),
        "tokens:manage",
        "the scope to list and revoke other tokens of a user; `None`: no scoped token may",
    ),
    Option(
        "THROTTLE_CACHE", (str,), "default", "the alias in `CACHES` that counts password attempts"
    ),
    Option("PEPPERS", (dict,), {}, "`{1: secret, 2: …}`; new digests use the highest number"),
    Option(
        "WRITE_PEPPER",
        (int, type(None)),
        None,
        "the number that new digests use instead; 0 for none",
    ),
    Option("REQUIRE_PEPPER", (bool,), False, "whether tokens without a pepper are refused"),
    Option("ACCEPT_AUTHTOKEN", (bool,), True, "whether keys of authtoken are accepted"),
    Option("ACCEPT_KNOX", (bool,), False, "whether keys of knox are accepted"),
)
_DEFAULTS: Final = {each.name: each.default for each in OPTIONS}
_WHERE: Final = "IRONTOKEN['TOKENS']"
#: What is hexadecimal may be the beginning of an adopted key.
_PREFIX: Final = re.compile(r"(?=.*[G-Zg-z_])[A-Za-z0-9_]{1,16}")
#: Shorter secrets can be guessed.
_SHORTEST_PEPPER: Final = 32


class TokenOptions(NamedTuple):
    """What issued tokens are set to; durations are ``timedelta``, ``None`` where there is none."""

    key_prefix: str
    expires_in: timedelta | None
    max_expires_in: timedelta | None
    renew_every: timedelta | None
    max_lifetime: timedelta | None
    idle_timeout: timedelta | None
    max_per_user: int | None
    on_limit: str
    revoke_on_password_change: bool | str
    last_used: bool
    last_used_interval: timedelta
    unscoped: str
    manage_scope: str | None
    throttle_cache: str
    accept_authtoken: bool
    accept_knox: bool
    peppers: dict[int, str]
    #: The number of the one that digests are made under; 0 for none, ``None`` for the newest.
    write_pepper: int | None
    #: Whether a digest without one is refused.
    require_pepper: bool
    #: Their numbers: what is written under one of these is refused, and nothing new is written.
    missing_peppers: tuple[int, ...] = ()
    #: By which a key of knox' is looked up, where ``accept_knox`` is on.
    knox_algorithms: tuple[str, ...] = ()

    @property
    def pepper(self) -> int:
        """The number of the pepper that digests are made under; 0 for none."""
        return max(self.peppers, default=0) if self.write_pepper is None else self.write_pepper

    @property
    def longest_wish(self) -> timedelta | None:
        """The longest time for which a client may ask over HTTP; ``None`` for no limit."""
        return self.max_expires_in or self.expires_in

    @property
    def records_uses(self) -> bool:
        """Whether the use of a token leads to anything being written."""
        return self.last_used or self.renew_every is not None

    @property
    def binds_tokens(self) -> bool:
        """Whether a token is bound to its user's ``get_session_auth_hash()``."""
        return self.revoke_on_password_change == "session_hash"  # noqa: S105 - a choice

    def __repr__(self) -> str:
        """Return what is no secret."""
        return f"TokenOptions(key_prefix={self.key_prefix!r})"


_read: TokenOptions | None = None


def options() -> TokenOptions:
    """Return what issued tokens are set to.

    Raises ``ImproperlyConfigured`` where the setting is wrong: no token is issued or accepted
    under a setting that says something else than was meant.
    """
    return _read or _read_setting()


def options_of(section: dict[str, Any]) -> TokenOptions:
    """Return what a section sets issued tokens to."""
    return TokenOptions(**read(section, OPTIONS))


# Reports of errors leave out the variables: here are peppers.
@sensitive_variables()
def _read_setting() -> TokenOptions:
    global _read  # noqa: PLW0603 - read once, and again when a setting changes
    if _read is None:
        from django.core.exceptions import ImproperlyConfigured

        found = dict(setting.section("TOKENS"))
        missing = _missing_peppers(found)
        if missing:
            there = found["PEPPERS"].items()
            found["PEPPERS"] = {number: secret for number, secret in there if secret}
            if found.get("WRITE_PEPPER") in missing:
                del found["WRITE_PEPPER"]  # nothing is written while one is missing
        for message, hint in (*_problems(found), *_requirement_problems(found, missing)):
            raise ImproperlyConfigured(f"{message} {hint}")
        options = options_of(found)
        by_knox = knox.algorithms() if options.accept_knox else ()
        _read = options._replace(missing_peppers=missing, knox_algorithms=by_knox)
    return _read


def problems() -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the section, each with a hint that quotes no secret."""
    section = setting.section("TOKENS")
    yield from _problems(section)
    yield from _requirement_problems(section)


def _numbers(section: dict[Any, Any]) -> tuple[Any, ...]:
    peppers = section.get("PEPPERS")
    return tuple(peppers) if isinstance(peppers, dict) else ()


def _missing_peppers(section: dict[Any, Any]) -> tuple[int, ...]:
    """Return the numbers without a secret, as of a variable that an environment lacks."""
    numbers = _numbers(section)
    return tuple(number for number in numbers if section["PEPPERS"][number] in (None, ""))


def _problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    yield from problems_of(section, OPTIONS, _WHERE)
    numbers = _numbers(section)
    most, prefix = section.get("MAX_PER_USER"), section.get("KEY_PREFIX")
    if isinstance(most, int) and most < 1:
        yield f"{_WHERE}['MAX_PER_USER'] is {most}.", "It takes a number greater than 0, or None."
    if isinstance(prefix, str) and not _PREFIX.fullmatch(prefix):
        hint = "It takes 1 to 16 letters, digits and underscores, not all hexadecimal digits."
        yield f"{_WHERE}['KEY_PREFIX'] is {prefix!r}.", hint
    if isinstance(section.get("PEPPERS"), dict):
        yield from _pepper_problems(f"{_WHERE}['PEPPERS']", section["PEPPERS"])
    number = section.get("WRITE_PEPPER")
    if isinstance(number, int) and number not in (0, *numbers):
        hint = "It takes a number that PEPPERS has, or 0 for none."
        yield f"{_WHERE}['WRITE_PEPPER'] is {number}.", hint
    yield from _prefix_problems(section)
    yield from _http_problems(section)
    yield from _renewal_problems(section)
    yield from _idle_problems(section)


def _prefix_problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    prefix = section.get("KEY_PREFIX", _DEFAULTS["KEY_PREFIX"])
    of_knox = getattr(settings, "REST_KNOX", {}).get("TOKEN_PREFIX", "")
    if section.get("ACCEPT_KNOX") is True and of_knox and of_knox.startswith(str(prefix)):
        hint = "Choose another: keys of knox would be taken for ours with a wrong checksum."
        yield f"IRONTOKEN['TOKENS']['KEY_PREFIX'] is the beginning of knox' {of_knox!r}.", hint


def _http_problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    scope, alias = (
        section.get("MANAGE_SCOPE"),
        section.get("THROTTLE_CACHE", _DEFAULTS["THROTTLE_CACHE"]),
    )
    if isinstance(scope, str) and not is_scope(scope):
        hint = "It takes one word without spaces and quotes, or None."
        yield f"IRONTOKEN['TOKENS']['MANAGE_SCOPE'] is {scope!r}.", hint
    if isinstance(alias, str) and alias not in settings.CACHES:
        aliases = ", ".join(map(repr, settings.CACHES))
        hint = f"It takes an alias of CACHES. There is {aliases}."
        yield f"IRONTOKEN['TOKENS']['THROTTLE_CACHE'] is {alias!r}.", hint
    most, expires = section.get("MAX_EXPIRES_IN"), section.get("EXPIRES_IN")
    if not isinstance(most, timedelta):
        return
    where = "IRONTOKEN['TOKENS']['MAX_EXPIRES_IN']"
    if not isinstance(expires, timedelta):
        hint = "Set EXPIRES_IN: who asks for no end would get none."
        yield f"{where} is set, and nothing expires.", hint
    elif most < expires:
        hint = "It must not be shorter than EXPIRES_IN, which who asks for no end gets."
        yield f"{where} is {most}.", hint


def _renewal_problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    renew, expires = section.get("RENEW_EVERY"), section.get("EXPIRES_IN")
    if isinstance(renew, timedelta):
        pace = section.get("LAST_USED_INTERVAL", _DEFAULTS["LAST_USED_INTERVAL"])
        if not isinstance(expires, timedelta):
            hint = "Set EXPIRES_IN: it is what a use renews."
            yield "IRONTOKEN['TOKENS']['RENEW_EVERY'] is set, and nothing expires.", hint
        elif isinstance(pace, timedelta) and renew + pace >= expires:
            hint = "Together with LAST_USED_INTERVAL it must be shorter than EXPIRES_IN."
            yield f"IRONTOKEN['TOKENS']['RENEW_EVERY'] is {renew}.", hint


def _idle_problems(section: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    idle = section.get("IDLE_TIMEOUT")
    pace = section.get("LAST_USED_INTERVAL", _DEFAULTS["LAST_USED_INTERVAL"])
    if not isinstance(idle, timedelta):
        return
    if section.get("LAST_USED") is False:
        hint = "It needs the time of the last use, which LAST_USED records."
        yield "IRONTOKEN['TOKENS']['IDLE_TIMEOUT'] is set, and LAST_USED is off.", hint
    elif isinstance(pace, timedelta) and idle <= 2 * pace:
        hint = "It must be longer than twice LAST_USED_INTERVAL, at which uses are recorded."
        yield f"IRONTOKEN['TOKENS']['IDLE_TIMEOUT'] is {idle}.", hint


def _requirement_problems(
    section: dict[Any, Any], missing: tuple[int, ...] = ()
) -> Iterator[tuple[str, str]]:
    """Yield what would let a digest without a pepper in where ``REQUIRE_PEPPER`` is on."""
    if section.get("REQUIRE_PEPPER") is not True:
        return
    where = "IRONTOKEN['TOKENS']['REQUIRE_PEPPER'] is on"
    if not _numbers(section) and not missing:
        hint = f"Add 'PEPPERS': {{1: <a secret of {_SHORTEST_PEPPER} characters or more>}}."
        yield f"{where}, and there is no pepper.", hint
    if section.get("WRITE_PEPPER") == 0:
        yield f"{where}, and WRITE_PEPPER is 0.", "Remove 'WRITE_PEPPER'."
    for app, option in (("rest_framework.authtoken", "ACCEPT_AUTHTOKEN"), ("knox", "ACCEPT_KNOX")):
        is_on = section.get(option, _DEFAULTS[option])
        if is_on and (option in section or apps.is_installed(app)):
            hint = f"Add '{option}': False. Keys of that app are held or digested without one."
            yield f"{where}, and so is {option}.", hint


def _pepper_problems(where: str, peppers: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    for number, secret in peppers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            # Not quoted: where the two were exchanged it is the secret.
            hint = "Write {1: <secret>}, with whole numbers from 1 on."
            yield f"{where} has a number that is none.", hint
        elif not isinstance(secret, str) or len(secret) < _SHORTEST_PEPPER:
            hint = f"It takes a text of at least {_SHORTEST_PEPPER} characters."
            yield f"{where}[{number}] is missing or too short.", hint


def _forget() -> None:
    global _read  # noqa: PLW0603 - as above
    _read = None


forget_on_change(Stage.SETTINGS, _forget)
