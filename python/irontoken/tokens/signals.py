"""Signals of issued tokens. None of them carries a key, but for the header of a request."""

from typing import Any, Final

from django.dispatch import Signal

from irontoken import carried


class _RefusalSignal(Signal):
    def connect(self, *arguments: Any, **named: Any) -> None:
        """Connect a receiver, for which requests are carried from now on."""
        super().connect(*arguments, **named)
        carried.start()


#: A token was issued: ``sender`` is its model, ``token`` the row.
token_issued: Final = Signal()
#: A token was revoked: ``sender`` is its model, ``token`` the row.
token_revoked: Final = Signal()
#: A key was refused: ``sender`` is the model, ``token`` the row, or ``None``, ``request`` REST
#: framework's request, or ``None`` where a key was checked without one, and ``reason`` is
#: ``"malformed"``, ``"unknown"``, ``"expired"``, ``"revoked"``, ``"idle"``, ``"inactive"``,
#: ``"password_changed"`` (see ``binding``) or ``"pepper_missing"``: it is unknown, and may be
#: under a pepper that has no secret.
token_refused: Final = _RefusalSignal()
#: A key was presented that had been rotated away and whose grace was over, and its family has been
#: revoked: ``sender`` is the model, ``token`` the row of that key.
token_reuse_detected: Final = Signal()
