"""What has been written so far, in memory that all processes see.

Each user's states are numbered. A writer notes the number that it is about to write, writes, and
notes it again when the call has returned. A reader notes the second number before it asks: what it
is answered must be that state or a later one.
"""

import mmap
import time


class History:
    """Two numbers for each user: begun and returned."""

    def __init__(self, users):
        self.users = users
        self.numbers = memoryview(mmap.mmap(-1, 16 * users)).cast("q")

    def begin(self, user, number):
        self.numbers[2 * user] = number

    def returned(self, user, number):
        self.numbers[2 * user + 1] = number

    def begun_up_to(self, user):
        return self.numbers[2 * user]

    def returned_up_to(self, user):
        return self.numbers[2 * user + 1]


class TimedHistory(History):
    """The same, and when each state had returned."""

    #: How many of a user's states are remembered.
    KEPT = 1 << 12

    def __init__(self, users):
        super().__init__(users)
        self.times = memoryview(mmap.mmap(-1, 8 * self.KEPT * users)).cast("d")

    def begin(self, user, number):
        self.times[self._place(user, number)] = float("inf")
        super().begin(user, number)

    def returned(self, user, number):
        self.times[self._place(user, number)] = time.monotonic()
        super().returned(user, number)

    def returned_at(self, user, moment):
        """Return the last state that had returned at ``moment``."""
        number = self.returned_up_to(user)
        while number > 0 and self.times[self._place(user, number)] > moment:
            number -= 1
        return number

    def _place(self, user, number):
        return user * self.KEPT + number % self.KEPT


def refuses(number):
    """Tell whether a state's token is refused."""
    return number % 3 == 2


def violation(floor, ceiling, answer):
    """Say what is wrong with an answer, or return ``None``.

    ``floor`` is the state that had returned before the question, ``ceiling`` the last one begun
    before the answer, and ``answer`` the number of the state answered, or ``None`` for a refusal.
    """
    if answer is None:
        if not any(refuses(number) for number in range(floor, ceiling + 1)):
            return f"refused, and no state from {floor} to {ceiling} is"
    elif not floor <= answer <= ceiling:
        return f"state {answer} answered, and {floor} had returned before (to {ceiling})"
    elif refuses(answer):
        return f"state {answer} answered, which is refused"
    return None
