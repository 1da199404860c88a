"""System checks of issued tokens."""

from typing import Any

from django.core.checks import CheckMessage, Error

from irontoken.tokens import conf


def check_tokens(**_: Any) -> list[CheckMessage]:
    """Check the ``TOKENS`` section of the setting."""
    return [Error(message, hint=hint, id="irontoken.E010") for message, hint in conf.problems()]
