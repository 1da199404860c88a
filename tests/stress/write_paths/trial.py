"""One run of one path: warm readers, write, take the floor, collect answers, ask the database."""

import contextlib
import os
import signal
import time
import traceback
from pathlib import Path
from typing import NamedTuple

from django.db import connections

from tests.stress.write_paths import readers
from tests.stress.write_paths.readers import (
    ANSWERS,
    ASKED,
    DIFFERENT,
    FIRST,
    HITS,
    RETURNED,
    SEEN,
    STOP,
    digest,
    fork_reader,
)
from tests.stress.write_paths.slowness import Slowness
from tests.stress.write_paths.subjects import SUBJECTS, Router

#: Seconds.
LONGEST = 60
#: And for the readers' answers.
PATIENT = 20
#: Answers of each reader before the write, and after it has returned.
WARM, ENOUGH = 3, 3
#: Questions after which a reader counts as warm though it never hit: the row is not cached.
PATIENCE = 10


class Outcome(NamedTuple):
    stale: bool = False
    #: The readers held the row when it was written.
    held: bool = False
    #: The write changed what the database answers.
    changed: bool = True
    error: str = ""


class TooLong(Exception):
    """A path or the readers did not come to an end."""


class ReaderEnded(TooLong):
    """A reader was ended by a signal."""

    def __init__(self, status):
        super().__init__(f"a reader ended with status {status}")
        self.signal = os.WTERMSIG(status)


class Stage:
    """The readers, and the writer that this process is."""

    current = None

    def __init__(self, count):
        Stage.current = self
        self.board = readers.Board(count)
        self.pids = [fork_reader(self.board, which) for which in range(count)]
        self.trial = 0
        self.slowness = Slowness(self.pause)

    def run(self, path, *, is_slow):
        """Run a path once. ``is_slow`` lets readers ask between the steps of the writer."""
        subject = SUBJECTS[path.subject]
        self.trial += 1
        self.slowness.is_on = False
        try:
            with alarm(LONGEST):
                row = subject.make()
                self.board.begin(self.trial, path.subject, row.key)
                # This process holds the row too, and the path is run by its connection.
                before = self._own(subject, row.key)
                self._own(subject, row.key)
                self._wait(ASKED, WARM, HITS)
                held = all(mine[HITS] for mine in self._readers())
                self.slowness.is_on = is_slow
                path.write(row)
                self.slowness.is_on = False
                self.board.numbers[RETURNED] = self.trial
                own = self._own(subject, row.key) if row.may_ask_here else None
                self._wait(ANSWERS, ENOUGH)
        except Exception as error:
            self._give_up()
            if path.may_end_readers and getattr(error, "signal", None) == signal.SIGBUS:
                return Outcome()
            return Outcome(error=error_of(error))
        finally:
            self.slowness.is_on = False
            answers = [[mine[FIRST], mine[DIFFERENT]] for mine in self._readers()]
            self.board.numbers[readers.TRIAL] = 0
            self._close()
        # By a connection that knows nothing of the path; the next trial begins with it.
        truth = self._as(subject, subject.truth, row.key)
        changed, truth = truth != before, digest(truth)
        stale = any(first != truth or different for first, different in answers)
        stale |= own is not None and digest(own) != truth
        return Outcome(stale, held, changed)

    def pause(self, questions=2, seconds=0.1, place=ASKED):
        """Let each reader ask again, or hit again, for a moment at the most."""
        floor = [mine[place] + questions for mine in self._readers()]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pairs = zip(self._readers(), floor, strict=True)
            if all(mine[place] >= least for mine, least in pairs):
                return
            time.sleep(0.0002)

    def stop(self):
        self.board.numbers[STOP] = 1
        for pid in self.pids:
            os.waitpid(pid, 0)

    def _own(self, subject, key):
        """Ask as this process."""
        return self._as(subject, subject.ask, key)

    def _as(self, subject, ask, key):
        before, Router.alias = Router.alias, subject.alias
        try:
            return ask(key)
        finally:
            Router.alias = before

    def _readers(self):
        return [self.board.of_reader(which) for which in range(len(self.pids))]

    def _wait(self, place, least, hits=None):
        until = time.monotonic() + PATIENT
        while True:
            if all(
                mine[SEEN] == self.trial
                and mine[place] >= least
                and (hits is None or mine[hits] or mine[place] >= PATIENCE)
                for mine in self._readers()
            ):
                return
            if time.monotonic() > until:
                raise TooLong("the readers do not answer")
            self._replace_the_dead()
            time.sleep(0.0002)

    def _replace_the_dead(self):
        for which, pid in enumerate(self.pids):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._close()
                self.pids[which] = fork_reader(self.board, which)
                raise ReaderEnded(status)

    def _close(self):
        Router.alias = "default"
        with contextlib.suppress(Exception):
            connections.close_all()

    def _give_up(self):
        """Take other connections: one that failed may believe to be in a transaction still."""
        for alias in connections:
            with contextlib.suppress(Exception):
                connections[alias].close()
            with contextlib.suppress(AttributeError):
                del connections[alias]


def error_of(error):
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {text[0]} ({Path(where.filename).name}:{where.lineno})"


@contextlib.contextmanager
def alarm(seconds):
    """Raise an exception in what takes too long."""

    def ring(*_):
        raise TooLong(f"not done after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def warm_again():
    """Wait until each reader is answered from the cache again."""
    Stage.current.pause(WARM, 2, HITS)


def pause(questions=2):
    """Let the readers ask, as between a statement and its commit."""
    Stage.current.pause(questions)
