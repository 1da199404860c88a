"""The documentation's example of issued tokens runs as it is written there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_example_runs_as_written(ada):
    text = (ROOT / "docs" / "issued-tokens.md").read_text()
    [example] = [
        each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if ".issue(" in each
    ]
    found = {"user": ada}
    exec(example, found)
    found["token"].refresh_from_db()
    assert found["token"].refusal() == "revoked"
    assert found["new"].refusal() == "revoked"
    assert found["key"] != found["new_key"]


def test_the_readme_names_both_commands():
    text = (ROOT / "README.md").read_text()
    assert "`make demo`" in text
    assert "`make test`" in text
