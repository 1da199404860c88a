"""The model of a class that names none: that of the setting, or else REST framework's."""

from typing import Any, Final

from django.core.signals import setting_changed

from irontoken import conf

#: Its one place holds the model of ``IRONTOKEN["TOKEN_MODEL"]``; ``None`` is REST framework's. The
#: Rust core looks into it for each request.
chosen: Final[list[Any]] = [None]


def _choose(**_: Any) -> None:
    chosen[0] = None
    if conf.token_model():
        from irontoken.tokens import get_token_model

        chosen[0] = get_token_model()


_choose()
setting_changed.connect(_choose, dispatch_uid="irontoken.default_model")
