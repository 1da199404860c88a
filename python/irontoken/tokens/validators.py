"""What names and scopes a token may have."""

import unicodedata
from collections.abc import Iterable
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

#: Characters of a name, of one scope, and of all scopes of a token with the spaces between them.
LONGEST_NAME: Final = 100
LONGEST_SCOPE: Final = 100
LONGEST_SCOPES: Final = 1000
#: Unicode's categories of what is not shown, or turns round what is.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def no_control_characters(text: str) -> None:
    """Raise ``ValidationError`` for a text that would break a line, a log or a terminal."""
    # Joiners are part of some scripts, and of emoji.
    if any(unicodedata.category(each) in _UNSEEN for each in text if each not in "\u200c\u200d"):
        raise ValidationError(_("A name has no control characters and no line breaks."))


def valid_name(name: str) -> str:
    """Return a name; raise ``ValidationError`` for one that no token can have."""
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise ValidationError({"name": _("A name is a text of at most 100 characters.")})
    try:
        no_control_characters(name)
    except ValidationError as error:
        raise ValidationError({"name": error}) from None
    return name


def is_scope(word: object) -> bool:
    """Tell whether a token can have a scope: RFC 6749, section 3.3, with a length.

    Without commas, which people write between two scopes.
    """
    is_word = isinstance(word, str) and 0 < len(word) <= LONGEST_SCOPE
    return is_word and all("!" <= each <= "~" and each not in '",\\' for each in str(word))


def valid_scope(scopes: Iterable[str]) -> str:
    """Return scopes as one text; raise ``ValidationError`` for those that no token can have."""
    if isinstance(scopes, str):
        raise ValidationError({"scopes": _("Scopes are a list of words, not one text.")})
    found = list(dict.fromkeys(scopes))
    for scope in found:
        if not is_scope(scope):
            raise ValidationError(
                {"scopes": _("A scope is a word of ASCII without spaces, commas and quotes.")}
            )
    joined = " ".join(found)
    if len(joined) > LONGEST_SCOPES:
        raise ValidationError({"scopes": _("All scopes together are too long.")})
    return joined


def split_scopes(text: str) -> list[str]:
    """Return the scopes that somebody typed, with spaces or commas between them."""
    return text.replace(",", " ").split()
