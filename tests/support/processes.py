"""Processes of a test's own."""

import os

import pytest


def fork(work):
    """Run ``work`` in a child, whose status is 0 where it raised nothing; return its pid."""
    if not hasattr(os, "fork"):
        pytest.skip("processes do not fork here")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid
