"""Run REST framework's own tests of token authentication with irontoken's class in place.

``python -m tests.drf_suite`` fetches the source distribution of the installed REST framework with
pip, runs its tests swapped, and then unswapped, which the guard must find.
"""

import contextlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import rest_framework

#: The files of the suite that touch token authentication.
FILES = (
    "tests/authentication/test_authentication.py",
    "tests/schemas/test_openapi.py",
    "tests/test_authtoken.py",
    "tests/test_middleware.py",
    "tests/test_testing.py",
)
HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "drf"


def main():
    suite = fetch(rest_framework.VERSION)
    print(f"REST framework {rest_framework.VERSION}'s own tests, with irontoken's class:")
    if run(suite, swap=True).returncode:
        sys.exit("REST framework's own tests fail with irontoken's class in place")
    print("and with the cache on:")
    cached = run(suite, swap=True, cache=True, quiet=True)
    print(cached.stdout if cached.returncode else "\n".join(cached.stdout.splitlines()[-3:]))
    if cached.returncode or "the cache was host" not in cached.stdout:
        sys.exit("REST framework's own tests fail with the cache on")
    guarded = run(suite, swap=False, quiet=True)
    if not guarded.returncode or " 0 times in irontoken" not in guarded.stdout:
        print(guarded.stdout)
        sys.exit("the guard does not notice that REST framework's own class ran")
    print("and with REST framework's own class the guard fails the run, as it must")


def fetch(version):
    """Return the folder of the unpacked source distribution."""
    folder = CACHE / f"djangorestframework-{version}"
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    # Moved there in one piece, since another run may be fetching it too.
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        package = f"djangorestframework=={version}"
        command = [*pip, "--no-binary", ":all:", "--dest", place, package]
        subprocess.run(command, check=True)
        with tarfile.open(next(Path(place).glob("*.tar.gz"))) as archive:
            archive.extractall(place, filter="data")
        with contextlib.suppress(OSError):
            (Path(place) / folder.name).rename(folder)
    return folder


def run(suite, *, swap, cache=False, quiet=False):
    files = [name for name in FILES if (suite / name).exists()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "swap", "-p", "no:cacheprovider"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "IRONTOKEN_SWAP": str(int(swap)),
        "IRONTOKEN_CACHE": str(int(cache)),
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(
        [*command, *files],
        cwd=suite,
        env=environment,
        stdout=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )


main()
