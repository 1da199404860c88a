"""What differs from one operating system to another, as far as it can be played here."""

import os
import tempfile

import pytest

from irontoken import system


@pytest.mark.skipif(os.name != "posix", reason="Windows is asked for the folder")
@pytest.mark.parametrize("said", ["/var/folders/xy/T/", None, OSError("no such name")])
def test_without_shared_memory_the_folder_is_the_same_in_every_environment(
    said, monkeypatch, tmp_path
):
    def confstr(name):
        if isinstance(said, OSError):
            raise said
        return said

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "confstr", confstr)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert system.shared_folder() == (said if isinstance(said, str) else "/tmp")
