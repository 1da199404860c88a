"""``python -m benches.comparison``: irontoken beside its peers, in one run.

SQLite in a file, or the database that ``DATABASE_URL`` names. With ``--chart`` the picture that
the README shows is drawn anew.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import django

from benches.comparison.measure import Measured, measure, measure_imports

os.environ["DJANGO_SETTINGS_MODULE"] = "benches.comparison.settings"


class Target(NamedTuple):
    """A ratio that is to be at most so much."""

    what: str
    ours: Measured
    theirs: Measured
    at_most: float

    def line(self) -> str:
        ratio = self.ours.ratio(self.theirs)
        verdict = "met" if ratio <= self.at_most else "MISSED"
        return f"{self.what:60} {ratio:8.4f} {self.at_most:8.4f}  {verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chart", action="store_true", help="draw the README's chart anew")
    parser.add_argument("--rounds", type=int, default=25, help="rounds of each comparison")
    parser.add_argument("--fleet", action="store_true", help="measure the rows of the fleet alone")
    parser.add_argument(
        "--issued", action="store_true", help="measure those of issued tokens alone"
    )
    options = parser.parse_args()
    django.setup()
    from django.db import connection

    name = {"sqlite": "SQLite"}.get(connection.vendor, connection.vendor)
    print(f"Python {sys.version.split()[0]}, Django {django.__version__}, {name}", end=", ")
    print(f"{options.rounds} rounds, medians\n")
    with fresh_database():
        if options.fleet or options.issued:
            from benches.comparison.contestants import Fixtures

            fixtures = Fixtures()
            targets = run_fleet(fixtures, options.rounds) if options.fleet else []
            if options.issued:
                is_sqlite = name == "SQLite"
                targets += run_issued(fixtures, options.rounds, is_sqlite=is_sqlite)
            for target in targets:
                print(target.line())
            return
        authenticate = run(options.rounds, name)
    if options.chart:
        from benches.comparison.chart import draw

        draw(authenticate, Path(__file__).parent)


def run(rounds: int, database: str) -> dict[str, Measured]:
    """Measure and print everything; return the authentication of a request."""
    from benches.comparison import contestants

    fixtures = contestants.Fixtures()
    auth = measure(contestants.authenticate(fixtures), rounds=rounds)
    show("authenticate a request", auth)
    nothing = measure(contestants.no_credentials(), rounds=rounds)
    show("a request that is not for us", nothing)
    view = measure(contestants.view(fixtures), rounds=rounds)
    show("a minimal view", view)
    keys = measure(contestants.keys(), rounds=rounds)
    show("keys", keys)
    imports = measure_imports("irontoken", "django.db")
    show("import", imports)

    key, token_hex, many, many_token_hex = keys.values()
    is_sqlite = database == "SQLite"
    targets = [
        Target(
            f"authenticate, {database}, by DRF",
            auth["irontoken"],
            auth["DRF"],
            1 / 6 if is_sqlite else 1 / 2.5,
        ),
        Target(
            f"authenticate, {database}, by the bare cursor",
            auth["irontoken"],
            auth["bare cursor"],
            1.25 if is_sqlite else 1.15,
        ),
        *(
            Target(f"{case}, by DRF", nothing[f"irontoken, {case}"], nothing[f"DRF, {case}"], 0.05)
            for case in ("no header", "another scheme")
        ),
        Target("generate_key(), by secrets.token_hex(20)", key, token_hex, 1 / 2),
        Target("generate_keys(10000), by secrets.token_hex(20)", many, many_token_hex, 1 / 7),
        Target("import irontoken, by import django.db", *imports.values(), 0.1),
    ]
    if is_sqlite:
        targets.append(
            Target(
                "a minimal view, by the view with DRF's class",
                view["irontoken"],
                view["DRF"],
                1 / 3.5,
            )
        )
    targets += run_cached(fixtures, rounds, is_sqlite=is_sqlite)
    targets += run_fleet(fixtures, rounds)
    targets += run_issued(fixtures, rounds, is_sqlite=is_sqlite)
    print(f"{'ratios, the median of the pairs':60} {'measured':>8} {'at most':>8}")
    for target in targets:
        print(target.line())
    return auth


def run_cached(fixtures: Any, rounds: int, *, is_sqlite: bool) -> list[Target]:
    """Measure and print the rows of the host cache."""
    from benches.comparison import cached, contestants

    with cached.cache_on():
        hits = cached.hits(fixtures, rounds)
        show("a token that is cached", hits)
        view = measure(contestants.view(fixtures), rounds=rounds)
        show("a minimal view with a hit", view)
        interceptor = cached.interceptor(rounds)
        show("SELECT 1 through Django's cursor", interceptor)
        rate = cached.flood(fixtures)
        print(f"hit rate of good keys in a flood of wrong ones: {rate:.3f} (at least 0.95)")
        print(f"hit rate while everybody logs in: {cached.logins(fixtures):.3f}")
    wrong = cached.wrong_keys(rounds)
    show("a wrong key", wrong)
    if is_sqlite:
        real, told = cached.memory()
        print(f"one entry takes {real:.0f} bytes, cache_info() says {told:.0f} (at most 1500)")
        served = cached.server()
        if isinstance(served, str):
            print(f"gunicorn: skipped, {served}")
        else:
            print(
                f"gunicorn, 2 workers: {served[0]:.0f} requests/s with hits, {served[1]:.3f} of "
                "the view with no authentication (at least 0.95)"
            )
    print()
    hit = hits["irontoken, hit"]
    return [
        Target("a hit, by DRF", hit, hits["DRF"], 1 / 250 if is_sqlite else 1 / 400),
        Target("a hit, by simplejwt's stateless user", hit, hits["simplejwt, stateless"], 1 / 40),
        Target("a hit, by durin's cached class", hit, hits["durin, cached"], 1 / 25),
        Target("a hit, by from_db of both", hit, hits["from_db of both"], 1 / 5),
        Target(
            "a view with a hit, by one with no authentication",
            view["irontoken"],
            view["no authentication"],
            1.05,
        ),
        Target(
            "the write interceptor, SELECT 1",
            interceptor["with the interceptor"],
            interceptor["without"],
            1.04,
        ),
        Target("a wrong key, by the same without the cache", *wrong.values(), 1.0),
    ]


def run_fleet(fixtures: Any, rounds: int) -> list[Target]:
    """Measure and print the rows of the fleet."""
    from benches.comparison import fleet

    targets = []
    for name, setting in fleet.buses().items():
        hits = fleet.hits(fixtures, setting, rounds)
        show(f"a hit, {name}", hits)
        targets.append(Target(f"a hit with {name}, by the host cache's", *hits.values(), 1.1))
        median, last = fleet.latency(setting, 2000)
        print(
            f"{name}, news of 2000 writes to the last of {fleet.READERS} processes: median "
            f"{median * 1000:.2f} ms (at most 5), 99.9th {last * 1000:.2f} ms (at most 50)"
        )
    if "postgres" in fleet.buses():
        for name, (with_triggers, without) in fleet.triggers(5).items():
            ratio = with_triggers.ratio(without)
            print(
                f"{name}: {with_triggers.median:.3f} s with the triggers, {without.median:.3f} s "
                f"without, {ratio:.3f} times"
            )
    print()
    return targets


def run_issued(fixtures: Any, rounds: int, *, is_sqlite: bool) -> list[Target]:
    """Measure and print the rows of issued tokens."""
    from benches.comparison import issued
    from benches.comparison import refused as bodies

    keys = issued.keys(fixtures)
    misses = issued.misses(fixtures, keys, rounds)
    show("an issued token, a miss", misses)
    hits = issued.hits(fixtures, keys, rounds)
    show("an issued token, a hit", hits)
    malformed = issued.malformed(keys, rounds)
    show("a malformed key", malformed)
    issuing = issued.issuing(rounds)
    show("issuing a token", issuing)
    for kind, refused in bodies.refusals(rounds).items():
        show(f"obtain/ refuses {kind}", refused)
        each = {name: refused[name].median * 1e9 / size for name, size in bodies.SIZES.items()}
        print("    " + ", ".join(f"{cost:.1f} ns a byte of {name}" for name, cost in each.items()))
        print()
    told = malformed["looks_like_key"].median * 1e6
    print(f"looks_like_key: {told:.2f} us (at most 0.6)\n")
    targets = [
        Target("an issued hit, by authtoken's", hits["issued"], hits["authtoken"], 1.15),
        Target(
            "a malformed key refused, by DRF's refusal",
            malformed["issued, refused"],
            malformed["DRF, refused"],
            1 / 50,
        ),
        Target("issue(), by Token.objects.create()", *issuing.values(), 1.1),
    ]
    if is_sqlite:
        miss = misses["issued"]
        targets.append(Target("an issued miss, by authtoken's", miss, misses["authtoken"], 1.1))
        targets.append(Target("an issued miss, by knox's", miss, misses["knox"], 0.1))
    return targets


def show(title: str, measured: dict[str, Measured]) -> None:
    first = next(iter(measured.values()))
    print(f"{title:44} {'us a call':>12} {'by the first':>14}")
    for each in measured.values():
        print(f"    {each.name:40} {each.median * 1e6:12.2f} {each.ratio(first):14.2f}")
    print()


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
