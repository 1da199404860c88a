"""The version file is removed, emptied, cut or replaced, and a write follows."""

import os
from pathlib import Path

from tests.stress.write_paths.common import users
from tests.stress.write_paths.registry import path
from tests.stress.write_paths.settings import FOLDER
from tests.stress.write_paths.trial import pause


def files():
    found = list(Path(FOLDER).glob("irontoken-*"))
    if not found:
        raise RuntimeError("there is no version file")
    return found


@path("version file: removed, then a write", short=True)
def _(row):
    for file in files():
        file.unlink()
    users(row).update(first_name="after")


@path("version file: removed between two writes")
def _(row):
    users(row).update(first_name="before")
    pause()
    for file in files():
        file.unlink()
    pause()
    users(row).update(last_name="after")


@path("version file: renamed, then a write")
def _(row):
    for file in files():
        file.rename(file.with_name(f"old-{file.name}"))
    users(row).update(first_name="after")


@path("version file: zeroed in place, then a write")
def _(row):
    for file in files():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
    pause(50)
    users(row).update(first_name="after")


@path("version file: zeroed in place between two writes")
def _(row):
    users(row).update(first_name="before")
    pause(50)
    for file in files():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
    users(row).update(last_name="after")


@path("version file: zeroed in place after many writes")
def _(row):
    """The counter begins anew, below what readers have noted."""
    for number in range(20):
        users(row).update(first_name=f"before {number}")
    pause(50)
    for file in files():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
    users(row).update(last_name="after")


@path("version file: cut and grown again between two writes")
def _(row):
    users(row).update(first_name="before")
    pause(50)
    for file in files():
        size = file.stat().st_size
        os.truncate(file, 0)
        os.truncate(file, size)
    users(row).update(last_name="after")


@path("version file: cut by half and grown again between two writes")
def _(row):
    users(row).update(first_name="before")
    pause(50)
    for file in files():
        size = file.stat().st_size
        os.truncate(file, size // 2)
        os.truncate(file, size)
    users(row).update(last_name="after")


@path("version file: cut short, then a write", trials=4)
def _(row):
    for file in files():
        os.truncate(file, 0)
    users(row).update(first_name="after")
    for file in files():
        file.unlink()


@path("version file: replaced by a copy of an older one")
def _(row):
    copies = {file: file.read_bytes() for file in files()}
    users(row).update(first_name="before")
    pause(50)
    for file, content in copies.items():
        with file.open("r+b") as opened:
            opened.write(content)
    users(row).update(last_name="after")


@path("version file: replaced by another file of the same name")
def _(row):
    for file in files():
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
        file.chmod(0o600)
    pause(50)
    users(row).update(first_name="after")
    for file in files():
        file.unlink()


@path("version file: touched and given other times")
def _(row):
    for file in files():
        os.utime(file, (1, 1))
    users(row).update(first_name="after")
