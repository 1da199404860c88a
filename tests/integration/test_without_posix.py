"""A system without forks, users' numbers and `/dev/shm`, as Windows is one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.settings import MEMORY

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """
import os, sys
import pytest

class Plugin:
    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self):
        # After pytest's own plugins are there, and before anything of irontoken is.
        assert "irontoken" not in sys.modules
        for name in ("fork", "geteuid", "register_at_fork", "killpg", "setsid"):
            delattr(os, name)
        for name in ("pwd", "grp", "fcntl", "resource", "termios"):
            sys.modules[name] = None
        access = os.access
        os.access = lambda path, *mode: str(path) != "/dev/shm" and access(path, *mode)

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], [Plugin()]))
"""
#: What has servers or a browser of its own, whose programs are POSIX's.
LEFT_OUT = ("test_without_posix.py", "test_leaks.py", "tokens/test_admin_browser.py")


@pytest.mark.slow  # it runs all tests again
def test_the_drop_in_the_cache_and_issued_tokens_need_nothing_of_posix():
    left_out = [f"--ignore=tests/integration/{name}" for name in LEFT_OUT]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "tests/unit", "tests/integration", *left_out],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        # On SQLite, whichever server these tests are run on: its database is theirs. Where the
        # tests' own databases are is no part of what is tried.
        env={**os.environ, "DATABASE_URL": "", "TEST_DATABASE_FOLDER": MEMORY},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
