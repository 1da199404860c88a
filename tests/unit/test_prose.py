"""The prose of the documents: short sentences, and tables of phrases.

Vale and its like come from no package registry whole, so that these rules are written out here.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Words in a sentence, and in a cell of a table.
LONGEST, WIDEST = 30, 25
#: The end of a sentence, of a paragraph or of an item.
END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z`\[“\"*-])|\n\s*\n|\n(?=- |\d+\. )")


def read(page):
    """The lines of a page without its code."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.sub(r"^( {4,}|\t).*$", "", text, flags=re.MULTILINE).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_and_cells_are_short(page):
    lines = [line.strip().removeprefix(">").strip() for line in read(page)]
    cells = [cell for line in lines if line.startswith("|") for cell in line.strip("|").split("|")]
    assert [cell for cell in cells if len(cell.split()) > WIDEST] == []
    prose = "\n".join(line for line in lines if not line.startswith(("|", "<", "#")))
    sentences = [" ".join(sentence.split()) for sentence in END.split(prose)]
    assert [each for each in sentences if len(each.split()) > LONGEST] == []
