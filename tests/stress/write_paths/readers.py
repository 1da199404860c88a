"""The processes that ask, without a pause, for the token of the trial."""

import hashlib
import mmap
import os
import time
import traceback

from django.db import DatabaseError, connections
from django.db.backends.signals import connection_created

from tests.stress.write_paths.subjects import SUBJECTS, Router

#: Of the memory that all processes see: the trial, its subject, the trial that has returned, and
#: whether to stop.
TRIAL, SUBJECT, RETURNED, STOP = range(4)
#: And of each reader.
SEEN, ASKED, HITS, ANSWERS, FIRST, DIFFERENT, ERRORS, WIDTH = range(8)
KEY = 128


def digest(answer):
    return int.from_bytes(hashlib.sha256(answer.encode()).digest()[:7], "big")


class Board:
    """What the writer and the readers tell each other."""

    def __init__(self, readers):
        self.readers = readers
        self.memory = mmap.mmap(-1, KEY + 8 * (4 + readers * WIDTH))
        self.numbers = memoryview(self.memory)[KEY:].cast("q")

    def of_reader(self, which):
        start = 4 + which * WIDTH
        return self.numbers[start : start + WIDTH]

    def begin(self, trial, subject, key):
        """Let the readers ask for another key."""
        self.numbers[TRIAL] = 0
        self.memory[:KEY] = key.encode().ljust(KEY, b"\0")
        self.numbers[SUBJECT] = list(SUBJECTS).index(subject)
        self.numbers[TRIAL] = trial

    def key(self):
        return self.memory[:KEY].rstrip(b"\0").decode()


def fork_reader(board, which):
    """Start a reader; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.nice(1)
        read(board, board.of_reader(which))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


class Queries:
    """Counts the queries of this process: an answer without one is a hit.

    `irontoken.cache_info()` would tell too, and looks whether the version file is in its place.
    """

    def __init__(self):
        self.count = 0

    def connected(self, connection, **_):
        if self.run not in connection.execute_wrappers:
            connection.execute_wrappers.append(self.run)

    def run(self, execute, sql, parameters, many, context):
        self.count += 1
        return execute(sql, parameters, many, context)


queries = Queries()


def read(board, mine):
    connection_created.connect(queries.connected)
    kinds = list(SUBJECTS.values())
    numbers = board.numbers
    parent = os.getppid()
    trial, subject, key = 0, kinds[0], ""
    while not numbers[STOP] and os.getppid() == parent:
        now = numbers[TRIAL]
        if not now:
            time.sleep(0.0005)
            continue
        if now != trial:
            subject, key = kinds[numbers[SUBJECT]], board.key()
            if numbers[TRIAL] != now:
                continue
            trial = now
            Router.alias = subject.alias
            for place in range(1, WIDTH):
                mine[place] = 0
            mine[SEEN] = trial
        question(board, mine, trial, subject, key)


def question(board, mine, trial, subject, key):
    numbers = board.numbers
    try:
        subject.prepare(key)
        is_after = numbers[RETURNED] == trial
        before = queries.count
        answer = subject.ask(key)
        is_hit = queries.count == before
    except DatabaseError as error:
        mine[ERRORS] += 1
        if mine[ERRORS] == 50:
            print(f"  a reader cannot ask: {error!r}", flush=True)
        connections.close_all()
        time.sleep(0.01)
        return
    if numbers[TRIAL] != trial:
        return
    mine[ASKED] += 1
    mine[HITS] += is_hit
    if is_after:
        found = digest(answer)
        if not mine[ANSWERS]:
            mine[FIRST] = found
        elif found != mine[FIRST]:
            mine[DIFFERENT] += 1
        mine[ANSWERS] += 1
    if not is_hit:
        # The writer needs the processors, and SQLite its lock.
        time.sleep(0.0003)
    elif not mine[ASKED] % 16:
        os.sched_yield()
