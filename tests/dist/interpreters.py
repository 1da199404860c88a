"""A Python of each platform, to run the smoke test by: real ones, put together from packages.

`freeze-core` carries a CPython for Linux with all extension modules in it, `panda3d` the DLLs of
one for Windows. The standard library is that of this machine's Python of the same version.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.dist.pythons import environment, find, install, unpack
from tests.dist.tools import CACHE, debian, has, run, zlib

SMOKE = Path(__file__).with_name("smoke.py")
#: A program for frozen interpreters: they know no command line.
MAIN = """
import os, runpy, sys

def run(name):
    home = os.path.dirname(os.path.realpath(sys.executable))
    sys.path[:] = [home + "/lib", home + "/lib/site-packages"]
    sys.frozen = False
    sys.argv[:] = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
#: What starts a Python whose DLLs are there, and no program.
LAUNCHER = """
#include <windows.h>
#include <wchar.h>

int wmain(int count, wchar_t **arguments) {
    HMODULE python = LoadLibraryW(L"python%s.dll");
    if (python == NULL) return 99;
    void *start = (void *) GetProcAddress(python, "Py_Main");
    return ((int (*)(int, wchar_t **)) start)(count, arguments);
}
"""
#: Wine 8 has the generator under its older name alone.
GENERATOR = """
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return SystemFunction036(data, (ULONG) length);
}
"""


class Missing(Exception):
    """What this machine has not, and a platform cannot be run without."""


def needs(*programs):
    if missing := has(*programs):
        raise Missing(f"{missing} is not installed")


def standard_library(version):
    """The folder of a version's standard library: this machine's, or Debian's."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/lib/python{version}"))
    if found:
        return found[-1]
    return unpack(version).resolve().parents[1] / "lib" / f"python{version}"


def download(package, platform, version, abi):
    folder = CACHE / "interpreters" / f"{package}-{platform}-{abi}"
    if not list(folder.glob("*.whl")):
        run(
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            folder,
            *only(platform, version, abi),
            package,
        )
    [wheel] = folder.glob("*.whl")
    return wheel


def only(platform, version, abi):
    """The options by which pip chooses for another platform than its own."""
    tags = [platform]
    if platform.startswith("manylinux"):
        architecture = re.sub(r"manylinux(_2_\d+|2014)_", "", platform)
        tags += [f"{tag}_{architecture}" for tag in ("manylinux_2_17", "manylinux2014")]
    platforms = [part for tag in tags for part in ("--platform", tag)]
    abis = [part for each in (abi, "abi3", "none") for part in ("--abi", each)]
    chosen = ("--python-version", version, "--implementation", "cp", "--only-binary", ":all:")
    return [*platforms, *abis, *chosen]


def fill(site, wheel, platform, version, abi):
    """Install a wheel and what it needs for another platform."""
    shutil.rmtree(site, ignore_errors=True)
    packages = [wheel, "tzdata", "setuptools"]
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        site,
        *only(platform, version, abi),
        *packages,
    )


def venv(wheel, version):
    """The smoke test in a fresh environment of a Python that this machine runs."""
    program = environment(find(version), CACHE / "venv")
    install(program, wheel)
    return run(program, SMOKE)


def linux(wheel, platform, version, abi, architecture="amd64"):
    """The smoke test by freeze-core's Python; in a root of its own where the libc is another."""
    is_musl = platform.startswith("musl")
    root = CACHE / "roots" / f"{platform}-{abi}"
    shutil.rmtree(root, ignore_errors=True)
    home = root / "py"
    unpacked = root / "freeze-core"
    with zipfile.ZipFile(download("freeze-core", platform, version, abi)) as archive:
        archive.extractall(unpacked)
    skipped = shutil.ignore_patterns(
        "lib-dynload", "test", "site-packages", "config-*", "__pycache__", "sitecustomize.py"
    )
    shutil.copytree(standard_library(version), home / "lib", ignore=skipped)
    for library in (unpacked / "freeze_core" / "lib").glob("*.so"):
        shutil.copy(library, home / "lib")
    shutil.copytree(unpacked / "freeze_core.libs", home / "libs")
    [program] = (unpacked / "freeze_core" / "bases").glob("console-cpython-*")
    shutil.copy(program, home / "python3")
    (home / "python3").chmod(0o755)
    shutil.copy(unpacked / "freeze_core" / "initscripts" / "__startup__.py", home / "lib")
    (home / "lib" / "__init__python3.py").write_text(MAIN)
    (home / "lib" / "BUILD_CONSTANTS.py").touch()
    # What an installed Python was built with, as far as the tests' packages ask.
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[architecture]
    place = f"{machine}-linux-{'musl' if is_musl else 'gnu'}"
    is_free = abi.endswith("t")
    built = {"EXT_SUFFIX": f".cpython-{abi[2:]}-{place}.so", "Py_GIL_DISABLED": int(is_free)}
    data = home / "lib" / f"_sysconfigdata_{'t' if is_free else ''}_linux_{place}.py"
    data.write_text(f"build_time_vars = {built!r}\n")
    fill(home / "lib" / "site-packages", wheel, platform, version, abi)
    shutil.copy(SMOKE, home)
    if not is_musl and architecture == "amd64":
        environment = {"LD_LIBRARY_PATH": str(home / "libs")}
        return run(home / "python3", home / SMOKE.name, env=environment)
    needs("chroot")
    emulator = []
    if architecture == "arm64":
        needs("qemu-aarch64-static")
        shutil.copy(shutil.which("qemu-aarch64-static"), root / "qemu")
        emulator = ["/qemu"]
    libc = "musl" if is_musl else "libc6"
    debian(libc, "trixie", root / "deb", architecture)
    (root / "lib").mkdir()
    if is_musl:
        loader = root / "lib" / f"ld-musl-{machine}.so.1"
        shutil.copy(next((root / "deb").glob("usr/lib/*-linux-musl/libc.so")), loader)
        (root / "lib" / f"libc.musl-{machine}.so.1").symlink_to(loader.name)
        zlib(f"{machine}-linux-musl", root / "lib")
    else:
        for library in (root / "deb").glob("usr/lib/*/*.so*"):
            shutil.copy(library, root / "lib", follow_symlinks=True)
        debian("zlib1g", "trixie", root / "deb", architecture)
        for library in (root / "deb").glob("usr/lib/*/libz.so*"):
            shutil.copy(library, root / "lib")
    for each in ("tmp", "dev", "proc"):
        (root / each).mkdir(exist_ok=True)
    environment = {"LD_LIBRARY_PATH": "/py/libs:/lib", "HOME": "/tmp"}
    program = [*emulator, "/py/python3", f"/py/{SMOKE.name}"]
    return run(shutil.which("chroot"), root, *program, env=environment)


def windows(wheel, version):
    """The smoke test under Wine."""
    needs("wine", "x86_64-w64-mingw32-gcc")
    digits = version.replace(".", "")
    root = CACHE / "roots" / f"windows-{digits}"
    shutil.rmtree(root, ignore_errors=True)
    with zipfile.ZipFile(download("panda3d", "win_amd64", version, f"cp{digits}")) as archive:
        for member in archive.namelist():
            # What asks Windows for its version is not in Wine 8.
            if member.startswith("deploy_libs/") and not member.endswith("_wmi.pyd"):
                target = root / Path(member).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
    skipped = shutil.ignore_patterns("lib-dynload", "test", "site-packages", "config-*")
    shutil.copytree(standard_library(version), root / "Lib", ignore=skipped)
    for name, text, options in (
        ("python.exe", LAUNCHER.replace("%s", digits), ("-municode", "-static")),
        ("bcryptprimitives.dll", GENERATOR, ("-shared",)),
    ):
        source = root / "source.c"
        source.write_text(text)
        libraries = ("-ladvapi32",) if name.endswith("dll") else ()
        run("x86_64-w64-mingw32-gcc", "-O1", *options, "-o", root / name, source, *libraries)
    fill(root / "Lib" / "site-packages", wheel, "win_amd64", version, f"cp{digits}")
    shutil.copy(SMOKE, root)
    environment = {
        **os.environ,
        "WINEPREFIX": str(CACHE / "wine"),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "DISPLAY": "",
    }
    if not (CACHE / "wine").exists():
        run("wineboot", "--init", env=environment)
    command = ["wine", "python.exe", SMOKE.name]
    done = subprocess.run(
        command,
        cwd=root,
        env=environment,
        capture_output=True,
        input="",
        text=True,
        check=False,
        timeout=300,
    )
    said = [line for line in done.stdout.splitlines() if "status and queries" in line]
    if not said:
        raise RuntimeError((done.stdout + done.stderr)[-2000:])
    return said[-1]
