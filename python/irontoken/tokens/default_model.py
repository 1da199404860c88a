"""The model of a class that names none: that of the setting, or else REST framework's."""

from irontoken import _core
from irontoken.runtime import Stage, forget_on_change
from irontoken.settings import setting
from irontoken.tokens import get_token_model


def choose() -> None:
    """Tell the core which model it is."""
    _core.set_default_model(get_token_model() if setting.token_model() else None)


def start() -> None:
    """Choose it, and again whenever the setting changes."""
    choose()
    forget_on_change(Stage.LOOKUPS, choose)
