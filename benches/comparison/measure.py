"""Paired timing: every contestant in every round, medians over the rounds."""

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

Prepare = Callable[[int], Callable[[], None]]


class Measured(NamedTuple):
    """What one contestant took, in seconds per call, round by round."""

    name: str
    rounds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def ratio(self, other: "Measured") -> float:
        """Return the median over the rounds of this contestant's time by the other's."""
        return statistics.median(self._ratios(other))

    def spread(self, other: "Measured") -> float:
        """Return how far apart the quartiles of that ratio are, by its median."""
        ratios = self._ratios(other)
        low, middle, high = statistics.quantiles(ratios, n=4)
        return (high - low) / middle

    def _ratios(self, other: "Measured") -> list[float]:
        pairs = zip(self.rounds, other.rounds, strict=True)
        return [mine / theirs for mine, theirs in pairs]


#: Calls prepared at once. A server meets a request just after making it; thousands made in
#: advance would be timed out of the processor's cache.
BATCH = 128


def measure(
    contestants: dict[str, Prepare],
    *,
    rounds: int = 21,
    seconds: float = 0.04,
    collects: bool = False,
) -> dict[str, Measured]:
    """Time ``contestants`` side by side.

    Each is a function that takes a number of calls, prepares what they need, and returns the
    function that makes them; only the latter is timed. One timing goes on for about ``seconds``.
    With ``collects`` the garbage collector runs as it does in a server, and what it takes counts.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for prepare in contestants.values():
        _time(prepare, seconds / 2, collects=collects)
    # What lives on is not walked again each time that garbage is collected.
    gc.freeze()
    for _ in range(rounds):
        for name, prepare in contestants.items():
            times[name].append(_time(prepare, seconds, collects=collects))
    return {name: Measured(name, rounds) for name, rounds in times.items()}


def _time(prepare: Prepare, seconds: float, *, collects: bool) -> float:
    calls = BATCH if _once(prepare, 1, collects=collects) < seconds / BATCH else 1
    spent = 0.0
    count = 0
    gc.collect()
    while spent < seconds:
        spent += _once(prepare, calls, collects=collects)
        count += calls
    return spent / count


def _once(prepare: Prepare, calls: int, *, collects: bool) -> float:
    run = prepare(calls)
    # Collected between batches and not within, as `timeit` has it; what a batch leaves behind
    # would otherwise be paid for by the next contestant, or by fresh memory.
    gc.collect(0)
    if not collects:
        gc.disable()
    try:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    finally:
        gc.enable()


def measure_imports(*modules: str, rounds: int = 15) -> dict[str, Measured]:
    """Time the first import of each module, in an interpreter of its own."""
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(rounds):
        for module in modules:
            command = [sys.executable, "-c", code.format(module)]
            run = subprocess.run(command, capture_output=True, check=True, text=True)
            times[module].append(float(run.stdout))
    return {module: Measured(module, rounds) for module, rounds in times.items()}
