"""What the reference has of the sources is what they say today."""

import subprocess
import sys

from tests.docs.generated import DOCS


def test_the_pages_are_those_that_the_sources_make():
    names = ("settings.md", "names.md", "endpoints.md")
    before = [(DOCS / name).read_text() for name in names]
    # In a process of its own: the endpoints are those of another project than the tests'.
    subprocess.run([sys.executable, "-m", "tests.docs.generated"], check=True, cwd=DOCS.parent)
    after = [(DOCS / name).read_text() for name in names]
    assert after == before, "they have been made anew: look at them, and commit them"
