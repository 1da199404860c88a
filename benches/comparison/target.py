"""What a ratio is to be."""

from typing import NamedTuple

from benches.comparison.measure import Measured


class Target(NamedTuple):
    """A ratio that is to be at most so much."""

    what: str
    ours: Measured
    theirs: Measured
    at_most: float

    def line(self) -> str:
        ratio = self.ours.ratio(self.theirs)
        spread = self.ours.spread(self.theirs)
        verdict = "met" if self.is_met() else "MISSED"
        return f"{self.what:60} {ratio:8.4f} {self.at_most:8.4f} {spread:7.1%}  {verdict}"

    def is_met(self) -> bool:
        return self.ours.ratio(self.theirs) <= self.at_most
