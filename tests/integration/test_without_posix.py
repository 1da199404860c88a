"""A system without forks, users' numbers and `/dev/shm`, as Windows is one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

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
TESTS = (
    "tests/unit",
    "tests/integration/test_lookup.py",
    "tests/integration/test_cache.py",
    "tests/integration/test_declared.py",
    "tests/integration/test_fields.py",
    "tests/integration/tokens/test_authentication.py",
    "tests/integration/tokens/test_keys.py",
    "tests/integration/tokens/test_manager.py",
)
#: Tests that fork, or run as another user of the system, themselves.
NEEDING = ("fork", "child", "process", "root", "users", "unreachable")


@pytest.mark.slow  # it runs four hundred tests again
def test_the_drop_in_the_cache_and_issued_tokens_need_nothing_of_posix():
    # Where the tests' own databases are is no part of what is tried.
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *TESTS, "-k", f"not ({' or '.join(NEEDING)})"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        # On SQLite, whichever server these tests are run on: its database is theirs.
        env={**os.environ, "DATABASE_URL": "", "TEST_DATABASE_FOLDER": folder},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
