"""What differs from one operating system to another: users, forks, and where memory is shared."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Of <unistd.h> on macOS.
_DARWIN_USER_TEMP_DIR: Final = 65_537
#: Of <shlobj.h>.
_CSIDL_LOCAL_APPDATA: Final = 28


def user_number() -> int | None:
    """Return the number of the effective user; ``None`` on a system without numbers."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def is_root() -> bool:
    """Tell whether the process runs as root."""
    return user_number() == 0


def may_write_as_root(path: Path) -> bool:
    """Tell whether the process is root and may write to a file of another user.

    A container may run root without that right, as by ``--cap-drop ALL``.
    """
    return is_root() and os.access(path, os.R_OK | os.W_OK)


def user_name(number: int) -> str:
    """Return the name of a user, or the number in words where there is no name."""
    try:
        import pwd
    except ImportError:
        return f"user {number}"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def after_fork_in_child(function: Callable[[], None]) -> None:
    """Call a function in each child that is forked from now on, where processes fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def shared_folder() -> str:
    """Return the folder for shared memory, or for a file in its place.

    It is the same in all processes of a user, whatever their environments say: two that look into
    different folders do not hear each other's writes.
    """
    if os.name == "nt":
        return _local_data()
    shared = "/dev/shm"  # noqa: S108 - each file in it is checked to be this user's alone
    if os.access(shared, os.W_OK):
        return shared
    try:
        # The user's own on macOS, where a daemon and a shell have another TMPDIR each.
        return os.confstr(_DARWIN_USER_TEMP_DIR) or "/tmp"  # noqa: S108 - as above
    except (OSError, ValueError):
        return "/tmp"  # noqa: S108 - as above


def _local_data() -> str:
    """Return the folder of the user's local data on Windows.

    Where Windows names none it is one in which nothing can be, and each request asks the database.
    """
    import ctypes

    room = ctypes.create_unicode_buffer(260)
    ask = ctypes.windll.shell32.SHGetFolderPathW  # type: ignore[attr-defined, unused-ignore]
    is_found = ask(None, _CSIDL_LOCAL_APPDATA, None, 0, room) == 0
    return (is_found and room.value) or os.devnull
