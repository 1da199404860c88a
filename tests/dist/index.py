"""``python -m tests.dist.index``: upload ``dist/`` to an index of our own, and install from it.

Into a clean environment of each Python for which there is a wheel.
"""

import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from tests.dist.interpreters import SMOKE
from tests.dist.pythons import environment, find, install
from tests.dist.tools import CACHE, ROOT, VERSION, run


def main():
    shelf = CACHE / "index"
    shutil.rmtree(shelf, ignore_errors=True)
    shelf.mkdir(parents=True)
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    here = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen([*command, "-a", ".", "-P", ".", str(shelf)]) as server:
        try:
            wait(here)
            files = sorted((ROOT / "dist").glob("drf_irontoken-*"))
            run(sys.executable, "-m", "twine", "upload", "--repository-url", here,
                "--username", "any", "--password", "any", *files)  # fmt: skip
            tags = [re.search(r"-cp3(\d+)-cp3\d+-", path.name) for path in files]
            versions = {tag[1] for tag in tags if tag}
            for minor in sorted(versions, key=int):
                program = environment(find(f"3.{minor}"), CACHE / f"from-index-3.{minor}")
                # This very version, whatever another index has.
                options = (
                    "--extra-index-url",
                    f"{here}/simple/",
                    "--only-binary",
                    "drf-irontoken",
                )
                install(program, *options, f"drf-irontoken=={VERSION}")
                print(run(program, SMOKE).strip(), flush=True)
            [sdist] = (path for path in files if path.suffix == ".gz")
            program = environment(Path(sys.executable), CACHE / "from-sdist")
            install(program, sdist)
            print(f"from the sdist: {run(program, SMOKE).strip()}", flush=True)
        finally:
            server.terminate()


def wait(address):
    for _ in range(100):
        if answers(address):
            return
        time.sleep(0.1)
    raise RuntimeError("the index does not answer")


def answers(address):
    try:
        urllib.request.urlopen(address, timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
