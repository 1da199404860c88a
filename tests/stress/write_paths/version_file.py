"""The version file is removed, emptied, cut or replaced, and a write follows."""

import os
import time
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from tests.stress.write_paths.common import in_child, users
from tests.stress.write_paths.registry import MOVED_FILE, path
from tests.stress.write_paths.settings import FOLDER
from tests.stress.write_paths.trial import pause, warm_again


def files():
    found = list(Path(FOLDER).glob("irontoken-*"))
    if not found:
        raise RuntimeError("there is no version file")
    return found


def begin_anew(row):
    """Let all processes have a version file that is whole, and the readers hold the row."""
    for file in Path(FOLDER).glob("irontoken-*"):
        file.unlink()
    users(row).update(first_name="before")
    # Longer than a reader relies on the file's place.
    time.sleep(0.15)
    warm_again()


@path("version file: removed, then a write", short=True)
def _(row):
    begin_anew(row)
    for file in files():
        file.unlink()
    users(row).update(first_name="after")


@path("version file: removed between two writes")
def _(row):
    begin_anew(row)
    for file in files():
        file.unlink()
    pause()
    users(row).update(last_name="after")


@path("version file: removed, then a write of a process that starts")
def _(row):
    """It has never seen the file that the readers have."""
    begin_anew(row)
    for file in files():
        file.unlink()

    def work():
        with override_settings(IRONTOKEN=settings.IRONTOKEN):
            users(row).update(first_name="after")

    in_child(work)


@path("version file: renamed, then a write", documented=MOVED_FILE)
def _(row):
    begin_anew(row)
    for file in files():
        file.rename(file.with_name(f"old-{file.name}"))
    users(row).update(first_name="after")


@path("version file: zeroed in place, then a write")
def _(row):
    begin_anew(row)
    for file in files():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
    warm_again()
    users(row).update(first_name="after")


@path("version file: zeroed in place between two writes")
def _(row):
    begin_anew(row)
    for file in files():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
    users(row).update(last_name="after")


@path("version file: zeroed in place after many writes")
def _(row):
    """The counter begins anew, below what readers have noted."""
    begin_anew(row)
    for number in range(20):
        users(row).update(first_name=f"before {number}")
    warm_again()
    for file in files():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
    users(row).update(last_name="after")


@path("version file: cut and grown again between two writes", may_end_readers=True)
def _(row):
    begin_anew(row)
    for file in files():
        # By one descriptor, since a reader who notices puts another file in its place.
        with file.open("r+b") as opened:
            size = os.fstat(opened.fileno()).st_size
            opened.truncate(0)
            opened.truncate(size)
    users(row).update(last_name="after")


@path("version file: cut by half and grown again between two writes", may_end_readers=True)
def _(row):
    begin_anew(row)
    for file in files():
        # By one descriptor, since a reader who notices puts another file in its place.
        with file.open("r+b") as opened:
            size = os.fstat(opened.fileno()).st_size
            opened.truncate(size // 2)
            opened.truncate(size)
    users(row).update(last_name="after")


@path("version file: cut short, then a write", trials=12, may_end_readers=True)
def _(row):
    begin_anew(row)
    for file in files():
        os.truncate(file, 0)
    users(row).update(first_name="after")
    for file in files():
        file.unlink()


@path("version file: replaced by a copy of an older one")
def _(row):
    begin_anew(row)
    copies = {file: file.read_bytes() for file in files()}
    warm_again()
    for file, content in copies.items():
        with file.open("r+b") as opened:
            opened.write(content)
    users(row).update(last_name="after")


@path("version file: replaced by another file of the same name")
def _(row):
    begin_anew(row)
    for file in files():
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
        file.chmod(0o600)
    warm_again()
    users(row).update(first_name="after")
    for file in files():
        file.unlink()


@path("version file: touched and given other times")
def _(row):
    begin_anew(row)
    for file in files():
        os.utime(file, (1, 1))
    users(row).update(first_name="after")
