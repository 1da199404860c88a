"""``python -m benches.comparison``: irontoken beside its peers, in one run.

SQLite in a file, or the database that ``DATABASE_URL`` names. With ``--chart`` the picture that
the README shows is drawn anew. A target that is missed is a status other than 0.
"""

import argparse
import os
import sys
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benches.comparison.settings"
PARTS = ("uncached", "cached", "hooks", "live", "servers", "fleet", "issued")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chart", action="store_true", help="draw the README's chart anew")
    parser.add_argument("--rounds", type=int, default=25, help="rounds of each comparison")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument("--million", action="store_true", help="hits among a million tokens too")
    options = parser.parse_args()
    django.setup()
    from django.db import connection

    name = {"sqlite": "SQLite"}.get(connection.vendor, connection.vendor)
    print(f"Python {sys.version.split()[0]}, Django {django.__version__}, {name}", end=", ")
    print(f"{options.rounds} rounds, medians\n")
    with fresh_database():
        from benches.comparison.contestants import Fixtures
        from benches.comparison.parts import Bench

        bench = Bench(Fixtures(), options.rounds, name, is_million=options.million)
        for part in options.only or PARTS:
            getattr(bench, part)()
    if options.chart:
        from benches.comparison.chart import draw

        draw(bench.authenticated, Path(__file__).parents[2] / "docs" / "pictures")
    head = f"{'ratios, the median of the pairs':60} {'measured':>8} {'at most':>8} {'spread':>7}"
    print(head)
    for target in bench.targets:
        print(target.line())
    for line in bench.failed:
        print(f"{line}  MISSED")
    if bench.failed or not all(target.is_met() for target in bench.targets):
        sys.exit("a target was missed")


class fresh_database:  # noqa: N801
    """A database of the benchmark's own, gone when it ends."""

    def __enter__(self) -> None:
        from django.test.runner import DiscoverRunner

        self.runner = DiscoverRunner(verbosity=0, interactive=False)
        self.config = self.runner.setup_databases()

    def __exit__(self, *_: object) -> None:
        self.runner.teardown_databases(self.config)


if __name__ == "__main__":
    main()
