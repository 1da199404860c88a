"""Processes of a test's own."""

import os


def fork(work):
    """Run ``work`` in a child, whose status is 0 where it raised nothing; return its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid
