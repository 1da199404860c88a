"""What the README says of the tests is so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_feature_names_a_test_that_there_is():
    text = (ROOT / "README.md").read_text()
    _, text = text.split("### Beside its peers")
    text, _ = text.split("## Subclassing")
    rows = re.findall(r"\| (\w+): ([^|`]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 25
    for module, name in rows:
        tests = (ROOT / "tests" / "tokens" / f"test_{module}.py").read_text()
        assert f"def test_{name.replace(' ', '_')}(" in tests, (module, name)
