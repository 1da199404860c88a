"""What the README says of the tests is so."""

import re
from datetime import timedelta
from pathlib import Path

from irontoken.settings import cache
from irontoken.tokens import settings as tokens_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_each_feature_names_a_test_that_there_is():
    _, text = README.split("### Beside its peers")
    text, _ = text.split("## Subclassing")
    rows = re.findall(r"\| (\w+): ([^|`]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 25
    for module, name in rows:
        tests = (ROOT / "tests" / "integration" / "tokens" / f"test_{module}.py").read_text()
        assert f"def test_{name.replace(' ', '_')}(" in tests, (module, name)


def in_words(default):
    if isinstance(default, timedelta):
        return f"{default.total_seconds():.0f} s"
    return f"`{default!r}`".replace("'", '"')


def test_the_table_of_issued_tokens_is_that_of_the_declared_options():
    shown = {}
    for line in README.split('| `IRONTOKEN["TOKENS"]` |')[1].split("\n\n")[0].splitlines()[2:]:
        _, names, defaults, *_ = line.split("|")
        shown.update(zip(names.split(","), defaults.split(","), strict=True))
    declared = {f"`{each.name}`": in_words(each.default) for each in tokens_settings.OPTIONS}
    assert {name.strip(): default.strip() for name, default in shown.items()} == declared


def test_each_option_of_the_cache_is_told_with_its_default():
    for option in cache.OPTIONS:
        shown = re.findall(rf'`"?{option.name}"?(?:: ([^`]+))?`(?: \| `([^`]+)`)?', README)
        assert shown, option.name
        if isinstance(option.default, (int, float)):
            numbers = ["".join(pair).replace("_", "") for pair in shown]
            assert str(option.default) in numbers, option.name
