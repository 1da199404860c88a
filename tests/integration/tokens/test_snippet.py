"""The README's example of issued tokens runs as it is written there."""

import re
from pathlib import Path

README = Path(__file__).parents[3] / "README.md"


def test_the_example_of_the_readme_runs_as_written(ada):
    text = README.read_text()
    text = text[text.index("## Issued tokens") :]
    [example] = [
        each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if ".issue(" in each
    ]
    found = {"user": ada}
    exec(example, found)
    found["token"].refresh_from_db()
    assert found["token"].refusal() == "revoked"
    assert found["new"].refusal() == "revoked"
    assert found["key"] != found["new_key"]


def test_it_names_both_commands():
    text = README.read_text()
    assert "`make demo`" in text
    assert "`make test`" in text
