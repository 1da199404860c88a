"""Parts of the protocol that are left out in the writer, which the suite must find.

All patches are here. A fault is looked for by the paths that it names: each runs first as it is,
and counts where nothing is stale then and something is with the fault.
"""

from collections.abc import Callable
from typing import NamedTuple

from django.db import connections

from irontoken._core import Cache
from irontoken.cache import interceptor
from irontoken.cache import service as cache


class Fault(NamedTuple):
    """What is left out, and the paths that are to show it, by the beginnings of their names."""

    patch: Callable
    shown_by: tuple[str, ...]


class Interceptor:
    """Stands in for a connection's write interceptor, and may leave calls out."""

    def __init__(self, real, tells):
        self.real = real
        self.tells = tells

    def __call__(self, execute, sql, *rest):
        return self.tells(self.real, execute, sql, *rest)


def intercept(tells):
    """Put ``tells`` in the place of the interceptor of every connection."""
    install = interceptor._install

    def installed(connection, **named):
        found = install(connection, **named)
        for place, wrapper in enumerate(connection.execute_wrappers):
            if isinstance(wrapper, interceptor.WriteInterceptor):
                connection.execute_wrappers[place] = Interceptor(wrapper, tells)
        return found

    interceptor._install = installed


def before_only(real, execute, sql, *rest):
    """Invalidate before the statement, and not after it."""
    real(lambda *_: None, sql, *rest)
    return execute(sql, *rest)


def no_second_invalidation():
    interceptor._telling = lambda method, *_: method
    intercept(before_only)


def commit_tells_nobody():
    interceptor._METHODS = tuple(name for name in interceptor._METHODS if name != "_commit")


def executemany_tells_nobody():
    def tells(real, execute, sql, parameters, *rest):
        many, _ = rest
        if many:
            return execute(sql, parameters, *rest)
        return real(execute, sql, parameters, *rest)

    intercept(tells)


def raw_transactions_are_not_followed():
    def tells(real, execute, sql, *rest):
        words = str(sql).split()
        if words and words[0].strip(";").upper() in ("BEGIN", "COMMIT", "END", "START"):
            return execute(sql, *rest)
        return real(execute, sql, *rest)

    intercept(tells)


def each_alias_has_a_version_file():
    install, store = interceptor._install, cache.store

    def installed(connection, **named):
        options = cache.options()
        if connection.alias != "default":
            of_alias = Cache(options.path, f"-{connection.alias}", 1, 1)
            cache.store = lambda: of_alias
        try:
            return install(connection, **named)
        finally:
            cache.store = store

    interceptor._install = installed


FAULTS = {
    "no second invalidation": Fault(
        no_second_invalidation, ("transaction: atomic: ", "transaction: autocommit off: ")
    ),
    "_commit alone tells nobody": Fault(commit_tells_nobody, ("transaction: autocommit off: ",)),
    "executemany tells nobody": Fault(executemany_tells_nobody, ("sql: executemany",)),
    "raw transactions are not followed": Fault(
        raw_transactions_are_not_followed, ("raw transaction: BEGIN and COMMIT",)
    ),
    "each alias has a version file": Fault(
        each_alias_has_a_version_file,
        ("alias: update by 'link'", "alias: update by 'binding'", "alias: update by 'several'"),
    ),
}


def run(name, stage, paths, run_path, trials):
    """Run the paths without and with a fault; return 0 where it was found."""
    fault = FAULTS[name]
    chosen = [path for path in paths if path.name.startswith(fault.shown_by)]
    right = [path for path in chosen if not stale(run_path(stage, path, trials))]
    fault.patch()
    begin_anew()
    found = {path.name: stale(run_path(stage, path, trials)) for path in right}
    for path in chosen:
        says = f"{found[path.name]} stale" if path in right else "stale without the fault"
        print(f"{path.name:<76} {says}", flush=True)
    shown = sum(bool(count) for count in found.values())
    print(f"the fault “{name}” was {f'found by {shown} paths' if shown else 'NOT found'}")
    return 0 if shown else 1


def stale(result):
    outcomes, _ = result
    return sum(outcome.stale for outcome in outcomes)


def begin_anew():
    """Let every connection of this process be made with the fault."""
    for alias in connections:
        connections[alias].close()
        del connections[alias]
