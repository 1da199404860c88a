"""``manage.py irontoken status``: whether the cache works on this host."""

import argparse
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from irontoken import cache


class Command(BaseCommand):
    """The command."""

    help = "Shows the state of irontoken on this host."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the name of what to do."""
        parser.add_argument("action", choices=["status"], help="what to do")

    def handle(self, *_: Any, **__: Any) -> None:
        """Print the state; raise ``CommandError`` where the cache is on and does not work."""
        options = cache.options()
        if options is None:
            self.stdout.write("The cache is off: every request asks the database.")
            return
        self.stdout.write(
            f"The cache is on: at most {options.max_entries} tokens in each process, "
            f"none older than {options.max_age:g} seconds."
        )
        failures = []
        for alias in connections:
            connection = connections[alias]
            found = cache.cache_for(connection)
            if found is None:
                self.stdout.write(f"{alias}: not cached, the database is not one that can be.")
                continue
            path = cache.path_of(cache.identity(connection) or "", options)
            if failure := found.failure():
                failures.append(f"{alias}: {failure}")
                continue
            size = os.stat(path).st_size if path else 0  # noqa: PTH116
            self.stdout.write(
                f"{alias}: working. The stamps are in {path} ({size} bytes), shared by the "
                f"processes of user {os.geteuid()}; {found.writes()} writes since it was made."
            )
        info = cache.info()
        self.stdout.write(
            f"This process: {info.entries} tokens in {info.bytes} bytes, {info.hits} hits, "
            f"{info.misses} misses, {info.stale} stale, {info.evictions} evicted."
        )
        self.stdout.write(f"Coherence: {info.coherence}.")
        if failures:
            raise CommandError("The cache is on and does not work. " + " ".join(failures))
