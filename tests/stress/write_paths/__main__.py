"""``python -m tests.stress.write_paths``: run all, print which left stale answers."""

import argparse
import contextlib
import sys
import tempfile
import time

import django

from tests.stress.write_paths import schema

READERS = 2
SHORT_TRIALS = 2


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.stress.write_paths")
    parser.add_argument("--trials", type=int, default=None, help="of each path; 12 unless given")
    parser.add_argument("--only", default="", help="paths whose names contain this")
    parser.add_argument("--fault", help="leave a part of the protocol out, which must be found")
    parser.add_argument("--list", action="store_true", help="print the paths and run none")
    parser.add_argument("--short", action="store_true", help="a selection, for less than a minute")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="irontoken-write-paths-") as folder:
        schema.prepare_environment(folder)
        django.setup()
        sys.exit(run(options))


def run(options):
    from django.conf import settings

    from tests.stress.write_paths import faults, load_all

    paths = load_all(settings.VENDOR)
    if options.fault and options.fault not in faults.FAULTS:
        sys.exit(f"there is no such fault; there are: {', '.join(faults.FAULTS)}")
    wanted = [path for path in paths if options.only in path.name]
    if options.short:
        wanted = [path for path in wanted if path.short]
    if options.list:
        for path in wanted:
            print(f"{path.name}{f' (documented: {path.documented})' if path.documented else ''}")
        print(f"{len(wanted)} paths on {settings.VENDOR}")
        return 0
    trials = options.trials or (SHORT_TRIALS if options.short else 12)
    print(f"{settings.VENDOR}, {trials} trials of each path", flush=True)
    with stage() as found:
        if options.fault:
            return faults.run(options.fault, found, wanted, run_path, trials)
        return report(found, wanted, trials)


@contextlib.contextmanager
def stage():
    """The databases and the readers, for as long as they are needed."""
    from tests.stress.write_paths.trial import Stage

    schema.create()
    found = Stage(READERS)
    try:
        yield found
    finally:
        found.stop()
        schema.drop()


def report(found, paths, trials):
    """Run the paths, print the table, and return the exit status."""
    started = time.monotonic()
    total = stale = failed = documented = ran = 0
    for path in paths:
        if reason := path.missing():
            print(f"{path.name:<76} skipped: {reason}", flush=True)
            continue
        outcomes, errors = run_path(found, path, min(trials, path.trials))
        wrong = sum(outcome.stale for outcome in outcomes)
        ran += 1
        total += len(outcomes)
        documented += bool(path.documented)
        if not path.documented:
            stale += wrong
        failed += bool(errors)
        print(line(path, outcomes, wrong, errors), flush=True)
    seconds = time.monotonic() - started
    print(f"in {seconds:.0f} seconds; {failed} paths failed")
    print(f"{ran} paths, {total} trials, {stale} stale, {documented} documented")
    return 1 if stale or failed else 0


def run_path(found, path, trials):
    """Return the outcomes of all trials, and the errors of those that failed."""
    outcomes, errors = [], []
    for number in range(trials):
        outcome = found.run(path, is_slow=number % 3 == 1)
        outcomes.append(outcome)
        if outcome.error:
            errors.append(outcome.error)
            if len(errors) == 2:
                break
    return outcomes, errors


def line(path, outcomes, wrong, errors):
    words = [f"{path.name:<76} {len(outcomes):>3} trials {wrong:>3} stale"]
    held = sum(outcome.held for outcome in outcomes)
    if held < len(outcomes) and not errors:
        words.append(f"cached in {held}")
    if not any(outcome.changed for outcome in outcomes):
        words.append("changed nothing")
    if path.documented:
        words.append(f"documented: {path.documented}")
    if errors:
        words.append(f"FAILED: {errors[0]}")
    return "  ".join(words)


if __name__ == "__main__":
    main()
