"""What the cross builds need beside this machine's Rust: fetched once, kept in `.cache/dist`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "dist"
[VERSION] = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
#: The standard library is built for each target, since rustup's of this machine has but its own.
BUILD_STD = "std,panic_unwind,panic_abort"


def run(*command, **options):
    """Run a command; raise with what it said where it fails."""
    done = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise RuntimeError(f"{command[0]} failed:\n" + "\n".join(said))
    return done.stdout


def tools():
    """The folder of maturin's and zig's programs."""
    folder = CACHE / "tools"
    if not (folder / "bin" / "maturin").exists():
        run(sys.executable, "-m", "venv", folder)
        packages = ("maturin", "ziglang", "cargo-zigbuild")
        run(folder / "bin" / "pip", "install", "--quiet", *packages)
    return folder / "bin"


def apt(*arguments, folder=None, program="apt-get"):
    """Ask Debian's other suites, by an apt of our own: the system's sources stay as they are."""
    home = CACHE / "apt"
    lists = home / "etc" / "sources.list"
    if not lists.exists():
        for each in ("etc", "state/lists/partial", "cache/archives/partial"):
            (home / each).mkdir(parents=True, exist_ok=True)
        (home / "status").touch()
        # Wherever this machine has its own from.
        uri = run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()[0]
        lists.write_text(
            "".join(
                f"{kind} {uri} {suite} main\n"
                for kind, suite in (
                    ("deb", "trixie"),
                    ("deb", "sid"),
                    ("deb-src", "sid"),
                    ("deb-src", "trixie"),
                )
            )
        )
        settings = {
            "Dir::State": home / "state",
            "Dir::State::status": home / "status",
            "Dir::Cache": home / "cache",
            "Dir::Etc::sourcelist": lists,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Acquire::Languages": "none",
            # A mirror may be some weeks old; its signatures count all the same.
            "Acquire::Check-Valid-Until": "false",
            "APT::Sandbox::User": "root",
        }
        text = 'APT::Architectures { "amd64"; "arm64"; };\n'
        text += "".join(f'{name} "{value}";\n' for name, value in settings.items())
        (home / "apt.conf").write_text(text)
        apt("update")
    environment = {**os.environ, "APT_CONFIG": str(home / "apt.conf")}
    return run(program, *arguments, cwd=folder, env=environment)


def source(package, folder):
    """Fetch the original archive of a source package; what else there is of it is not needed."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{package.partition('=')[0]}_*.orig.tar.*z*"
    if not list(folder.glob(name)):
        try:
            apt("source", "--download-only", package, folder=folder)
        except RuntimeError:
            # A mirror may have let go of Debian's own changes of an older version.
            if not list(folder.glob(name)):
                raise
    return next(path for path in folder.glob(name) if path.suffix != ".asc")


def library():
    """The sources of Rust's standard library, of this machine's very version."""
    [release] = re.findall(r"release: (\S+)", run("rustc", "-vV"))
    folder = CACHE / f"rustc-{release}-src"
    if not (folder / "library").exists():
        shown = apt("showsrc", "rustc", program="apt-cache")
        versions = re.findall(r"^Version: (\S+)", shown, re.MULTILINE)
        version = next((each for each in versions if each.startswith(f"{release}+")), None)
        if version is None:
            raise RuntimeError(f"there are no sources of Rust {release} to build for others with")
        archive = source(f"rustc={version}", CACHE)
        run("tar", "-xJf", archive.name, "--wildcards", "*/library", "*/version", cwd=CACHE)
    if run("rustc", "-V").split("(")[1][:9] not in (folder / "version").read_text():
        raise RuntimeError("the sources of the standard library are of another commit than rustc")
    return folder / "library"


def debian(package, suite, folder, architecture="amd64"):
    """Unpack a package of Debian's into a folder."""
    debs = CACHE / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    if not list(debs.glob(f"{package}_*_{architecture}.deb")):
        apt("download", f"{package}:{architecture}/{suite}", folder=debs)
    [deb] = debs.glob(f"{package}_*_{architecture}.deb")
    run("dpkg-deb", "-x", deb, folder)


def zlib(target, folder):
    """Compile zlib for musl, which no package of Debian's has for it, into a folder."""
    sources = CACHE / "zlib"
    archive = source("zlib", sources)
    if not (sources / "zconf.h").exists():
        run("tar", "-xf", archive.name, "--strip-components=1", cwd=sources)
        run("./configure", cwd=sources)
    compiler = (tools() / "python", "-m", "ziglang", "cc", "-target", target)
    options = ("-O1", "-w", "-shared", "-fPIC", "-Wl,-soname,libz.so.1", "-DHAVE_UNISTD_H")
    out = ("-D_LARGEFILE64_SOURCE=1", "-o", folder / "libz.so.1")
    run(*compiler, *options, *out, *sorted(sources.glob("*.c")))


def has(*programs):
    """The first of some programs that is missing; nothing where all are there."""
    return next((each for each in programs if shutil.which(each) is None), None)
