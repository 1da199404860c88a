"""What differs from one operating system to another: users, forks, and where memory is shared."""

import os
import tempfile
from collections.abc import Callable


def user_number() -> int | None:
    """Return the number of the effective user; ``None`` on a system without numbers."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def is_root() -> bool:
    """Tell whether the process may open the files of all users."""
    return user_number() == 0


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
    """Return the folder for shared memory: the system's, or that of the user's temporary files."""
    shared = "/dev/shm"  # noqa: S108 - each file in it is checked to be this user's alone
    is_there = os.name == "posix" and os.access(shared, os.W_OK)
    return shared if is_there else tempfile.gettempdir()
