"""``make dist``: every wheel that this machine can build, and the smoke test of each it can run.

The wheels are in ``dist/``. What cannot be run here is run by ``.github/workflows/release.yml``.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.dist.contents import faults
from tests.dist.crates import MATERIALS, materials
from tests.dist.interpreters import Missing, linux, venv, windows
from tests.dist.prepare import copied
from tests.dist.tools import BUILD_STD, CACHE, ROOT, library, run, tools


class Platform(NamedTuple):
    """A platform: how its wheel is built, and by what it is run."""

    name: str
    target: str
    python: str
    options: tuple[str, ...]
    smoke: Callable[[Any], str]
    #: Rust's standard library for the target is on no machine but its own.
    builds_std: bool = True


def zig(tag):
    return ("--zig", "--compatibility", tag)


PLATFORMS = (
    Platform(
        "manylinux x86-64, CPython 3.11",
        "x86_64-unknown-linux-gnu",
        "python3.11",
        zig("manylinux_2_17"),
        lambda wheel: venv(wheel, "3.11"),
        builds_std=False,
    ),
    Platform(
        "manylinux x86-64, CPython 3.14",
        "x86_64-unknown-linux-gnu",
        "python3.14",
        zig("manylinux_2_17"),
        lambda wheel: venv(wheel, "3.14"),
        builds_std=False,
    ),
    Platform(
        "manylinux x86-64, CPython 3.15",
        "x86_64-unknown-linux-gnu",
        "python3.15",
        zig("manylinux_2_17"),
        lambda wheel: venv(wheel, "3.15"),
        builds_std=False,
    ),
    Platform(
        "manylinux x86-64, CPython 3.14t",
        "x86_64-unknown-linux-gnu",
        "python3.14t",
        zig("manylinux_2_17"),
        lambda wheel: linux(wheel, "manylinux_2_28_x86_64", "3.14", "cp314t"),
        builds_std=False,
    ),
    Platform(
        "manylinux x86-64, CPython 3.15t",
        "x86_64-unknown-linux-gnu",
        "python3.15t",
        zig("manylinux_2_17"),
        lambda wheel: linux(wheel, "manylinux_2_28_x86_64", "3.15", "cp315t"),
        builds_std=False,
    ),
    Platform(
        "manylinux aarch64, CPython 3.13",
        "aarch64-unknown-linux-gnu",
        "python3.13",
        zig("manylinux_2_17"),
        lambda wheel: linux(wheel, "manylinux2014_aarch64", "3.13", "cp313", "arm64"),
    ),
    Platform(
        "musllinux x86-64, CPython 3.13",
        "x86_64-unknown-linux-musl",
        "python3.13",
        zig("musllinux_1_2"),
        lambda wheel: linux(wheel, "musllinux_1_2_x86_64", "3.13", "cp313"),
    ),
    Platform(
        "musllinux aarch64, CPython 3.13",
        "aarch64-unknown-linux-musl",
        "python3.13",
        zig("musllinux_1_2"),
        lambda wheel: linux(wheel, "musllinux_1_2_aarch64", "3.13", "cp313", "arm64"),
    ),
    Platform(
        "Windows x86-64, CPython 3.12",
        "x86_64-pc-windows-gnu",
        "python3.12",
        (),
        lambda wheel: windows(wheel, "3.12"),
    ),
)
#: What is linted, and who builds it: the linker of some is the vendor's to give.
CHECKED = {
    "x86_64-pc-windows-gnu": "built above",
    "aarch64-apple-darwin": "built and run by the workflow",
    "x86_64-apple-darwin": "built and run by the workflow",
    "x86_64-unknown-freebsd": "no wheel: built by whoever installs it",
}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.dist", description=__doc__)
    parser.add_argument("--only", help="platforms whose names have this in them")
    parser.add_argument("--lint", action="store_true", help="build none: lint for other systems")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    failed = False
    chosen = [each for each in PLATFORMS if (options.only or "") in each.name]
    if options.lint:
        chosen = []
    else:
        tree = copied()
        print(f"{'platform':34} {'built':>9} {'bytes':>8}  run")
    for platform in chosen:
        said = tried(platform, tree)
        failed |= "FAILED" in said
        print(f"{platform.name:34} {said}", flush=True)
    for target in () if options.only else CHECKED:
        said = checked(target)
        failed |= said.startswith("FAILED")
        print(f"{target:34} {said}", flush=True)
    sys.exit("a wheel is too large, or was not built or not run" if failed else 0)


def tried(platform, tree):
    """How long a wheel took, how large it is, and what its smoke test says."""
    try:
        wheel, seconds = build(platform, tree)
    except RuntimeError as error:
        return f"FAILED: {error}"
    wrong = list(faults(wheel))
    said = f"FAILED: {'; '.join(wrong)}" if wrong else ran(platform, wheel)
    return f"{seconds:7.0f} s {wheel.stat().st_size:8}  {said}"


def checked(target):
    """What clippy says of a target."""
    standard = Path(run("rustc", "--print", "target-libdir", "--target", target).strip())
    variables = {**environment(ROOT, not standard.exists()), "PYO3_CROSS_PYTHON_VERSION": "3.12"}
    command = ("cargo", "clippy", "--quiet", "--lib", "--target", target, "--", "-D", "warnings")
    try:
        run(*command, cwd=ROOT, env=variables)
    except RuntimeError as error:
        return f"FAILED: {error}"
    return f"clippy finds nothing; {CHECKED[target]}"


def environment(tree, builds_std):
    """What cargo and rustc are told: no path of this machine is left in the library."""
    home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    paths = {str(tree): "irontoken", f"{home}/registry/src": "crates"}
    extra = {}
    if builds_std:
        source = library()
        paths[str(source)] = "library"
        extra = {
            "RUSTC_BOOTSTRAP": "1",
            "__CARGO_TESTS_ONLY_SRC_ROOT": str(source),
            "CARGO_UNSTABLE_BUILD_STD": BUILD_STD,
        }
    remapped = "\x1f".join(f"--remap-path-prefix={old}={new}" for old, new in paths.items())
    return {
        **os.environ,
        **extra,
        "CARGO_ENCODED_RUSTFLAGS": remapped,
        "CARGO_TARGET_DIR": str(CACHE / "target"),
    }


def build(platform, tree):
    """Build a wheel; return its path, and the seconds that it took."""
    begun = time.monotonic()
    variables = environment(tree, platform.builds_std)
    variables["PATH"] = f"{tools()}{os.pathsep}{variables['PATH']}"
    materials(tree, platform.target)
    out = ROOT / "dist"
    before = {path: path.stat().st_mtime for path in out.glob("*.whl")}
    command = ("maturin", "build", "--release", "--compression-level", "9")
    command = (*command, "--target", platform.target, "--sbom-include", MATERIALS)
    run(*command, "-i", platform.python, "--out", out, *platform.options, cwd=tree, env=variables)
    [wheel] = [path for path in out.glob("*.whl") if before.get(path) != path.stat().st_mtime]
    return wheel, time.monotonic() - begun


def ran(platform, wheel):
    """What the smoke test says, or why it could not be run."""
    try:
        return platform.smoke(wheel).strip().splitlines()[-1]
    except Missing as missing:
        return f"not run: {missing}"
    except RuntimeError as error:
        return f"FAILED: {error}"


if __name__ == "__main__":
    main()
