"""Requests per second over real servers, by the same with an authenticator that does nothing."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import free_port
from tests.support.site import TUTORIAL, Site

GUNICORN = ["gunicorn", "--log-level", "warning", "--workers", "1", "--bind"]
#: What stands before and after the address that a server listens at.
SERVERS = {
    "gunicorn, sync": ([*GUNICORN], ["tutorial.wsgi"]),
    "gunicorn, gthread with 4 threads": (
        [*GUNICORN],
        ["--worker-class", "gthread", "--threads", "4", "tutorial.wsgi"],
    ),
    "uvicorn": (
        ["uvicorn", "--log-level", "warning", "--no-access-log", "--port"],
        ["--factory", "django.core.asgi:get_asgi_application"],
    ),
}


class BenchSite(Site):
    """The tutorial, and the limit of any authenticator beside it."""

    settings = "benches.comparison.site"


def rates(seconds: int = 2, rounds: int = 7) -> Iterator[tuple[str, float, float, float] | str]:
    """Yield of each server its requests per second with hits, their median by the constant's, and
    the spread of that ratio; or why it was skipped.
    """
    if shutil.which("wrk") is None:
        yield "wrk is not installed"
        return
    with tempfile.TemporaryDirectory() as folder:
        site = BenchSite(Path(folder))
        for name in SERVERS:
            with _serving(name, site.environment) as address:
                found: dict[str, list[float]] = {"hello": [], "hello-constant": []}
                for view in found:
                    _wrk(f"{address}/{view}/", site.key, 1)
                for _ in range(rounds):
                    for view, each in found.items():
                        each.append(_wrk(f"{address}/{view}/", site.key, seconds))
            ratios = [ours / limit for ours, limit in zip(*found.values(), strict=True)]
            low, _, high = statistics.quantiles(ratios, n=4)
            yield name, statistics.median(found["hello"]), statistics.median(ratios), high - low


@contextmanager
def _serving(name: str, environment: dict[str, str]) -> Iterator[str]:
    """Start a server on the first core; the load comes from the others."""
    port = free_port()
    before, after = SERVERS[name]
    address = f"127.0.0.1:{port}" if before[0] == "gunicorn" else str(port)
    command = [*_on_core(0), sys.executable, "-m", *before, address, *after]
    process = subprocess.Popen(command, cwd=TUTORIAL, env=environment)
    try:
        time.sleep(3)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _on_core(number: int) -> list[str]:
    has_others = len(os.sched_getaffinity(0)) > 1
    return ["taskset", "-c", str(number)] if has_others and shutil.which("taskset") else []


def _wrk(url: str, key: str, seconds: int) -> float:
    """Return the requests per second that one run of wrk counts."""
    header = f"Authorization: Token {key}"
    command = [*_on_core(1), "wrk", "-t1", "-c4", f"-d{seconds}", "-H", header, url]
    out = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    if "Non-2xx" in out:
        raise RuntimeError(out)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", out)[0])
