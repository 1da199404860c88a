"""What the documents say of the code and of the tests is so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}


def test_each_feature_names_a_test_that_there_is():
    rows = re.findall(r"\| (\w+): ([^|`]+) \|$", PAGES["peers.md"], re.MULTILINE)
    assert len(rows) >= 25
    for module, name in rows:
        tests = (ROOT / "tests" / "integration" / "tokens" / f"test_{module}.py").read_text()
        assert f"def test_{name.replace(' ', '_')}(" in tests, (module, name)


def test_the_readme_is_one_page_and_names_both_commands():
    assert len(README.split()) <= 1200
    assert "`make demo`" in README
    assert "`make test`" in README


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
