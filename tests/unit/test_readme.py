"""What the documents say of the code and of the tests is so."""

import re
from datetime import timedelta
from pathlib import Path

from irontoken.settings import cache
from irontoken.tokens import settings as tokens_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}


def test_each_feature_names_a_test_that_there_is():
    rows = re.findall(r"\| (\w+): ([^|`]+) \|$", PAGES["peers.md"], re.MULTILINE)
    assert len(rows) >= 25
    for module, name in rows:
        tests = (ROOT / "tests" / "integration" / "tokens" / f"test_{module}.py").read_text()
        assert f"def test_{name.replace(' ', '_')}(" in tests, (module, name)


def in_words(default):
    if isinstance(default, timedelta):
        return f"{default.total_seconds():.0f} s"
    return f"`{default!r}`".replace("'", '"')


_TABLE = PAGES["issued-tokens.md"].split('| `IRONTOKEN["TOKENS"]` |')[1]


def test_the_table_of_issued_tokens_is_that_of_the_declared_options():
    shown = {}
    for line in _TABLE.split("\n\n")[0].splitlines()[2:]:
        _, names, defaults, *_ = line.split("|")
        shown.update(zip(names.split(","), defaults.split(","), strict=True))
    declared = {f"`{each.name}`": in_words(each.default) for each in tokens_settings.OPTIONS}
    assert {name.strip(): default.strip() for name, default in shown.items()} == declared


def test_each_option_of_the_cache_is_told_with_its_default():
    for option in cache.OPTIONS:
        text = PAGES["cache.md"] + PAGES["fleet.md"]
        shown = re.findall(rf'`"?{option.name}"?(?:: ([^`]+))?`(?: \| `([^`]+)`)?', text)
        assert shown, option.name
        if isinstance(option.default, (int, float)):
            numbers = ["".join(pair).replace("_", "") for pair in shown]
            assert str(option.default) in numbers, option.name


def test_the_readme_is_one_page():
    assert len(README.split()) <= 1200


def test_every_page_is_in_the_navigation_and_every_link_leads_somewhere():
    navigation = (ROOT / "zensical.toml").read_text()
    for folder, text in [(ROOT, README), *((ROOT / "docs", text) for text in PAGES.values())]:
        for target in re.findall(r"\]\(([^)\s:]+)\)", text):
            path, _, anchor = target.partition("#")
            assert (folder / path).exists(), target
            if anchor:
                page = (folder / path).read_text() if path else text
                headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
                slugs = [
                    re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings
                ]
                assert anchor in slugs, target
    assert set(PAGES) == set(re.findall(r'= "(\S+\.md)"', navigation))
