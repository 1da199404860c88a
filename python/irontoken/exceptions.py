"""The exceptions of the functions that need no Django."""

_MESSAGES = {
    "no_credentials": "the header holds the keyword and no key",
    "contains_spaces": "the header holds more than one word after the keyword",
    "invalid_characters": "the header holds characters that a key cannot have",
}


class InvalidHeader(ValueError):
    """An ``Authorization`` header that has the scheme and no usable key.

    ``reason`` is ``"no_credentials"``, ``"contains_spaces"`` or ``"invalid_characters"``, as in
    REST framework's ``TokenAuthentication``. The exception never contains the header or the key.
    """

    def __init__(self, reason: str) -> None:
        """Take one of the reasons."""
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Return the reason in words."""
        return _MESSAGES.get(self.reason, self.reason)
